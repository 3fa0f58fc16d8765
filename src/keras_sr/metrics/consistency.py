"""LR consistency: what is left of the input when the result is made small again.

A network may invent detail, but what it invents must vanish when the picture is shrunk. Where it does
not, the picture no longer shows what the camera saw. The "LR PSNR" of the NTIRE challenges on
learning the super-resolution space (Lugmayr et al., CVPRW 2021, section 3.2), where 45 dB is the bar.
"""

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.resize import shrunk_rows
from keras_sr.images.storage import release
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.planes import as_array, grey_levels, plane_pair
from keras_sr.metrics.psnr import psnr_of_planes

#: Rows of LR that are looked at at once.
_ROWS = 16


def lr_consistency(sr: np.ndarray, lr: np.ndarray) -> float:
    """Return the PSNR over RGB, in dB, of SR shrunk by MATLAB's bicubic kernel against LR; nothing is shaved.

    Works on some rows at a time: a picture of any size takes a few megabytes, not planes of floats.

    Args:
        sr: Picture (H, W, 1 or 3), uint8, uint16 or float in [0, 1]; others than uint8 are rounded to 8 bits.
        lr: What SR was made from, (H / scale, W / scale, as many channels), of such a type.

    Raises:
        PictureError: SR is not a whole number of times larger, the same on both sides; or one of them is
            no picture, or holds NaN or values far from [0, 1].

    Examples:
        >>> lr_consistency(np.full((8, 12, 3), 7, np.uint8), np.full((2, 3, 3), 7, np.uint8))
        inf
    """
    sr, lr = as_array(sr), as_array(lr)
    scale = whole_scale(sr, lr)
    if sr.shape[2] != lr.shape[2]:
        raise PictureError(f"the pictures differ in size: {sr.shape[2]} channels and {lr.shape[2]}")
    if sr.dtype.kind == "f":
        grey_levels(sr, "the picture")  # from_float would clip what is in another range, and give a number
    if lr.dtype != np.uint8:
        return _of_planes(sr, lr, scale)
    squares = 0
    for start in range(0, len(lr), _ROWS):
        rows = slice(start, min(start + _ROWS, len(lr)))
        apart = _shrunk(sr, scale, rows).astype(np.int32) - lr[rows]
        squares += int((apart * apart).sum(dtype=np.int64))
        release(sr, lr)
    return float(10 * np.log10(255**2 * lr.size / squares)) if squares else float("inf")


def _shrunk(sr: np.ndarray, scale: int, rows: slice) -> np.ndarray:
    """Return some rows of SR shrunk, uint8; SR of another type is rounded first, as in a file."""
    if sr.dtype == np.uint8:
        return shrunk_rows(sr, scale, rows)
    # The kernel reads two LR pixels beyond what it makes; edges stay edges.
    first, last = max(0, rows.start - 4), min(len(sr) // scale, rows.stop + 4)
    part = from_float(to_float(sr[first * scale : last * scale]))
    return shrunk_rows(part, scale, slice(0, last - first))[rows.start - first : rows.stop - first]


def _of_planes(sr: np.ndarray, lr: np.ndarray, scale: int) -> float:
    """Return the same for LR that is not rounded to 8 bits."""
    small = _shrunk(sr, scale, slice(0, len(lr)))
    return psnr_of_planes(*plane_pair(small, lr, channel="rgb"))


def whole_scale(sr: np.ndarray, lr: np.ndarray) -> int:
    """Return how many times larger SR is than LR.

    Raises:
        PictureError: Not a whole number of times, or not the same on both sides.
    """
    if sr.ndim != 3 or lr.ndim != 3 or 0 in (*sr.shape, *lr.shape):
        raise PictureError(f"expected two pictures (H, W, C), got {sr.shape} and {lr.shape}")
    scale = sr.shape[0] // lr.shape[0]
    if scale < 1 or sr.shape[:2] != (lr.shape[0] * scale, lr.shape[1] * scale):
        sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (sr, lr)]
        raise PictureError(f"{sizes[0]} pixels are not a whole number of times the {sizes[1]} of LR")
    return scale


class LRConsistency(PerPictureMean):
    """The mean over pictures of `lr_consistency`: update(sr, lr).

    Examples:
        >>> metric = LRConsistency()
        >>> metric.update(np.full((8, 8, 3), 10, np.uint8), np.zeros((2, 2, 3), np.uint8))
        >>> round(metric.result(), 2)
        28.13
    """

    unit = "dB"
    higher_is_better = True
    lowest = 0.0
    highest = float("inf")
    source = "LR PSNR of the NTIRE 2021 challenge, Lugmayr et al., CVPRW 2021: RGB, whole picture"
    against = "lr"
    follows = ()
    columns = (Column("lr_psnr", "LR-PSNR"),)
    measure = staticmethod(lr_consistency)
