import numpy as np
import pytest

from keras_sr.data.superresgan import deprocess_HR, deprocess_LR, preprocess_HR, preprocess_LR

LEVELS = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize(
    ("there", "back", "low"), [(preprocess_LR, deprocess_LR, 0), (preprocess_HR, deprocess_HR, -1)]
)
def test_there_and_back(there, back, low):
    values = there(LEVELS)
    assert values.dtype == np.float32
    assert (values[0], values[-1]) == (low, 1)
    np.testing.assert_allclose(values, np.linspace(low, 1, 256), atol=1e-6)
    # A cast cuts off: without rounding half of the levels would come back one too low.
    np.testing.assert_array_equal(back(values).astype(np.uint8), LEVELS)
    np.testing.assert_array_equal(back(np.array([low - 1.0, 2.0])), [0, 255])
    assert back(values).dtype == np.float32
