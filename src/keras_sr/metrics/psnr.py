"""Peak signal-to-noise ratio, as the super-resolution literature counts it."""

import math

import numpy as np

from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.planes import plane_pair


def psnr(
    sr: np.ndarray, hr: np.ndarray, *, crop_border: int = 0, channel: str = "y", round_y: bool = False
) -> float:
    """Return 10 log10(255^2 / MSE) in dB of one picture; infinity when the pictures are equal.

    Papers shave as many pixels as the scale and measure on Y; whether Y is rounded makes 0.01 dB.

    Args:
        sr: Picture (H, W, 1 or 3), uint8 or float in [0, 1]; floats are neither rounded nor clipped.
        hr: The truth, of the same size.
        crop_border: Pixels shaved from each of the four sides.
        channel: `"y"` (BT.601, studio range) or `"rgb"`.
        round_y: Round Y to whole grey levels, as MATLAB's `rgb2ycbcr` of a uint8 picture does.

    Raises:
        PictureError: The pictures cannot be compared; the line says why.

    Examples:
        >>> hr = np.full((8, 8, 3), 100, np.uint8)
        >>> round(psnr(hr + np.uint8(1), hr, channel="rgb"), 4)
        48.1308
    """
    return psnr_of_planes(*plane_pair(sr, hr, crop_border=crop_border, channel=channel, round_y=round_y))


def psnr_of_planes(a: np.ndarray, b: np.ndarray) -> float:
    """Return the PSNR of two float64 arrays in grey levels."""
    error = (a - b).ravel()
    mse = float(error @ error) / error.size
    return 10.0 * math.log10(255.0**2 / mse) if mse else math.inf


class PSNR(PerPictureMean):
    """The mean over pictures of `psnr`, whose options it takes.

    Examples:
        >>> metric = PSNR(crop_border=4)
        >>> hr = np.zeros((2, 16, 16, 3), np.uint8)
        >>> metric.update(hr + np.uint8(10), hr)
        >>> round(metric.result(), 3)
        29.453
    """

    unit = "dB"
    higher_is_better = True
    lowest = 0.0
    highest = math.inf
    source = (
        "10 log10(peak^2 / MSE); protocol of Timofte et al., ICCV 2013, as in Ledig et al., CVPR 2017, 3.1"
    )
    follows = ("crop_border", "channel", "round_y")
    columns = (Column("psnr", "PSNR"),)
    measure = staticmethod(psnr)
