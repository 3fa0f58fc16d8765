"""LR consistency, colour drift and sharpness."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from keras_sr.errors import PictureError
from keras_sr.images.plain import read_rgb
from keras_sr.images.resize import imresize
from keras_sr.metrics import ColorDrift, LRConsistency, Sharpness, color_drift, lr_consistency, sharpness

RNG = np.random.default_rng(0)
PICTURES = arrays(np.uint8, (12, 16, 3))


def smooth(height, width):
    return imresize(RNG.integers(0, 256, (height // 4, width // 4, 3), np.uint8), size=(height, width))


# --- LR consistency


@pytest.mark.shared
def test_the_truth_is_consistent_with_the_lr_that_matlab_made(shared_data):
    """HR shrinks to LR to the bit, so the PSNR is infinite."""
    folder = shared_data / "benchmark" / "Set5"
    for lr in sorted((folder / "LR_bicubic_X4").iterdir()):
        small = read_rgb(lr)
        hr = read_rgb(folder / "HR" / lr.name.replace("x4", ""))
        assert lr_consistency(hr[: small.shape[0] * 4, : small.shape[1] * 4], small) == math.inf


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_the_psnr_of_the_shrunk_picture(scale):
    lr = smooth(16, 20)
    sr = np.clip(imresize(lr, scale) + RNG.normal(0, 20, (16 * scale, 20 * scale, 3)), 0, 255).astype(
        np.uint8
    )
    expected = peak_signal_noise_ratio(lr, imresize(sr, 1 / scale), data_range=255)
    assert lr_consistency(sr, lr) == pytest.approx(expected, abs=1e-9)
    # A float picture counts as the file that it becomes.
    assert lr_consistency(sr / 255.0, lr) == lr_consistency(sr, lr)


def test_what_vanishes_when_shrunk_costs_little_and_a_shift_costs_much():
    lr = smooth(24, 24)
    base = imresize(lr, 4).astype(float)
    checkerboard = 8.0 * (-1) ** np.add.outer(np.arange(96), np.arange(96))[..., None]
    invented, shifted = (np.clip(x, 0, 255).astype(np.uint8) for x in (base + checkerboard, base + 8))
    # Clipping apart, the pattern is gone and the shift of 8 levels stays.
    assert lr_consistency(invented, lr) > lr_consistency(shifted, lr) + 5


@pytest.mark.parametrize(
    ("sr", "lr", "said"),
    [
        ((8, 8, 3), (3, 3, 3), "8x8 pixels are not a whole number of times the 3x3"),
        ((8, 12, 3), (4, 4, 3), "whole number"),
        ((4, 4, 3), (8, 8, 3), "whole number"),
        ((8, 8), (4, 4), "expected two pictures"),
        ((8, 8, 3), (4, 4, 1), "differ in size"),
    ],
)
def test_sizes_that_do_not_fit(sr, lr, said):
    with pytest.raises(PictureError, match=said):
        lr_consistency(np.zeros(sr, np.uint8), np.zeros(lr, np.uint8))


@pytest.mark.parametrize(
    "change",
    [lambda sr: sr.astype(float), lambda sr: sr / 127.5 - 1],
    ids=["0 to 255", "-1 to 1"],
)
def test_consistency_of_a_picture_in_another_range_is_no_number(change):
    sr = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    with pytest.raises(PictureError, match=r"\[0, 1\]"):
        lr_consistency(change(sr), sr[::2, ::2])


def test_consistency_of_16_bits_is_that_of_the_same_picture_in_8():
    sr = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    wide = sr.astype(np.uint16) * 257
    assert lr_consistency(wide, sr[::2, ::2]) == lr_consistency(sr, sr[::2, ::2])


# --- colour drift


def test_drift_is_that_of_scikit_images_colours():
    a, b = smooth(20, 24), smooth(20, 24)
    expected = [(rgb2ycbcr(a) - rgb2ycbcr(b))[3:-3, 3:-3, c].mean() for c in range(3)]
    np.testing.assert_allclose(color_drift(a, b, crop_border=3), expected, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(PICTURES, PICTURES, PICTURES)
def test_drift_is_additive(a, b, c):
    np.testing.assert_allclose(color_drift(a, b) + color_drift(b, c), color_drift(a, c), atol=1e-9)
    np.testing.assert_allclose(color_drift(a, b), -color_drift(b, a), atol=1e-12)
    assert not color_drift(a, a).any()


def test_drift_says_which_way():
    grey = np.full((8, 8, 3), 128, np.uint8)
    for channel, index in ((2, 1), (0, 2)):
        tinted = grey.copy()
        tinted[..., channel] += 20
        y, *chroma = color_drift(tinted, grey)
        assert y > 0
        assert chroma[index - 1] > 5 > chroma[2 - index]
    np.testing.assert_allclose(color_drift(grey + np.uint8(10), grey)[1:], 0, atol=1e-12)


# --- sharpness


def test_sharpness_of_a_ramp_is_its_slope():
    ramp = np.tile(np.arange(0, 60, 3, dtype=np.uint8)[:, None, None], (1, 9, 3))
    assert sharpness(ramp) == pytest.approx(3 * 219 / 255)


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, (10, 14, 3), elements=st.integers(0, 100)), st.integers(1, 100))
def test_sharpness_knows_contrast_and_not_brightness(image, more):
    assert sharpness(image + np.uint8(more)) == pytest.approx(sharpness(image), abs=1e-9)
    assert sharpness(image * np.uint8(2)) == pytest.approx(2 * sharpness(image), abs=1e-9)
    # Forward differences see a picture and its transpose alike.
    assert sharpness(image.swapaxes(0, 1)) == pytest.approx(sharpness(image), abs=1e-9)


def test_blur_makes_a_picture_less_sharp():
    image = RNG.integers(0, 256, (40, 40, 3), np.uint8)
    values = [sharpness(gaussian_filter(image, (s, s, 0))) for s in (0, 0.5, 1, 2)]
    assert values == sorted(values, reverse=True)


def test_sharpness_needs_neighbours():
    with pytest.raises(PictureError, match="2x2 pixels or more after shaving, not 1x9"):
        sharpness(np.zeros((9, 1, 3), np.uint8))


# --- the classes


def test_classes_average_what_they_have_seen():
    a, b = (np.stack([smooth(16, 16) for _ in range(3)]) for _ in range(2))
    lr = np.stack([imresize(x, 0.25) for x in b])
    drift, consistency, sharp = ColorDrift(), LRConsistency(), Sharpness()
    drift.update(a, b)
    consistency.update(a, lr)
    sharp.update(a)
    np.testing.assert_allclose(drift.result(), np.mean([color_drift(*x) for x in zip(a, b, strict=True)], 0))
    each = [lr_consistency(*x) for x in zip(a, lr, strict=True)]
    assert consistency.result() == pytest.approx(np.mean(each))
    assert sharp.result() == pytest.approx(np.mean([sharpness(x) for x in a]))
    assert (drift.higher_is_better, consistency.higher_is_better, sharp.unit) == (
        None,
        True,
        "levels a pixel",
    )


def test_a_pillow_image_is_an_array_too():
    image = smooth(16, 16)
    assert sharpness(Image.fromarray(image)) == sharpness(image)
