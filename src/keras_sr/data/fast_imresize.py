"""What `images.resize.imresize(hr, 1 / scale)` gives for uint8, several times faster, for every LR patch.

Where the scale is a whole number and divides the sides, all output pixels have the same weights. So a few
output rows at a time are one small matrix product over the input rows that they read, which overlap. The
weights of x2 and x4 are multiples of 1/4096: sums of them are exact in float32.
"""

from functools import lru_cache

import numpy as np

from keras_sr.images.resize import axis_weights

#: Output rows in one matrix product: more of them multiply more zeros, fewer make more calls.
_ROWS = 4

#: Columns in one matrix product, so that what it reads stays in the processor's cache. OpenBLAS would hand
#: far wider ones to threads of its own: a hundred times slower where the loader's threads use the cores.
WIDTH = 384


def shrink(hr: np.ndarray, scale: int, kernel: str = "bicubic", antialias: bool = True) -> np.ndarray:
    """Return `imresize(hr, 1 / scale, kernel=kernel, antialias=antialias)`, bit for bit.

    Args:
        hr: uint8 (H, W, 3), sides multiples of `scale`.
        scale: Whole number from 2 on.
        kernel: A name in `images.resize.KERNELS`.
        antialias: Widen the kernel, as MATLAB does.

    Returns:
        uint8 (H / scale, W / scale, 3).
    """
    first, matrix = _rows_matrix(scale, kernel, antialias)
    for _ in range(2):  # MATLAB: rows first, then columns, rounded in between.
        flat = hr.reshape(len(hr), -1)
        strips = [
            _shrink_rows(flat[:, at : at + WIDTH], scale, first, matrix)
            for at in range(0, flat.shape[1], WIDTH)
        ]
        rows = strips[0] if len(strips) == 1 else np.concatenate(strips, axis=1)
        hr = transposed(rows.reshape(-1, *hr.shape[1:]))
    return hr


def _shrink_rows(flat: np.ndarray, scale: int, first: int, matrix: np.ndarray) -> np.ndarray:
    """Shrink uint8 (H, K) to (H / scale, K)."""
    (height, width), taps = flat.shape, matrix.shape[1]
    blocks = -(-height // (_ROWS * scale))
    padded = np.empty(((blocks - 1) * _ROWS * scale + taps, width), matrix.dtype)
    inner = padded[-first:][:height]
    padded[:-first], inner[:], padded[-first + height :] = flat[0], flat[: len(inner)], flat[-1]
    # What sliding_window_view gives, which alone would take longer than the product.
    row, item = padded.strides
    read = np.ndarray((blocks, taps, width), matrix.dtype, padded, strides=(_ROWS * scale * row, row, item))
    out = np.matmul(matrix, read).reshape(-1, width)[: height // scale]
    # 1e-9 as in imresize: an exact half rounds up. In float32 the sums are exact and it changes nothing.
    out += 0.5 + 1e-9
    return np.clip(out, 0, 255, out=out).astype(np.uint8)


@lru_cache(maxsize=32)
def _rows_matrix(scale: int, kernel: str, antialias: bool) -> tuple[int, np.ndarray]:
    """Return where the first output row starts to read (0 or below), and the weights of ROWS output rows."""
    taps, weights = axis_weights(64 * scale, 64, 1 / scale, kernel, antialias)
    reads, weights = taps[32] - 32 * scale, weights[32]  # A row far from the edges, where nothing is clamped.
    first = min(int(reads[0]), 0)
    matrix = np.zeros((_ROWS, (_ROWS - 1) * scale + int(reads[-1]) - first + 1))
    for row in range(_ROWS):
        matrix[row, row * scale + reads - first] = weights
    exact = (weights * 4096 == np.round(weights * 4096)).all()
    return first, matrix.astype(np.float32 if exact else np.float64)


def transposed(image: np.ndarray) -> np.ndarray:
    """Swap rows and columns of uint8 (H, W, 3); whole pixels are moved, which is faster than single bytes."""
    return np.ascontiguousarray(image.view("V3")[..., 0].T)[..., None].view(np.uint8)
