"""Structural similarity, as the authors' MATLAB code counts it.

Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural
similarity. IEEE TIP 13(4), 2004, eq. 13, with the window and the constants of section III.C.

With s = a + b and d = a - b every moment in eq. 13 follows from the means of s, d, s^2 and d^2:
four blurs instead of five. A blur is a product with a banded matrix of window weights, in small
square blocks; that is what makes this several times faster than filtering tap by tap.
"""

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.planes import plane_pair

WINDOW = 11
_SIGMA = 1.5
_C1 = (0.01 * 255.0) ** 2
_C2 = (0.03 * 255.0) ** 2

#: Outputs of one banded product, and rows of the picture worked on at a time (so that they stay in cache).
_BLOCK = 24
_ROWS = 48


def ssim(
    sr: np.ndarray, hr: np.ndarray, *, crop_border: int = 0, channel: str = "y", round_y: bool = False
) -> float:
    """Return the mean structural similarity of one picture: 1 when equal, -1 at the least.

    Gaussian window 11x11 with sigma 1.5, K = (0.01, 0.03), population covariance, only where the
    window lies inside the picture. RGB is the mean over the three channels.

    Args:
        sr: Picture (H, W, 1 or 3), uint8 or float in [0, 1]; floats are neither rounded nor clipped.
        hr: The truth, of the same size.
        crop_border: Pixels shaved from each of the four sides.
        channel: `"y"` (BT.601, studio range) or `"rgb"`.
        round_y: Round Y to whole grey levels, as MATLAB's `rgb2ycbcr` of a uint8 picture does.

    Raises:
        PictureError: The pictures cannot be compared (the line says why), or have less than 11 pixels
            on a side after shaving.

    Examples:
        >>> hr = np.arange(768, dtype=np.uint8).reshape(16, 16, 3)
        >>> ssim(hr, hr)
        1.0
    """
    return ssim_of_planes(*plane_pair(sr, hr, crop_border=crop_border, channel=channel, round_y=round_y))


def ssim_of_planes(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean SSIM of float64 planes (planes, H, W) in grey levels."""
    planes, height, width = a.shape
    inside = (height - WINDOW + 1, width - WINDOW + 1)
    if min(inside) < 1:
        raise PictureError(f"SSIM needs {WINDOW}x{WINDOW} pixels or more after shaving, not {width}x{height}")
    total = 0.0
    for top in range(0, inside[0], _ROWS):
        strip = slice(top, top + _ROWS + WINDOW - 1)
        total += float(_ssim_map(a[:, strip], b[:, strip]).sum())
    return total / (planes * inside[0] * inside[1])


def _ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the SSIM of every window: (planes, H, W) to (planes, H - 10, W - 10)."""
    luminance, contrast = _ssim_terms(a, b)
    luminance *= contrast
    return luminance


def mean_terms(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean SSIM and the mean contrast-structure term of each plane, both (planes,)."""
    luminance, contrast = _ssim_terms(a, b)
    return (luminance * contrast).mean(axis=(1, 2)), contrast.mean(axis=(1, 2))


def _ssim_terms(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors of eq. 13 at every window, both (planes, H - 10, W - 10).

    The luminance term, and contrast times structure (of which MS-SSIM takes five scales).
    """
    moments = np.empty((4, *a.shape))
    s, d, ss, dd = (moments[i] for i in range(4))
    np.add(a, b, out=s)
    np.subtract(a, b, out=d)
    np.multiply(s, s, out=ss)
    np.multiply(d, d, out=dd)
    mean_s, mean_d, var_s, var_d = _blur(moments)
    # In place: a pass over memory costs more here than the arithmetic in it.
    mean_s *= mean_s
    mean_d *= mean_d
    var_s -= mean_s
    var_d -= mean_d
    # 2 cov(a, b) = (var_s - var_d) / 2 and var_a + var_b = (var_s + var_d) / 2; means likewise.
    mean_s += 2 * _C1
    var_s += 2 * _C2
    luminance = mean_s - mean_d
    contrast = var_s - var_d
    mean_s += mean_d
    var_s += var_d
    luminance /= mean_s
    contrast /= var_s
    return luminance, contrast


def _blur(x: np.ndarray) -> np.ndarray:
    """Return the Gaussian mean of every window: (..., H, W) to (..., H - 10, W - 10)."""
    height, width = x.shape[-2] - WINDOW + 1, x.shape[-1] - WINDOW + 1
    down = np.empty((*x.shape[:-2], height, x.shape[-1]))
    for i in range(0, height, _BLOCK):
        n = min(_BLOCK, height - i)
        np.matmul(_BAND[:n, : n + WINDOW - 1], x[..., i : i + n + WINDOW - 1, :], out=down[..., i : i + n, :])
    out = np.empty((*x.shape[:-2], height, width))
    for i in range(0, width, _BLOCK):
        n = min(_BLOCK, width - i)
        np.matmul(down[..., i : i + n + WINDOW - 1], _BAND.T[: n + WINDOW - 1, :n], out=out[..., i : i + n])
    return out


def _band() -> np.ndarray:
    """Return the matrix (BLOCK, BLOCK + 10) whose row i holds the window's weights from column i on."""
    weights = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    matrix = np.zeros((_BLOCK, _BLOCK + WINDOW - 1))
    for i in range(_BLOCK):
        matrix[i, i : i + WINDOW] = weights
    return matrix


_BAND = _band()


class SSIM(PerPictureMean):
    """The mean over pictures of `ssim`, whose options it takes.

    Examples:
        >>> metric = SSIM(channel="rgb")
        >>> hr = np.arange(768, dtype=np.uint8).reshape(16, 16, 3)
        >>> metric.update(hr, hr)
        >>> metric.result()
        1.0
    """

    unit = ""
    higher_is_better = True
    lowest = -1.0
    highest = 1.0
    source = "Wang et al., IEEE TIP 13(4), 2004: the authors' ssim_index.m"
    digits = 4
    follows = ("crop_border", "channel", "round_y")
    columns = (Column("ssim", "SSIM"),)
    measure = staticmethod(ssim)
