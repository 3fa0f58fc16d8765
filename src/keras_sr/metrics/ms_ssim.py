"""Multi-scale structural similarity.

Wang, Simoncelli, Bovik: Multi-scale structural similarity for image quality assessment. Asilomar
Conference on Signals, Systems and Computers, 2003, eq. 7, with the weights of section 3.2.
"""

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.planes import plane_pair
from keras_sr.metrics.ssim import WINDOW, mean_terms

#: Exponents of the five scales, the finest first.
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

#: The least side whose fifth scale still holds one window.
_SMALLEST = (WINDOW - 1) * 2 ** (len(_WEIGHTS) - 1) + 1


def ms_ssim(
    sr: np.ndarray, hr: np.ndarray, *, crop_border: int = 0, channel: str = "y", round_y: bool = False
) -> float:
    """Return the multi-scale structural similarity of one picture: 1 when equal, 0 at the least.

    The window and the constants are those of `ssim`, at five scales, each half of the one before (means
    of 2x2 pixels). A scale whose mean contrast term is below 0 counts as 0. RGB is the mean over the
    three channels.

    Args:
        sr: Picture (H, W, 1 or 3), uint8 or float in [0, 1]; floats are neither rounded nor clipped.
        hr: The truth, of the same size.
        crop_border: Pixels shaved from each of the four sides.
        channel: `"y"` (BT.601, studio range) or `"rgb"`.
        round_y: Round Y to whole grey levels, as MATLAB's `rgb2ycbcr` of a uint8 picture does.

    Raises:
        PictureError: The pictures cannot be compared (the line says why), or a side is below 161 pixels
            after shaving.

    Examples:
        >>> hr = np.tile(np.arange(161, dtype=np.uint8)[:, None, None], (1, 161, 3))
        >>> ms_ssim(hr, hr)
        1.0
    """
    a, b = plane_pair(sr, hr, crop_border=crop_border, channel=channel, round_y=round_y)
    height, width = a.shape[1:]
    if min(height, width) < _SMALLEST:
        raise PictureError(
            f"MS-SSIM needs {_SMALLEST}x{_SMALLEST} pixels or more after shaving, not {width}x{height}"
        )
    product = np.ones(len(a))
    for scale, weight in enumerate(_WEIGHTS, 1):
        whole, contrast = mean_terms(a, b)
        # Luminance counts at the coarsest scale alone.
        product *= np.maximum(whole if scale == len(_WEIGHTS) else contrast, 0.0) ** weight
        a, b = halve(a), halve(b)
    return float(product.mean())


def halve(planes: np.ndarray) -> np.ndarray:
    """Return the means of 2x2 pixels, (planes, H, W) to (planes, ceil(H / 2), ceil(W / 2)).

    An odd last row or column is repeated, as the authors' code does by mirroring the picture.
    """
    height, width = planes.shape[1:]
    planes = np.pad(planes, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    rows = planes[:, ::2] + planes[:, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


class MSSSIM(PerPictureMean):
    """The mean over pictures of `ms_ssim`, whose options it takes.

    Examples:
        >>> metric = MSSSIM()
        >>> hr = np.tile(np.arange(161, dtype=np.uint8)[:, None, None], (1, 161, 3))
        >>> metric.update(hr, hr)
        >>> metric.result()
        1.0
    """

    unit = ""
    higher_is_better = True
    lowest = 0.0
    highest = 1.0
    source = "Wang, Simoncelli, Bovik, Asilomar 2003, eq. 7"
    digits = 4
    follows = ("crop_border", "channel", "round_y")
    columns = (Column("ms_ssim", "MS-SSIM"),)
    measure = staticmethod(ms_ssim)
