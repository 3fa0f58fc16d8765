import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_sr.errors import PictureError
from keras_sr.images.ranges import from_float, to_float


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_level_comes_back(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    np.testing.assert_array_equal(from_float(to_float(levels), dtype), levels)


def test_a_dark_16_bit_picture_stays_a_16_bit_picture():
    """Real-ESRGAN takes 16 bits for 8 when no value is above 256."""
    assert to_float(np.array([200], "uint16"))[0] == pytest.approx(200 / 65535)


def test_rounds_and_never_truncates():
    """ISR's np.uint8(x * 255) loses half a level on average."""
    np.testing.assert_array_equal(from_float(np.array([0.999, 1.0, 254.6 / 255])), [255, 255, 255])


@settings(deadline=None, max_examples=50)
@given(hnp.arrays("float32", st.integers(1, 20), elements=st.floats(-2, 3, width=32)))
def test_clips_and_keeps_order(values):
    out = from_float(values).astype(int)
    order = np.argsort(values, kind="stable")
    assert (np.diff(out[order]) >= 0).all()
    assert (out[values <= 0] == 0).all()
    assert (out[values >= 1] == 255).all()


@pytest.mark.parametrize("dtype", ["int32", "complex64", "int8"])
def test_unknown_types_are_refused(dtype):
    with pytest.raises(PictureError, match="uint8, uint16"):
        to_float(np.zeros(3, dtype))
    with pytest.raises(PictureError, match="uint8, uint16"):
        from_float(np.zeros(3), dtype)


def test_nan_is_refused_and_not_written_as_black():
    with pytest.raises(PictureError, match="NaN"):
        from_float(np.array([0.5, np.nan]))


@settings(deadline=None, max_examples=50)
@given(hnp.arrays("float32", st.integers(1, 20), elements=st.floats(-2, 3, width=32)))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "bool"])
def test_is_the_nearest_level_whatever_it_is_computed_in(dtype, values):
    white = 1 if dtype == "bool" else np.iinfo(dtype).max
    for given_as in (np.float16, np.float32, np.float64):
        given_values = values.astype(given_as)
        exact = np.clip(given_values.astype(np.float64), 0, 1) * white
        # Half a level, and what float32 itself cannot tell.
        assert np.abs(from_float(given_values, dtype).astype(np.float64) - exact).max() <= 0.5 + 2e-5
