"""MS-SSIM against TensorFlow's implementation, and its properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.errors import PictureError
from keras_sr.metrics import MSSSIM, ms_ssim, ssim
from keras_sr.metrics.ms_ssim import halve
from keras_sr.metrics.planes import plane_pair
from keras_sr.metrics.ssim import mean_terms

RNG = np.random.default_rng(0)


def picture(height, width, channels=3):
    steps = RNG.normal(0, 9, (height, width, channels))
    return np.clip(np.cumsum(steps, axis=1) + 128, 0, 255).astype(np.uint8)


def noisy(image, level):
    return np.clip(image + RNG.normal(0, level, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(161, 161), (176, 208), (193, 251), (200, 321)])
def test_it_is_tensorflows(size):
    tensorflow = pytest.importorskip("tensorflow")
    hr = picture(*size)
    for sr in (noisy(hr, 3), noisy(hr, 30), 255 - hr):
        # TensorFlow knows no protocol, so it is given the planes; it computes in float32.
        a, b = (plane[0][..., None] for plane in plane_pair(sr, hr))
        expected = tensorflow.image.ssim_multiscale(a.astype("float64"), b.astype("float64"), 255.0)
        assert ms_ssim(sr, hr) == pytest.approx(float(expected), abs=1e-5)


def test_rgb_is_the_mean_over_channels():
    hr = picture(170, 165)
    sr = noisy(hr, 12)
    channels = [ms_ssim(sr[..., c : c + 1], hr[..., c : c + 1], channel="rgb") for c in range(3)]
    assert ms_ssim(sr, hr, channel="rgb") == pytest.approx(np.mean(channels), abs=1e-12)


def test_its_terms_are_those_of_ssim():
    hr = picture(61, 47)
    sr = noisy(hr, 9)
    whole, contrast = mean_terms(*plane_pair(sr, hr))
    assert whole[0] == pytest.approx(ssim(sr, hr), abs=1e-12)
    assert contrast[0] >= whole[0]


@settings(max_examples=8, deadline=None)
@given(st.integers(161, 185), st.integers(161, 185), st.integers(0, 2**32 - 1))
def test_identity_symmetry_and_flips(height, width, seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 256, (height, width, 1), np.uint8)
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    assert ms_ssim(a, a, channel="rgb") == pytest.approx(1.0, abs=1e-12)
    value = ms_ssim(a, b, channel="rgb")
    assert 0 <= value < 1
    assert ms_ssim(b, a, channel="rgb") == pytest.approx(value, abs=1e-12)
    turned = ms_ssim(a.swapaxes(0, 1), b.swapaxes(0, 1), channel="rgb")
    assert turned == pytest.approx(value, abs=1e-12)


def test_more_noise_is_less_similar():
    hr = picture(180, 180)
    noise = RNG.normal(0, 1, hr.shape)
    values = [
        ms_ssim(np.clip(hr + level * noise, 0, 255).astype(np.uint8), hr) for level in (1, 4, 12, 30, 80)
    ]
    assert values == sorted(values, reverse=True)


def test_halves_of_odd_sides_repeat_the_edge():
    np.testing.assert_array_equal(
        halve(np.array([[[1.0, 3, 5], [1, 3, 5], [7, 9, 11]]])), [[[2, 5], [8, 11]]]
    )


def test_the_least_size_and_the_class():
    a = np.zeros((169, 170, 3), np.uint8)
    assert ms_ssim(a, a, crop_border=4) == 1.0
    with pytest.raises(PictureError, match="161x161 pixels or more after shaving, not 160x159"):
        ms_ssim(a, a, crop_border=5)
    metric = MSSSIM(crop_border=4)
    metric.update(a, a)
    assert metric.result() == 1.0
