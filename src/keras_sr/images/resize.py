"""MATLAB's `imresize`, exactly: the kernel that makes the LR images of every SR benchmark.

Each axis is one small matrix of weights; a picture is resized by one pass an axis, the axis that
shrinks most first (rows first when equal). A uint8 picture is rounded to uint8 between the passes,
as MATLAB does: keeping floats there changes one pixel in nine by one level. Taps outside the
picture take the value at its edge. Both facts were found by comparing with the LR images of Set5,
Set14 and BSD100, which this file reproduces bit for bit (tests/images/test_resize.py).
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from keras_sr.errors import KerasSRError, unknown
from keras_sr.types import Float, Shaped


def _cubic(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Keys' cubic convolution with a = -0.5 (IEEE ASSP 29(6), 1981, eq. 15); support [-2, 2]."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _triangle(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """The bilinear kernel; support [-1, 1]."""
    return np.maximum(1.0 - np.abs(x), 0.0)


def _lanczos(lobes: int, x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Windowed sinc; support [-lobes, lobes]."""
    return np.where(np.abs(x) < lobes, np.sinc(x) * np.sinc(x / lobes), 0.0)


#: name: (kernel, width of its support in source pixels)
KERNELS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "bicubic": (_cubic, 4),
    "bilinear": (_triangle, 2),
    "lanczos2": (lambda x: _lanczos(2, x), 4),
    "lanczos3": (lambda x: _lanczos(3, x), 6),
}


@lru_cache(maxsize=256)
def axis_weights(
    size_in: int, size_out: int, scale: float, kernel: str, antialias: bool
) -> tuple[Shaped[np.ndarray, "{size_out} taps"], Float[np.ndarray, "{size_out} taps"]]:
    """Return what each output pixel of one axis reads: source indices and weights, both (out, taps).

    The weights of an output pixel sum to 1; the indices lie in [0, size_in).
    """
    function, width = KERNELS[kernel]
    stretch = min(scale, 1.0) if antialias else 1.0
    support = width / stretch
    # The centre of output pixel i, in source pixels, both counted from 0 at the first pixel's centre.
    centre = (np.arange(size_out) + 0.5) / scale - 0.5
    first = np.floor(centre - support / 2).astype(int)
    taps = first[:, None] + np.arange(int(np.ceil(support)) + 2)
    weights = function((centre[:, None] - taps) * stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    used = (weights != 0).any(axis=0)
    return taps[:, used].clip(0, size_in - 1), weights[:, used]


@lru_cache(maxsize=64)
def axis_matrix(
    size_in: int, size_out: int, scale: float, kernel: str, antialias: bool
) -> Float[np.ndarray, "{size_out} {size_in}"]:
    """Return the same as `axis_weights`, as a dense matrix (out, in): faster where it is small."""
    taps, weights = axis_weights(size_in, size_out, scale, kernel, antialias)
    matrix = np.zeros((size_out, size_in))
    np.add.at(matrix, (np.arange(size_out)[:, None], taps), weights)
    return matrix


#: Up to this many entries the dense matrix wins over the loop over taps.
DENSE_LIMIT = 1 << 17


def _resize_axis(
    image: np.ndarray, axis: int, size_out: int, scale: float, kernel: str, antialias: bool
) -> np.ndarray:
    """Resize one axis of a float64 array."""
    size_in = image.shape[axis]
    flat = np.moveaxis(image, axis, 0)
    if size_in * size_out <= DENSE_LIMIT:
        matrix = axis_matrix(size_in, size_out, scale, kernel, antialias)
        out = (matrix @ flat.reshape(size_in, -1)).reshape(size_out, *flat.shape[1:])
    else:
        taps, weights = axis_weights(size_in, size_out, scale, kernel, antialias)
        out = np.zeros((size_out, *flat.shape[1:]))
        for tap, weight in zip(taps.T, weights.T, strict=True):
            out += weight.reshape(-1, *[1] * (flat.ndim - 1)) * flat[tap]
    return np.moveaxis(out, 0, axis)


def imresize(
    image: np.ndarray,
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    kernel: str = "bicubic",
    antialias: bool = True,
) -> np.ndarray:
    """Resize a picture as MATLAB's `imresize(image, scale, kernel)` does.

    Args:
        image: (H, W) or (H, W, C); uint8 or uint16 (rounded and clipped after each pass), or float
            (neither rounded nor clipped: bicubic over- and undershoots).
        scale: Size of the result over size of the picture, such as 4 or 1/4; the result has
            ceil(scale * size) pixels.
        size: (height, width) of the result, instead of `scale`.
        kernel: `"bicubic"`, `"bilinear"`, `"lanczos2"` or `"lanczos3"`.
        antialias: Widen the kernel when shrinking, as MATLAB does by default.

    Returns:
        Array of the picture's type, (H', W') or (H', W', C); float stays float32 or float64.

    Raises:
        KerasSRError: Neither or both of `scale` and `size` given, or not positive; unknown kernel.

    Examples:
        >>> imresize(np.array([[0, 255], [255, 0]], np.uint8), 0.5)
        array([[128]], dtype=uint8)
    """
    if kernel not in KERNELS:
        raise KerasSRError(unknown("kernel", kernel, list(KERNELS)))
    if (scale is None) == (size is None):
        raise KerasSRError("imresize takes exactly one of scale and size")
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise KerasSRError(f"imresize takes (H, W) or (H, W, C) with pixels in it, not {image.shape}")
    height, width = image.shape[:2]
    if size is not None:
        scales = [size[0] / height, size[1] / width]
    else:
        scales = [float(scale or 0)] * 2
        # 1e-9: ceil(1/3 * 6) must be 2 whatever the last bit of 1/3 is.
        size = int(np.ceil(height * scales[0] - 1e-9)), int(np.ceil(width * scales[1] - 1e-9))
    if min(size) < 1:
        raise KerasSRError(f"imresize makes pictures of at least 1x1 pixels, not {size} (scale {scale})")
    top = np.iinfo(image.dtype).max if image.dtype.kind == "u" else None
    out = image.astype(np.float64)
    for axis in map(int, np.argsort(scales, kind="stable")):
        if size[axis] == image.shape[axis]:
            continue
        out = _resize_axis(out, axis, size[axis], scales[axis], kernel, antialias)
        if top is not None:
            # 1e-9: an exact half must round up whatever the order of the sum was.
            out = np.floor(np.clip(out, 0, top) + (0.5 + 1e-9))
    return out.astype(image.dtype)


def imresize_rows(image: np.ndarray, size: tuple[int, int], rows: slice) -> np.ndarray:
    """Return some rows of `imresize(image, size=size)`, bicubic, from no more of the picture than they need.

    Args:
        image: Float (H, W) or (H, W, C).
        size: (height, width) of the whole result.
        rows: Which rows of the result.

    Returns:
        float64 (rows, W') or (rows, W', C).

    Examples:
        >>> image = np.arange(12.0).reshape(4, 3)
        >>> np.allclose(imresize_rows(image, (9, 5), slice(2, 4)), imresize(image, size=(9, 5))[2:4])
        True
    """
    taps, weights = axis_weights(len(image), size[0], size[0] / len(image), "bicubic", True)
    taps, weights = taps[rows], weights[rows]
    first = taps.min()
    part = image[first : taps.max() + 1].astype(np.float64)
    if size[1] != image.shape[1]:
        part = _resize_axis(part, 1, size[1], size[1] / image.shape[1], "bicubic", True)
    out = np.zeros((len(taps), *part.shape[1:]))
    for tap, weight in zip(taps.T, weights.T, strict=True):
        out += weight.reshape(-1, *[1] * (part.ndim - 1)) * part[tap - first]
    return out


def shrunk_rows(image: np.ndarray, times: int, rows: slice) -> np.ndarray:
    """Return some rows of `imresize(image, 1 / times)`, bit for bit, from no more than they need.

    By sums of shifted views in place of planes of float64; in float32 where all weights are whole multiples
    of 1/4096 (2 and 4 times), so that no sum is ever rounded. In one thread: a network has the others.

    Args:
        image: uint8 (H, W, C), with H and W multiples of `times`.
        times: How many times smaller the result is.
        rows: Which rows of the result.

    Returns:
        uint8 (rows, W / times, C).

    Examples:
        >>> image = np.random.default_rng(0).integers(0, 256, (40, 24, 3), np.uint8)
        >>> bool((shrunk_rows(image, 4, slice(2, 9)) == imresize(image, 1 / 4)[2:9]).all())
        True
    """
    offset, weights = _whole_kernel(times)
    first: int = rows.start * times + offset
    last: int = (rows.stop - 1) * times + offset + len(weights) - 1
    there = np.arange(first, last + 1).clip(0, len(image) - 1)
    # A slice where it is one, so that nothing is copied.
    inside = there[0] == first and there[-1] - there[0] + 1 == len(there)
    part = image[there[0] : there[-1] + 1] if inside else image[there]
    tall = _summed(part, times, weights, rows.stop - rows.start)
    edges = (-offset, len(weights) + offset - times)
    wide = np.pad(tall.transpose(1, 0, 2), (edges, (0, 0), (0, 0)), mode="edge")
    return _summed(wide, times, weights, image.shape[1] // times).transpose(1, 0, 2)


@lru_cache(maxsize=16)
def _whole_kernel(times: int) -> tuple[int, np.ndarray]:
    """Return where the taps of pixel 0 begin, and their weights, the same for every pixel."""
    taps, weights = axis_weights(64 * times, 64, 1 / times, "bicubic", True)
    places = taps[32] - 32 * times
    dense = np.zeros(np.ptp(places) + 1, np.float32 if times in (1, 2, 4) else np.float64)
    dense[places - places[0]] = weights[32]
    return int(places[0]), dense


def _summed(image: np.ndarray, times: int, weights: np.ndarray, count: int) -> np.ndarray:
    """Return `count` rows: of each, the weighted sum of those from `times` times its number on, uint8."""
    image = image.astype(weights.dtype)
    out = np.zeros((count, *image.shape[1:]), weights.dtype)
    part = np.empty_like(out)
    for tap in np.nonzero(weights)[0]:
        weight = weights[tap]
        np.multiply(image[tap : tap + (count - 1) * times + 1 : times], weight, out=part)
        out += part
    # As `imresize` rounds.
    np.clip(out, 0, 255, out=out)
    out += 0.5 if weights.dtype == np.float32 else 0.5 + 1e-9
    return out.astype(np.uint8)
