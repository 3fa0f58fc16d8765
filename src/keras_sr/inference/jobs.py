"""Many files at once: which picture becomes which file, and one enlarged file after the other."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.images.io import SUFFIXES, WRITTEN, read, write
from keras_sr.images.resize import imresize
from keras_sr.images.sheet import sheet
from keras_sr.inference.engines import Engine
from keras_sr.inference.upscale import MEMORY, upscale


@dataclass(frozen=True)
class Job:
    """A picture to enlarge, and where it goes."""

    source: Path
    target: Path


def plan(inputs: Iterable[str | Path], output: str | Path, scale: int) -> list[Job]:
    """Return a job for every picture, before anything is enlarged.

    One file goes to `output` itself when that ends like a picture. Otherwise `output` is a folder, made
    when it is absent, and `a.png` becomes `a_x4.png` in it; a suffix that cannot be written, `.png`.

    Args:
        inputs: Files, and folders whose pictures are taken, without those of folders inside.
        output: A file or a folder.
        scale: Of the network.

    Raises:
        PictureError: A folder holds no picture, several pictures would go to one file, or a picture
            would be written over one that is to be read.
    """
    inputs, output = [Path(path) for path in inputs], Path(output)
    sources = [picture for path in inputs for picture in (pictures(path) if path.is_dir() else [path])]
    sources = list(dict.fromkeys(sources))
    looks_like_file = output.suffix.lower() in WRITTEN and not output.is_dir()
    if looks_like_file and len(inputs) == 1 and not inputs[0].is_dir():
        jobs = [Job(sources[0], output)]
    elif looks_like_file or output.is_file():
        raise PictureError(f"{output} is one file: several pictures need a folder to go to")
    else:
        jobs = [Job(source, output / target_name(source, scale)) for source in sources]
    refuse_collisions(jobs)
    return jobs


def pictures(folder: Path) -> list[Path]:
    """Return the picture files of a folder by name, hidden ones left out."""
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise PictureError(f"no picture in {folder}: expected files ending in {', '.join(sorted(SUFFIXES))}")
    return found


def target_name(source: Path, scale: int) -> str:
    """Return the name of the enlarged file.

    Example:
        >>> target_name(Path("photos/Cat.JPG"), 4), target_name(Path("old.gif"), 2)
        ('Cat_x4.JPG', 'old_x2.png')
    """
    suffix = source.suffix if source.suffix.lower() in WRITTEN else ".png"
    return f"{source.stem}_x{scale}{suffix}"


def refuse_collisions(jobs: list[Job]) -> None:
    """Refuse jobs that would destroy each other's results, or a picture that is still to be read."""
    sources = {job.source.resolve() for job in jobs}
    taken: dict[Path, Path] = {}
    for job in jobs:
        target = job.target.resolve()
        if target in sources:
            raise PictureError(
                f"{job.target} would be written over a picture that is read: give another output"
            )
        if target in taken:
            raise PictureError(
                f"{taken[target]} and {job.source} would both become {job.target}: give each its own output"
            )
        taken[target] = job.source


def run(
    job: Job, engine: Engine, *, memory: int = MEMORY, progress: Callable[[float], None] | None = None
) -> np.ndarray:
    """Enlarge one file; the result is whole at its place, or nothing is.

    Returns:
        uint8 pixels of the result, (H, W, 1) or (H, W, 3).

    Raises:
        PictureError: The picture cannot be read, or the result cannot be written.
    """
    picture = read(job.source)
    sr = upscale(picture, engine, memory=memory, progress=progress)
    write(job.target, sr)
    return sr


def compare(job: Job, sr: np.ndarray, scale: int, hr: np.ndarray | None = None) -> Path:
    """Write a labelled sheet LR | bicubic | SR beside the result, `a_x4.png` to `a_x4_compare.png`.

    Args:
        job: What was enlarged.
        sr: What came out of it.
        scale: Of the network.
        hr: The truth where it is known, (H, W, 3): it becomes a fourth panel.

    Returns:
        The path of the sheet.
    """
    lr = as_rgb(read(job.source).pixels)
    panels = [("LR", lr), ("bicubic", imresize(lr, scale)), ("keras-sr", as_rgb(sr))]
    if hr is not None:
        panels.append(("HR", hr))
    return write(job.target.with_name(f"{job.target.stem}_compare.png"), sheet(panels))


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """Return grey or RGB pixels (H, W, C) as RGB."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
