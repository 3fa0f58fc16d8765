"""The one convention for pixels: float32 RGB in [0, 1], shape (H, W, C). Only this file converts."""

import numpy as np

from keras_sr.errors import PictureError

#: White, for every type of pixel that a file may hold. Floats are already in [0, 1].
_WHITE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0, "float64": 1.0, "bool": 1.0}


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Return pixels as float32 in [0, 1].

    The type alone decides what white is: a dark 16-bit picture stays a 16-bit picture.

    Args:
        pixels: Array of any shape; bool, uint8, uint16, float32 or float64.

    Returns:
        float32 array of the same shape. Floats are not clipped.

    Raises:
        PictureError: The array has another type.

    Examples:
        >>> to_float(np.array([0, 51, 255], np.uint8))
        array([0. , 0.2, 1. ], dtype=float32)
    """
    white = _WHITE.get(pixels.dtype.name)
    if white is None:
        raise PictureError(
            f"pixels of type {pixels.dtype} are not understood: give one of {', '.join(_WHITE)}"
        )
    return pixels.astype(np.float32) / np.float32(white)


def from_float(pixels: np.ndarray, dtype: str | np.dtype = "uint8") -> np.ndarray:
    """Return float pixels in [0, 1] as `dtype`: clipped, then rounded to nearest, never truncated.

    Args:
        pixels: Float array of any shape; values outside [0, 1] are clipped.
        dtype: `uint8`, `uint16`, `float32`, `float64` or `bool`.

    Raises:
        PictureError: The type is unknown, or a value is NaN (a network that has diverged).

    Examples:
        >>> from_float(np.array([-0.1, 0.5, 0.998, 1.2]))
        array([  0, 128, 254, 255], dtype=uint8)
    """
    name = np.dtype(dtype).name
    white = _WHITE.get(name)
    if white is None:
        raise PictureError(f"pixels of type {name} are not understood: give one of {', '.join(_WHITE)}")
    # The least of an array that holds NaN is NaN; found faster than by asking each value.
    if pixels.size and np.isnan(pixels.min()):
        raise PictureError("pixels hold NaN: the network or the picture that made them is broken")
    if name.startswith("float"):
        return pixels.astype(name)
    # One array, changed in place: tiles are rounded while they are in the cache. float32 has bits enough
    # for 8-bit results; for 16-bit ones it cannot hold x * 65535 + 0.5 exactly.
    exact = np.float32 if name == "uint8" and pixels.dtype == np.float32 else np.float64
    scaled = np.asarray(pixels * exact(white), exact)
    scaled += 0.5
    np.clip(scaled, 0, white + 0.5, out=scaled)
    return scaled >= 1 if name == "bool" else scaled.astype(name)
