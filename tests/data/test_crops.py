import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.data.crops import TURNS, crop_and_shrink, crop_pair, crop_to_multiple, put_turned, turn
from keras_sr.data.degradations import DEGRADATIONS


@settings(deadline=None, max_examples=100)
@given(data=st.data(), scale=st.sampled_from([2, 3, 4]), name=st.sampled_from(sorted(DEGRADATIONS)))
def test_the_lr_of_a_patch_is_the_patch_of_the_lr(data, scale, name):
    height, width = data.draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    h, w = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    y, x = data.draw(st.integers(0, height - h)), data.draw(st.integers(0, width - w))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    hr = rng.integers(0, 256, (height * scale, width * scale, 3), np.uint8)
    shrink = DEGRADATIONS[name]
    expected = crop_pair(shrink(hr, scale), hr, y, x, (h, w), scale)
    got = crop_and_shrink(hr, y, x, (h, w), scale, shrink)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert got[0].shape == (h, w, 3)
    assert got[1].shape == (h * scale, w * scale, 3)


def test_without_the_margin_the_edges_would_differ(photo):
    hr = photo(0, 96, 96)
    whole, alone = DEGRADATIONS["bicubic"](hr, 4), DEGRADATIONS["bicubic"](hr[32:64, 32:64], 4)
    assert (whole[8:16, 8:16] != alone).any()


def test_crop_to_multiple_keeps_the_top_left():
    image = np.arange(7 * 9 * 3).reshape(7, 9, 3)
    np.testing.assert_array_equal(crop_to_multiple(image, 4), image[:4, :8])
    assert crop_to_multiple(image[:4, :8], 4).shape == (4, 8, 3)


TURNED_BY_NUMPY = [
    lambda a: a,
    np.fliplr,
    np.flipud,
    lambda a: np.rot90(a, 2),
    lambda a: a.transpose(1, 0, 2),
    np.rot90,
    lambda a: np.rot90(a, 3),
    lambda a: np.rot90(a.transpose(1, 0, 2), 2),
]


def test_the_eight_ways_are_those_of_a_square(photo):
    image = photo(0, 8, 8)
    ours = {turn(image, way).tobytes() for way in range(TURNS)}
    assert ours == {np.ascontiguousarray(f(image)).tobytes() for f in TURNED_BY_NUMPY}
    assert len(ours) == 8


@pytest.mark.parametrize("way", range(TURNS))
def test_put_turned_copies_turn(photo, way):
    picture = photo(0, 30, 40)
    out = np.empty((12, 12, 3), np.uint8)
    put_turned(out, picture[3:15, 5:17], way)
    np.testing.assert_array_equal(out, turn(picture[3:15, 5:17], way))


@pytest.mark.parametrize("way", range(TURNS))
def test_lr_and_hr_turn_alike(way):
    lr = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    hr = lr.repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(turn(hr, way)[::4, ::4], turn(lr, way))
