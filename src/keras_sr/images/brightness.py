"""What is enlarged stays as bright as it was, where pixels jump: dithers, checkers, hatching, thin lines.

Of such patterns a network has seen few: one that is right within half a level on photographs made 88 of a
dithered grey of 114, and 176 of a checker of 0 and 128. What an eye sees of a pattern is the mean of a
neighbourhood, so that is brought back to LR's where it has strayed by half a level. Moved are values
between the darkest and the brightest of LR around them: paper stays white and print black, and what makes up
for it are the edges between them. A cell counts as a pattern where pixels jump and have few different values:
photographs have many and stay as they are.
"""

from collections.abc import Iterator

import numpy as np

from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.storage import release

#: Side of a cell in LR pixels; a neighbourhood is a cell and, with less weight, the eight around it.
_CELL = 8
#: From where on brightness has strayed, and how far it is left to: what eyes and networks do not mind.
_STRAYED, _LEFT = 0.6 / 255, 0.2 / 255
#: Rounds at most: clipping takes away some of what a round brings.
_ROUNDS = 24
#: Where the pixels lie that one stands out from: (rows, columns) on both sides. About wider patterns networks
#: are right.
_WAYS, _REACH = ((0, 1), (1, 0), (0, 2), (2, 0)), 2
#: By how much the pixels of a pattern stand out, on average; and how many of them there are at least for each
#: value in a cell.
_JUMPS, _SHARE = 3 / 255, 8
#: How far beyond the extremes of LR values are moved as well, in parts of the contrast.
_BEYOND = 0.25
#: What an extreme moves by, where the middle moves by 1; and the least that a cell is taken to move by.
_EXTREME, _LEAST = 0.01, 0.05


def hold_brightness(sr: np.ndarray, lr: np.ndarray, scale: int) -> None:
    """Bring the brightness of each neighbourhood of patterns back to that of LR, within a level, in place.

    Args:
        sr: (H * scale, W * scale, bands), of any type of pixels.
        lr: (H, W, bands); floats that leave [0, 1] have no levels, and nothing is done.
        scale: SR size over LR size.

    Examples:
        >>> lr = np.tile(np.array([[0, 255], [255, 0]], np.uint8), (8, 8))[..., None]
        >>> sr = np.full((32, 32, 1), 90, np.uint8)
        >>> hold_brightness(sr, lr, 2)
        >>> int(sr.min()), int(sr.max())
        (127, 127)
    """
    side = _CELL * scale
    pattern = _around(_patterns(lr), np.logical_or)
    if not pattern.any():
        return
    wanted = _per_cell(lr, _CELL, _mean)
    if not (wanted.min() >= 0 and wanted.max() <= 1):
        return
    low = _around(_per_cell(lr, _CELL, np.minimum), np.minimum)
    high = _around(_per_cell(lr, _CELL, np.maximum), np.maximum)
    beyond = _BEYOND * (high - low)
    low, high = np.maximum(low - beyond, 0), np.minimum(high + beyond, 1)
    apart = wanted - _per_cell(sr, side, _mean)
    share = np.maximum(_smooth(pattern.astype(np.float32)), 1 / 8)
    for _ in range(_ROUNDS):
        strayed = _smooth(apart * pattern) / share
        strayed = np.where((np.abs(strayed) > _STRAYED) & pattern, strayed - np.sign(strayed) * _LEFT, 0)
        if not strayed.any():
            return
        strength = strayed.copy()
        for row, columns in _chosen(strayed != 0):
            part = _Row(sr, row, side)
            weight = _weight(part.take(columns), *_between((low, high, strayed), row, columns, side))
            strength[row, columns] /= np.maximum(weight.mean(axis=(1, 2)), _LEAST)
        for row, columns in _chosen(_around(strayed != 0, np.logical_or)):
            part = _Row(sr, row, side)
            fields = _between((low, high, strength), row, columns, side)
            values = part.take(columns)
            moved = values + fields[2].clip(-1, 1) * _weight(values, *fields)
            part.put(columns, moved.clip(0, 1) if sr.dtype.kind == "u" else moved)
            apart[row] = wanted[row] - _per_cell(part.pixels, side, _mean)[0]
            release(sr)


class _Row:
    """A row of cells of a picture, whole ones: what is missing at its ends is repeated.

    Args:
        picture: (H, W, bands).
        row: Of the cells.
        side: Of a cell in pixels.
    """

    def __init__(self, picture: np.ndarray, row: int, side: int) -> None:
        self.pixels = picture[row * side : (row + 1) * side]
        height, width, bands = self.pixels.shape
        missing = [(0, side - height), (0, -width % side), (0, 0)]
        self._cells = np.pad(self.pixels, missing, mode="edge").reshape(side, -1, side, bands)

    def take(self, columns: np.ndarray) -> np.ndarray:
        """Return some of the cells as (n, side, side, bands), float32."""
        return to_float(self._cells[:, columns].transpose(1, 0, 2, 3))

    def put(self, columns: np.ndarray, values: np.ndarray) -> None:
        """Write some of the cells into the picture."""
        self._cells[:, columns] = from_float(values, self._cells.dtype).transpose(1, 0, 2, 3)
        height, width, bands = self.pixels.shape
        self.pixels[...] = self._cells.reshape(len(self._cells), -1, bands)[:height, :width]


def _patterns(lr: np.ndarray) -> np.ndarray:
    """Return which cells, (rows, columns, bands), hold pixels that jump between few values."""
    height, width, bands = lr.shape
    columns = list(range(0, width, _CELL))
    out = np.zeros((-(-height // _CELL), len(columns), bands), bool)
    for row in range(len(out)):
        top, bottom = row * _CELL, min((row + 1) * _CELL, height)
        part = lr[max(top - _REACH, 0) : bottom + _REACH]
        beyond = max(_REACH - top, 0), max(bottom + _REACH - height, 0)
        part = np.pad(part, [beyond, (_REACH, _REACH), (0, 0)], mode="edge")
        jumps = (_mean(_jumps(to_float(part), *way), columns, 0) for way in _WAYS)
        out[row] = np.maximum.reduce(list(jumps)) > _JUMPS
        if out[row].any():
            inner = part[_REACH:-_REACH, _REACH:-_REACH]
            # Two rows of eight pixels suffice to tell most of a photograph.
            for some in (inner[:2], inner):
                out[row][out[row]] = _values(some, out[row]) * _SHARE <= _sizes(inner, out[row])
        release(lr)
    return out


def _jumps(part: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return how far pixels stand out from two others, on both sides of them, on average over a column.

    At a step or on a slope one of the two is alike or further off: nothing stands out.

    Args:
        part: (rows, W, bands) in [0, 1], and `_REACH` more pixels on each side.
        down: How many rows further on one of the two lies; the other lies as far before.
        right: How many columns.

    Returns:
        float32 (W, bands).
    """
    height, width = (side - 2 * _REACH for side in part.shape[:2])
    before, here, after = (
        part[_REACH + step * down :, _REACH + step * right :][:height, :width] for step in (-1, 0, 1)
    )
    first, second = here - before, here - after
    lower = np.minimum(first, second).clip(0)
    return (lower + np.minimum(-first, -second).clip(0)).mean(axis=0)


def _sizes(part: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return how many pixels there are in each cell of a row that is true in `cells` (columns, bands)."""
    widths = np.minimum(_CELL, part.shape[1] - _CELL * np.arange(len(cells)))
    return len(part) * np.broadcast_to(widths[:, None], cells.shape)[cells]


def _values(part: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return how many values there are in each cell of a row that is true in `cells` (columns, bands)."""
    rest = -part.shape[1] % _CELL
    whole = np.pad(part, [(0, 0), (0, rest), (0, 0)], mode="edge")
    each = whole.reshape(len(part), -1, _CELL, part.shape[2]).transpose(1, 3, 0, 2)
    ranked = np.sort(each.reshape(*cells.shape, -1)[cells], axis=1)
    return 1 + (np.diff(ranked, axis=1) != 0).sum(axis=1)


def _weight(values: np.ndarray, low: np.ndarray, high: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Return how far values move: 1 in the middle between low and high, next to nothing at either.

    What lies beyond them moves back, never further away.
    """
    place = (values - low) / np.maximum(high - low, 1 / 255)
    outside = np.where(sign < 0, place - 1, -place)
    return np.maximum(4 * place * (1 - place), 0) + np.maximum(outside, 0) + np.float32(_EXTREME)


def _chosen(cells: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each row of cells (rows, columns, bands) with its columns that are true in any band."""
    chosen = np.any(cells, axis=(2,))
    for row in np.flatnonzero(chosen.any(axis=1)).tolist():
        yield row, np.flatnonzero(chosen[row])


def _mean(values: np.ndarray, starts: list[int], axis: int) -> np.ndarray:
    """Return the means of what lies between starts, and from the last on."""
    counts = np.diff([*starts, values.shape[axis]]).astype(np.float32)
    sums = np.add.reduceat(values, starts, axis, dtype=np.float32)
    return sums / np.expand_dims(counts, [i for i in range(values.ndim) if i != axis])


def _per_cell(pixels: np.ndarray, side: int, summary: object) -> np.ndarray:
    """Return a number for each cell and band of a picture (H, W, bands), float32.

    Args:
        pixels: The picture.
        side: Of a cell; the last one of a row or column may be smaller.
        summary: `_mean`, `np.minimum` or `np.maximum`.
    """
    height, width, bands = pixels.shape
    columns = list(range(0, width, side))
    out = np.empty((-(-height // side), len(columns), bands), np.float32)
    for row in range(len(out)):
        part = to_float(pixels[row * side : (row + 1) * side])
        if isinstance(summary, np.ufunc):
            out[row] = summary.reduceat(summary.reduce(part, axis=0), columns, axis=0)
        else:
            out[row] = _mean(part.mean(axis=0, dtype=np.float32), columns, 0)
        release(pixels)
    return out


def _neighbours(cells: np.ndarray, axis: int) -> list[np.ndarray]:
    """Return cells moved by -1, 0 and 1 along an axis; edges are repeated."""
    padded = np.pad(cells, [(1, 1) if i == axis else (0, 0) for i in range(cells.ndim)], mode="edge")
    return [np.take(padded, range(i, i + cells.shape[axis]), axis) for i in range(3)]


def _around(cells: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Return what a cell and the eight around it come to together."""
    for axis in (0, 1):
        cells = join.reduce(_neighbours(cells, axis))
    return cells


def _smooth(cells: np.ndarray) -> np.ndarray:
    """Return the mean of each cell and the eight around it: what lies across a border counts for both."""
    for axis in (0, 1):
        before, here, after = _neighbours(cells, axis)
        cells = (before + 6 * here + after) / 8
    return cells


def _between(fields: tuple[np.ndarray, ...], row: int, columns: np.ndarray, side: int) -> list[np.ndarray]:
    """Return numbers of cells for every pixel of some of them: bilinear between the middles of cells.

    Args:
        fields: Several of (rows, columns, bands).
        row: Of the cells that are wanted.
        columns: Theirs.
        side: Of a cell in pixels.

    Returns:
        Of each field (n, side, side, bands).
    """
    height, width = fields[0].shape[:2]
    place = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
    weights = np.stack([np.maximum(-place, 0), 1 - np.abs(place), np.maximum(place, 0)])
    rows = np.clip([row - 1, row, row + 1], 0, height - 1)
    beside = np.clip(columns + np.array([[-1], [0], [1]]), 0, width - 1)
    near = np.concatenate([field[rows[:, None, None], beside] for field in fields], axis=3)
    # (down, across, n, bands of all fields) to (n, y, x, bands of all fields).
    each = np.einsum("dy,danf,ax->nyxf", weights, near, weights, optimize=True)
    return np.split(each, len(fields), axis=3)
