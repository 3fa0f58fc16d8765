import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.data import fast_imresize as module
from keras_sr.data.fast_imresize import shrink
from keras_sr.images.plain import read_rgb
from keras_sr.images.resize import imresize


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_the_benchmarks_are_reproduced_bit_for_bit(shared_data, name):
    folder = shared_data / "benchmark" / name
    count = 0
    for hr, lr in zip(
        sorted((folder / "HR").iterdir()), sorted((folder / "LR_bicubic_X4").iterdir()), strict=True
    ):
        np.testing.assert_array_equal(shrink(read_rgb(hr), 4), read_rgb(lr))
        count += 1
    assert count == {"Set5": 5, "Set14": 14}[name]


@settings(deadline=None, max_examples=60)
@given(
    scale=st.sampled_from([2, 3, 4, 8]),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    kernel=st.sampled_from([("bicubic", True), ("bilinear", False), ("lanczos3", True)]),
    extreme=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_it_is_imresize(scale, size, kernel, extreme, seed):
    rng = np.random.default_rng(seed)
    shape = (size[0] * scale, size[1] * scale, 3)
    hr = (rng.integers(0, 2, shape) * 255 if extreme else rng.integers(0, 256, shape)).astype(np.uint8)
    expected = imresize(hr, 1 / scale, kernel=kernel[0], antialias=kernel[1])
    np.testing.assert_array_equal(shrink(hr, scale, *kernel), expected)


def test_pictures_wider_than_a_strip_have_no_seams(monkeypatch, photo):
    hr = photo(0, 40, 200)
    monkeypatch.setattr(module, "WIDTH", 31)
    np.testing.assert_array_equal(shrink(hr, 4), imresize(hr, 1 / 4))


def test_the_picture_is_left_alone(photo):
    hr = photo(0, 40, 40)
    before = hr.copy()
    shrink(hr[4:-4, 4:-4], 4)
    np.testing.assert_array_equal(hr, before)
