import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.color import rgb2ycbcr

from keras_sr.images.color import luma, rgb_to_ycbcr, ycbcr_to_rgb

RGB = hnp.arrays(
    "float32", st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3)), elements=st.floats(0, 1, width=32)
)


@settings(deadline=None, max_examples=30)
@given(RGB)
def test_is_scikit_images_conversion(rgb):
    np.testing.assert_allclose(255 * rgb_to_ycbcr(rgb), rgb2ycbcr(rgb), atol=1e-3)
    np.testing.assert_allclose(luma(rgb), rgb_to_ycbcr(rgb)[..., :1], atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(RGB)
def test_comes_back(rgb):
    np.testing.assert_allclose(ycbcr_to_rgb(rgb_to_ycbcr(rgb)), rgb, atol=1e-6)


def test_black_and_white_are_16_and_235():
    """One peer has 64.738 for red, another 65.738 on [0, 1]: black and white give such slips away."""
    rgb = np.array([[[0, 0, 0], [1, 1, 1]]], "float64")
    np.testing.assert_allclose(255 * luma(rgb)[0, :, 0], [16, 235], atol=1e-9)


def test_shapes_are_checked_in_tests():
    with pytest.raises(Exception, match="Type-check error"):
        luma(np.zeros((4, 4, 4), "float32"))
