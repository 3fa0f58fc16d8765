"""Many files at once: which picture becomes which file, and one enlarged file after the other."""

import glob
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np

from keras_sr.errors import KerasSRError, PictureError, unknown
from keras_sr.images import picture as pictures
from keras_sr.images.io import SUFFIXES
from keras_sr.images.picture import PLAIN, SAVERS, Picture
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.resize import imresize_rows
from keras_sr.images.space import MEMORY as IN_MEMORY
from keras_sr.images.space import Space, pieces, release
from keras_sr.inference.engines import Engine
from keras_sr.inference.ledger import Ledger
from keras_sr.inference.size import Size
from keras_sr.inference.upscale import MEMORY, enlarge

#: Suffixes that results can have.
WRITTEN = (*SAVERS, *PLAIN)


@dataclass(frozen=True)
class Job:
    """A picture to enlarge, and where it goes."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Settings:
    """How all pictures of a batch are enlarged.

    Attributes:
        size: How large results are to be.
        memory: Bytes that the activations of a tile may take.
        tile: Side of a tile in LR pixels instead.
        skip_existing: Whether a result that is there is left alone.
        ledger: Says which results are there and need not be made again; None asks nobody.
        max_pixels: Pictures with more pixels are refused; None refuses none.
        consistency: Whether to measure how well results shrink back to their pictures.
        space: Where pixels go.
    """

    size: Size = field(default_factory=Size)
    memory: int = MEMORY
    tile: int | None = None
    skip_existing: bool = False
    ledger: Ledger | None = None
    max_pixels: int | None = pictures.MAX_PIXELS
    consistency: bool = False
    space: Space = IN_MEMORY

    def finished(self, job: Job) -> bool:
        """Return whether the result of a job is there and is left alone."""
        if self.skip_existing and job.target.exists():
            return True
        return self.ledger is not None and self.ledger.finished(job.source, job.target)


@dataclass(frozen=True)
class Result:
    """What became of a job.

    Attributes:
        job: The job.
        status: `"done"`, `"skipped"` or `"failed"`.
        reason: Why it failed, in one line.
        size: (width, height) of the result.
        seconds: Of the network alone.
        lost: What the file held and the result does not.
        lr_psnr: LR consistency in dB (`metrics.lr_consistency`), where it was asked for and can be measured.
    """

    job: Job
    status: str
    reason: str = ""
    size: tuple[int, int] | None = None
    seconds: float | None = None
    lost: tuple[str, ...] = ()
    lr_psnr: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for a report."""
        return {
            "source": str(self.job.source),
            "target": str(self.job.target),
            "status": self.status,
            "reason": self.reason,
            "size": self.size,
            "seconds": self.seconds,
            "lost": list(self.lost),
            "lr_psnr": self.lr_psnr,
        }


def plan(
    inputs: Iterable[str | Path],
    output: str | Path,
    scale: float,
    *,
    recursive: bool = False,
    suffix: str | None = None,
    extension: str = "auto",
    pattern: str | None = None,
    network: str = "",
) -> list[Job]:
    """Return a job for every picture, before anything is enlarged.

    One file goes to `output` itself when that ends like a picture. Otherwise `output` is a folder, made
    when it is absent, and `a.png` becomes `a_x4.png` in it; a suffix that cannot be written, `.png`.

    Args:
        inputs: Files, folders whose pictures are taken, and globs such as `photos/**/*.jpg`.
        output: A file or a folder.
        scale: Of the results, for their names.
        recursive: Take the pictures of folders inside, too; results keep their folders.
        suffix: Put behind names instead of `x4`; "" puts nothing.
        extension: What results end with, such as `png`; `auto` takes that of the picture.
        pattern: The name of results, with `{stem}`, `{ext}`, `{scale}` and `{network}` in it, instead of
            `suffix`.
        network: Its name, for the pattern.

    Raises:
        PictureError: A folder holds no picture, a glob matches nothing, the pattern makes no file name,
            several pictures would go to one file, or a picture would be written over one that is to be read.
    """
    inputs, output = [path for given in inputs for path in matches(given)], Path(output)
    ending = "" if extension == "auto" else f".{extension.lower().lstrip('.')}"
    if ending and ending not in WRITTEN:
        raise PictureError(unknown("extension", extension, ["auto", *(known[1:] for known in WRITTEN)]))
    mark = f"_x{scale:g}" if suffix is None else f"_{suffix}" if suffix else ""
    form = pattern or f"{{stem}}{braces_doubled(mark)}.{{ext}}"
    facts = {"scale": f"{scale:g}", "network": network}
    # Each picture with the folder that its result's place is relative to.
    found = [
        (picture, path if path.is_dir() else picture.parent)
        for path in inputs
        for picture in (list_pictures(path, recursive) if path.is_dir() else [path])
    ]
    found = list(dict.fromkeys(found))
    if is_file(output) and len(inputs) == 1 and not inputs[0].is_dir():
        jobs = [Job(found[0][0], output)]
    elif is_file(output) or output.is_file():
        raise PictureError(f"{output} is one file: several pictures need a folder to go to")
    else:
        jobs = [
            Job(source, output / source.parent.relative_to(base) / target_name(source, form, ending, facts))
            for source, base in found
        ]
    refuse_collisions(jobs)
    return jobs


def is_file(output: Path) -> bool:
    """Return whether an output is the name of a picture and not of a folder."""
    return output.suffix.lower() in WRITTEN and not output.is_dir()


def list_pictures(folder: Path, recursive: bool = False) -> list[Path]:
    """Return the picture files of a folder by name, hidden ones left out."""
    found = sorted(
        path
        for path in (folder.rglob("*") if recursive else folder.iterdir())
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
    if not found:
        raise PictureError(f"no picture in {folder}: expected files ending in {', '.join(sorted(SUFFIXES))}")
    return found


def matches(given: str | Path) -> list[Path]:
    """Return the path, or the files that it matches as a glob, in order: shells leave quoted ones alone."""
    path = Path(given)
    if path.exists() or not glob.has_magic(str(given)):
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(given), recursive=True))]
    if not found:
        raise PictureError(f"nothing matches {str(given)!r}")
    return [one for one in found if one.is_dir() or one.suffix.lower() in SUFFIXES] or found


def braces_doubled(text: str) -> str:
    """Return text as it has to stand in a pattern."""
    return text.replace("{", "{{").replace("}", "}}")


#: What may stand in braces in the pattern of a name.
FIELDS = ("stem", "ext", "scale", "network")


def target_name(source: Path, pattern: str, ending: str = "", facts: dict[str, str] | None = None) -> str:
    """Return the name of the enlarged file.

    Args:
        source: The picture.
        pattern: With `FIELDS` in braces.
        ending: Of the result, such as `.png`; that of the picture, where it can be written, when empty.
        facts: Values of the fields that are not of the picture.

    Raises:
        PictureError: The pattern has other fields, or makes something that is no file name.

    Example:
        >>> target_name(Path("my/Cat.JPG"), "{stem}_x4.{ext}"), target_name(Path("a.pbm"), "2x{stem}.{ext}")
        ('Cat_x4.JPG', '2xa.png')
    """
    ending = ending or (source.suffix if source.suffix.lower() in WRITTEN else ".png")
    try:
        fields = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    except ValueError as error:
        raise PictureError(f"{pattern!r} is no pattern: {error}") from None
    for name in fields - set(FIELDS):
        raise PictureError(unknown("field of the pattern", name, list(FIELDS)))
    values = {"scale": "", "network": "", **(facts or {}), "stem": source.stem, "ext": ending[1:]}
    made = pattern.format(**values)
    # Results stay in the folder that they were meant for.
    if made in ("", ".", "..") or {"/", "\\", "\0"} & set(made):
        raise PictureError(f"{pattern!r} makes {made!r} of {source}, which is no file name")
    return made


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


def run_all(
    jobs: Sequence[Job],
    engine: Engine,
    settings: Settings,
    progress: Callable[[int, float], None] | None = None,
) -> Iterator[Result]:
    """Enlarge files one after the other; a file that fails costs no other one.

    While one is enlarged the next is read and the last is written, so that the network never waits.

    Args:
        jobs: From `plan`.
        engine: The network.
        settings: How.
        progress: Called with the number of the job at work and the share of it that is done.

    Yields:
        One result a job, in their order, when its file is whole at its place.
    """
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = submit_read(reader, jobs[0], settings) if jobs else None
        behind: Future[Result] | None = None
        for number, job in enumerate(jobs):
            reading = ahead
            ahead = submit_read(reader, jobs[number + 1], settings) if number + 1 < len(jobs) else None

            def show(share: float, number: int = number) -> None:
                if progress:
                    progress(number, share)

            try:
                result = enlarge_one(job, reading, engine, settings, show)
            except BaseException:
                # Ctrl-C: the one before is being written, and will be whole; it is told of.
                if behind:
                    yield behind.result()
                raise
            if behind:
                yield behind.result()
            behind = writer.submit(finish, *result, settings)
        if behind:
            yield behind.result()


def submit_read(pool: ThreadPoolExecutor, job: Job, settings: Settings) -> "Future[Picture] | None":
    """Begin to read a picture; None where its result is there and is left alone."""
    if settings.finished(job):
        return None
    return pool.submit(pictures.read, job.source, max_pixels=settings.max_pixels, space=settings.space)


def enlarge_one(
    job: Job,
    reading: "Future[Picture] | None",
    engine: Engine,
    settings: Settings,
    progress: Callable[[float], Any],
) -> tuple[Result, Picture | None]:
    """Return what became of a job so far, and the picture to write."""
    if reading is None:
        return Result(job, "skipped"), None
    try:
        picture = reading.result()
        start = time.perf_counter()
        larger = resized(picture, engine, settings, progress)
        seconds = time.perf_counter() - start
        result = Result(
            job,
            "done",
            size=(larger.pixels.shape[1], len(larger.pixels) // larger.pages),
            seconds=seconds,
            lost=picture.lost,
            lr_psnr=consistency(larger, picture) if settings.consistency else None,
        )
        return result, larger
    # Whatever a decoder or an engine throws must not cost the other files.
    except Exception as error:
        return Result(job, "failed", reason=said(error)), None


def finish(result: Result, larger: Picture | None, settings: Settings) -> Result:
    """Write a result and return what became of it."""
    if larger is None:
        return result
    try:
        lost = pictures.write(result.job.target, larger, space=settings.space)
        if settings.ledger:
            settings.ledger.record(result.job.source, result.job.target)
        return replace(result, lost=tuple(dict.fromkeys([*result.lost, *lost])))
    except Exception as error:
        return Result(result.job, "failed", reason=said(error))


def resized(
    picture: Picture, engine: Engine, settings: Settings, progress: Callable[[float], Any]
) -> Picture:
    """Enlarge a picture to the size that was asked for; resizing is done before rounding."""
    height, width = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
    size = settings.size.of(height, width, engine.scale)
    exact = size == (height * engine.scale, width * engine.scale)
    larger = enlarge(
        picture,
        engine,
        memory=settings.memory,
        tile=settings.tile,
        rounded=exact,
        progress=progress,
        space=settings.space,
    )
    if exact:
        return larger
    kind = np.dtype("float32") if picture.pixels.dtype.kind == "f" else picture.pixels.dtype

    def fit(sr: np.ndarray) -> np.ndarray:
        rows = len(sr) // picture.pages
        out = settings.space.empty((size[0] * picture.pages, size[1], *sr.shape[2:]), kind)
        for page in range(picture.pages):
            page_out, page_sr = out[page * size[0] :][: size[0]], sr[page * rows :][:rows]
            # float64, of the rows of SR that make one of the result.
            row_bytes = 8 * sr[0].size * max(1, rows // size[0])
            for part in pieces(size[0], row_bytes):
                page_out[part] = from_float(imresize_rows(page_sr, size, part), kind)
                release(out, sr)
        return out

    return replace(
        larger,
        pixels=fit(larger.pixels),
        alpha=None if larger.alpha is None else fit(larger.alpha),
        resolution=(picture.resolution[0] * size[1] / width, picture.resolution[1] * size[0] / height),
    )


def consistency(larger: Picture, picture: Picture) -> float | None:
    """Return the LR consistency of a result in dB; None where it cannot be measured, or is infinite."""
    from keras_sr.metrics.consistency import lr_consistency

    if picture.pages > 1 or picture.pixels.shape[2] not in (1, 3) or picture.pixels.dtype.kind == "f":
        return None
    if isinstance(larger.pixels, np.memmap):  # too large to be shrunk in memory
        return None
    try:
        value = lr_consistency(from_float(to_float(larger.pixels)), from_float(to_float(picture.pixels)))
    except PictureError:  # not a whole number of times larger
        return None
    return value if math.isfinite(value) else None


def said(error: Exception) -> str:
    """Return what an error says, on one line; errors not raised on purpose keep their class."""
    text = " ".join(str(error).split())
    return text if isinstance(error, KerasSRError) else f"{type(error).__name__}: {text}"
