"""How an HR picture becomes LR: functions f(hr, scale), and the noise that may go before them.

Random ones, f(hr, scale, rng), are in `presets.py`.
"""

from collections.abc import Callable

import numpy as np

from keras_sr.data.fast_imresize import shrink
from keras_sr.data.presets import PRESETS, preset
from keras_sr.errors import DataError, unknown
from keras_sr.images.resize import imresize


def bicubic(hr: np.ndarray, scale: int) -> np.ndarray:
    """MATLAB's `imresize(hr, 1/scale)`: the kernel of the benchmarks, widened against aliasing."""
    return shrink(hr, scale) if hr.dtype == np.uint8 else imresize(hr, 1 / scale)


def bilinear(hr: np.ndarray, scale: int) -> np.ndarray:
    """OpenCV's `INTER_LINEAR`: for x4 the mean of 2x2 pixels out of 4x4, so aliasing comes in."""
    if hr.dtype == np.uint8:
        return shrink(hr, scale, "bilinear", antialias=False)
    return imresize(hr, 1 / scale, kernel="bilinear", antialias=False)


#: name: function of a picture (H, W, 3) and a scale that divides its sides. uint8 gives uint8, rounded; a
#: float picture stays float. An LR pixel depends on at most `2 * scale` pixels beyond those under it.
DEGRADATIONS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "bicubic": bicubic,
    "bilinear": bilinear,
}


def degradation(name: str) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return a degradation by name; for a random one what whole pictures are shrunk by, which is bicubic.

    Raises:
        DataError: There is none of this name.
    """
    if preset(name) is not None:
        return bicubic
    head, colon, _ = name.partition(":")
    if colon and head in DEGRADATIONS:
        raise DataError(f"{head} has no numbers to change, only {' and '.join(PRESETS)} have: give {head}")
    if name not in DEGRADATIONS:
        raise DataError(unknown("degradation", name, [*DEGRADATIONS, *PRESETS]))
    return DEGRADATIONS[name]


def with_noise(hr: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Return a picture with Gaussian noise, not rounded: float64, in grey levels, may leave [0, 255].

    Args:
        hr: uint8, any shape.
        sigma: Standard deviation in grey levels of 255. A value below 1 is invisible.
        rng: Where the noise comes from.
    """
    return hr + rng.normal(0.0, sigma, hr.shape)


def as_unit(lr: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return grey levels, uint8 or float, as float32 in [0, 1]; clipped; in `out` if given."""
    if lr.dtype != np.uint8:
        lr = lr.clip(0, 255).astype(np.float32)
    return np.divide(lr, np.float32(255), out=out, dtype=np.float32)
