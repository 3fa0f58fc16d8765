"""Transparency: the colours under it, which a network sees at every edge, and alpha made larger."""

import numpy as np


def bleed(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return colours in which what cannot be seen continues what can: no halo when enlarged.

    Pixels with alpha 0 get the mean of the visible pixels around them, from the nearest scale of an image
    pyramid that has any; pixels that can be seen, however little, stay as they are.

    Args:
        colours: float32 (H, W, C), straight.
        alpha: float32 (H, W), 0 where nothing can be seen.

    Returns:
        float32 (H, W, C).

    Examples:
        >>> row = np.array([[[1.0], [0.2], [0.9]]], np.float32)
        >>> bleed(row, np.array([[1, 0, 0]], np.float32))[..., 0]
        array([[1., 1., 1.]], dtype=float32)
    """
    seen = alpha > 0
    if seen.all() or not seen.any():
        return colours
    weight = np.where(seen, np.maximum(alpha, np.float32(1e-6)), np.float32(0))[..., None]
    filled = _fill(colours * weight, weight)
    return np.where(seen[..., None], colours, filled).astype(np.float32)


def _fill(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return total / weight, and where the weight is 0 the same of the picture at half its size."""
    known = weight > 0
    mean = total / np.where(known, weight, 1)
    if known.all() or total.shape[0] * total.shape[1] == 1:
        return mean
    height, width = total.shape[:2]
    coarse = _fill(_halve(total), _halve(weight)).repeat(2, 0).repeat(2, 1)[:height, :width]
    return np.where(known, mean, coarse)


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
        sr: (H * scale, W * scale), of the type of `lr`.
        lr: (H, W).
        scale: SR size over LR size.

    Examples:
        >>> sr = np.array([[240, 251, 90, 4]], np.uint8).repeat(2, 0)
        >>> hold(sr, np.array([[255, 255]], np.uint8), 2)
        >>> sr[0]
        array([255, 255, 255, 255], dtype=uint8)
    """
    height, width = lr.shape
    framed = np.pad(lr, 1, mode="edge")
    for row in range(height):
        around = np.stack([framed[row : row + 3, x : x + width] for x in range(3)])
        low, high = (limit(axis=(0, 1)).repeat(scale) for limit in (around.min, around.max))
        rows = sr[row * scale : (row + 1) * scale]
        np.clip(rows, low, high, out=rows)
