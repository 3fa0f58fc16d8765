"""Colour drift: how far the mean colour of a picture moved.

PSNR hides a shift of half a level, the eye does not hide a tint. GANs trained without a pixel term,
and wrong ranges or channel orders, show here first.
"""

import numpy as np

from keras_sr.images.color import RGB_TO_YCBCR
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.planes import plane_pair


def color_drift(sr: np.ndarray, hr: np.ndarray, *, crop_border: int = 0) -> np.ndarray:
    """Return mean(SR) - mean(HR) of Y, Cb and Cr: float64 (3,), in grey levels; (0, 0, 0) is best.

    Y, Cb, Cr of BT.601 in studio range. Cb above 0: bluer, Cr above 0: redder.

    Args:
        sr: Picture (H, W, 1 or 3), uint8 or float in [0, 1]; grey counts as R = G = B.
        hr: The truth, of the same size.
        crop_border: Pixels shaved from each of the four sides.

    Raises:
        PictureError: The pictures cannot be compared; the line says why.

    Examples:
        >>> color_drift(np.full((4, 4, 3), 20, np.uint8), np.full((4, 4, 3), 10, np.uint8)).round(3) + 0.0
        array([8.588, 0.   , 0.   ])
    """
    a, b = plane_pair(sr, hr, crop_border=crop_border, channel="rgb")
    shift = np.broadcast_to(a.mean(axis=(1, 2)) - b.mean(axis=(1, 2)), 3)
    return RGB_TO_YCBCR @ shift / 255.0


class ColorDrift(PerPictureMean):
    """The mean over pictures of `color_drift`, an array (3,); shifts up and down cancel in it.

    Examples:
        >>> metric = ColorDrift()
        >>> metric.update(np.full((2, 4, 4, 3), 20, np.uint8), np.full((2, 4, 4, 3), 10, np.uint8))
        >>> float(metric.result()[0].round(3))
        8.588
    """

    unit = "levels"
    higher_is_better = None
    lowest = -255.0
    highest = 255.0
    source = "mean(SR) - mean(HR) of Y, Cb, Cr, BT.601 in studio range"
    columns = tuple(
        Column(f"drift_{plane.lower()}", f"drift {plane}", part=part)
        for part, plane in enumerate(("Y", "Cb", "Cr"))
    )
    measure = staticmethod(color_drift)
