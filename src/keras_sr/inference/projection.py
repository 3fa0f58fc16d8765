"""Results that shrink back to their pictures: the network's, moved by the least that makes it so.

With D the shrinking by MATLAB's bicubic kernel, y the network's SR and x its LR, the nearest picture that
D maps to x is y + D'(DD')^-1 (x - Dy). D works on rows and columns separately, and each DD' is a band of
a few diagonals, so this is exact and takes time in proportion to the pixels. What (DD')^-1 adds falls
off by about a factor of three a pixel, which is why it can be done tile by tile.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from keras_sr.errors import KerasSRError
from keras_sr.images.resize import axis_matrix, axis_weights
from keras_sr.inference.engines import Engine, FromFacts, facts_of
from keras_sr.inference.tiling import framed

#: LR pixels beyond which a correction is too small to change a pixel of 16 bits.
REACH = 10

#: Moving a picture takes it out of [0, 1] here and there, and clipping it moves it off again: how often
#: both are done in turn.
_ROUNDS = 4

#: A difference in LR that is close enough: a fortieth of a level of 8 bits.
_CLOSE = 1e-4


class ConsistentEngine(FromFacts):
    """An engine whose results shrink back to what they were made from; else what it wraps.

    Args:
        engine: From `inference.engines`.

    Raises:
        KerasSRError: The engine leaves the size as it is: the only result that "shrinks back" is the picture.
    """

    def __init__(self, engine: Engine) -> None:
        if engine.scale == 1:
            raise KerasSRError(
                f"{engine.name} cleans a picture and keeps its size: `consistent` would undo all of it; "
                "leave it out"
            )
        self.facts = replace(
            facts_of(engine),
            name=f"{engine.name}, consistent",
            receptive_field=engine.receptive_field + REACH,
            # Two more pictures of SR in float32.
            bytes_per_pixel=engine.bytes_per_pixel + 2 * 3 * 4 * engine.scale**2,
            # What shrinks back has to end where the picture ends: the frame is put on and cut off in here.
            frame=0,
        )
        self._engine = engine

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Map LR float32 (N, h, w, 3) in [0, 1] to SR float32 (N, h * scale, w * scale, 3) in [0, 1]."""
        frame, cut = self._engine.frame, self._engine.frame * self.scale
        larger = self._engine.run(np.stack([framed(lr, frame) for lr in batch]))
        larger = larger[:, cut : larger.shape[1] - cut, cut : larger.shape[2] - cut]
        return np.stack([consistent(sr, lr) for sr, lr in zip(larger, batch, strict=True)])


def consistent(sr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Return the picture nearest to SR, in [0, 1], that shrinks to LR.

    Args:
        sr: float32 (H, W, C).
        lr: float32 (h, w, C) in [0, 1], with H and W whole multiples.

    Returns:
        float32 (H, W, C); exact but for what has to be clipped, a few hundredths of a level of 8 bits.

    Examples:
        >>> from keras_sr.images.resize import imresize
        >>> rng = np.random.default_rng(0)
        >>> lr = rng.random((6, 9, 3), np.float32) * 0.2 + 0.4
        >>> sr = consistent(imresize(lr, 4) + rng.normal(0, 0.02, (24, 36, 3)).astype(np.float32), lr)
        >>> bool(np.abs(imresize(sr, 1 / 4) - lr).max() < 2e-4)
        True
    """
    sr = sr.astype(np.float32, copy=True)
    for _ in range(_ROUNDS):
        residual = lr - shrink(shrink(sr, 0, lr.shape[0]), 1, lr.shape[1])
        if np.abs(residual).max() < _CLOSE:
            break
        sr += spread(spread(residual, 1, sr.shape[1]), 0, sr.shape[0])
        np.clip(sr, 0, 1, out=sr)
    return sr


def null_part(sr: np.ndarray, scale: int) -> np.ndarray:
    """Return what of SR (H, W, C) vanishes when it is shrunk: all that LR cannot tell, and only that.

    For tiles: two products of dense matrices an axis, which grow with its length.
    """
    height, width = (_down_and_back(side, side // scale) for side in sr.shape[:2])
    small = _along_both(height[0], width[0], sr)
    return sr - _along_both(height[1], width[1], small)


def _along_both(rows: np.ndarray, columns: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Apply a matrix along each of the first two axes of (H, W, C)."""
    height, width, bands = image.shape
    tall = (rows @ image.reshape(height, -1)).reshape(-1, width, bands)
    return np.matmul(columns, tall)


@lru_cache(maxsize=16)
def _down_and_back(size: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return D and D'(DD')^-1 of an axis, (length, size) and (size, length), float32."""
    down = axis_matrix(size, length, length / size, "bicubic", True)
    return down.astype(np.float32), np.linalg.pinv(down).astype(np.float32)


def shrink(image: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Apply D along an axis: MATLAB's bicubic with antialiasing."""
    taps, weights = _kernel(image.shape[axis], size)
    flat = np.moveaxis(image, axis, 0)
    out = np.zeros((size, *flat.shape[1:]), np.float32)
    for tap, weight in zip(taps.T, weights.T, strict=True):
        out += weight.reshape(-1, *[1] * (flat.ndim - 1)) * flat[tap]
    return np.moveaxis(out, 0, axis)


def spread(image: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Apply D'(DD')^-1 along an axis: the least change of `size` pixels that shrinks to `image`."""
    length = image.shape[axis]
    taps, weights = _kernel(size, length)
    flat = np.moveaxis(image, axis, 0)
    solved = _solve(factor(size, length), flat)
    out = np.zeros((size, *flat.shape[1:]), np.float32)
    # Two rows of a tap read the same pixel only where taps are held at the edge.
    for tap, weight in zip(taps.T, weights.T, strict=True):
        part = weight.reshape(-1, *[1] * (flat.ndim - 1)) * solved
        if (np.diff(tap) > 0).all():
            out[tap] += part
        else:
            np.add.at(out, tap, part)
    return np.moveaxis(out, 0, axis)


def _kernel(size: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what each of `length` pixels reads of `size`: indices and float32 weights, (length, taps)."""
    taps, weights = axis_weights(size, length, length / size, "bicubic", True)
    return taps, weights.astype(np.float32)


@lru_cache(maxsize=16)
def factor(size: int, length: int) -> np.ndarray:
    """Return the Cholesky factor L of DD' = LL' as its diagonals: [i, k] is L[i, i - k]."""
    taps, weights = axis_weights(size, length, length / size, "bicubic", True)
    diagonals: list[np.ndarray] = []
    for k in range(length):
        shared = taps[k:, :, None] == taps[: length - k, None, :]
        products = np.einsum("ia,iab,ib->i", weights[k:], shared, weights[: length - k])
        if not products.any():
            break
        diagonals.append(np.concatenate([np.zeros(k), products]))
    band = np.stack(diagonals, axis=1)
    for i in range(length):
        for k in range(min(i, band.shape[1] - 1), -1, -1):
            # L[i, j] with j = i - k, less what both rows have before column j.
            known = band[i, k + 1 : i + 1] @ band[i - k, 1 : band.shape[1] - k][: i - k]
            rest = band[i, k] - known
            band[i, k] = rest**0.5 if k == 0 else rest / band[i - k, 0]
    return band.astype(np.float32)


def _solve(band: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return x of LL' x = right, along the first axis, from the diagonals of L."""
    length, reach = band.shape
    x = right.astype(np.float32, copy=True)
    for i in range(length):
        for k in range(1, min(i, reach - 1) + 1):
            x[i] -= band[i, k] * x[i - k]
        x[i] /= band[i, 0]
    for i in range(length - 1, -1, -1):
        for k in range(1, min(length - 1 - i, reach - 1) + 1):
            x[i] -= band[i + k, k] * x[i + k]
        x[i] /= band[i, 0]
    return x
