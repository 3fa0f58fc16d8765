import cv2
import numpy as np
import pytest

from keras_sr.data.degradations import DEGRADATIONS, as_unit, degradation, with_noise
from keras_sr.errors import DataError
from keras_sr.images.resize import imresize


def test_bicubic_is_matlabs(photo):
    hr = photo(0, 64, 80)
    np.testing.assert_array_equal(degradation("bicubic")(hr, 4), imresize(hr, 0.25))
    np.testing.assert_array_equal(degradation("bicubic")(hr / 255, 4), imresize(hr / 255, 0.25))


@pytest.mark.parametrize("scale", [2, 4])
def test_bilinear_is_opencvs(photo, scale):
    hr = photo(0, 64, 80).astype(np.float32)
    expected = cv2.resize(hr, (80 // scale, 64 // scale), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(degradation("bilinear")(hr, scale), expected, atol=1e-3)
    rounded = degradation("bilinear")(hr.astype(np.uint8), scale)
    assert np.abs(rounded - expected).max() <= 1  # Rounded twice, as MATLAB does.


def test_bicubic_does_not_alias_and_bilinear_does():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::4] = 255  # Finer than LR can show: one column in four is white, so the mean is 64.
    assert np.abs(degradation("bicubic")(stripes, 4)[2:-2, 2:-2].astype(int) - 64).max() <= 1
    assert degradation("bilinear")(stripes, 4).max() == 0


def test_unknown():
    with pytest.raises(DataError, match="unknown degradation 'blur': the known ones are bicubic, bilinear"):
        degradation("blur")
    assert sorted(DEGRADATIONS) == ["bicubic", "bilinear"]


def test_noise_has_its_standard_deviation_in_grey_levels():
    grey = np.full((100, 100, 3), 128, np.uint8)
    noisy = with_noise(grey, 10.0, np.random.default_rng(0))
    assert noisy.std() == pytest.approx(10, rel=0.02)
    assert noisy.mean() == pytest.approx(128, abs=0.2)


def test_as_unit():
    np.testing.assert_array_equal(as_unit(np.array([0, 51, 255], np.uint8)), np.float32([0, 0.2, 1]))
    np.testing.assert_allclose(as_unit(np.array([-9.0, 25.5, 300.0])), [0, 0.1, 1], atol=1e-7)
    assert as_unit(np.array([1.0])).dtype == np.float32
