import numpy as np
import pytest
from PIL import Image

from keras_sr.data.alignment import offset
from keras_sr.images.plain import read_rgb
from keras_sr.images.resize import imresize


def photo(seed=0, side=256):
    """Smooth shapes and some texture."""
    rng = np.random.default_rng(seed)
    rough = imresize(rng.integers(0, 256, (side // 8, side // 8, 3), np.uint8), 8)
    return np.clip(rough.astype(int) + rng.integers(-20, 20, rough.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 0), (0, -1), (3, 2), (-8, 12), (0.5, 0.5)])
def test_a_shift_is_measured_in_pixels_of_hr(scale, down, right):
    hr = photo(side=240)
    twice = np.roll(imresize(hr, 2), (round(2 * down), round(2 * right)), axis=(0, 1))
    lr = imresize(twice, 0.5 / scale)
    found = offset(lr, hr, scale)
    assert (found.down, found.right) == pytest.approx((down, right), abs=0.25)
    assert found.shifted == (max(abs(down), abs(right)) >= 1)


@pytest.mark.parametrize("kind", ["BICUBIC", "BILINEAR", "LANCZOS", "BOX"])
def test_what_pillow_shrinks_is_not_shifted(kind):
    hr = photo()
    lr = np.array(Image.fromarray(hr).resize((64, 64), Image.Resampling[kind]))
    assert not offset(lr, hr, 4).shifted


def test_every_fourth_pixel_lies_one_and_a_half_pixels_off():
    """The first of four pixels shows what lies 1.5 pixels left of the middle of the four: all moves right."""
    hr = imresize(photo(side=128), 2)
    found = offset(np.ascontiguousarray(hr[::4, ::4]), hr, 4)
    assert (found.down, found.right) == pytest.approx((1.5, 1.5), abs=0.2)


def test_two_pictures_are_not_a_pair():
    found = offset(imresize(photo(1), 1 / 4), photo(2), 4)
    assert not found.same
    assert not found.shifted
    assert "different pictures" in str(found)


def test_brightness_contrast_and_noise_are_no_shift():
    hr = photo()
    lr = imresize(hr, 1 / 4).astype(float) * 0.7 + 30 + np.random.default_rng(0).normal(0, 8, (64, 64, 3))
    assert not offset(lr.clip(0, 255).astype(np.uint8), hr, 4).shifted


@pytest.mark.parametrize("side", [8, 40, 256])
def test_one_colour_shows_no_shift(side):
    hr = np.full((side, side, 3), 90, np.uint8)
    assert offset(np.full((side // 4, side // 4, 3), 90, np.uint8), hr, 4) is None


def test_the_shift_is_said():
    hr = photo()
    found = offset(imresize(np.roll(hr, 2, axis=1), 1 / 4), hr, 4)
    assert str(found) == "LR is shifted against HR by +0.0 pixels down and +2.0 right"


@pytest.mark.shared
def test_no_benchmark_set_is_shifted(shared_data):
    for hr in sorted((shared_data / "benchmark" / "Set14" / "HR").iterdir()):
        lr = hr.parents[1] / "LR_bicubic_X4" / f"{hr.stem}x4.png"
        truth, small = read_rgb(hr), read_rgb(lr)
        height, width = small.shape[:2]
        found = offset(small, truth[: height * 4, : width * 4], 4)
        assert max(abs(found.down), abs(found.right)) < 0.1
        assert found.likeness > 0.99
        moved = offset(
            imresize(np.roll(truth[: height * 4, : width * 4], 1, axis=0), 0.25),
            truth[: height * 4, : width * 4],
            4,
        )
        assert moved.down == pytest.approx(1, abs=0.2)
