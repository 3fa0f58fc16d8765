"""Fixed damages to measure on: the same LR everywhere, a function of the HR picture and its name."""

import hashlib
from collections.abc import Callable

import numpy as np

from keras_sr.data import damage
from keras_sr.data.fast_imresize import shrink
from keras_sr.errors import DataError, unknown


def _compressed(quality: int) -> Callable[..., np.ndarray]:
    def damaged(hr: np.ndarray, scale: int, rng: np.random.Generator) -> np.ndarray:
        return damage.as_levels(damage.jpeg(shrink(hr, scale).astype(np.float32), quality))

    return damaged


def _noisy(hr: np.ndarray, scale: int, rng: np.random.Generator) -> np.ndarray:
    lr = damage.gaussian_noise(shrink(hr, scale).astype(np.float32), 5.0, False, rng)
    return damage.as_levels(damage.jpeg(lr, 80))


def _blurred(hr: np.ndarray, scale: int, rng: np.random.Generator) -> np.ndarray:
    soft = damage.blur(hr.astype(np.float32), damage.gaussian_kernel(17, 2.5, 2.5))
    return damage.as_levels(damage.jpeg(shrink(damage.as_levels(soft), scale).astype(np.float32), 80))


def _as_webp(hr: np.ndarray, scale: int, rng: np.random.Generator) -> np.ndarray:
    return damage.as_levels(damage.webp(shrink(hr, scale).astype(np.float32), 80))


#: f(hr, scale, rng): uint8 HR, sides multiples of the scale, to uint8 LR. JPEG is 4:2:0, as nearly all are.
FIXED: dict[str, Callable[[np.ndarray, int, np.random.Generator], np.ndarray]] = {
    "jpeg90": _compressed(90),
    "jpeg75": _compressed(75),
    "jpeg50": _compressed(50),
    "noise5_jpeg80": _noisy,
    "blur_jpeg80": _blurred,
    "webp80": _as_webp,
}


def damaged(hr: np.ndarray, scale: int, kind: str, name: str) -> np.ndarray:
    """Return LR of HR after one of the fixed damages; noise is a function of the picture's name.

    Args:
        hr: uint8 (H, W, 3), sides multiples of `scale`.
        scale: HR size over LR size.
        kind: A name in `FIXED`.
        name: Of the picture, without folder and ending.

    Returns:
        uint8 (H / scale, W / scale, 3).

    Raises:
        DataError: There is no such damage, or a picture is too small for it.
    """
    if kind not in FIXED:
        raise DataError(unknown("degradation to measure on", kind, list(FIXED)))
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return FIXED[kind](hr, scale, np.random.Generator(np.random.Philox(seed)))
