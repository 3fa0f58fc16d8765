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
from keras_sr.inference.projection import REACH, null_part
from keras_sr.inference.tiling import spans
from keras_sr.tasks.batch.plan import beside_name
from keras_sr.tasks.batch.run import FileResult

#: What is white in a map: an RMS of this share of white, 25 levels of 8 bits.
FULL = 0.1

#: Rows of LR that are looked at at once.
ROWS = 256


def write_sheet(source: Path, target: Path, scale: int) -> Path:
    """Write a labelled sheet LR | bicubic | SR beside a result, `a_x4.png` to `a_x4_compare.png`.

    Args:
        source: The picture.
        target: What it became.
        scale: Of the network.

    Returns:
        The path of the sheet.
    """
    lr, sr = as_rgb(source), as_rgb(target)
    panels = [("LR", lr), ("bicubic", imresize(lr, scale)), ("keras-sr", sr)]
    return write_plain(beside_name(target, "compare"), sheet(panels))


def write_map(source: Path, target: Path) -> Path:
    """Write where a result holds what its picture does not tell, `a_x4.png` to `a_x4_map.png`.

    Returns:
        The path of the map: grey, as large as the result, see `invented`.

    Raises:
        PictureError: The result is not a whole number of times larger.
    """
    lr, sr = as_rgb(source), as_rgb(target)
    scale = len(sr) // len(lr)
    if scale < 2 or sr.shape[:2] != (lr.shape[0] * scale, lr.shape[1] * scale):
        raise PictureError(f"no map of {target}: it is not a whole number of times larger than {source}")
    return write_plain(beside_name(target, "map"), invented(sr, scale))


def invented(sr: np.ndarray, scale: int) -> np.ndarray:
    """Return where a picture holds what vanishes when it is shrunk: sharp edges, texture, and all inventions.

    Args:
        sr: uint8 RGB (H, W, 3).
        scale: How many times larger than LR it is; H and W are multiples.

    Returns:
        uint8 (H, W, 1): the root mean square, over colours and the pixels of an LR pixel, of the part of SR
        that MATLAB's bicubic kernel takes to nothing; white from `FULL` on.
    """
    height, width = sr.shape[0] // scale, sr.shape[1] // scale
    strength = np.empty((height, width), np.float32)
    for span in spans(height, max(ROWS, 4 * REACH), REACH):
        part = to_float(sr[span.start * scale : span.stop * scale])
        # At an edge the kernel reads the outermost pixel many times over; a mirror has no edge.
        edge = min(REACH * scale, *part.shape[:2])
        mirrored = np.pad(part, [(edge, edge), (edge, edge), (0, 0)], "symmetric")
        squares = (null_part(mirrored, scale)[edge:-edge, edge:-edge] ** 2).mean(axis=2)
        blocks = squares.reshape(span.stop - span.start, scale, width, scale).mean(axis=(1, 3))
        kept = slice(span.keep_start - span.start, span.keep_stop - span.start)
        strength[span.keep_start : span.keep_stop] = blocks[kept]
    grey = from_float(np.sqrt(strength) / FULL)
    return imresize(grey, scale, kernel="bilinear")[..., None]


def as_rgb(file: Path) -> np.ndarray:
    """Return the first page of a picture as uint8 RGB over white."""
    picture: Picture = pictures.read(file, max_pixels=None)
    fitted, _ = pictures.made_to_fit(picture, ("uint8",), alpha=False, pages=False)
    bands = fitted.pixels[..., :3] if fitted.pixels.shape[2] >= 3 else fitted.pixels[..., :1]
    return np.repeat(bands, 3, axis=2) if bands.shape[2] == 1 else bands


def with_extras(result: FileResult, scale: int, *, compare: bool, invention_map: bool) -> FileResult:
    """Write what is wanted beside a result: all of it for a new one, what is missing for one that was there.

    Args:
        result: Of a picture.
        scale: Of the network.
        compare: Whether a sheet is wanted.
        invention_map: Whether a map is wanted.

    Returns:
        The result, with what was written or why it could not be.
    """
    if result.status == "failed":
        return result
    source, target = result.job.source, result.job.target
    makers = {"compare": lambda: write_sheet(source, target, scale), "map": lambda: write_map(source, target)}
    wanted = [kind for kind, asked in (("compare", compare), ("map", invention_map)) if asked]
    made: list[Path] = []
    try:
        for kind in wanted:
            if result.status == "done" or not beside_name(target, kind).exists():
                made.append(makers[kind]())
    except KerasSRError as error:
        return replace(result, extras=tuple(made), trouble=str(error))
    return replace(result, extras=tuple(made))
