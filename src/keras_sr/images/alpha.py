"""Colours under transparent pixels: invisible, often rubbish, and yet seen by a network at every edge."""

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

    Example:
        >>> row = np.array([[[1.0], [0.2], [0.9]]], np.float32)
        >>> bleed(row, np.array([[1, 0, 0]], np.float32))[..., 0]
        array([[1., 1., 1.]], dtype=float32)
    """
    seen = alpha > 0
    if seen.all() or not seen.any():
        return colours
    weight = np.where(seen, np.maximum(alpha, np.float32(1e-6)), np.float32(0))[..., None]
    filled = fill(colours * weight, weight)
    return np.where(seen[..., None], colours, filled).astype(np.float32)


def fill(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return total / weight, and where the weight is 0 the same of the picture at half its size."""
    known = weight > 0
    mean = total / np.where(known, weight, 1)
    if known.all() or total.shape[0] * total.shape[1] == 1:
        return mean
    height, width = total.shape[:2]
    coarse = fill(halve(total), halve(weight)).repeat(2, 0).repeat(2, 1)[:height, :width]
    return np.where(known, mean, coarse)


def halve(x: np.ndarray) -> np.ndarray:
    """Return sums of 2x2 pixels, (H, W, C) to (ceil(H / 2), ceil(W / 2), C)."""
    height, width = x.shape[:2]
    x = np.pad(x, ((0, height % 2), (0, width % 2), (0, 0)))
    return x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]
