"""Grey levels to ranges and back, by the names of the project that this one grew from.

There LR lives in [0, 1] and HR in [-1, 1]. Everywhere else in keras-sr both are in [0, 1] and only
`images/ranges.py` converts.
"""

import numpy as np


def preprocess_LR(x: np.ndarray) -> np.ndarray:
    """Grey levels 0 to 255, any shape, to float32 in [0, 1]."""
    return np.asarray(x, np.float32) / np.float32(255)


def deprocess_LR(x: np.ndarray) -> np.ndarray:
    """[0, 1] to grey levels 0 to 255, clipped and rounded to whole numbers; float32."""
    return np.floor(np.clip(np.asarray(x, np.float32) * np.float32(255), 0, 255) + np.float32(0.5))


def preprocess_HR(x: np.ndarray) -> np.ndarray:
    """Grey levels 0 to 255, any shape, to float32 in [-1, 1]."""
    return np.asarray(x, np.float32) / np.float32(127.5) - np.float32(1)


def deprocess_HR(x: np.ndarray) -> np.ndarray:
    """[-1, 1] to grey levels 0 to 255, clipped and rounded to whole numbers; float32."""
    return deprocess_LR((np.asarray(x, np.float32) + np.float32(1)) / np.float32(2))
