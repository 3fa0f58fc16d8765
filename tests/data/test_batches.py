import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

keras = pytest.importorskip("keras")

from keras_sr.data.batches import Batches
from keras_sr.data.cache import build_cache
from keras_sr.data.sources import ArraySource, FileSource
from keras_sr.errors import DataError


def coded(height: int, width: int, number: int) -> np.ndarray:
    """An LR picture whose pixels tell where they are: (row, column, number of the picture)."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x, np.full_like(y, number)], axis=-1).astype(np.uint8)


def enlarged(lr: np.ndarray) -> np.ndarray:
    return lr.repeat(4, axis=0).repeat(4, axis=1)


@pytest.fixture
def source() -> ArraySource:
    """Two pictures, the second four times as large as the first: shares 2 and 8 with crops of 32."""
    lr = [coded(9, 18, 0), coded(18, 36, 1)]
    return ArraySource([enlarged(one) for one in lr], lr, scale=4)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_lr_and_hr_are_the_same_spot_in_the_same_turn(source):
    batches = Batches(source, batch_size=64, hr_crop=32, dtype="uint8")
    ways = set()
    for i in range(4):
        lr, hr = batches[i]
        assert lr.shape == (64, 8, 8, 3)
        assert hr.shape == (64, 32, 32, 3)
        np.testing.assert_array_equal(lr, hr[:, ::4, ::4])
        np.testing.assert_array_equal(lr, hr[:, 3::4, 3::4])
        steps = np.stack([lr[:, 1, 0] - lr[:, 0, 0], lr[:, 0, 1] - lr[:, 0, 0]], axis=1).astype(np.int8)
        ways |= {one.tobytes() for one in steps}
    assert len(ways) == 8


def test_without_augment_nothing_is_turned(source):
    lr, _ = Batches(source, batch_size=64, hr_crop=32, dtype="uint8", augment=False)[0]
    assert (lr[:, 1:, :, 0] - lr[:, :-1, :, 0] == 1).all()
    assert (lr[:, :, 1:, 1] - lr[:, :, :-1, 1] == 1).all()


def test_every_place_is_reached_and_none_beyond(source):
    batches = Batches(source, batch_size=100, hr_crop=32, dtype="uint8", augment=False)
    places = np.concatenate([batches[i][0][:, 0, 0] for i in range(40)])
    for number, (height, width) in enumerate([(9, 18), (18, 36)]):
        mine = places[places[:, 2] == number]
        assert set(mine[:, 0]) == set(range(height - 8 + 1))
        assert set(mine[:, 1]) == set(range(width - 8 + 1))


@pytest.mark.parametrize(("weight_by", "shares"), [("area", [2, 10]), ("picture", [1, 1])])
def test_large_pictures_give_more_crops(source, weight_by, shares):
    batches = Batches(source, batch_size=sum(shares), hr_crop=32, dtype="uint8", weight_by=weight_by)
    for i in range(3):
        assert np.bincount(batches[i][0][:, 0, 0, 2]).tolist() == shares


def test_floats_are_the_grey_levels_over_255(source):
    grey = Batches(source, hr_crop=32, dtype="uint8")[3]
    for dtype in ("float32", "float16"):
        for one, levels in zip(Batches(source, hr_crop=32, dtype=dtype)[3], grey, strict=True):
            assert one.dtype == dtype
            np.testing.assert_array_equal(one, (levels / np.float32(255)).astype(dtype))


def test_channels_first(source):
    last, first = (
        Batches(source, hr_crop=32, data_format=name)[0] for name in ("channels_last", "channels_first")
    )
    for one, other in zip(first, last, strict=True):
        assert one.flags.c_contiguous
        np.testing.assert_array_equal(one, other.transpose(0, 3, 1, 2))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), order=st.permutations(range(6)), workers=st.integers(0, 3))
def test_a_batch_is_a_function_of_seed_and_step(seed, order, workers):
    source = ArraySource([np.random.default_rng(0).integers(0, 256, (80, 100, 3), np.uint8)])
    expected = [Batches(source, batch_size=2, hr_crop=32, seed=seed, start_step=i)[0] for i in range(6)]
    batches = Batches(source, batch_size=2, hr_crop=32, seed=seed, workers=workers)
    assert all(same(batches[i], expected[i]) for i in order)
    assert all(same(batches[i], expected[i]) for i in range(6))
    assert same(pickle.loads(pickle.dumps(batches))[3], expected[3])


def test_an_item_does_not_depend_on_the_size_of_its_batch(source):
    small, large = (Batches(source, hr_crop=32, batch_size=n) for n in (4, 8))
    np.testing.assert_array_equal(np.concatenate([small[2][0], small[3][0]]), large[1][0])


def test_seeds(source):
    one, other, random, again = (Batches(source, hr_crop=32, seed=seed) for seed in (0, 1, None, None))
    assert not same(one[0], other[0])
    assert random.seed != again.seed
    assert same(random[0], Batches(source, hr_crop=32, seed=random.seed)[0])


def test_a_window_of_the_row(source):
    endless = Batches(source, hr_crop=32)
    batches = Batches(source, hr_crop=32, steps=3, start_step=2)
    for _ in range(2):
        assert all(same(batches[i], endless[2 + i]) for i in (1, 0, 2))
        batches.on_epoch_begin()
        batches.on_epoch_end()


def test_nothing_is_made_that_nobody_will_ask_for(source):
    made = []
    batches = Batches(source, hr_crop=32, steps=4, start_step=3, workers=2)
    batches.ahead.make = lambda step: made.append(step) or batches.make(step)
    list(batches)
    assert sorted(made) == [3, 4, 5, 6]


def test_length(source):
    batches = Batches(source, hr_crop=32, steps=3)
    assert len(batches) == batches.num_batches == 3
    assert len(list(batches)) == 3
    with pytest.raises(IndexError, match="no batch 3 in these 3"):
        batches[3]
    endless = Batches(source, hr_crop=32)
    assert endless.num_batches is None
    with pytest.raises(TypeError, match="give steps="):
        len(endless)


def test_pictures_too_small_for_a_crop_are_left_out(source):
    batches = Batches(source, hr_crop=64, batch_size=8, dtype="uint8")
    assert batches.names == ["000001"]
    assert (batches[0][0][..., 2] == 1).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"hr_crop": 30}, "hr_crop is a multiple of the scale 4, not 30"),
        ({"hr_crop": 0}, "not 0"),
        ({"hr_crop": 400}, "none of the 2 pictures holds a crop of 400x400"),
        ({"batch_size": 0}, "at least 1"),
        ({"steps": 0}, "at least 1"),
        ({"start_step": -1}, "at least 0, not 16, None and -1"),
        ({"weight_by": "size"}, "unknown weight_by 'size': the known ones are area, picture"),
        ({"dtype": "int8"}, "unknown dtype 'int8'"),
        ({"data_format": "nchw"}, "unknown data_format 'nchw'"),
        ({"seed": -1}, "from 0 on"),
    ],
)
def test_bad_input(source, options, says):
    with pytest.raises(DataError, match=says) as error:
        Batches(source, **{"hr_crop": 32, **options})[0]
    assert "\n" not in str(error.value)


def test_files_and_cache_give_the_same_batches(folder, tmp_path):
    files = Batches(FileSource(folder), hr_crop=48, workers=2)
    cache = Batches(build_cache(folder, cache_dir=tmp_path), hr_crop=48)
    assert all(same(files[i], cache[i]) for i in range(5))


def test_an_error_in_a_worker_reaches_the_user(source):
    batches = Batches(source, hr_crop=32, workers=2)
    batches[0], batches[1]
    batches.source.lr.clear()
    with pytest.raises(IndexError):
        [batches[i] for i in range(2, 9)]


# === In fit: the weights tell which batches were seen, and in which order ===


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.UpSampling2D(4), keras.layers.Conv2D(3, 3, padding="same")]
    )
    model.compile(keras.optimizers.SGD(0.5, momentum=0.9), loss="mse")
    return model


def by_hand(batches: Batches, steps: int) -> list[np.ndarray]:
    model = network()
    for i in range(steps):
        model.train_on_batch(*batches[i])
    return model.get_weights()


def assert_same_weights(model: keras.Model, expected: list[np.ndarray]) -> None:
    for one, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.fixture
def noisy_source() -> ArraySource:
    return ArraySource([np.random.default_rng(0).integers(0, 256, (96, 120, 3), np.uint8)])


@pytest.mark.parametrize("workers", [0, 2])
def test_fit_sees_the_batches_in_order_through_all_epochs(noisy_source, workers):
    options = {"batch_size": 2, "hr_crop": 32, "workers": workers}
    expected = by_hand(Batches(noisy_source, **options), 6)
    assert np.abs(by_hand(Batches(noisy_source, **options), 5)[0] - expected[0]).max() > 1e-3
    model = network()
    model.fit(Batches(noisy_source, **options), steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
    assert_same_weights(model, expected)
    model = network()
    model.fit(Batches(noisy_source, steps=6, **options), shuffle=False, verbose=0)
    assert_same_weights(model, expected)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_run_in_pieces_sees_what_it_would_have_seen_in_one(noisy_source, steps):
    options = {"batch_size": 2, "hr_crop": 32, "workers": 1}
    model = network()
    for start in range(0, 6, steps):
        piece = Batches(noisy_source, steps=steps, start_step=start, **options)
        model.fit(piece, shuffle=False, verbose=0)
    assert_same_weights(model, by_hand(Batches(noisy_source, **options), 6))


def test_evaluate_gives_the_same_every_time(noisy_source):
    batches = Batches(noisy_source, batch_size=2, hr_crop=32, steps=2)
    model = network()
    assert model.evaluate(batches, verbose=0) == model.evaluate(batches, verbose=0)
