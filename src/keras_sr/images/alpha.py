"""Transparency: the colours under it, which a network sees at every edge, and alpha made larger."""

from collections.abc import Callable

import numpy as np

from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.storage import IN_MEMORY, Storage, everywhere, pieces, release


def bleed(colours: np.ndarray, alpha: np.ndarray, storage: Storage = IN_MEMORY) -> np.ndarray:
    """Return colours in which what cannot be seen continues what can: no halo when enlarged.

    Pixels with alpha 0 get the mean of the visible pixels around them, from the nearest scale of an image
    pyramid that has any; pixels that can be seen, however little, stay as they are. Some rows at a time.

    Args:
        colours: (H, W, C), straight, of any type of pixels.
        alpha: (H, W), 0 where nothing can be seen.
        storage: Where the result and the pyramid go.

    Returns:
        float32 (H, W, C); the colours themselves where all can be seen, or nothing.

    Examples:
        >>> row = np.array([[[1.0], [0.2], [0.9]]], np.float32)
        >>> bleed(row, np.array([[1, 0, 0]], np.float32))[..., 0]
        array([[1., 1., 1.]], dtype=float32)
    """
    if everywhere(lambda part: part > 0, alpha) or everywhere(lambda part: part <= 0, alpha):
        return colours
    levels = _pyramid(colours, alpha, storage)
    while len(levels) > 1:
        coarse = levels.pop()
        _fill(levels[-1], coarse[0])
    filled = levels[0][0]
    out = storage.empty(colours.shape, np.float32)
    for rows in pieces(len(out), _row_bytes(colours)):
        seen = (alpha[rows] > 0)[..., None]
        out[rows] = np.where(seen, to_float(colours[rows]), _doubled(filled, rows, out.shape[1]))
        release(out, filled, colours, alpha)
    return out


#: A level of a pyramid: (h, w, C) sums of colours times alpha, and (h, w, 1) of alpha.
_Level = tuple[np.ndarray, np.ndarray]


def _pyramid(colours: np.ndarray, alpha: np.ndarray, storage: Storage) -> list[_Level]:
    """Return levels, each half as large as the one before, from half the picture's size to one all known."""
    levels = [_half(lambda rows: _weighted(colours[rows], alpha[rows]), colours.shape, storage)]
    release(colours, alpha)
    while not everywhere(lambda part: part > 0, levels[-1][1]):
        total, weight = levels[-1]
        levels.append(_half(lambda rows, t=total, w=weight: (t[rows], w[rows]), total.shape, storage))
        release(total, weight)
    total, weight = levels[-1]
    for rows in pieces(len(total), _row_bytes(total)):
        total[rows] /= weight[rows]
    return levels


def _weighted(colours: np.ndarray, alpha: np.ndarray) -> _Level:
    """Return rows of a picture as those of a level of its size."""
    seen = to_float(alpha)
    weight = np.where(seen > 0, np.maximum(seen, np.float32(1e-6)), np.float32(0))[..., None]
    return to_float(colours) * weight, weight


def _half(level: Callable[[slice], _Level], shape: tuple[int, ...], storage: Storage) -> _Level:
    """Return the level below one, of which some rows can be had at a time."""
    height, width, bands = shape
    small = -(-height // 2), -(-width // 2)
    total = storage.empty((*small, bands), np.float32)
    weight = storage.empty((*small, 1), np.float32)
    for rows in pieces(small[0], 8 * width * (bands + 1) * 4):
        parts = level(slice(2 * rows.start, min(2 * rows.stop, height)))
        total[rows], weight[rows] = (_halve(part) for part in parts)
        release(total, weight)
    return total, weight


def _fill(level: _Level, coarse: np.ndarray) -> None:
    """Turn sums into means, in place; where nothing is known, into what the level below has."""
    total, weight = level
    for rows in pieces(len(total), _row_bytes(total)):
        known = weight[rows] > 0
        mean = total[rows] / np.where(known, weight[rows], 1)
        total[rows] = np.where(known, mean, _doubled(coarse, rows, total.shape[1]))
        release(total, weight, coarse)


def _doubled(coarse: np.ndarray, rows: slice, width: int) -> np.ndarray:
    """Return rows of a level below, twice as large."""
    first = rows.start // 2
    part = coarse[first : -(-rows.stop // 2)].repeat(2, 0).repeat(2, 1)
    return part[rows.start - 2 * first : rows.stop - 2 * first, :width]


def _row_bytes(picture: np.ndarray) -> int:
    """Return the bytes of floats that a row of a picture (H, W, C) takes on the way."""
    return 6 * picture[0].size * 4


def _halve(x: np.ndarray) -> np.ndarray:
    """Return sums of 2x2 pixels, (H, W, C) to (ceil(H / 2), ceil(W / 2), C)."""
    height, width = x.shape[:2]
    x = np.pad(x, ((0, height % 2), (0, width % 2), (0, 0)))
    return x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]


def hold(sr: np.ndarray, lr: np.ndarray, scale: int) -> None:
    """Bring an enlarged alpha between the least and the most alpha of the 3x3 LR pixels around, in place.

    A network that invents texture invents it in alpha, too. So what is opaque stays opaque, and what is
    invisible stays invisible.

    Args:
        sr: (H * scale, W * scale).
        lr: (H, W), of any type of pixels.
        scale: SR size over LR size.

    Examples:
        >>> sr = np.array([[240, 251, 90, 4]], np.uint8).repeat(2, 0)
        >>> hold(sr, np.array([[255, 255]], np.uint8), 2)
        >>> sr[0]
        array([255, 255, 255, 255], dtype=uint8)
    """
    height, width = lr.shape
    for row in range(height):
        near = lr[[max(row - 1, 0), row, min(row + 1, height - 1)]]
        framed = np.pad(from_float(to_float(near), sr.dtype), ((0, 0), (1, 1)), mode="edge")
        around = np.stack([framed[:, x : x + width] for x in range(3)])
        low, high = (limit(axis=(0, 1)).repeat(scale) for limit in (around.min, around.max))
        rows = sr[row * scale : (row + 1) * scale]
        np.clip(rows, low, high, out=rows)
        if row % 256 == 0:
            release(sr, lr)
