"""Cutting a picture into tiles whose results fit together without a scar. Pure arithmetic.

A tile reads a window and keeps the part of it that lies at least `margin` away from those edges of the
window that are not edges of the picture. With the network's receptive field as margin, what is kept
equals what the untiled network gives there. All windows of a picture have one size, because engines
prepare themselves anew for every size.

A network takes what lies outside of its window for black, and makes a border of it: of plain white,
SRGAN's outermost pixel was 238 of 255. So a window may reach beyond the picture, into a frame that
mirrors it, and nothing of the frame is kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

import numpy as np

from keras_sr.errors import KerasSRError

#: A tile keeps at least this many rows and columns, however small the budget: less is all margin.
SMALLEST_CORE = 32

#: LR pixels by which a picture is mirrored around itself for a network of ours. More than 8 change
#: nothing; repeating the edge instead costs 0.02 dB on small pictures (docs/lab-log.md).
FRAME = 8


@dataclass(frozen=True)
class TileSpan:
    """One axis of a tile: what is read and what of it is kept, in pixels of the picture.

    What is read may begin before the picture and end after it.
    """

    start: int
    stop: int
    keep_start: int
    keep_stop: int

    def inside(self, scale: int) -> slice:
        """Return the part to keep of the enlarged window."""
        return slice((self.keep_start - self.start) * scale, (self.keep_stop - self.start) * scale)

    def target(self, scale: int) -> slice:
        """Return the place of that part in the enlarged picture."""
        return slice(self.keep_start * scale, self.keep_stop * scale)


@dataclass(frozen=True)
class Tile:
    """A tile of a picture."""

    rows: TileSpan
    columns: TileSpan

    def window(self, picture: np.ndarray) -> np.ndarray:
        """Return what to read of a picture (H, W, ...), mirrored beyond its sides."""
        rows, columns = (
            mirrored(span.start, span.stop, length)
            for span, length in zip((self.rows, self.columns), picture.shape[:2], strict=True)
        )
        return picture[rows[:, None], columns]

    def inside(self, scale: int) -> tuple[slice, slice]:
        """Return the part to keep of the enlarged window."""
        return self.rows.inside(scale), self.columns.inside(scale)

    def target(self, scale: int) -> tuple[slice, slice]:
        """Return the place of that part in the enlarged picture."""
        return self.rows.target(scale), self.columns.target(scale)


def tiles(
    height: int, width: int, *, tile: tuple[int, int], margin: int, frame: int = 0, multiple: int = 1
) -> Iterator[Tile]:
    """Yield tiles that together keep every pixel of a picture once, row by row.

    Args:
        height: Of the picture.
        width: Of the picture.
        tile: Largest (height, width) of a window, margins included.
        margin: The network's receptive field.
        frame: How far windows reach beyond the picture.
        multiple: Where there are several tiles, windows begin at multiples of this, and their sides are
            multiples of it; the last may reach beyond the picture for that.

    Raises:
        KerasSRError: A tile is not larger than its margins.
    """
    columns = spans(width, tile[1], margin, frame, multiple)
    for rows in spans(height, tile[0], margin, frame, multiple):
        for column in columns:
            yield Tile(rows, column)


def spans(length: int, window: int, margin: int, frame: int = 0, multiple: int = 1) -> list[TileSpan]:
    """Cut one axis into windows of one size, at most `window`, as few and as small as can be.

    A `multiple` rounds what it has to: windows down, margins, the frame and the end of the picture up.

    Examples:
        >>> [(s.start, s.stop, s.keep_start, s.keep_stop) for s in spans(20, 12, 2)]
        [(0, 12, 0, 10), (8, 20, 10, 20)]
        >>> [(s.start, s.stop, s.keep_start, s.keep_stop) for s in spans(4, 12, 2, frame=3)]
        [(-2, 6, 0, 4)]
    """
    # Farther than its margin a network does not see.
    frame = min(frame, margin)
    first, last = -frame, length + frame
    if last - first <= window:
        return [TileSpan(first, last, 0, length)]
    window -= window % multiple
    margin, frame = (side + -side % multiple for side in (margin, frame))
    first, last = -frame, length + frame + -length % multiple
    if window <= 2 * margin:
        raise KerasSRError(f"tiles of {window} pixels are all margin: take more than {2 * margin}")
    core = last - first - 2 * margin
    count = -(-core // (window - 2 * margin))
    window = -(-core // count)
    window += -window % multiple + 2 * margin
    starts = [min(first + i * (window - 2 * margin), last - window) for i in range(count)]
    # Neighbours meet where the left one has just enough margin; the right one then has it too.
    cuts = [0, *(start + window - margin for start in starts[:-1]), length]
    return [TileSpan(start, start + window, *cuts[i : i + 2]) for i, start in enumerate(starts)]


def mirrored(start: int, stop: int, length: int) -> np.ndarray:
    """Return which pixels of 0 to `length` stand at `start` to `stop`, mirrored as often as it takes.

    Examples:
        >>> mirrored(-3, 7, 4).tolist()
        [2, 1, 0, 0, 1, 2, 3, 3, 2, 1]
    """
    there = np.arange(start, stop) % (2 * length)
    return np.minimum(there, 2 * length - 1 - there)


def framed(picture: np.ndarray, frame: int) -> np.ndarray:
    """Return a picture (H, W, ...) mirrored by `frame` pixels around itself."""
    height, width = picture.shape[:2]
    rows, columns = (mirrored(-frame, length + frame, length) for length in (height, width))
    return picture[rows[:, None], columns]


def tile_size(height: int, width: int, *, pixels: int, margin: int) -> tuple[int, int]:
    """Return the largest window (height, width) of about `pixels` pixels, near a square.

    Never less than the margins and `SMALLEST_CORE`; the whole picture where it fits.
    """
    smallest = 2 * margin + SMALLEST_CORE
    if height * width <= max(pixels, smallest**2):
        return height, width
    side = max(isqrt(pixels), smallest)
    if height <= side:
        return height, max(pixels // height, smallest)
    if width <= side:
        return max(pixels // width, smallest), width
    return side, side
