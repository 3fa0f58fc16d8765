"""Sharpness: how steep a picture is. It needs no truth, and tells sharp from blurred, not right from wrong.

Noise and ringing are steep too: read it beside LPIPS or NIQE, and against the sharpness of HR.
"""

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.planes import as_array, planes


def sharpness(image: np.ndarray, *, crop_border: int = 0) -> float:
    """Return the mean length of the gradient of Y, in grey levels a pixel; 0 for a flat picture.

    Differences to the right and to the lower neighbour, where both are in the picture.

    Args:
        image: Picture (H, W, 1 or 3), uint8 or float in [0, 1].
        crop_border: Pixels shaved from each of the four sides.

    Raises:
        PictureError: It is no picture, or less than 2x2 pixels after shaving.

    Examples:
        >>> sharpness(np.full((8, 8, 3), 100, np.uint8))
        0.0
    """
    y = planes(as_array(image), "the picture", crop_border, "y", round_y=False)[0]
    if min(y.shape) < 2:
        raise PictureError(f"sharpness needs 2x2 pixels or more after shaving, not {y.shape[1]}x{y.shape[0]}")
    right = y[:-1, 1:] - y[:-1, :-1]
    down = y[1:, :-1] - y[:-1, :-1]
    return float(np.hypot(right, down).mean())


class Sharpness(PerPictureMean):
    """The mean over pictures of `sharpness`: update(image).

    Examples:
        >>> metric = Sharpness()
        >>> metric.update(np.zeros((8, 8, 3), np.uint8))
        >>> metric.result()
        0.0
    """

    unit = "levels a pixel"
    higher_is_better = None
    lowest = 0.0
    highest = 219.0 * 2**0.5
    source = "mean gradient magnitude of Y (BT.601), forward differences"
    against = ""
    columns = (Column("sharpness", "sharpness"),)
    measure = staticmethod(sharpness)
