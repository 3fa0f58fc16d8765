"""Enlarge pictures: one in memory, or files and folders of them."""

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import KerasSRError, PictureError
from keras_sr.files import make_folder, remove_left_over
from keras_sr.images.picture import MAX_PIXELS, WRITTEN, Picture, from_pillow, read
from keras_sr.inference.engines import Engine
from keras_sr.inference.enlarge import MEMORY, Stop
from keras_sr.inference.enlarge import Progress as OnShare
from keras_sr.tasks.batch.address import is_address, redacted
from keras_sr.tasks.batch.asked import largest_factor
from keras_sr.tasks.batch.ends import HERE, Ends
from keras_sr.tasks.batch.ledger import Ledger
from keras_sr.tasks.batch.look import Look
from keras_sr.tasks.batch.manifest import read_manifest
from keras_sr.tasks.batch.plan import Job, plan, results_folder
from keras_sr.tasks.batch.report import refuse_report, write_batch_report
from keras_sr.tasks.batch.room import file_settings, room_for_whole_pictures
from keras_sr.tasks.batch.run import FileResult, Settings, resized, run_all
from keras_sr.tasks.batch.shard import Shard, as_shard
from keras_sr.tasks.batch.size import Size
from keras_sr.tasks.cluster.settings import Cluster, as_cluster
from keras_sr.tasks.networks import Network, as_network
from keras_sr.tasks.progress import OnProgress, Progress, ignore
from keras_sr.tasks.way import Way

log = logging.getLogger(__name__)


def upscale(
    picture: Any,
    network: Engine | str | Path | None = None,
    *,
    scale: float | None = None,
    width: int | None = None,
    height: int | None = None,
    max_megapixels: float | None = None,
    rgb: Sequence[int] | None = None,
    memory: int = MEMORY,
    tile: int | None = None,
    rounded: bool = True,
    max_pixels: int | None = MAX_PIXELS,
    progress: OnShare | None = None,
    stop: Stop | None = None,
) -> np.ndarray:
    """Enlarge a picture.

    Three bands are RGB. Any other number of bands is enlarged band by band, unless `rgb` names three of them.
    Without a size, the result is as many times larger as the network enlarges.

    Args:
        picture: Array (H, W) or (H, W, bands); uint8, uint16, or float in [0, 1] (other ranges of floats are
            mapped to [0, 1] and back). Or the path of a file, a Picture of `images.picture`, a PlainPicture,
            or a Pillow image: transparency is then one more band of the result, and is not a colour.
        network: From `open_network`; or what that takes as a name, opened anew at each call; None takes the
            default network.
        scale: How many times larger, such as 2 or 3.5.
        width: Width of the result, in pixels.
        height: Height of the result, in pixels.
        max_megapixels: A result that would have more million pixels is made smaller.
        rgb: Which bands are R, G and B.
        memory: Bytes that the activations of a tile may take; the smallest tile is taken below that.
        tile: Side of a tile in LR pixels, margins included, instead of `memory`.
        rounded: Whether the result has the type of the picture; else it is float32 in [0, 1], as the network
            gave it, not clipped; only for results of the network's own scale.
        max_pixels: Pictures with more pixels are refused; None refuses none.
        progress: Called with the share that is done, after each tile.
        stop: Asked before each tile; the work ends when it returns True.

    Returns:
        Array (H * scale, W * scale) or (H * scale, W * scale, bands), as many axes as given.

    Raises:
        PictureError: The picture cannot be read or understood, or the sizes contradict each other.
        KerasSRError: No such network, or no engine for it.
        Stopped: `stop` returned True.

    Examples:
        >>> upscale(np.zeros((8, 9, 5), np.uint16), "compact_x4").shape
        (32, 36, 5)
        >>> upscale(np.zeros((8, 9), np.uint8), "compact_x2", width=12).shape
        (11, 12)
    """
    size = Size(scale, width, height, None if max_megapixels is None else max_megapixels * 1e6)
    engine = as_network(network, scale)
    if isinstance(picture, str | Path):
        picture = read(picture, max_pixels=max_pixels)
    elif hasattr(picture, "mode") and hasattr(picture, "convert"):
        picture = from_pillow(picture)
    flat = False
    if not isinstance(picture, Picture):
        pixels = np.asarray(getattr(picture, "pixels", picture))
        if pixels.ndim not in (2, 3) or 0 in pixels.shape:
            raise PictureError(f"expected (H, W) or (H, W, bands) with pixels in it, got {pixels.shape}")
        flat = pixels.ndim == 2
        picture = Picture(pixels.reshape(*pixels.shape[:2], -1))
    settings = Settings(size, memory, tile, max_pixels=max_pixels, rounded=rounded)
    larger = resized(picture, engine, settings, progress, stop, rgb)
    if larger.alpha is not None:
        return np.concatenate([larger.pixels, larger.alpha[..., None]], axis=2)
    return larger.pixels[..., 0] if flat else larger.pixels


def upscale_files(
    inputs: str | Path | Iterable[str | Path],
    output: str | Path = "results",
    network: Engine | str | Path | None = None,
    *,
    scale: float | None = None,
    width: int | None = None,
    height: int | None = None,
    max_megapixels: float | None = None,
    recursive: bool = False,
    manifest: str | Path | Sequence[str] | None = None,
    shard: str | tuple[int, int] | Shard | None = None,
    suffix: str | None = None,
    extension: str = "auto",
    pattern: str | None = None,
    skip_existing: bool = False,
    resume: bool = False,
    report: str | Path | None = None,
    dry_run: bool = False,
    compare: bool = False,
    map: bool = False,
    stretch: bool = False,
    wrap: bool = False,
    normal_map: bool = False,
    alpha_is_data: bool = False,
    accept_damaged: bool = False,
    quality: int | None = None,
    keep_dates: bool = False,
    max_memory: int | None = None,
    tile: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    cluster: Cluster | str | bool | None = None,
    progress: OnProgress = ignore,
    stop: Stop | None = None,
) -> Iterator[FileResult]:
    """Enlarge picture files: all is planned before anything is written, and a failure does not affect others.

    Grey stays grey, 16 bits stay 16 bits; transparency, colour profile, EXIF and every frame are kept where
    the format can hold them. Nothing is ever written over an input picture, and no file is ever half there.

    Args:
        inputs: Files, folders whose pictures are taken, and globs such as `photos/**/*.jpg`; or addresses in
            a store, such as `s3://bucket/photos/`.
        output: A file for one picture, else a folder, made when it is absent; or an address.
        network: From `open_network`, or what that takes as a name.
        scale: How many times larger, such as 2 or 3.5; chooses the network when it has no name.
        width: Width of the results, in pixels.
        height: Height of the results, in pixels.
        max_megapixels: Results that would have more million pixels are made smaller.
        recursive: Take the pictures of folders inside folders, too; results keep their folders.
        manifest: A file that names the pictures to take of the one folder `inputs`, a path a line, relative
            to it; or the lines.
        shard: Which part of the batch to do, such as `"3/16"`: all 16, on whatever machines, make what one
            run would have made.
        suffix: Suffix for result names instead of `x4` or `w3000`; "" for none.
        extension: What results end with, such as `png`; `auto` takes that of the picture.
        pattern: The names of results, from `{stem}`, `{ext}`, `{scale}` and `{network}`, instead of `suffix`.
        skip_existing: Leave alone whatever is there.
        resume: Leave results alone that were made from the same pictures in the same way.
        report: A JSON file that says what became of each picture.
        dry_run: Only say what would be done.
        compare: Also write a sheet LR | bicubic | SR beside each result.
        map: Also write a map of the detail in each result that does not come from its input.
        stretch: Whether `width` and `height` are taken as they are; else results fit into them.
        wrap: Whether pictures are textures that tile: what is enlarged tiles as well.
        normal_map: Whether colours are directions, whose length stays 1.
        alpha_is_data: Whether alpha is one more channel of data, which hides nothing.
        accept_damaged: Whether to enlarge what there is of damaged pictures; the rest is grey, and said.
        quality: Of JPEG, WebP and AVIF, 1 to 100; None takes that of a JPEG for a JPEG.
        keep_dates: Whether results have the dates of their pictures.
        max_memory: Megabytes to work in; None takes a quarter of what is free. Larger pictures are kept on
            the disk meanwhile.
        tile: Side of a tile in LR pixels; None follows `max_memory`.
        max_pixels: Pictures with more pixels are refused; None refuses none.
        cluster: Where the work is done: the address of a cluster of Ray, True for one of this machine's
            processors, or a `Cluster`, which says how many workers of how many threads. Results then come in
            the order in which they are finished.
        progress: Told how far the batch has come.
        stop: Asked before each tile: when it returns True, what is finished is told of and the work ends.

    Returns:
        An iterator over one result a picture, in order, each when its file is whole at its place; nothing is
        done before it is asked for. With `dry_run` their status is `"planned"` or `"skipped"`.

    Raises:
        PictureError: No picture is found, or one result would destroy another or a picture; before anything
            is written.
        KerasSRError: No such network, or no engine for it.
        Stopped: `stop` returned True; raised by the iterator.
    """
    report = _report_path(report)
    part = None if shard is None else as_shard(shard)
    workers = as_cluster(cluster)
    refuse_report(report, part)
    sources = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    lines = _lines(manifest, sources)
    ends = _ends([*sources, output])
    with ends.speaking():
        output = ends.local(output)
        listing = ends.listing(sources, output, lines, recursive=recursive)
        pixels = None if max_megapixels is None else max_megapixels * 1e6
        size = Size(scale, width, height, pixels, stretch)
        engine = as_network(network, largest_factor([path for path, _ in listing.found], size))
        if map:
            _refuse_map(size, engine.scale)
        if scale and scale > engine.scale:
            log.warning(
                "network %s enlarges x%d, the rest to x%g is bicubic", engine.name, engine.scale, scale
            )
        settings = file_settings(
            size, output, engine, max_memory=max_memory, tile=tile, max_pixels=max_pixels
        )
        look = Look(wrap, normal_map, alpha_is_data, accept_damaged, quality, keep_dates)
        ends.open_output(results_folder(output))
        name = _part_name(part, workers)
        ledger = _ledger(output, engine, size, look, ends, resume=resume, part=name)
        settings = replace(
            settings,
            skip_existing=skip_existing,
            ledger=ledger,
            resume=resume,
            consistency=report is not None,
            look=look,
            ends=ends,
        )
        jobs = plan(
            listing,
            output,
            scale or engine.scale,
            suffix=size.mark(engine.scale) if suffix is None else suffix,
            extension=extension,
            pattern=pattern,
            network=engine.name,
            beside=[kind for kind, wanted in (("compare", compare), ("map", map)) if wanted],
            report=report,
            ours=lambda path: skip_existing or (resume and ledger is not None and ledger.made(path)),
            made=lambda path: ledger is not None and ledger.made(path),
        )
        if quality is not None:
            _say_where_quality_is_idle(jobs)
        if part is not None:
            jobs = _of_shard(jobs, part)
        if dry_run:
            done = [(ends.told(job), settings.finished(job)) for job in jobs]
            return iter([FileResult(job, "skipped" if there else "planned") for job, there in done])
    if max_memory:
        settings = room_for_whole_pictures(settings, jobs, engine, max_memory << 20, output)
    write = None if report is None else partial(write_batch_report, report, total=len(jobs), shard=part)
    made = None
    if workers is not None:
        from keras_sr.tasks.cluster.batch import run_on_cluster

        more = {"compare": compare, "map": map, "max_memory": max_memory, "stop": stop}
        made = partial(run_on_cluster, output=output, cluster=workers, **more)
    return _results(jobs, engine, settings, write, compare, map, progress, stop, made)


def _refuse_map(size: Size, network_scale: int) -> None:
    """Raise a KerasSRError where a size that is asked for by its scale has no map.

    A width or a limit of pixels may come to a whole number of times for one picture and not for the next.
    """
    scale = size.scale or network_scale
    if size.width or size.height or size.max_pixels or (scale >= 2 and scale == int(scale)):
        return
    raise KerasSRError(
        f"`map` shows what was added to LR, which takes a whole scale from 2 on, not {scale:g}: "
        "leave it out, or give another scale"
    )


def _say_where_quality_is_idle(jobs: Sequence[Job]) -> None:
    """Tell of results whose format is written without loss, whatever quality is asked for."""
    suffixes = {job.target.suffix.lower() for job in jobs if not job.refused}
    idle = sorted(suffix for suffix in suffixes if suffix in WRITTEN and not WRITTEN[suffix].quality)
    if idle:
        log.warning("the quality is of JPEG, WebP and AVIF: %s has none", ", ".join(idle))


def _report_path(report: str | Path | None) -> Path | None:
    """Return where a report goes.

    Raises:
        KerasSRError: It is an address.
    """
    if is_address(report):
        raise KerasSRError(f"the report {redacted(str(report))} is an address: give a file on this machine")
    return None if report is None else Path(report)


def _lines(manifest: str | Path | Sequence[str] | None, sources: Sequence[str | Path]) -> list[str] | None:
    """Return the lines of a manifest, where there is one."""
    if manifest is None:
        return None
    if len(sources) != 1:
        raise KerasSRError("with `manifest`, give the one folder that its lines are relative to")
    return read_manifest(manifest) if isinstance(manifest, str | Path) else list(manifest)


def _ends(given: Sequence[str | Path]) -> Ends:
    """Return where pictures come from and results go to."""
    addresses = [str(one) for one in given if is_address(one)]
    if not addresses:
        return HERE
    # Stores need packages that nobody else waits for.
    from keras_sr.tasks.batch.mirror import Mirror

    return Mirror(addresses)


def _of_shard(jobs: Sequence[Job], shard: Shard) -> list[Job]:
    """Return the jobs of a shard, of a plan for all of them: names are given as if there were no shards.

    Raises:
        PictureError: Results go among the pictures, where other shards would take them for pictures.
    """
    results = {os.path.realpath(job.target.parent) for job in jobs}
    for folder in sorted({job.source.parent for job in jobs}):
        if os.path.realpath(folder) in results:
            raise PictureError(
                f"results would go into {folder}, among the pictures, where other shards would take them "
                "for input: give another output"
            )
    return [job for job in jobs if shard.has(job.name)]


def _part_name(shard: Shard | None, cluster: Cluster | None) -> str:
    """Return what a run that shares its folder with others is called; "" for one alone."""
    names = ["ray"] if cluster else []
    return "-".join([*names, *([shard.file_name] if shard else [])])


def _ledger(
    output: Path, engine: Engine, size: Size, look: Look, ends: Ends, *, resume: bool, part: str
) -> Ledger | None:
    """Return the ledger of a batch: of every place of results, so that `resume` can follow any run.

    Raises:
        KerasSRError: Another shard makes its results in another way.
    """
    if isinstance(engine, Network):
        way = Way(engine.choice, size, replace(look, keep_dates=False))
        ledger = ends.ledger(results_folder(output), way.digest(), resume or bool(part), part)
        if ledger is not None and part:
            ledger.check()
        return ledger
    if resume:
        raise KerasSRError(
            f"`resume` needs a network whose weights it can compare, and {engine.name} is an engine of your "
            "own: open it by open_network, or use `skip_existing`"
        )
    return None


def _unwritable_refused(jobs: Sequence[Job]) -> list[Job]:
    """Return jobs, those refused, before the work, whose folder takes no results."""
    why: dict[Path, str] = {}
    for folder in {job.target.parent for job in jobs if not job.refused}:
        try:
            make_folder(folder)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            why[folder] = error.strerror or str(error)
    return [
        replace(job, refused=f"cannot write {str(job.target)!r}: {why[job.target.parent]}")
        if not job.refused and job.target.parent in why
        else job
        for job in jobs
    ]


def _results(
    jobs: Sequence[Job],
    engine: Engine,
    settings: Settings,
    report: Callable[[Sequence[FileResult]], None] | None,
    compare: bool,
    map: bool,
    progress: OnProgress,
    stop: Stop | None,
    elsewhere: Callable[..., Iterator[FileResult]] | None = None,
) -> Iterator[FileResult]:
    """Do the work of `upscale_files` after everything is planned."""
    ends, ledger = settings.ends, settings.ledger
    if ledger and ledger.part:
        ledger.claim()
    jobs = _unwritable_refused(jobs)
    for job in jobs:
        remove_left_over(job.target)

    def show(number: int, share: float) -> None:
        progress(Progress("upscale", number + share, len(jobs), jobs[number].source.name))

    told: list[FileResult] = []
    try:
        if elsewhere is not None:
            made = elsewhere(jobs, engine, settings)
        else:
            made = _made_here(jobs, engine, settings, compare, map, show, stop)
        for result in made:
            ends.forget(result.job)
            said = replace(result, job=ends.told(result.job), reason=ends.said(result.reason))
            told.append(said)
            if elsewhere is not None:
                progress(Progress("upscale", len(told), len(jobs), result.job.source.name))
            yield said
        if elsewhere is not None:
            # What workers that were killed have left.
            for job in jobs:
                remove_left_over(job.target)
    finally:
        try:
            if ledger:
                ledger.flush()
            if ledger and ledger.part and not told:
                ledger.take_back_claim()
        finally:
            ends.close()
            if report:
                report(told if elsewhere is None else _in_order(told, [ends.told(job) for job in jobs]))


def _in_order(results: Sequence[FileResult], jobs: Sequence[Job]) -> list[FileResult]:
    """Return results in the order of their jobs."""
    places = {(job.given, job.place): number for number, job in enumerate(jobs)}
    return sorted(results, key=lambda result: places[result.job.given, result.job.place])


def _made_here(
    jobs: Sequence[Job],
    engine: Engine,
    settings: Settings,
    compare: bool,
    map: bool,
    show: Callable[[int, float], None],
    stop: Stop | None,
) -> Iterator[FileResult]:
    """Yield results that this process makes, with what is wanted beside them."""
    ends = settings.ends
    for result in run_all(jobs, engine, settings, show, stop):
        if (compare or map) and not (result.status == "skipped" and ends.stored(result.job.target)):
            # What a sheet needs, plain enlarging does not: its start should not wait for it.
            from keras_sr.tasks.batch.extras import delivered, with_extras

            made = with_extras(result, compare=compare, invention_map=map, storage=settings.storage)
            result = delivered(made, ends)
        yield result
