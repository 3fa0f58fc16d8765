"""Many files at once: one enlarged file after the other, and what became of each."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError, Stopped, with_class
from keras_sr.images import picture as pictures
from keras_sr.images.picture import Picture
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.resize import imresize_rows
from keras_sr.images.storage import IN_MEMORY, Storage, by_pieces, pieces, release
from keras_sr.inference.engines import Engine, engine_for
from keras_sr.inference.enlarge import MEMORY, Progress, Stop, enlarge
from keras_sr.tasks.batch.ends import HERE, Ends
from keras_sr.tasks.batch.ledger import Ledger
from keras_sr.tasks.batch.look import Look, unwrapped, wrapped
from keras_sr.tasks.batch.plan import Job
from keras_sr.tasks.batch.size import Size

#: Pixels beyond its own that bicubic resizing reads.
_BICUBIC = 4

#: A result may have this many times the pixels of the largest picture that is read, and sides this long.
LARGER, LONGEST = 16, 1_000_000


@dataclass(frozen=True)
class Settings:
    """How all pictures of a batch are enlarged.

    Attributes:
        size: How large results are to be.
        memory: Bytes that the activations of a tile may take.
        tile: Side of a tile in LR pixels instead.
        skip_existing: Whether a result that is there is left alone.
        ledger: Where results are written down; None writes nothing.
        resume: Whether a result that the ledger says was made in the same way is left alone.
        max_pixels: Pictures with more pixels are refused; None refuses none.
        consistency: Whether to measure how well results shrink back to their pictures.
        storage: Where pixels go.
        rounded: Whether a result of the network's own scale has the type of its picture, or float32.
        look: What pictures mean, and how results are written.
        ends: Where pictures come from and results go to.
    """

    size: Size = field(default_factory=Size)
    memory: int = MEMORY
    tile: int | None = None
    skip_existing: bool = False
    ledger: Ledger | None = None
    resume: bool = True
    max_pixels: int | None = pictures.MAX_PIXELS
    consistency: bool = False
    storage: Storage = IN_MEMORY
    rounded: bool = True
    look: Look = field(default_factory=Look)
    ends: Ends = HERE

    def finished(self, job: Job) -> bool:
        """Return whether the result of a job is there and is left alone."""
        if self.skip_existing and self.ends.exists(job.target):
            return True
        return self.resume and self.ledger is not None and self.ledger.finished(job.source, job.target)


@dataclass(frozen=True)
class FileResult:
    """What became of a job.

    Attributes:
        job: The job.
        status: `"done"`, `"skipped"`, `"failed"`, or `"planned"` where nothing was to be done.
        reason: Why it failed, in one line.
        size: (width, height) of the result.
        seconds: Of the network alone.
        lost: What the file held and the result does not.
        lr_psnr: LR consistency in dB (`metrics.lr_consistency`), where it was asked for and can be measured.
        extras: What was written beside it: a sheet to compare, a map; addresses, where it is in a store.
        trouble: Why something beside it could not be written, in one line.
        network: What enlarged it.
        traces: What decided about the network: `"JPEG"` or `"noise"` in the pixels, `"WebP"`, or nothing.
    """

    job: Job
    status: str
    reason: str = ""
    size: tuple[int, int] | None = None
    seconds: float | None = None
    lost: tuple[str, ...] = ()
    lr_psnr: float | None = None
    extras: tuple[Path | str, ...] = ()
    trouble: str = ""
    network: str = ""
    traces: str = ""

    @property
    def ok(self) -> bool:
        """Whether all that was wanted is there."""
        return self.status != "failed" and not self.trouble

    def as_json(self) -> dict[str, Any]:
        """Return plain values, for a report."""
        return {
            "source": self.job.given,
            "target": self.job.place,
            "status": self.status,
            "reason": self.reason,
            "size": self.size,
            "seconds": self.seconds,
            "lost": list(self.lost),
            "lr_psnr": self.lr_psnr,
            "network": self.network,
            "traces": self.traces,
        }


def run_all(
    jobs: Sequence[Job],
    engine: Engine,
    settings: Settings,
    progress: Callable[[int, float], None] | None = None,
    stop: Stop | None = None,
) -> Iterator[FileResult]:
    """Enlarge files one after the other; a failure does not affect the other files.

    While one is enlarged the next is read and the last is written, so that the network never waits.

    Args:
        jobs: From `plan`.
        engine: The network.
        settings: How.
        progress: Called with the number of the job at work and the share of it that is done.
        stop: Asked before each tile; when it returns True, what is finished is told of and the work ends.

    Yields:
        One result a job, in their order, when its file is whole at its place.

    Raises:
        Stopped: `stop` returned True.
    """
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = _submit_read(reader, jobs[0], engine, settings) if jobs else None
        behind: Future[FileResult] | None = None
        for number, job in enumerate(jobs):
            reading = ahead
            ahead = (
                _submit_read(reader, jobs[number + 1], engine, settings) if number + 1 < len(jobs) else None
            )

            def show(share: float, number: int = number) -> None:
                if progress:
                    progress(number, share)

            try:
                result = _enlarge_one(job, reading, engine, settings, show, stop)
            except BaseException:
                # Ctrl-C: the one before is being written, and will be whole; it is told of.
                if behind:
                    yield behind.result()
                raise
            if behind:
                yield behind.result()
            behind = writer.submit(_finish, *result, settings)
        if behind:
            yield behind.result()


def _submit_read(
    pool: ThreadPoolExecutor, job: Job, engine: Engine, settings: Settings
) -> "Future[Picture] | None":
    """Begin to read a picture; None where its result is there and is left alone."""
    if not job.refused and settings.finished(job):
        return None
    return pool.submit(_read, job, engine, settings)


def _read(job: Job, engine: Engine, settings: Settings) -> Picture:
    """Read a picture, after a look at its header: what cannot become a result is refused before the work."""
    if job.refused:
        raise PictureError(job.refused)
    settings.ends.fetch(job.source)
    try:
        said = pictures.header(job.source)
    except (PictureError, OSError):  # told when all of it is read
        said = None
    if said and said.height * said.width <= (settings.max_pixels or said.height * said.width):
        size = settings.size.of(said.height, said.width, engine.scale)
        _refuse_endless(size, said.pages, settings.max_pixels)
        suffix = job.target.suffix.lower()
        pictures.refuse_too_long(suffix, *size, str(job.target))
        needed = bytes_for_result(said, suffix, size, settings.look)
        pictures.refuse_too_large_for_memory(needed, repr(str(job.target)), "write", settings.storage)
    return pictures.read(
        job.source,
        max_pixels=settings.max_pixels,
        storage=settings.storage,
        accept_damaged=settings.look.accept_damaged,
    )


#: JPEG quality of pictures that keep their size and were cleaned, unless another is asked for.
_CLEANED = 98


def bytes_for_result(said: pictures.Header, suffix: str, size: tuple[int, int], look: Look) -> int:
    """Return how many bytes the encoder of a result holds.

    Args:
        said: The header of its picture.
        suffix: Of the result.
        size: (height, width) of the result.
        look: How it is written.
    """
    lossless = said.lossless and look.quality is None
    return pictures.bytes_to_write(suffix, *size, said.pages, lossless=lossless)


def _enlarge_one(
    job: Job,
    reading: "Future[Picture] | None",
    engine: Engine,
    settings: Settings,
    progress: Progress,
    stop: Stop | None,
) -> tuple[FileResult, Picture | None, Picture | None]:
    """Return what became of a job so far, the picture to write, and what it was made from."""
    if stop and stop():
        raise Stopped("stopped before all pictures were finished")
    if reading is None:
        return FileResult(job, "skipped"), None, None
    try:
        picture = reading.result()
        chosen, traces = engine_for(engine, _first_page(picture), _codec(picture))
        start = time.perf_counter()
        larger = resized(picture, chosen, settings, progress, stop, scale=engine.scale)
        seconds = time.perf_counter() - start
        result = FileResult(
            job,
            "done",
            size=(larger.pixels.shape[1], len(larger.pixels) // larger.pages),
            seconds=seconds,
            lost=picture.lost,
            network=chosen.name,
            traces=traces,
        )
        return result, larger, picture
    except Stopped:
        raise
    # Whatever a decoder or an engine throws must not cost the other files.
    except Exception as error:
        return FileResult(job, "failed", reason=with_class(error)), None, None


def _finish(
    result: FileResult, larger: Picture | None, picture: Picture | None, settings: Settings
) -> FileResult:
    """Write a result and return what became of it; measured here, while the network is at the next one."""
    if larger is None or picture is None:
        return result
    try:
        job = result.job
        lost = pictures.write(job.target, larger, storage=settings.storage, quality=settings.look.quality)
        settings.look.hand_down(job.source, job.target)
        settings.ends.deliver(job.target)
        if settings.ledger:
            settings.ledger.record(job.source, job.target)
        measured = _consistency(larger, picture, settings.storage) if settings.consistency else None
        return replace(result, lost=tuple(dict.fromkeys([*result.lost, *lost])), lr_psnr=measured)
    except Exception as error:
        return FileResult(result.job, "failed", reason=with_class(error))


def resized(
    picture: Picture,
    engine: Engine,
    settings: Settings,
    progress: Progress | None = None,
    stop: Stop | None = None,
    rgb: Sequence[int] | None = None,
    *,
    scale: int | None = None,
) -> Picture:
    """Enlarge a picture to the size that was asked for; resizing is done before rounding.

    Where none was asked for, that is `scale` times its size, or by default what the engine makes.
    """
    height, width = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
    size = settings.size.of(height, width, scale or engine.scale)
    engine, _ = engine_for(engine, _first_page(picture), _codec(picture))
    _refuse_endless(size, picture.pages, settings.max_pixels)
    look = settings.look
    picture = replace(picture, alpha_is_data=look.alpha_is_data)
    if engine.scale == 1 and picture.metadata.quality:
        # At its own quality a JPEG would get back much of what has just been taken out.
        better = max(_CLEANED, picture.metadata.quality)
        picture = replace(picture, metadata=replace(picture.metadata, quality=better))
    if rgb is None and picture.colours == 3:
        rgb = (0, 1, 2)
    if look.wrap:
        return _tiling(picture, engine, size, settings, progress, stop, rgb)
    exact = size == (height * engine.scale, width * engine.scale)
    larger = enlarge(
        picture,
        engine,
        memory=settings.memory,
        tile=settings.tile,
        rounded=exact and settings.rounded,
        rgb=rgb,
        progress=progress,
        stop=stop,
        storage=settings.storage,
    )
    if exact:
        return look.finished(larger, settings.storage)
    kind = np.dtype("float32") if picture.pixels.dtype.kind == "f" else picture.pixels.dtype

    def fit(sr: np.ndarray) -> np.ndarray:
        rows = len(sr) // picture.pages
        out = settings.storage.empty((size[0] * picture.pages, size[1], *sr.shape[2:]), kind)
        for page in range(picture.pages):
            page_out, page_sr = out[page * size[0] :][: size[0]], sr[page * rows :][:rows]
            # float64, of the rows of SR that make one of the result, or of the result's if it is wider.
            row_bytes = 8 * max(sr[0].size * max(1, rows // size[0]), out[0].size) * 3
            for part in pieces(size[0], row_bytes):
                page_out[part] = from_float(imresize_rows(page_sr, size, part), kind)
                release(out, sr)
        return out

    fitted = replace(
        larger,
        pixels=fit(larger.pixels),
        alpha=None if larger.alpha is None else fit(larger.alpha),
        resolution=(picture.resolution[0] * size[1] / width, picture.resolution[1] * size[0] / height),
    )
    return look.finished(fitted, settings.storage)


def _first_page(picture: Picture) -> np.ndarray:
    return picture.pixels[: len(picture.pixels) // picture.pages]


def _codec(picture: Picture) -> str:
    """Return what compressed a picture with a loss that pixels do not show: its deblocking hides the grid."""
    return "WebP" if picture.metadata.lossless is False else ""


def _tiling(
    picture: Picture,
    engine: Engine,
    size: tuple[int, int],
    settings: Settings,
    progress: Progress | None,
    stop: Stop | None,
    rgb: Sequence[int] | None,
) -> Picture:
    """Enlarge a texture that tiles: with its own other side around it, which is cut off again."""
    height, width = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
    around = wrapped(picture, engine.receptive_field + engine.frame + _BICUBIC, settings.storage)
    more = around.pixels.shape[1] - width
    # At the scale of the result; where that is no whole number, to the next pixel.
    factors = size[0] / height, size[1] / width
    larger_size = [
        round((side + more) * factor) for side, factor in zip((height, width), factors, strict=True)
    ]
    plain = replace(
        settings,
        size=Size(width=larger_size[1], height=larger_size[0], stretch=True),
        look=replace(settings.look, wrap=False),
    )
    larger = resized(around, engine, plain, progress, stop, rgb)
    return unwrapped(larger, size, more // 2, factors, picture, settings.storage)


def _refuse_endless(size: tuple[int, int], pages: int, max_pixels: int | None) -> None:
    """Raise for a result that nobody can have meant."""
    height, width = size
    if max_pixels is None:
        return
    if height * width * pages > LARGER * max_pixels or max(size) > LONGEST:
        millions = width * height * pages / 1e6
        raise PictureError(
            f"the result would have {width}x{height * pages}, {millions:.0f} million pixels: "
            "choose another size",
            hint="if you want it, allow it with `max_pixels=None`",
        )


def _consistency(larger: Picture, picture: Picture, storage: Storage) -> float | None:
    """Return the LR consistency of a result in dB; None where it cannot be measured, or is infinite."""
    from keras_sr.metrics.consistency import lr_consistency

    if picture.pages > 1 or picture.pixels.shape[2] not in (1, 3) or picture.pixels.dtype.kind == "f":
        return None
    if picture.alpha is not None and not pictures.opaque(picture.alpha):
        return None  # colours that nobody sees are not those of the picture

    def in_bytes(part: np.ndarray) -> np.ndarray:
        return from_float(to_float(part))

    try:
        lr = picture.pixels
        if lr.dtype != np.uint8:
            lr = by_pieces(in_bytes, np.uint8, storage, lr)
        value = lr_consistency(larger.pixels, lr)
    except PictureError:  # not a whole number of times larger
        return None
    return value if math.isfinite(value) else None
