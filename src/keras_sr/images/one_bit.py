"""Pictures of two values, such as a dithered photograph: enlarged, they are as bright as they were.

Of pixels that jump between black and white a network has seen few: one that is right within half a level on
photographs darkened a dithered one from 114 to 88. What an eye sees of it is the mean of a neighbourhood.
"""

import numpy as np

from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.resize import imresize_rows
from keras_sr.images.storage import everywhere, pieces, release

#: Side of a neighbourhood in LR pixels; how often brightness is brought back, as clipping takes some away;
#: and what is near enough, a quarter of a level of 8 bits.
_SIDE, _ROUNDS, _NEAR = 8, 8, 1 / 1020
#: Share of neighbours that differ: a dithered photograph has 0.3 and more, a page of print below 0.1.
_DITHERED = 0.25


def _is_one_bit(pixels: np.ndarray) -> bool:
    """Return whether all bands of a picture (H, W, bands) hold the least and the largest number alone."""
    if pixels.dtype.kind != "u":
        return False
    white = np.iinfo(pixels.dtype).max
    return everywhere(lambda part: (part == 0) | (part == white), pixels)


def is_dithered(pixels: np.ndarray) -> bool:
    """Return whether a picture (H, W, bands) is of two values, and jumps between them all over.

    A mask or a scanned page has two values too, in areas: there a network is right, and edges are to stay.
    """
    if pixels.shape[1] < 2 or not _is_one_bit(pixels):
        return False
    jumps = 0
    for rows in pieces(len(pixels), pixels[0].size):
        jumps += int((pixels[rows, 1:] != pixels[rows, :-1]).any(axis=-1).sum())
        release(pixels)
    return jumps > _DITHERED * len(pixels) * (pixels.shape[1] - 1)


def hold_brightness(sr: np.ndarray, lr: np.ndarray, scale: int) -> None:
    """Bring the mean of each neighbourhood of an enlarged picture to that of LR, smoothly, in place.

    Args:
        sr: (H * scale, W * scale, bands), of any type of pixels.
        lr: (H, W, bands).
        scale: SR size over LR size.

    Examples:
        >>> lr = np.tile(np.array([[0, 255], [255, 0]], np.uint8), (8, 8))[..., None]
        >>> sr = np.full((32, 32, 1), 90, np.uint8)
        >>> hold_brightness(sr, lr, 2)
        >>> int(sr.min()), int(sr.max())
        (128, 128)
    """
    for band in range(lr.shape[2]):
        _hold(sr[..., band], _means(lr[..., band], _SIDE), _SIDE * scale)


def _hold(sr: np.ndarray, wanted: np.ndarray, side: int) -> None:
    """Do the work of `hold_brightness` for one band (H, W)."""
    for _ in range(_ROUNDS):
        apart = wanted - _means(sr, side)
        if np.abs(apart).max() < _NEAR:
            return
        for rows in pieces(len(sr), 8 * 4 * sr[0].size):
            moved = to_float(sr[rows]) + imresize_rows(apart, sr.shape, rows)
            sr[rows] = from_float(np.clip(moved, 0, 1), sr.dtype)
            release(sr)


def _means(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return the means of neighbourhoods (rows, columns) of a band (H, W)."""
    edges: list[np.ndarray] = [np.arange(0, length, side) for length in pixels.shape]
    out = np.empty((len(edges[0]), len(edges[1])))
    for row, top in enumerate(edges[0]):
        part = to_float(pixels[top : top + side])
        across = np.add.reduceat(part.sum(axis=0, dtype=np.float64), edges[1])
        out[row] = across / (len(part) * np.diff([*edges[1], pixels.shape[1]]))
        release(pixels)
    return out
