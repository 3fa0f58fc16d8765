"""Eight signs of trouble, each provoked, and none where nothing is wrong."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.recipes import get
from keras_sr.training import diagnosis
from keras_sr.training.best import Monitor
from keras_sr.training.diagnosis import Diagnosis, Timed, measure
from keras_sr.training.fit import fit

RNG = np.random.default_rng(0)
HR = RNG.random((2, 8, 8, 3), "float32").repeat(4, 1).repeat(4, 2)
LR = HR[:, ::4, ::4]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(diagnosis, "PATIENCE", 12)


@pytest.fixture
def watch():
    """Return a diagnosis of a recipe, whose lines are `said`."""

    def make(recipe="compact", sr=lambda step: HR, start=""):
        said = []
        one = Diagnosis(get(recipe, smoke=True), lambda: (LR, HR), said.append, start)
        layer = SimpleNamespace()
        generator = SimpleNamespace(trainable_variables=[], layers=[layer])
        one.set_model(
            SimpleNamespace(generator=generator, network=lambda lr, training: keras.ops.array(sr(one.step)))
        )
        one.said = said
        return one

    return make


def keys(one):
    return [found.key for found in one.signs]


def epochs(one, count, share=0.0, rows=(), monitor=None, each=12):
    for _ in range(count):
        one.step += each
        data = SimpleNamespace(share=lambda seconds: share)
        one.end_of_epoch(list(rows), monitor, data, 100, 1.0)


def noisy(value, k):
    return value * (1 + 0.1 * np.random.default_rng(k).standard_normal())


def test_a_loss_that_does_not_move(watch):
    one = watch()
    for k in range(24):
        one.take({"l1": noisy(0.2, k), "luma": 0.1}, 1)
    assert keys(one) == ["stuck"]
    assert "does not move" in one.said[0]
    assert one.said[0].endswith("(docs/how-to/when-a-training-goes-wrong.md#stuck)")


def test_a_loss_that_starts_low_may_stay_there(watch):
    """A finetune's does: it is stuck only where its weights do not move."""
    one = watch(start="lite_x4")
    for k in range(30):
        one.take({"l1": noisy(0.02, k), "luma": 0.01}, 1)
    assert keys(one) == []
    assert diagnosis.stuck([1.0] * 12, moved=1e-9, from_noise=False)


def test_a_rate_too_high_before_nan(watch):
    one = watch()
    for k in range(60):
        one.take({"l1": noisy(0.1 if k < 30 else 0.1 * 1.2 ** (k - 30), k), "luma": 0.0}, 1)
        if one.signs:
            break
    assert keys(one) == ["rate"]
    assert one.step <= 50
    assert "NaN comes next" in one.said[0]


def test_a_small_term_that_wavers_beside_a_teachers_is_no_sign(watch):
    one = watch()
    one.terms = {"consistency": 1.0, "teacher_l1": 1.0}
    for k in range(200):
        one.take({"consistency": 0.001 * (1 + 3 * (k > 100)), "teacher_l1": noisy(0.03, k)}, 1)
    assert "rate" not in keys(one)


def test_the_terms_of_a_teacher_are_part_of_the_loss():
    recipe = replace(get("compact", smoke=True), teacher="compact_x4", teacher_l1=0.5)
    found = Diagnosis(recipe, lambda: (LR, HR), print).terms
    assert found == get("compact").terms() | {"teacher_l1": 0.5}


@pytest.mark.parametrize("seed", range(4))
def test_a_loss_that_jumps_by_itself_is_no_rate_too_high(watch, seed):
    """VGG19's features of two crops a step: 0.26 and 0.85 in turn, and falling all the while."""
    one, rng = watch("srresnet_vgg54"), np.random.default_rng(seed)
    for k in range(600):
        one.take({"content": float(np.exp(0.8 * rng.standard_normal()) / (1 + k / 50))}, 1)
    assert "rate" not in keys(one)


def test_a_discriminator_that_has_won(watch):
    one = watch("srgan_mse")
    for k in range(24):
        one.take({"mse": 0.1 / (k + 1), "d_hr": 0.99, "d_sr": 0.02}, 1)
    assert keys(one) == ["won"]


def test_a_discriminator_that_knows_nothing(watch):
    one = watch("srgan_mse")
    for k in range(96):
        one.take({"mse": 0.1 / (k + 1), "d_hr": noisy(0.5, k), "d_sr": noisy(0.5, k)}, 1)
    assert keys(one) == ["blind"]


def test_a_fair_game_is_no_sign(watch):
    one = watch("srgan_mse")
    for k in range(200):
        one.take({"mse": 0.1 / (k + 1), "d_hr": noisy(0.7, k), "d_sr": noisy(0.3, k)}, 1)
    assert keys(one) == []


@pytest.mark.parametrize(
    ("sr", "key"),
    [
        (lambda step: HR, None),
        (lambda step: HR + np.float32([0.0004, 0, -0.0004]) * step, "colours"),
        (
            lambda step: HR + 0.003 * step * (np.indices((32, 32)).sum(0) % 2 - 0.5)[None, :, :, None],
            "artefacts",
        ),
        (lambda step: np.where(speck(step), 1.0, 0.5 * HR + 0.2), "artefacts"),
        (lambda step: HR + np.float32(5 / 255), None),
    ],
)
def test_colours_checkerboards_and_specks_that_grow(watch, sr, key):
    one = watch(sr=lambda step: np.float32(sr(step)).clip(0, 1))
    epochs(one, 10)
    assert keys(one) == ([key] if key else [])


def speck(step):
    return np.random.default_rng(step).random((2, 32, 32, 3)) < 0.0005 * max(0, step - 24)


def test_statistics_of_batch_norm_that_lag_behind():
    def network(momentum):
        x = keras.Input((8, 8, 3))
        y = keras.layers.Rescaling(4.0, offset=3.0)(x)
        y = keras.layers.BatchNormalization(momentum=momentum)(y)
        return keras.Model(x, keras.layers.UpSampling2D(4)(y))

    for momentum, lags in ((0.9999, True), (0.0, False)):
        said = []
        one = Diagnosis(get("srresnet_mse", smoke=True), lambda: (LR, HR), said.append)
        generator = network(momentum)
        generator(LR, training=True)
        before = generator.get_weights()
        one.set_model(SimpleNamespace(generator=generator, network=generator))
        # What it learns from is normalised; in use it sees the statistics of before.
        assert (one.lag(generator, LR, HR) > 1.5) == lags
        for a, b in zip(before, generator.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_loader_slower_than_the_step(watch):
    one = watch()
    epochs(one, 3, share=0.5)
    assert keys(one) == []
    epochs(one, 2, share=0.97)
    assert keys(one) == ["loader"]


def test_the_time_of_batches_is_measured():
    class Slow(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            time.sleep(0.05)
            return i

    data = Timed(Slow())
    begin = time.perf_counter()
    assert [data[i] for i in range(len(data))] == [0, 1, 2]
    assert data.seconds >= 0.15
    assert data.share(time.perf_counter() - begin) > 0.9


def test_training_and_held_out_pictures_that_drift_apart(watch):
    figures = [29.0, 30.0, 29.9, 29.8, 29.7]
    rows = [{"step": 12 * (k + 1), "l1": 0.1 - 0.01 * k, "luma": 0.1 - 0.01 * k, "x_psnr": v}
            for k, v in enumerate(figures)]  # fmt: skip
    one = watch()
    epochs(one, 1, rows=rows[:4], monitor=Monitor("x_psnr"))
    assert keys(one) == []
    epochs(one, 1, rows=rows, monitor=Monitor("x_psnr"))
    assert keys(one) == ["overfit"]
    still = [{**row, "l1": 0.1} for row in rows]
    assert not diagnosis.overfit(still, Monitor("x_psnr"), ["l1", "luma"])


def test_each_sign_is_said_once(watch):
    one = watch()
    epochs(one, 6, share=0.97)
    assert len(one.said) == 1


def test_means_over_an_epoch_become_values_of_steps(watch):
    one = watch()
    one.expect(0)
    for batch, mean in ((0, 4.0), (1, 3.0), (3, 2.0)):
        one.on_train_batch_end(batch, {"l1": mean, "luma": 0.0})
    weight = one.recipe.l1
    assert one.losses == pytest.approx([4 * weight, 2 * weight, weight, weight])


def test_a_run_with_a_rate_of_nothing_is_told(batches, tmp_path):
    recipe = get("compact", smoke=True, overrides=["learning_rate=0", "steps=24", "steps_per_epoch=12"])
    result = fit(recipe, batches(recipe), tmp_path / "run", progress=False)
    assert [one.key for one in result.signs] == ["stuck"]


def test_a_run_that_learns_has_no_sign(batches, tmp_path):
    recipe = get("compact", smoke=True, overrides=["steps=48", "steps_per_epoch=12", "learning_rate=0.02"])
    lines = []
    result = fit(recipe, batches(recipe), tmp_path / "run", progress=False, say=lines.append)
    assert (result.signs, lines) == ((), [])


def test_measured_against_itself_nothing_is_wrong():
    probe = measure(HR, HR)
    assert (probe.drift, probe.specks) == (0, 0)
    assert probe.checker < 1
