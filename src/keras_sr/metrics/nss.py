"""Natural-scene statistics: the 36 numbers by which NIQE describes a block of a picture.

Mittal, Soundararajan, Bovik: Making a "completely blind" image quality analyzer. IEEE Signal
Processing Letters 20(3), 2013, section III. Details that the paper leaves open (borders, rounding,
the second scale) are as in the authors' MATLAB code, since published figures come from it.
"""

from functools import lru_cache
from math import lgamma
from typing import Any

import numpy as np

from keras_sr.errors import PictureError, unknown
from keras_sr.images.resize import imresize
from keras_sr.metrics.planes import as_array, planes

#: Side of a block at the first of two scales, and features of a block.
BLOCK = 96
FEATURES = 36

#: The local window: 7x7, sigma 7/6.
_RADIUS, _SIGMA = 3, 7 / 6

#: Neighbours whose products are described: to the right, below, and the two diagonals (rows, columns).
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))


#: MATLAB's `rgb2gray`.
_GREY = np.array([0.298936021293775, 0.587043074451121, 0.114020904255103])


def luma_of(image: Any, crop_border: int = 0, channel: str = "y") -> np.ndarray:
    """Return a picture in whole grey levels, float64 (H, W).

    Args:
        image: Picture (H, W, 1 or 3), uint8 or float in [0, 1].
        crop_border: Pixels shaved from each of the four sides.
        channel: `"y"`: BT.601 in studio range, MATLAB's `rgb2ycbcr`. `"grey"`: full range, `rgb2gray`.
    """
    if channel not in ("y", "grey"):
        raise PictureError(unknown("channel", channel, ["y", "grey"]))
    if channel == "y":
        y = planes(as_array(image), "the picture", crop_border, "y", round_y=True)[0]
    else:
        rgb = planes(as_array(image), "the picture", crop_border, "rgb", round_y=False)
        y = np.floor((np.tensordot(_GREY, rgb, 1) if len(rgb) == 3 else rgb[0]) + 0.5)
    if min(y.shape) < BLOCK:
        raise PictureError(
            f"NIQE needs {BLOCK}x{BLOCK} pixels or more after shaving, not {y.shape[1]}x{y.shape[0]}"
        )
    return y


def block_features(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Describe each block of 96x96 pixels; what is left over at the right and below does not count.

    Args:
        y: Luma, float64 (H, W), grey levels.

    Returns:
        Features, float64 (blocks, 36), row by row; NaN where a block is flat. Sharpness of each block
        (blocks,): the mean local deviation.
    """
    rows, columns = (side // BLOCK for side in y.shape)
    y = y[: rows * BLOCK, : columns * BLOCK]
    found, sharpness = [], np.empty(0)
    for side in (BLOCK, BLOCK // 2):
        normalized, deviation = _normalize(y)
        found.append(_describe(_blocks(normalized, side)))
        if side == BLOCK:
            sharpness = _blocks(deviation, side).mean(axis=(1, 2))
            y = _halve(y)
    return np.concatenate(found, axis=1), sharpness


def _halve(y: np.ndarray) -> np.ndarray:
    """Return luma at half its size, by bicubic shrinking of floats with mirrored edges: MATLAB's today."""
    # `imresize` repeats edges, as the MATLAB of the benchmark sets did: mirrored by 8, they are out of sight.
    return imresize(np.pad(y, 8, mode="symmetric"), 0.5)[4:-4, 4:-4]


def _normalize(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return luma less its local mean over its local deviation (eq. 1 to 3), and the deviation."""
    mean = smooth(y)
    deviation = np.sqrt(np.abs(smooth(y * y) - mean * mean))
    return (y - mean) / (deviation + 1.0), deviation


def smooth(x: np.ndarray) -> np.ndarray:
    """Return the Gaussian mean around each pixel, edges repeated: (H, W) to (H, W)."""
    weights = np.exp(-(np.arange(-_RADIUS, _RADIUS + 1) ** 2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for axis in (0, 1):
        padded = np.pad(x, [(_RADIUS, _RADIUS) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        # Added one by one, never by a matrix product: where a picture is flat, the last bit decides on which
        # side of zero a pixel counts, and figures would differ between machines in the fifth digit.
        out = np.zeros_like(x)
        for i, weight in enumerate(weights):
            out += weight * np.take(padded, np.arange(i, i + x.shape[axis]), axis)
        x = out
    return x


def _blocks(x: np.ndarray, side: int) -> np.ndarray:
    """Cut (H, W) into squares, row by row: (blocks, side, side)."""
    height, width = x.shape
    squares = x.reshape(height // side, side, width // side, side).swapaxes(1, 2)
    return squares.reshape(-1, side, side)


def _describe(squares: np.ndarray) -> np.ndarray:
    """Return the 18 features of each square at one scale: (n, side, side) to (n, 18)."""
    shape, left, right = asymmetric_gaussian(squares)
    features = [shape, (left + right) / 2]
    for shift in _NEIGHBOURS:
        # Around the edge of the block, as the authors' code does.
        shape, left, right = asymmetric_gaussian(squares * np.roll(squares, shift, axis=(1, 2)))
        features += [shape, (right - left) * _mean_factor(shape), left, right]
    return np.stack(features, axis=1)


def asymmetric_gaussian(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit an asymmetric generalised Gaussian to each square of (n, side, side) by its moments (eq. 4 to 8).

    Lasmar, Stitou, Berthoumieu, ICIP 2009. The shape is the nearest of 0.2, 0.201, ... 10.

    Returns:
        Shape, left and right scale, each (n,); NaN where all values have one sign.
    """
    x = x.reshape(len(x), -1)
    square = x * x
    negative, positive = x < 0, x > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt((square * negative).sum(axis=1) / negative.sum(axis=1))
        right = np.sqrt((square * positive).sum(axis=1) / positive.sum(axis=1))
        ratio = left / right
        moment = np.abs(x).mean(axis=1) ** 2 / square.mean(axis=1)
        moment = moment * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, moments, scales, _ = table()
    # `moments` rises, so the nearest entry is beside the place where a value would be put in.
    place = np.clip(np.searchsorted(moments, moment), 1, len(moments) - 1)
    place -= moment - moments[place - 1] < moments[place] - moment
    known = np.isfinite(moment)
    scale = np.where(known, scales[place], np.nan)
    return np.where(known, shapes[place], np.nan), left * scale, right * scale


def _mean_factor(shape: np.ndarray) -> np.ndarray:
    """Return gamma(2 / shape) / gamma(1 / shape) of shapes in the table; NaN stays NaN."""
    shapes, _, _, factors = table()
    place = np.clip(np.searchsorted(shapes, np.nan_to_num(shape, nan=1.0) - 5e-4), 0, len(shapes) - 1)
    return np.where(np.isfinite(shape), factors[place], np.nan)


@lru_cache(maxsize=1)
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return shapes, and what follows from each: normalised moment, scale a deviation, factor of the mean."""
    shapes = 0.2 + 0.001 * np.arange(9801)
    one, two, three = (np.array([lgamma(k / shape) for shape in shapes]) for k in (1, 2, 3))
    return shapes, np.exp(2 * two - one - three), np.exp((one - three) / 2), np.exp(two - one)
