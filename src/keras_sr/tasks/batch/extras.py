"""Files written beside a result, for the eye: a sheet to compare, and a map of what was invented."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_sr.errors import KerasSRError, PictureError
from keras_sr.images import picture as pictures
from keras_sr.images.picture import Picture
from keras_sr.images.plain import write_plain
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.resize import imresize
from keras_sr.images.sheet import sheet
from keras_sr.images.storage import IN_MEMORY, Storage, release
from keras_sr.inference.projection import REACH, null_part
from keras_sr.inference.tiling import TileSpan, mirrored, spans
from keras_sr.tasks.batch.ends import Ends
from keras_sr.tasks.batch.plan import beside_name
from keras_sr.tasks.batch.run import FileResult

#: What is white in a map: an RMS of this share of white, 25 levels of 8 bits.
FULL = 0.1

#: Side of the tiles a map is made of, in LR pixels, margins of `REACH` and all: smaller ones are mostly
#: margin, larger ones have larger matrices.
_TILE = 7 * REACH

#: Bytes of float64 that a map is enlarged in at once.
_AT_ONCE = 12 << 20

#: Of a sheet, in pixels of the result: a panel, and how many rows of panels. Three panels in a row and three
#: rows fit on a screen of 1920x1080.
_PANEL, _ROWS = (220, 560), 3

#: Places of a picture that are compared with bicubic enlargement to find where a network adds most.
_PLACES = 48


def write_sheet(source: Path, target: Path, storage: Storage = IN_MEMORY) -> Path:
    """Write a labelled sheet LR | bicubic | SR beside a result, `a_x4.png` to `a_x4_compare.png`.

    A small picture is shown whole; of a large one, the three places where the network adds most, pixel by
    pixel: the sheet fits on a screen, and takes no longer for a larger picture.

    Args:
        source: The picture.
        target: What it became.
        storage: Where pixels go.

    Returns:
        The path of the sheet.
    """
    lr, sr = _as_rgb(source, storage), _as_rgb(target, storage)
    factors = len(sr) / len(lr), sr.shape[1] / lr.shape[1]
    height, width = (
        min(side, max(8, int(panel / factor)))
        for side, panel, factor in zip(lr.shape[:2], _PANEL, factors, strict=True)
    )
    rows: list[np.ndarray] = []
    for top, left in _places(lr, sr, (height, width), factors):
        panels = _panels(lr, sr, (top, left), (height, width), factors)
        whole = (height, width) == lr.shape[:2]
        caption = "" if whole else f"at ({round(left * factors[1])}, {round(top * factors[0])}) of the result"
        rows.append(sheet([(label, pixels) for label, pixels in panels], caption))
    wide = max(row.shape[1] for row in rows)
    same = [np.pad(row, [(0, 0), (0, wide - row.shape[1]), (0, 0)], constant_values=32) for row in rows]
    return write_plain(beside_name(target, "compare"), np.concatenate(same))


def _panels(
    lr: np.ndarray,
    sr: np.ndarray,
    place: tuple[int, int],
    size: tuple[int, int],
    factors: tuple[float, float],
) -> list[tuple[str, np.ndarray]]:
    """Return LR, bicubic and SR of a place (top, left) and size (height, width) in LR pixels."""
    (top, left), (height, width) = place, size
    small = lr[top : top + height, left : left + width]
    first = round(top * factors[0]), round(left * factors[1])
    large = sr[first[0] : round((top + height) * factors[0]), first[1] : round((left + width) * factors[1])]
    bicubic = imresize(np.ascontiguousarray(small), size=large.shape[:2])
    return [
        ("LR", np.ascontiguousarray(small)),
        ("bicubic", bicubic),
        ("keras-sr", np.ascontiguousarray(large)),
    ]


def _places(
    lr: np.ndarray, sr: np.ndarray, size: tuple[int, int], factors: tuple[float, float]
) -> list[tuple[int, int]]:
    """Return (top, left) of the places of a size where SR differs most from bicubic, the first the most."""
    height, width = size
    free = len(lr) - height, lr.shape[1] - width
    across = max(1, round((_PLACES * max(free[1], 1) / max(free[0], 1)) ** 0.5))
    columns = _spread(free[1], min(across, _PLACES))
    lines = _spread(free[0], max(1, _PLACES // len(columns)))
    apart: dict[tuple[int, int], float] = {}
    for top in lines:
        for left in columns:
            # The middle of the place is enough to tell.
            middle = top + height // 4, left + width // 4
            _, bicubic, large = _panels(lr, sr, middle, (max(1, height // 2), max(1, width // 2)), factors)
            apart[top, left] = float(np.abs(large[1].astype(np.int16) - bicubic[1]).mean())
    chosen: list[tuple[int, int]] = []
    for top, left in sorted(apart, key=apart.__getitem__, reverse=True):
        if all(abs(top - t) >= height or abs(left - x) >= width for t, x in chosen):
            chosen.append((top, left))
    return chosen[:_ROWS]


def _spread(last: int, count: int) -> list[int]:
    """Return whole numbers from 0 to the last, evenly apart, each once."""
    steps: np.ndarray = np.linspace(0, last, count)
    return sorted({int(step) for step in steps})


def write_map(source: Path, target: Path, storage: Storage = IN_MEMORY) -> Path:
    """Write where a result holds what its picture does not tell, `a_x4.png` to `a_x4_map.png`.

    Args:
        source: The picture.
        target: What it became.
        storage: Where pixels go.

    Returns:
        The path of the map: grey, as large as the result, see `invented`.

    Raises:
        PictureError: The result is not a whole number of times larger.
    """
    said = pictures.header(source)
    sr = _as_rgb(target, storage)
    scale = len(sr) // said.height
    if scale < 2 or sr.shape[:2] != (said.height * scale, said.width * scale):
        raise PictureError(
            f"no map of {target}: it is not 2 or more, a whole number of times larger than {source}"
        )
    name = beside_name(target, "map")
    pictures.write(name, Picture(invented(sr, scale, storage)), storage=storage)
    return name


def invented(sr: np.ndarray, scale: int, storage: Storage = IN_MEMORY) -> np.ndarray:
    """Return where a picture holds what vanishes when it is shrunk: sharp edges, texture, and all inventions.

    Args:
        sr: uint8 RGB (H, W, 3).
        scale: How many times larger than LR it is; H and W are multiples.
        storage: Where the result goes.

    Returns:
        uint8 (H, W, 1): the root mean square, over colours and the pixels of an LR pixel, of the part of SR
        that MATLAB's bicubic kernel takes to nothing; white from `FULL` on.
    """
    height, width = sr.shape[0] // scale, sr.shape[1] // scale
    strength = np.empty((height, width), np.float32)
    for rows in spans(height, _TILE, REACH, frame=REACH):
        for columns in spans(width, _TILE, REACH, frame=REACH):
            strength[rows.target(1), columns.target(1)] = _strength(sr, scale, rows, columns)
        release(sr)
    return _as_large(from_float(np.sqrt(strength) / FULL), scale, storage)


def _strength(sr: np.ndarray, scale: int, rows: TileSpan, columns: TileSpan) -> np.ndarray:
    """Return the mean square of the null part in the LR pixels that a tile keeps, (h, w)."""
    # At an edge the kernel reads the outermost pixel many times over; a mirror has no edge.
    y, x = (
        mirrored(span.start * scale, span.stop * scale, length)
        for span, length in zip((rows, columns), sr.shape[:2], strict=True)
    )
    part = null_part(to_float(sr[y[:, None], x]), scale)[rows.inside(scale), columns.inside(scale)]
    squares = (part**2).mean(axis=2)
    return squares.reshape(len(squares) // scale, scale, -1, scale).mean(axis=(1, 3))


def _as_large(grey: np.ndarray, scale: int, storage: Storage) -> np.ndarray:
    """Return (h, w) enlarged, bilinear, as (h * scale, w * scale, 1), some rows at a time."""
    height, width = grey.shape
    out = storage.empty((height * scale, width * scale, 1), np.uint8)
    step = max(8, _AT_ONCE // (8 * width * scale * scale))
    for top in range(0, height, step):
        # Two rows beyond what is kept: more a bilinear kernel does not read.
        first, last = max(0, top - 2), min(height, top + step + 2)
        part = imresize(grey[first:last], scale, kernel="bilinear")
        kept = part[(top - first) * scale : (min(top + step, height) - first) * scale]
        out[top * scale : top * scale + len(kept), :, 0] = kept
        release(out)
    return out


def _as_rgb(file: Path, storage: Storage = IN_MEMORY) -> np.ndarray:
    """Return the first page of a picture as uint8 RGB over white."""
    picture: Picture = pictures.read(file, max_pixels=None, storage=storage, accept_damaged=True)
    fitted, _ = pictures.made_to_fit(picture, ("uint8",), alpha=False, pages=False, storage=storage)
    bands = fitted.pixels[..., :3] if fitted.pixels.shape[2] >= 3 else fitted.pixels[..., :1]
    return np.broadcast_to(bands, (*bands.shape[:2], 3)) if bands.shape[2] == 1 else bands


def with_extras(
    result: FileResult, *, compare: bool, invention_map: bool, storage: Storage = IN_MEMORY
) -> FileResult:
    """Write what is wanted beside a result: all of it for a new one, what is missing for one that was there.

    Args:
        result: Of a picture.
        compare: Whether a sheet is wanted.
        invention_map: Whether a map is wanted.
        storage: Where pixels go.

    Returns:
        The result, with what was written or why it could not be.
    """
    if result.status == "failed":
        return result
    source, target = result.job.source, result.job.target
    makers = {
        "compare": lambda: write_sheet(source, target, storage),
        "map": lambda: write_map(source, target, storage),
    }
    wanted = [kind for kind, asked in (("compare", compare), ("map", invention_map)) if asked]
    made: list[Path] = []
    try:
        for kind in wanted:
            if result.status == "done" or not beside_name(target, kind).exists():
                made.append(makers[kind]())
    except KerasSRError as error:
        return replace(result, extras=tuple(made), trouble=str(error))
    return replace(result, extras=tuple(made))


def delivered(result: FileResult, ends: Ends) -> FileResult:
    """Return a result whose extras are where they belong."""
    paths = [Path(one) for one in result.extras]
    try:
        for path in paths:
            ends.deliver(path)
    except KerasSRError as error:
        return replace(result, extras=(), trouble=str(error))
    extras = tuple(ends.address(path) if ends.stored(path) else path for path in paths)
    for path in paths:
        if ends.stored(path):
            path.unlink()
    return replace(result, extras=extras, trouble=ends.said(result.trouble))
