import inspect
import threading

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.data.coco import SEED_NOISE, COCOBatchGenerator, random_patch
from keras_sr.data.decoding import decode
from keras_sr.data.listing import find_pictures
from keras_sr.data.superresgan import deprocess_HR, deprocess_LR
from keras_sr.errors import DataError
from keras_sr.images.resize import imresize


def small(folder, **options):
    return COCOBatchGenerator(folder, **{"target_size": (32, 32), "batch_size": 2, "seed": 3, **options})


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def holds(picture: np.ndarray, patch: np.ndarray) -> bool:
    """Whether a patch lies somewhere in a picture."""
    h, w = patch.shape[:2]
    corners = np.argwhere(
        (picture[: len(picture) - h + 1, : picture.shape[1] - w + 1] == patch[0, 0]).all(-1)
    )
    return any(np.array_equal(picture[y : y + h, x : x + w], patch) for y, x in corners)


def test_the_interface_is_the_one_people_know():
    known = {
        "directory": inspect.Parameter.empty,
        "target_size": (256, 256),
        "downscale_factor": 4,
        "batch_size": 8,
        "shuffle": True,
        "seed": None,
        "color_mode": "rgb",
        "crop_mode": "fixed_size",
        "data_format": "channels_last",
    }
    parameters = inspect.signature(COCOBatchGenerator).parameters.values()
    assert {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD} == known
    assert [p.name for p in parameters][: len(known)] == list(known)


def test_a_first_batch(folder):
    batches = COCOBatchGenerator(str(folder) + "/", (64, 48), 4, 5, seed=1)
    lr, hr = batches.next()
    assert lr.shape == (5, *batches.image_shape_lr) == (5, 16, 12, 3)
    assert hr.shape == (5, *batches.image_shape_hr) == (5, 64, 48, 3)
    assert lr.dtype == hr.dtype == np.float32
    assert 0 <= lr.min() < 0.3 < 0.7 < lr.max() <= 1
    assert -1 <= hr.min() < -0.6 < 0.6 < hr.max() <= 1


def test_with_and_without_a_slash(folder):
    one, other = small(f"{folder}/"), small(str(folder))
    assert one.samples == other.samples == 5
    assert one.filenames == other.filenames == [f.name for f in find_pictures(folder)]
    assert all(same(one.next(), other.next()) for _ in range(4))


def test_a_patch_is_a_piece_of_its_picture_and_lr_that_of_its_lr(folder):
    pictures = [decode(one.hr) for one in find_pictures(folder)]
    batches = small(folder, shuffle=False, batch_size=5)
    for _ in range(4):
        lr, hr = batches.next()
        for k, picture in enumerate(pictures):
            whole = picture[: len(picture) // 4 * 4, : picture.shape[1] // 4 * 4]
            assert holds(picture, deprocess_HR(hr[k]).astype(np.uint8))
            assert holds(imresize(whole, 1 / 4), deprocess_LR(lr[k]).astype(np.uint8))


def test_a_picture_too_small_gives_its_short_edge_enlarged(tmp_path, photo, save):
    save(tmp_path / "photos" / "a.png", photo(0, 20, 20))
    lr, hr = small(tmp_path / "photos", batch_size=1).next()
    expected = imresize(photo(0, 20, 20), size=(32, 32))
    np.testing.assert_array_equal(deprocess_HR(hr[0]), expected)
    np.testing.assert_array_equal(deprocess_LR(lr[0]), imresize(expected, 1 / 4))
    save(tmp_path / "photos" / "a.png", photo(0, 20, 40))
    _, hr = small(tmp_path / "photos", batch_size=1).next()
    pieces = [imresize(photo(0, 20, 40)[:, x : x + 20], size=(32, 32)) for x in range(21)]
    assert any(np.array_equal(deprocess_HR(hr[0]), piece) for piece in pieces)


def test_random_size_is_between_the_target_and_the_short_edge(photo):
    picture = photo(0, 60, 90)
    numbers = np.random.default_rng(0).random((400, 4))
    sides = {random_patch(picture, (32, 32), one).shape for one in numbers}
    assert sides == {(side, side, 3) for side in range(32, 61)}
    assert random_patch(picture, (32, 64), numbers[0] * [1, 1, 1, 0]).shape == (32, 64, 3)
    assert random_patch(picture, (32, 64), numbers[0] * 0 + 0.999).shape == (45, 90, 3)
    assert random_patch(picture, (200, 100), numbers[0]).shape == (60, 30, 3)


def test_random_size_is_resized(folder):
    batches = small(folder, crop_mode="random_size", batch_size=5)
    lr, hr = batches.next()
    assert lr.shape == (5, 8, 8, 3)
    for small_one, large in zip(lr, hr, strict=True):
        expected = imresize(deprocess_HR(large).astype(np.uint8), 1 / 4)
        np.testing.assert_array_equal(deprocess_LR(small_one), expected)
    assert not same(batches.next(), small(folder, batch_size=5).next())


def test_an_epoch_has_every_picture_once_and_a_smaller_last_batch(tmp_path, save):
    for k in range(7):
        save(tmp_path / "photos" / f"{k}.png", np.full((32, 32, 3), 10 * k, np.uint8))
    batches = small(tmp_path / "photos", batch_size=3)
    assert len(batches) == batches.num_batches == 3
    orders = []
    for _ in range(3):
        epoch = [batches.next()[1] for _ in range(3)]
        assert [len(hr) for hr in epoch] == [3, 3, 1]
        orders.append([int(level) // 10 for hr in epoch for level in deprocess_HR(hr[:, 0, 0, 0])])
        assert sorted(orders[-1]) == list(range(7))
    assert len({tuple(order) for order in orders}) == 3
    plain = small(tmp_path / "photos", batch_size=7, shuffle=False)
    assert (deprocess_HR(plain.next()[1][:, 0, 0, 0]) == np.arange(7) * 10).all()


def test_batches_are_the_same_for_any_number_of_workers(folder):
    for options in ({}, {"noise": 5.0, "augment": True}, {"crop_mode": "random_size"}):
        rows = [[small(folder, workers=n, **options) for n in (0, 1, 3)]]
        for generators in rows:
            for _ in range(8):
                first, *others = [next(generator) for generator in generators]
                assert all(same(first, other) for other in others)


def test_seeds_and_reset(folder):
    one, other = small(folder, seed=0), small(folder, seed=1)
    first = one.next()
    assert not same(first, other.next())
    one.next()
    one.reset()
    assert same(one.next(), first)
    assert small(folder, seed=None).seed != small(folder, seed=None).seed


def test_it_iterates_without_end(folder):
    batches = small(folder)
    rows = [batch for batch, _ in zip(batches, range(10), strict=False)]
    assert len(rows) == 10
    assert same(rows[4], small(folder)[0]) is False
    assert all(same(rows[i], small(folder)[i]) for i in range(3))


def test_threads_share_one_row(folder):
    expected = [one[0].tobytes() for one, _ in zip(small(folder), range(12), strict=False)]
    batches, got = small(folder), []
    threads = [threading.Thread(target=lambda: got.extend([batches.next()[0].tobytes()])) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(expected)


def test_bgr_and_channels_first(folder):
    rgb, bgr = small(folder).next(), small(folder, color_mode="bgr").next()
    first = small(folder, data_format="channels_first").next()
    for k in range(2):
        np.testing.assert_array_equal(bgr[k], rgb[k][..., ::-1])
        np.testing.assert_array_equal(first[k], rgb[k].transpose(0, 3, 1, 2))
        assert bgr[k].flags.c_contiguous
        assert first[k].flags.c_contiguous
    assert small(folder, data_format="auto").data_format in ("channels_last", "channels_first")


def test_the_default_lr_does_not_alias_and_has_no_noise(tmp_path, save):
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::4] = 255
    save(tmp_path / "photos" / "a.png", stripes)
    lr, _ = small(tmp_path / "photos", batch_size=1).next()
    assert np.abs(lr[0, 2:-2, 2:-2] * 255 - 64).max() <= 1.01
    aliased, _ = small(tmp_path / "photos", batch_size=1, degradation="bilinear").next()
    assert aliased.max() == 0


@pytest.mark.parametrize(("noise", "left"), [(20.0, 10.0), (SEED_NOISE, SEED_NOISE / 2)])
def test_noise_on_request(tmp_path, save, noise, left):
    save(tmp_path / "photos" / "a.png", np.full((256, 256, 3), 128, np.uint8))
    batches = COCOBatchGenerator(tmp_path / "photos", seed=0, degradation="bilinear", noise=noise)
    lr, hr = batches.next()
    assert (deprocess_HR(hr) == 128).all()
    levels = lr[0] * 255
    assert levels.std() == pytest.approx(left, rel=0.03)  # The mean of four pixels has half their deviation.
    assert levels.mean() == pytest.approx(128, abs=0.3)
    assert not np.array_equal(lr, batches.next()[0])


def test_augment_turns_lr_with_hr(folder):
    options = {"batch_size": 5, "shuffle": False}
    plain, turned = small(folder, **options), small(folder, augment=True, **options)
    ways = set()
    for _ in range(12):
        for lr, hr, lr_turned, hr_turned in zip(*plain.next(), *turned.next(), strict=True):
            for way in range(8):
                views = [image.swapaxes(0, 1) if way & 4 else image for image in (lr, hr)]
                views = [view[:: 1 - (way & 2), :: 1 - 2 * (way & 1)] for view in views]
                if same(views, (lr_turned, hr_turned)):
                    ways.add(way)
    assert ways == set(range(8))
    tall = small(folder, target_size=(32, 16), augment=True)
    assert all(tall.next()[1].shape[1:3] == (32, 16) for _ in range(4))


def test_broken_files_give_way_and_are_noted_once(bad_folder):
    batches = small(bad_folder, batch_size=9, shuffle=False)
    assert batches.samples == 9
    _, hr = batches.next()
    batches.next()
    assert len(batches.skipped) == 4
    assert all(np.ptp(patch) > 0.1 for patch in hr)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: small(f / "missing"), "there is no folder .*missing"),
        (lambda f: small(f / "deep" / "empty"), "no pictures in .*empty"),
        (lambda f: small(f / "deep" / "broken").next(), r"none of the pictures can be used: .*text\.jpg"),
        (lambda f: small(f, color_mode="grey"), "unknown color_mode 'grey': the known ones are rgb, bgr"),
        (lambda f: small(f, crop_mode="center"), "unknown crop_mode 'center'"),
        (lambda f: small(f, data_format="first"), "unknown data_format 'first'"),
        (lambda f: small(f, degradation="blur"), "unknown degradation 'blur'"),
        (lambda f: small(f, target_size=(30, 32)), r"multiples of 4, not \(30, 32\)"),
        (lambda f: small(f, target_size=(32,)), "target_size is"),
        (lambda f: small(f, target_size=32), r"target_size is \(height, width\) .*, not 32"),
        (lambda f: small(f, downscale_factor=0), "downscale_factor at least 1, not .* and 0"),
        (lambda f: small(f, batch_size=0), "batch_size is at least 1"),
        (lambda f: small(f, noise=-1), "noise at least 0"),
    ],
)
def test_bad_input(folder, make, says):
    (folder / "deep" / "empty").mkdir()
    (folder / "deep" / "broken").mkdir()
    (folder / "deep" / "broken" / "text.jpg").write_text("not a picture")
    with pytest.raises(DataError, match=says) as error:
        make(folder)
    assert "\n" not in str(error.value)


def test_it_trains_in_fit(folder):
    batches = small(folder, workers=1)
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.UpSampling2D(4),
            keras.layers.Conv2D(3, 1, kernel_initializer="zeros", bias_initializer="ones"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), loss="mse")
    history = model.fit(batches, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert batches.epoch == 3
    with pytest.raises(IndexError, match="no batch 3 in an epoch of 3"):
        batches[3]
    assert same(batches[0], [one for one, _ in zip(small(folder), range(10), strict=False)][9])


def test_short_epochs_of_fit_read_on_and_never_repeat_a_crop(tmp_path, save, monkeypatch):
    for k in range(6):
        save(tmp_path / "photos" / f"{k}.png", np.full((40, 40, 3), 10 * k, np.uint8))
    batches = small(tmp_path / "photos", batch_size=1, workers=0)
    assert len(batches) == 6
    made, make = [], batches.ahead.make
    monkeypatch.setattr(batches.ahead, "make", lambda step: made.append(step) or make(step))
    layers = [keras.Input((None, None, 3)), keras.layers.UpSampling2D(4), keras.layers.Conv2D(3, 1)]
    model = keras.Sequential(layers)
    model.compile(loss="mse")
    model.fit(batches, steps_per_epoch=2, epochs=9, verbose=0)
    # 18 batches are three epochs of six; of the fourth is there what Keras fetches ahead.
    assert batches.epoch == 3
    assert set(range(18)) <= set(made)
    # What is made twice was made to learn the shapes.
    assert len(made) - len(set(made)) <= 3


def test_a_batch_fetched_ahead_is_of_the_next_epoch(folder):
    batches, row = small(folder, workers=0), small(folder, workers=0)
    expected = [row.next() for _ in range(5)]
    batches.on_epoch_begin()
    assert all(same(batches[i], expected[i]) for i in range(3))
    # Keras takes these while it is still busy with the first epoch, whose end it says later.
    assert same(batches[0], expected[3])
    batches.on_epoch_end()
    batches.on_epoch_begin()
    assert same(batches[1], expected[4])
    assert batches.epoch == 1


def test_epochs_of_any_length_from_a_row_without_end(folder):
    """More steps than the set has batches, and no multiple of them; Keras warns where a set runs out."""
    batches, row = small(folder, batch_size=4), small(folder, batch_size=4)
    seen = []
    recorded = ((lr, hr) for lr, hr in batches if seen.append(hr) is None)
    layers = [keras.Input((None, None, 3)), keras.layers.UpSampling2D(4), keras.layers.Conv2D(3, 1)]
    model = keras.Sequential(layers)
    model.compile(loss="mse")
    history = model.fit(recorded, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
    assert len(history.history["loss"]) == 2
    assert len(seen) >= 6
    assert all(np.array_equal(hr, row.next()[1]) for hr in seen)
