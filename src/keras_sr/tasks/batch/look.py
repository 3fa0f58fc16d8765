"""What the channels of a picture mean, and how its result is written: textures for games, and files."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keras_sr.images.picture import Picture
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.storage import Storage, by_pieces, pieces, release


@dataclass(frozen=True)
class Look:
    """How pictures are taken, besides their size.

    Attributes:
        wrap: Whether a picture tiles: its sides go on at the other ones.
        normal_map: Whether colours are directions, whose length stays 1.
        alpha_is_data: Whether alpha is one more channel (a gloss mask), which hides nothing.
        accept_damaged: Whether what there is of a damaged picture is enlarged.
        quality: Of JPEG, WebP and AVIF, 1 to 100; None takes that of the source where it is known.
        keep_dates: Whether a result has the dates of its picture.
    """

    wrap: bool = False
    normal_map: bool = False
    alpha_is_data: bool = False
    accept_damaged: bool = False
    quality: int | None = None
    keep_dates: bool = False

    def finished(self, larger: Picture, storage: Storage) -> Picture:
        """Return a result as its channels' meaning asks for."""
        if not self.normal_map or larger.pixels.shape[2] != 3:
            return larger
        return replace(larger, pixels=by_pieces(_normalized, larger.pixels.dtype, storage, larger.pixels))

    def hand_down(self, source: Path, target: Path) -> None:
        """Give a result the rights of its picture, where those are fewer, and its dates, where asked for."""
        with suppress(OSError):
            given = source.stat()
            mode = stat.S_IMODE(target.stat().st_mode)
            # Whoever must not read the picture must not read the result.
            fewer = mode & (stat.S_IMODE(given.st_mode) | 0o200)
            if fewer != mode and os.name == "posix":
                target.chmod(fewer)
            if self.keep_dates:
                os.utime(target, ns=(given.st_atime_ns, given.st_mtime_ns))


def _normalized(pixels: np.ndarray) -> np.ndarray:
    """Return directions of length 1, stored as colours: 0 to white is -1 to 1.

    Examples:
        >>> _normalized(np.array([[[128, 128, 200]]], np.uint8)).tolist()
        [[[128, 128, 255]]]
    """
    directions = to_float(pixels) * 2 - 1
    length = np.sqrt((directions**2).sum(axis=2, keepdims=True))
    return from_float(
        np.where(length > 1e-6, directions / np.maximum(length, 1e-6), directions) / 2 + 0.5, pixels.dtype
    )


def wrapped(picture: Picture, margin: int, storage: Storage) -> Picture:
    """Return a picture with `margin` pixels of its other side around each page."""
    height, width = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
    rows, columns = (np.arange(-margin, side + margin) % side for side in (height, width))

    def around(pixels: np.ndarray) -> np.ndarray:
        out = storage.empty((picture.pages * len(rows), len(columns), *pixels.shape[2:]), pixels.dtype)
        for page in range(picture.pages):
            target = out[page * len(rows) :][: len(rows)]
            for part in pieces(len(target), target[:1].nbytes):
                target[part] = pixels[page * height + rows[part]][:, columns]
                release(out, pixels)
        return out

    alpha = None if picture.alpha is None else around(picture.alpha)
    return replace(picture, pixels=around(picture.pixels), alpha=alpha)


def unwrapped(
    larger: Picture,
    size: tuple[int, int],
    margin: int,
    factors: tuple[float, float],
    picture: Picture,
    storage: Storage,
) -> Picture:
    """Return the middle of a result that was made from a wrapped picture.

    Args:
        larger: The result.
        size: (height, width) of its middle.
        margin: Pixels that had been put around the picture.
        factors: How many times (taller, wider) the result is.
        picture: What was wrapped.
        storage: Where the middle goes.
    """
    rows = len(larger.pixels) // larger.pages
    top, left = (round(margin * factor) for factor in factors)

    def middle(pixels: np.ndarray) -> np.ndarray:
        out = storage.empty((larger.pages * size[0], size[1], *pixels.shape[2:]), pixels.dtype)
        for page in range(larger.pages):
            target, given = out[page * size[0] :][: size[0]], pixels[page * rows + top :]
            for part in pieces(size[0], target[:1].nbytes):
                target[part] = given[part, left : left + size[1]]
                release(out, pixels)
        return out

    alpha = None if larger.alpha is None else middle(larger.alpha)
    height, width = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
    x, y = picture.resolution
    resolution = x * size[1] / width, y * size[0] / height
    return replace(larger, pixels=middle(larger.pixels), alpha=alpha, resolution=resolution)
