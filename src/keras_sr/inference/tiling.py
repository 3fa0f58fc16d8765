"""Cutting a picture into tiles whose results fit together without a scar. Pure arithmetic.

A tile reads a window and keeps the part of it that lies at least `margin` away from those edges of the
window that are not edges of the picture. With the network's receptive field as margin, what is kept
equals what the untiled network gives there. All windows of a picture have one size, because engines
prepare themselves anew for every size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

from keras_sr.errors import KerasSRError

#: A tile keeps at least this many rows and columns, however small the budget: less is all margin.
SMALLEST_CORE = 32


@dataclass(frozen=True)
class Span:
    """One axis of a tile: what is read and what of it is kept, in pixels of the picture."""

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

    rows: Span
    columns: Span

    @property
    def window(self) -> tuple[slice, slice]:
        """What to read from the picture."""
        return slice(self.rows.start, self.rows.stop), slice(self.columns.start, self.columns.stop)

    def inside(self, scale: int) -> tuple[slice, slice]:
        """Return the part to keep of the enlarged window."""
        return self.rows.inside(scale), self.columns.inside(scale)

    def target(self, scale: int) -> tuple[slice, slice]:
        """Return the place of that part in the enlarged picture."""
        return self.rows.target(scale), self.columns.target(scale)


def tiles(height: int, width: int, *, tile: tuple[int, int], margin: int) -> Iterator[Tile]:
    """Yield tiles that together keep every pixel of a picture once, row by row.

    Args:
        height: Of the picture.
        width: Of the picture.
        tile: Largest (height, width) of a window, margins included.
        margin: The network's receptive field.

    Raises:
        KerasSRError: A tile is not larger than its margins.
    """
    columns = spans(width, tile[1], margin)
    for rows in spans(height, tile[0], margin):
        for column in columns:
            yield Tile(rows, column)


def spans(length: int, window: int, margin: int) -> list[Span]:
    """Cut one axis into windows of one size, at most `window`, as few and as small as can be.

    Example:
        >>> [(s.start, s.stop, s.keep_start, s.keep_stop) for s in spans(20, 12, 2)]
        [(0, 12, 0, 10), (8, 20, 10, 20)]
    """
    if length <= window:
        return [Span(0, length, 0, length)]
    if window <= 2 * margin:
        raise KerasSRError(f"tiles of {window} pixels are all margin: take more than {2 * margin}")
    count = -(-(length - 2 * margin) // (window - 2 * margin))
    window = -(-(length + 2 * margin * (count - 1)) // count)
    starts = [min(i * (window - 2 * margin), length - window) for i in range(count)]
    # Neighbours meet where the left one has just enough margin; the right one then has it too.
    cuts = [0, *(start + window - margin for start in starts[:-1]), length]
    return [Span(start, start + window, *cuts[i : i + 2]) for i, start in enumerate(starts)]


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
