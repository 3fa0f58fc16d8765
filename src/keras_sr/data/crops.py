"""Cut LR/HR crops that belong together, and turn them. Pure functions on uint8 arrays (H, W, 3)."""

from collections.abc import Callable

import numpy as np

#: LR pixels that the widest kernel reads beyond an LR crop.
_MARGIN = 2

#: The number of ways to turn and mirror a square.
TURNS = 8


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Return the picture without the rows and columns at its end that do not fill a multiple of `scale`.

    Examples:
        >>> crop_to_multiple(np.zeros((10, 13, 3)), 4).shape
        (8, 12, 3)
    """
    height, width = image.shape[:2]
    return image[: height - height % scale, : width - width % scale]


def crop_pair(
    lr: np.ndarray, hr: np.ndarray, y: int, x: int, size: tuple[int, int], scale: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the LR crop at (y, x) of `size` (height, width), in LR pixels, and the HR crop of that spot."""
    h, w = size
    return lr[y : y + h, x : x + w], hr[y * scale : (y + h) * scale, x * scale : (x + w) * scale]


def crop_and_shrink(
    hr: np.ndarray,
    y: int,
    x: int,
    size: tuple[int, int],
    scale: int,
    shrink: Callable[[np.ndarray, int], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `crop_pair` would give had the whole picture been shrunk, without shrinking all of it.

    A kernel reads `2 * scale` pixels beyond the crop, so that much is shrunk with it and cut off after it.
    At the picture's own edge there is no more, as in the whole picture.

    Args:
        hr: uint8 (H, W, 3), sides multiples of `scale`.
        y: Top of the crop in LR pixels.
        x: Left of the crop in LR pixels.
        size: (height, width) of the LR crop.
        scale: HR size over LR size.
        shrink: Function of a picture and a scale; one of `degradations.DEGRADATIONS`.

    Returns:
        LR (h, w, 3), as `shrink` gives it, and HR (h * scale, w * scale, 3), uint8.
    """
    h, w = size
    top, left = max(y - _MARGIN, 0), max(x - _MARGIN, 0)
    bottom, right = y + h + _MARGIN, x + w + _MARGIN
    around = hr[top * scale : bottom * scale, left * scale : right * scale]
    lr = shrink(around, scale)
    return crop_pair(lr[y - top :, x - left :][:h, :w], hr[y * scale :, x * scale :], 0, 0, size, scale)


def turn(image: np.ndarray, way: int) -> np.ndarray:
    """Return a view of a picture turned and mirrored in one of the 8 ways of a square.

    Args:
        image: (H, W) or (H, W, C); LR and HR of a pair take the same way.
        way: 0 leaves it; bit 0 mirrors left-right, bit 1 top-bottom, bit 2 swaps rows and columns first.
    """
    if way & 4:
        image = image.swapaxes(0, 1)
    return image[:: -1 if way & 2 else 1, :: -1 if way & 1 else 1]


def put_turned(out: np.ndarray, image: np.ndarray, way: int) -> None:
    """Copy `turn(image, way)` into `out`, both uint8 (H, W, 3): whole pixels, twice as fast as channels."""
    if way in (0, 2):
        out[:] = turn(image, way)
    else:
        out.view("V3")[..., 0] = turn(np.ascontiguousarray(image).view("V3")[..., 0], way)
