"""Traces of what a picture has been through, measured on its pixels: JPEG's grid, and noise.

A file's name says little: a PNG may hold what was a JPEG an hour ago. A JPEG decoder leaves coefficients of
8x8 blocks at multiples of its steps, most of them at 0, on one of 64 grids and on no other (the plan of Fan
and de Queiroz 2003, doi 10.1109/TIP.2002.807361: compare blocks on the grid with blocks beside it).
"""

import numpy as np

#: Side of the square in the middle that is looked at.
_SIDE = 192
#: Of blocks of JPEG.
_BLOCK = 8
#: Below this a coefficient counts as 0: rounding to whole levels moves it by 0.3 (one sigma).
_ZERO = 0.9
#: By how much more coefficients are 0 on the grid than beside it, and levels of noise, that count as damage:
#: docs/decisions/0023 has what pictures show.
JPEG, NOISE = 0.08, 2.5
#: What R, G and B add to brightness (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
#: Pixels in the smallest side that tells something.
_LEAST = 32


def damage(pixels: np.ndarray) -> str:
    """Return what a picture shows traces of: `"JPEG"`, `"noise"`, or `""`.

    Args:
        pixels: (H, W, bands), uint8, uint16 or floats in [0, 1]: a JPEG that was saved with 16 bits keeps its
            levels. Floats beyond that are no photograph's, and are taken as clean.
    """
    if min(pixels.shape[:2]) < _LEAST:
        return ""
    y = _middle(pixels)
    if y.dtype.kind != "f" or not (y.min() >= -_ZERO and y.max() <= 255 + _ZERO):
        return ""
    if jpeg_grid(y) > JPEG:
        return "JPEG"
    return "noise" if noise(y) > NOISE else ""


def jpeg_grid(y: np.ndarray) -> float:
    """Return how much larger the share of zeros among AC coefficients is on the best of 64 grids.

    Args:
        y: Brightness (H, W) in levels.

    Returns:
        float: Between 0 and 1: the largest share less the median over all grids.
    """
    shares = np.array([_zeros(y[top:, left:]) for top in range(_BLOCK) for left in range(_BLOCK)])
    return float(shares.max() - np.median(shares))


def noise(y: np.ndarray) -> float:
    """Return the standard deviation of noise in levels, from the flattest fiftieth of the blocks.

    The filter ignores what is flat or slanted (Immerkaer 1996, doi 10.1006/cviu.1996.0060).

    Args:
        y: Brightness (H, W) in levels.
    """
    second = y[:-2] - 2 * y[1:-1] + y[2:]
    both = np.abs(second[:, :-2] - 2 * second[:, 1:-1] + second[:, 2:])
    each = _blocks(both).mean(axis=(1, 2)) * np.sqrt(np.pi / 2) / 6
    return float(np.sort(each)[len(each) // 50])


def _middle(pixels: np.ndarray) -> np.ndarray:
    """Return the brightness of the square in the middle, in levels."""
    height, width = pixels.shape[:2]
    top, left = max(0, (height - _SIDE) // 2), max(0, (width - _SIDE) // 2)
    part = pixels[top : top + _SIDE, left : left + _SIDE]
    part = part.astype(np.float32) * np.float32(
        255 / (np.iinfo(part.dtype).max if part.dtype.kind == "u" else 1)
    )
    return part @ _LUMA if part.shape[2] == 3 else part[..., 0]


def _zeros(y: np.ndarray) -> float:
    """Return the share of zeros among the AC coefficients of 8x8 blocks."""
    coefficients = _DCT @ _blocks(y) @ _DCT.T
    return float((np.abs(coefficients) < _ZERO).reshape(len(coefficients), -1)[:, 1:].mean())


def _blocks(y: np.ndarray) -> np.ndarray:
    """Return the whole 8x8 blocks of an image, (n, 8, 8)."""
    rows, columns = (side // _BLOCK for side in y.shape)
    cut = y[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(-1, _BLOCK, _BLOCK)


def _dct(n: int) -> np.ndarray:
    """Return the orthonormal DCT-II of n values, as JPEG has it."""
    k, x = np.mgrid[:n, :n]
    matrix = np.cos(np.pi * k * (2 * x + 1) / (2 * n)) * np.sqrt(2 / n)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


_DCT = _dct(_BLOCK)
