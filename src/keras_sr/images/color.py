"""RGB to YCbCr and back: ITU-R BT.601 in studio range, the Y that papers measure.

The constants are MATLAB's `rgb2ycbcr` (that of the SR literature): for RGB in [0, 1]
Y = 16 + 65.481 R + 128.553 G + 24.966 B, a value between 16 (black) and 235 (white).
Here everything is divided by 255, so that Y too lives in [0, 1] units.
"""

import numpy as np

from keras_sr.types import Float

#: Rows Y, Cb, Cr; columns R, G, B; in units of grey levels.
RGB_TO_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
OFFSET = np.array([16.0, 128.0, 128.0])


def luma(rgb: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 1"]:
    """Return Y of RGB pixels, in units of [0, 1]: black gives 16/255, white 235/255.

    Args:
        rgb: Float array (..., 3) in [0, 1].

    Returns:
        float64 array (..., 1).
    """
    return (rgb.astype(np.float64) @ RGB_TO_YCBCR[0] + OFFSET[0])[..., None] / 255.0


def rgb_to_ycbcr(rgb: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Return Y, Cb, Cr of RGB pixels in [0, 1]: (..., 3) to (..., 3), float64, units of [0, 1]."""
    return (rgb.astype(np.float64) @ RGB_TO_YCBCR.T + OFFSET) / 255.0


def ycbcr_to_rgb(ycbcr: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """Undo `rgb_to_ycbcr`: (..., 3) to (..., 3), float64; not clipped."""
    return (ycbcr.astype(np.float64) * 255.0 - OFFSET) @ np.linalg.inv(RGB_TO_YCBCR).T
