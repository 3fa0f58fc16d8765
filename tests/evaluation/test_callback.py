"""The callback: right figures, training untouched, nothing of other runs touched. On the backend at hand."""

import csv
import logging

import numpy as np
import pytest

from keras_sr.errors import DataError
from keras_sr.evaluation.score import load, to_bytes
from keras_sr.images.plain import read_rgb, write_plain
from keras_sr.images.ranges import to_float
from keras_sr.images.resize import imresize
from keras_sr.metrics import lr_consistency, psnr, ssim

keras = pytest.importorskip("keras")
from keras_sr.evaluation.callback import BenchmarkCallback
from keras_sr.evaluation.keras_upscaler import network_upscaler, pad

SIZES = {"a": (32, 48), "b": (32, 48), "c": (49, 35)}


def network(data_format="channels_last", seed=0):
    """A small generator x2 with batch norm, dropout, and a receptive field of 4 pixels to each side."""
    keras.utils.set_random_seed(seed)
    last = data_format == "channels_last"
    options = {"padding": "same", "data_format": data_format}
    x = lr = keras.Input((None, None, 3) if last else (3, None, None))
    x = keras.layers.Conv2D(6, 5, **options)(x)
    x = keras.layers.BatchNormalization(axis=-1 if last else 1)(x)
    x = keras.layers.Dropout(0.3)(x)
    x = keras.layers.UpSampling2D(2, data_format=data_format)(x)
    return keras.Model(lr, keras.layers.Conv2D(3, 5, **options)(x))


class Trained(keras.Model):
    """What a model with a generator looks like from outside."""

    def __init__(self, generator, ema_generator=None):
        super().__init__()
        self.generator, self.ema_generator = generator, ema_generator

    def call(self, lr, training=None):
        return self.generator(lr, training=training)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, (height, width) in SIZES.items():
        small = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        write_plain(tmp_path / "Set3" / f"{name}.png", imresize(small, size=(height, width)))
    return tmp_path / "Set3"


def compiled(model):
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    return model


def train(model, *callbacks, epochs=2, steps=3, **options):
    rng = np.random.default_rng(1)
    x, y = rng.random((2 * steps, 8, 8, 3), np.float32), rng.random((2 * steps, 16, 16, 3), np.float32)
    keras.utils.set_random_seed(2)
    return model.fit(
        x, y, batch_size=2, epochs=epochs, verbose=0, callbacks=list(callbacks), **options
    ).history


def by_hand(net, folder):
    """The figures of a network, step by step, without the code under test."""
    values = []
    for path in sorted(folder.glob("*.png")):
        hr = read_rgb(path)
        hr = hr[: hr.shape[0] // 2 * 2, : hr.shape[1] // 2 * 2]
        # Eight pixels are mirrored around it, as everything that enlarges does it.
        lr = np.pad(to_float(imresize(hr, 1 / 2)), [(8, 8), (8, 8), (0, 0)], mode="symmetric")
        sr = net(lr[None], training=False)[:, 16:-16, 16:-16]
        sr = np.floor(np.clip(keras.ops.convert_to_numpy(sr)[0], 0, 1) * 255.0 + 0.5).astype(np.uint8)
        values.append((psnr(sr, hr, crop_border=2), ssim(sr, hr, crop_border=2)))
    return np.mean(values, axis=0)


def test_the_logs_hold_the_figures_of_the_network(folder):
    model = compiled(network())
    history = train(model, BenchmarkCallback(folder, 2), epochs=2)
    # One grey level where a float lies on the edge of rounding is all that backends may differ by.
    expected = by_hand(model, folder)
    assert history["Set3_psnr"][-1] == pytest.approx(expected[0], abs=0.01)
    assert history["Set3_ssim"][-1] == pytest.approx(expected[1], abs=0.001)
    assert len(history["Set3_psnr"]) == 2
    assert history["Set3_psnr"][0] != history["Set3_psnr"][1]
    assert "Set3_failed" not in history


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("every", [{"every_epochs": 1}, {"every_steps": 1}])
def test_training_goes_on_as_if_nothing_had_happened(folder, every, wrapped):
    def run(*callbacks):
        model = compiled(Trained(network()) if wrapped else network())
        losses = train(model, *callbacks, epochs=2)["loss"]
        return losses, model.get_weights(), [keras.ops.convert_to_numpy(v) for v in model.optimizer.variables]

    without, with_it = run(), run(BenchmarkCallback(folder, 2, **every))
    assert with_it[0] == without[0]
    for one, other in zip(without[1] + without[2], with_it[1] + with_it[2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_averaged_generator_is_measured_first_and_a_given_one_before_all(folder):
    generator, average, given = (network(seed=seed) for seed in (1, 2, 3))

    def figure(model, **options):
        callback = BenchmarkCallback(folder, 2, **options)
        callback.set_model(model)
        return callback.evaluate().psnr

    assert figure(Trained(generator, average)) == pytest.approx(by_hand(average, folder)[0], abs=0.01)
    assert figure(Trained(generator)) == pytest.approx(by_hand(generator, folder)[0], abs=0.01)
    assert figure(Trained(generator, average), generator=given) == pytest.approx(
        by_hand(given, folder)[0], abs=0.01
    )


def test_in_mid_epoch_the_weights_of_that_step_are_measured(folder):
    """jax keeps them elsewhere until asked; also when the network was handed in."""
    figures = []
    for given in (False, True):
        generator = network()
        model = compiled(Trained(generator))
        model.optimizer.learning_rate = 0.05
        callback = BenchmarkCallback(folder, 2, every_steps=1, generator=generator if given else None)
        train(model, callback, epochs=1)
        figures.append([scores.psnr for _, scores in callback.history])
    assert figures[0] == figures[1]
    assert len(set(figures[0])) == 3


def test_every_steps_counts_over_epochs_and_fits(folder):
    model, callback = compiled(network()), BenchmarkCallback(folder, 2, every_steps=4)
    first = train(model, callback, epochs=2, steps=3)
    assert [step for step, _ in callback.history] == [4]
    assert len(first["Set3_psnr"]) == 1  # in the epoch that it was measured in
    train(model, callback, epochs=4, steps=3, initial_epoch=2)
    assert [step for step, _ in callback.history] == [4, 8, 12]


def test_every_steps_with_several_steps_an_execution(folder):
    if keras.config.backend() == "torch":
        pytest.skip("torch makes one step an execution")
    model, callback = network(), BenchmarkCallback(folder, 2, every_steps=4)
    model.compile("adam", "mse", steps_per_execution=3)
    train(model, callback, epochs=1, steps=9)
    assert [step for step, _ in callback.history] == [6, 9]


def test_every_epochs(folder):
    callback = BenchmarkCallback(folder, 2, every_epochs=2)
    history = train(compiled(network()), callback, epochs=5)
    assert [step for step, _ in callback.history] == [6, 12]
    assert len(history["Set3_psnr"]) == 2


def test_both_intervals_do_not_measure_twice(folder):
    callback = BenchmarkCallback(folder, 2, every_epochs=1, every_steps=3)
    history = train(compiled(network()), callback, epochs=2)
    assert [step for step, _ in callback.history] == [3, 6]
    assert len(history["Set3_psnr"]) == 2


def test_other_callbacks_can_watch_the_figure(folder, tmp_path):
    best = tmp_path / "best.weights.h5"
    checkpoint = keras.callbacks.ModelCheckpoint(
        best, monitor="Set3_psnr", mode="max", save_best_only=True, save_weights_only=True
    )
    train(compiled(network()), BenchmarkCallback(folder, 2), checkpoint, epochs=1)
    assert best.exists()


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_files_of_a_run(folder, tmp_path):
    callback = BenchmarkCallback(folder, 2, out_dir=tmp_path / "out", pictures=["a", "c"])
    history = train(compiled(network()), callback, epochs=2)
    lines = rows(tmp_path / "out" / "Set3_x2.csv")
    assert [(line["epoch"], line["step"], line["measured"], line["total"]) for line in lines] == [
        ("1", "3", "3", "3"),
        ("2", "6", "3", "3"),
    ]
    assert float(lines[1]["psnr"]) == history["Set3_psnr"][1]
    sheets = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png"))
    assert sheets == [f"Set3_x2/step_0000000{step}/{name}.png" for step in (3, 6) for name in "ac"]
    page = read_rgb(tmp_path / "out" / sheets[-1])
    assert page.shape[1] > 4 * 34


def test_other_metrics_are_measured_on_request(folder, tmp_path):
    """The mean of all pictures, or nothing: MS-SSIM cannot be taken of pictures as small as these."""
    plain = BenchmarkCallback(folder, 2, out_dir=tmp_path, pictures=0)
    callback = BenchmarkCallback(
        folder, 2, out_dir=tmp_path, pictures=0, metrics=["lr_psnr", "ms_ssim", "drift_y"]
    )
    model = compiled(network())
    history = train(model, plain, callback, epochs=1)
    upscale = network_upscaler(model)
    expected = []
    for pair in callback.pairs:
        lr, hr = load(pair, 2)
        expected.append(lr_consistency(to_bytes(upscale(lr), hr.shape), lr))
    assert history["Set3_lr_psnr"] == [pytest.approx(np.mean(expected))]
    assert "Set3_ms_ssim" not in history
    # Files with other columns are other files.
    assert [*rows(tmp_path / "Set3_x2.csv")[0]][-1] == "seconds"
    (line,) = rows(tmp_path / "Set3_x2-2.csv")
    assert (line["ms_ssim"], float(line["lr_psnr"])) == ("", history["Set3_lr_psnr"][0])
    assert float(line["drift_y"]) == history["Set3_drift_y"][0] != 0


def test_a_metric_that_some_pictures_have_is_not_logged(folder):
    write_plain(folder / "large.png", np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    history = train(compiled(network()), BenchmarkCallback(folder, 2, metrics=["ms_ssim"]), epochs=1)
    assert "Set3_psnr" in history
    assert "Set3_ms_ssim" not in history
    alone = BenchmarkCallback(folder, 2, metrics=["ms_ssim"])
    alone.pairs = [pair for pair in alone.pairs if pair.name == "large"]
    assert 0 < train(compiled(network()), alone, epochs=1)["Set3_ms_ssim"][0] < 1


def test_damaged_weights_of_a_metric_do_not_end_the_training(tmp_path, monkeypatch, caplog):
    write_plain(tmp_path / "Set1" / "a.png", np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    (tmp_path / "damaged.npz").write_bytes(b"damaged")
    monkeypatch.setenv("KERAS_SR_LPIPS_ALEX", str(tmp_path / "damaged.npz"))
    callback = BenchmarkCallback(tmp_path / "Set1", 2, metrics=["lpips"])
    history = train(compiled(network()), callback, epochs=1)
    assert "Set1_psnr" in history
    assert "Set1_lpips" not in history
    assert "not all metrics were measured" in caplog.text


def test_nothing_of_an_earlier_run_is_touched(folder, tmp_path):
    out = tmp_path / "out"
    train(compiled(network()), BenchmarkCallback(folder, 2, out_dir=out, pictures=1), epochs=1)
    (out / "precious.txt").write_text("mine")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    train(compiled(network(seed=9)), BenchmarkCallback(folder, 2, out_dir=out, pictures=1), epochs=1)
    for path, content in before.items():
        assert path.read_bytes().startswith(content)
    assert len(rows(out / "Set3_x2.csv")) == 2
    assert (out / "Set3_x2" / "step_00000003-2" / "a.png").exists()


def test_a_csv_file_of_another_kind_is_left_alone(folder, tmp_path):
    (tmp_path / "Set3_x2.csv").write_text("something,else\n1,2\n")
    train(compiled(network()), BenchmarkCallback(folder, 2, out_dir=tmp_path, pictures=0), epochs=2)
    assert (tmp_path / "Set3_x2.csv").read_text() == "something,else\n1,2\n"
    assert len(rows(tmp_path / "Set3_x2-2.csv")) == 2


def test_a_disk_that_takes_nothing_does_not_end_the_training(folder, tmp_path, caplog):
    (tmp_path / "out").write_text("a file where the folder should be")
    history = train(compiled(network()), BenchmarkCallback(folder, 2, out_dir=tmp_path / "out"), epochs=1)
    assert "Set3_psnr" in history
    assert "was not kept" in caplog.text


def test_failed_pictures_are_counted_and_a_diverged_network_logs_no_nan(folder, caplog):
    (folder / "b.png").write_bytes(b"damaged")
    history = train(compiled(network()), BenchmarkCallback(folder, 2), epochs=1)
    assert history["Set3_failed"] == [1.0]
    assert np.isfinite(history["Set3_psnr"]).all()
    model = network()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    callback = BenchmarkCallback(folder, 2)
    callback.set_model(model)
    logs = {}
    callback.evaluate(logs)
    assert logs == {}
    assert "NaN" in caplog.text


def test_the_names_of_figures(folder, tmp_path):
    assert BenchmarkCallback(folder, 2).name == "Set3"
    assert BenchmarkCallback(folder, 2, max_images=2).name == "Set3_first2"
    assert BenchmarkCallback(folder, 2, max_images=3).name == "Set3"
    folder.rename(tmp_path / "HR")
    assert BenchmarkCallback(tmp_path / "HR", 2).name == tmp_path.name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"every_steps": 0}, "every_steps must be 1 or more, not 0"),
        ({"max_images": 0}, "max_images must be 1 or more"),
        ({"pictures": ["a", "x"]}, "unknown picture 'x': the known ones are a, b, c"),
        ({"protocol": "x"}, "unknown protocol 'x'"),
        ({"metrics": ["fid"]}, "unknown metric 'fid': the known ones are psnr, ssim"),
    ],
)
def test_wrong_arguments_are_named_at_once(folder, options, said):
    with pytest.raises(DataError, match=said):
        BenchmarkCallback(folder, 2, **options)


def test_a_folder_without_pictures_is_named_at_once(tmp_path):
    with pytest.raises(DataError, match=r"no pictures? in"):
        BenchmarkCallback(tmp_path)


def test_keras_waits_for_batches_only_when_steps_are_counted(folder):
    from keras.callbacks import Callback

    assert BenchmarkCallback.on_train_batch_end is Callback.on_train_batch_end
    by_epoch, by_step = BenchmarkCallback(folder, 2), BenchmarkCallback(folder, 2, every_steps=1)
    assert "on_train_batch_end" not in vars(by_epoch)
    assert by_step.on_train_batch_end == by_step.measure_when_due


# --- the network as an upscaler


def test_any_size_goes_through_in_its_frame():
    net = network()
    for height, width in [(8, 8), (7, 13), (1, 5)]:
        lr = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        expected = keras.ops.convert_to_numpy(net(to_float(lr)[None], training=False))[0]
        np.testing.assert_allclose(network_upscaler(net, frame=0)(lr), expected, atol=1e-5)
        continued = to_float(np.pad(lr, [(8, 8), (8, 8), (0, 0)], mode="symmetric"))
        expected = keras.ops.convert_to_numpy(net(continued[None], training=False))[0, 16:-16, 16:-16]
        np.testing.assert_allclose(network_upscaler(net)(lr), expected, atol=1e-5)


def test_padding_is_exact_beyond_the_receptive_field_and_saves_sizes():
    net, shapes = network(), set()
    predict = net.predict_on_batch
    net.predict_on_batch = lambda x: shapes.add(x.shape) or predict(x)
    rng = np.random.default_rng(0)
    for height, width in [(20, 33), (23, 35), (32, 48), (17, 47)]:
        lr = rng.integers(0, 256, (height, width, 3), np.uint8)
        exact = keras.ops.convert_to_numpy(net(to_float(lr)[None], training=False))[0]
        padded = network_upscaler(net, multiple_of=16, frame=0)(lr)
        assert padded.shape == exact.shape
        np.testing.assert_allclose(padded[:-8, :-8], exact[:-8, :-8], atol=1e-5)
    assert shapes == {(1, 32, 48, 3)}


def test_padding_mirrors_the_picture():
    lr = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert pad(lr, 4)[..., 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [0, 1, 2, 2]]
    assert pad(lr, 1) is lr


@pytest.mark.parametrize("asked", [None, "channels_first"])
def test_channels_first(asked):
    if keras.config.backend() == "tensorflow":
        pytest.skip("tensorflow convolves channels_first on GPUs only")
    net = network("channels_first")
    last = network("channels_last")
    last.set_weights(net.get_weights())
    lr = np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    np.testing.assert_allclose(
        network_upscaler(net, data_format=asked)(lr), network_upscaler(last)(lr), atol=1e-5
    )


def test_failures_are_told_through_logging_only(folder, capsys, caplog):
    caplog.set_level(logging.INFO)
    train(compiled(network()), BenchmarkCallback(folder, 2), epochs=1)
    assert capsys.readouterr().out == ""
    assert "over 3 of 3 pictures" in caplog.text
