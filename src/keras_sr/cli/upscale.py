"""`keras-sr upscale`: files and folders of pictures in, larger ones out."""

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_sr.cli.options import in_options
from keras_sr.cli.say import escaped, log_to_stderr, progress_bar, say
from keras_sr.errors import KerasSRError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keras_sr.inference.engines import Engine
    from keras_sr.tasks.batch.run import FileResult
    from keras_sr.tasks.batch.size import Size

STREAM = "-"

#: Million pixels of a result that somebody may have asked for by mistake.
MANY = 1000


def factor(text: str) -> float:
    """Return a factor as people write it: 4, 4x, x4, 3.5.

    Examples:
        >>> factor("4x"), factor("x2"), factor("3.5")
        (4.0, 2.0, 3.5)
    """
    try:
        return float(text.strip().lower().removeprefix("x").removesuffix("x"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a factor: write 2, 4x or 3.5") from None


def between(text: str | None) -> tuple[int, int | None]:
    """Return the least and the most of something as people write it: 8, 2-8.

    Examples:
        >>> between("8"), between("2-8"), between(None)
        ((1, 8), (2, 8), (1, None))
    """
    if text is None:
        return 1, None
    least, dash, most = text.partition("-")
    try:
        return (int(least), int(most)) if dash else (1, int(least))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number of workers: write 8 or 2-8") from None


def upscale(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IN...", help="Pictures, folders of pictures, s3://bucket/folder/, or - (stdin)."
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", "-i", metavar="IN", help="The same, as an option.")
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="File for one picture, folder, s3://bucket/folder/, or - (stdout).",
        ),
    ] = "results",
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            "-n",
            metavar="NETWORK",
            help="Name from `keras-sr weights`, run folder, .npz, .keras or .onnx file. "
            "Without it, each picture gets the one that suits it.",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale",
            "-s",
            parser=factor,
            metavar="TIMES",
            help="How many times larger, such as 2, x4 or 3.5.",
        ),
    ] = None,
    width: Annotated[int | None, typer.Option(help="Width of the result, in pixels.", min=1)] = None,
    height: Annotated[int | None, typer.Option(help="Height of the result, in pixels.", min=1)] = None,
    stretch: Annotated[
        bool,
        typer.Option(
            "--stretch", help="Stretch to exactly --width and --height instead of fitting into them."
        ),
    ] = False,
    max_megapixels: Annotated[
        float | None, typer.Option(help="Make results no larger than this many million pixels.")
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into subfolders, too.")] = False,
    manifest: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Take the pictures listed in this file (or -, stdin): one path per line, relative to the "
            "one folder IN, or to the current folder.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Do part K of N equal parts; N such commands, on any machines, do them all.",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="[ADDRESS]",
            help="Work on a Ray cluster: its address, or auto for the one running here; without an address, "
            "on a cluster of this machine alone. --threads then counts for each worker.",
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(metavar="[MIN-]MAX", help="Number of workers with --ray (default: as many as fit)."),
    ] = None,
    suffix: Annotated[
        str | None,
        typer.Option(
            help="Suffix for the names of results (default x4, or w3000 with --width 3000); '' for none."
        ),
    ] = None,
    extension: Annotated[
        str, typer.Option("--ext", help="Extension of the results: auto, png, jpg, webp, tif, avif, ...")
    ] = "auto",
    pattern: Annotated[
        str | None,
        typer.Option(help="Name results with {stem}, {ext}, {scale} and {network}, instead of --suffix."),
    ] = None,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Skip pictures whose result exists.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Skip results that were made from the same pictures in the same way; the file "
            ".keras-sr.jsonl beside them keeps the record.",
        ),
    ] = False,
    report: Annotated[
        str | None, typer.Option(help="Write what became of each picture to this JSON file.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also write a sheet LR | bicubic | SR beside each result.")
    ] = False,
    map_: Annotated[
        bool,
        typer.Option("--map", help="Also write a map of the detail in each result that its picture lacks."),
    ] = False,
    detail: Annotated[
        float | None,
        typer.Option(
            help="How much detail to invent: from 0 (the network that a GAN started from) to 1 (the GAN).",
            min=0.0,
            max=1.0,
        ),
    ] = None,
    denoise: Annotated[
        float | None,
        typer.Option(
            help="How much noise and JPEG to treat as damage: 1 removes them, 0 keeps them as they are.",
            min=0.0,
            max=1.0,
        ),
    ] = None,
    partner: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="Network to use at --detail 0, or at --denoise 0, if it cannot be inferred.",
        ),
    ] = None,
    consistent: Annotated[
        bool, typer.Option("--consistent", help="Make results shrink back to their pictures exactly.")
    ] = False,
    self_ensemble: Annotated[
        bool,
        typer.Option(
            "--self-ensemble", "-x", help="Average over eight rotated and mirrored copies: 8 times slower."
        ),
    ] = False,
    engine: Annotated[
        str, typer.Option(help="Engine: auto, openvino, onnxruntime, or keras (any backend, and a GPU).")
    ] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            help="Precision: f32, bf16 (faster and less exact), or auto: bf16 where the processor has it "
            "and it costs the network no more than 0.01 dB."
        ),
    ] = "auto",
    fast: Annotated[bool, typer.Option("--fast", help="The same as --precision bf16.")] = False,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with.", min=1)] = None,
    max_memory: Annotated[
        int | None,
        typer.Option(
            help="Megabytes to work in (default: a quarter of what is free): sets the size of tiles; "
            "pictures that need more are kept on disk meanwhile.",
            min=1,
        ),
    ] = None,
    tile: Annotated[
        int, typer.Option("--tile", "-t", help="Side of a tile in pixels; 0 follows --max-memory.", min=0)
    ] = 0,
    no_limit: Annotated[
        bool, typer.Option("--no-limit", help="Also read pictures of more than 250 million pixels.")
    ] = False,
    quality: Annotated[
        int | None,
        typer.Option(help="Quality of JPEG, WebP and AVIF (default: a JPEG keeps its own).", min=1, max=100),
    ] = None,
    wrap: Annotated[
        bool, typer.Option("--wrap", help="Treat pictures as seamless textures: results tile, too.")
    ] = False,
    normal_map: Annotated[
        bool, typer.Option("--normal-map", help="Treat colours as directions: keep their length at 1.")
    ] = False,
    alpha_data: Annotated[
        bool,
        typer.Option("--alpha-data", help="Treat alpha as data, such as a gloss mask, that hides nothing."),
    ] = False,
    accept_damaged: Annotated[
        bool,
        typer.Option(
            "--accept-damaged", help="Enlarge what can be read of damaged pictures; the rest is grey."
        ),
    ] = False,
    keep_dates: Annotated[
        bool, typer.Option("--keep-dates", help="Give results the dates of their pictures.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before making more than 1,000 million pixels.")
    ] = False,
    tile_pad: Annotated[int | None, typer.Option("--tile_pad", "--tile-pad", hidden=True)] = None,
) -> None:
    """Enlarge pictures.

    \b
    One picture:
        keras-sr upscale cat.jpg -o cat_large.png
    Several, or a whole folder with its subfolders (cat.jpg becomes large/cat_x4.jpg):
        keras-sr upscale cat.jpg dog.png -o large/
        keras-sr upscale photos/ -r -o large/ --skip-existing --report report.json
    To a size of your choice:
        keras-sr upscale cat.jpg -o cat_large.png --width 3000
    Twenty times as fast, less sharp; or sharp, and inventing less:
        keras-sr upscale photos/ -r -o large/ -n compact_x4
        keras-sr upscale cat.jpg -o cat_large.png --detail 0.6
    With a network of your own, from its run folder:
        keras-sr upscale cat.jpg -o cat_large.png -n runs/compact
    See what the network adds, next to plain bicubic enlargement, and where it invents:
        keras-sr upscale cat.jpg -o cat_large.png --compare --map
    Continue a batch that was stopped; pictures that changed since are done again:
        keras-sr upscale photos/ -r -o large/ --resume
    Share a batch among machines, this one doing the third of sixteen parts:
        keras-sr upscale photos/ -r -o large/ --resume --shard 3/16

    Grey stays grey, 16 bits stay 16 bits; transparency, colour profile, EXIF and every frame are kept
    where the format can hold them, and you are told what it cannot hold. The paths of the results are
    printed. A picture that cannot be read is reported, the others are enlarged, and the exit code is
    1. Input pictures are never overwritten.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.images.picture import MAX_PIXELS
    from keras_sr.tasks.batch.address import is_address
    from keras_sr.tasks.batch.asked import largest_factor
    from keras_sr.tasks.batch.manifest import read_manifest
    from keras_sr.tasks.batch.shard import as_shard
    from keras_sr.tasks.batch.size import Size
    from keras_sr.tasks.cluster.settings import Cluster
    from keras_sr.tasks.networks import fast_precision, open_network
    from keras_sr.tasks.upscale import upscale_files

    log_to_stderr()
    sources = [*(pictures or []), *(inputs or [])]
    lines = None if manifest is None else read_manifest(manifest)
    part = None if shard is None else as_shard(shard)
    if workers and ray is None:
        raise typer.BadParameter("--workers needs a cluster: give --ray, too")
    cluster = None if ray is None else Cluster(ray, threads or 1, between(workers))
    if lines is not None:
        sources = sources or ["."]
    if not sources:
        raise typer.BadParameter("give a picture to enlarge: keras-sr upscale cat.jpg -o cat_large.png")
    if tile_pad is not None:
        say("keras-sr: --tile_pad is not needed: tiles overlap by exactly what the network sees")
    size = Size(scale, width, height, stretch=stretch)
    files = [Path(source) for source in sources if source != STREAM and not is_address(source)]
    if lines is not None:
        files = [file / line for file in files for line in lines]
    place = None if is_address(output) else Path(output)
    network = open_network(
        name,
        largest_factor(files, size, place, recursive=recursive),
        engine=engine,
        precision=fast_precision(engine) if fast else precision,
        threads=threads,
        detail=detail,
        denoise=denoise,
        partner=partner,
        self_ensemble=self_ensemble,
        consistent=consistent,
    )
    how: dict[str, Any] = {
        "scale": scale,
        "width": width,
        "height": height,
        "max_megapixels": max_megapixels,
        "stretch": stretch,
        "wrap": wrap,
        "normal_map": normal_map,
        "alpha_is_data": alpha_data,
        "accept_damaged": accept_damaged,
        "quality": quality,
        "max_memory": max_memory,
        "tile": tile,
        "max_pixels": None if no_limit else MAX_PIXELS,
    }
    if STREAM in (*sources, output):
        batch = report, compare, map_, resume, pattern, skip_existing, dry_run, lines, part, cluster
        if any(batch):
            raise typer.BadParameter(
                "--report, --compare, --map, --resume, --skip-existing, --dry-run, --pattern, --manifest, "
                "--shard and --ray need files, not -"
            )
        stream([Path(source) for source in sources], Path(output), network, extension, **how)
        return
    if not (yes or no_limit or dry_run):
        agree(files, size, network.scale, place, max_megapixels, recursive=recursive)
    with progress_bar() as show:
        results = upscale_files(
            sources,
            output,
            network,
            recursive=recursive,
            manifest=lines,
            shard=part,
            suffix=suffix,
            extension=extension,
            pattern=pattern,
            skip_existing=skip_existing,
            resume=resume,
            report=report,
            dry_run=dry_run,
            compare=compare,
            map=map_,
            keep_dates=keep_dates,
            cluster=cluster,
            progress=show,
            **how,
        )
        told = [_tell(result, network.name, dry_run) for result in interruptible(results)]
    if part is not None and not told:
        say(f"keras-sr: no picture belongs to shard {part}")
    if not all(told):
        say(f"keras-sr: {told.count(False)} of {len(told)} pictures failed")
        raise typer.Exit(1)


def agree(
    files: list[Path],
    size: "Size",
    scale: int,
    output: Path | None,
    max_megapixels: float | None,
    *,
    recursive: bool,
) -> None:
    """Ask before a result that is very large; where nobody can be asked, refuse it."""
    from keras_sr.tasks.batch.asked import largest_result

    rows, columns = largest_result(files, size, scale, output, recursive=recursive)
    millions = rows * columns / 1e6
    if millions <= MANY or (max_megapixels is not None and max_megapixels <= MANY):
        return
    what = f"the largest result would have {columns}x{rows}, {millions:,.0f} million pixels"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise KerasSRError(f"{what}: if you want it, add --yes")
    typer.confirm(f"keras-sr: {what}. Go on?", abort=True, err=True)


def interruptible(results: "Iterator[FileResult]") -> "Iterator[FileResult]":
    """Pass results on; after Ctrl-C, say that they are whole."""
    try:
        yield from results
    except KeyboardInterrupt:
        say("keras-sr: interrupted: what is printed above is complete, and nothing is half-written")
        raise


def _tell(result: "FileResult", network: str, dry_run: bool) -> bool:
    """Print the paths of a result, say what there is to say about it, and return whether all went well."""
    job = result.job
    if dry_run:
        there = " (already exists, left alone)" if result.status == "skipped" else ""
        echo(f"{job.given} -> {job.place}{there}")
        return True
    if result.status == "failed":
        say(f"keras-sr: {in_options(result.reason)}")
        return False
    echo(job.place)
    if result.status == "skipped":
        say(f"{job.given}: {job.place} already exists, left alone")
    else:
        width, height = result.size or (0, 0)
        lost = f"; left behind: {', '.join(result.lost)}" if result.lost else ""
        made_by = (result.network or network) + (f": shows {result.traces}" if result.traces else "")
        say(f"{job.given} -> {width}x{height} in {result.seconds:.2f} s ({made_by}){lost}")
    for path in result.extras:
        echo(str(path))
    if result.trouble:
        say(f"keras-sr: {in_options(result.trouble)}")
    return result.ok


def echo(line: str) -> None:
    """Print a line with a path in it: byte for byte for programs, escaped for a person."""
    if sys.stdout.isatty():
        line = escaped(line)
    typer.echo(os.fsencode(line))


def stream(
    sources: list[Path],
    output: Path,
    network: "Engine",
    extension: str,
    *,
    scale: float | None,
    width: int | None,
    height: int | None,
    max_megapixels: float | None,
    stretch: bool,
    wrap: bool,
    normal_map: bool,
    alpha_is_data: bool,
    accept_damaged: bool,
    quality: int | None,
    **how: Any,
) -> None:
    """Enlarge one picture from or to a pipe."""
    from keras_sr.images import picture as files
    from keras_sr.tasks.batch.look import Look
    from keras_sr.tasks.batch.plan import WRITTEN
    from keras_sr.tasks.batch.room import file_settings
    from keras_sr.tasks.batch.run import resized
    from keras_sr.tasks.batch.size import Size

    if len(sources) != 1:
        raise KerasSRError("a pipe holds one picture: give one input when it or the output is -")
    suffix = output.suffix.lower()
    if output == Path(STREAM):
        suffix = ".png" if extension == "auto" else f".{extension.lower().lstrip('.')}"
    if suffix not in WRITTEN:
        raise KerasSRError(
            "a picture from a pipe goes to a file, -o large.png, or to stdout, -o - --ext png: "
            f"{unknown('suffix', suffix, list(WRITTEN))}"
        )
    size = Size(scale, width, height, None if max_megapixels is None else max_megapixels * 1e6, stretch)
    look = Look(wrap, normal_map, alpha_is_data, accept_damaged, quality)
    place = None if output == Path(STREAM) else output
    settings = replace(file_settings(size, place, network, **how), look=look)
    given = sys.stdin.buffer.read() if sources[0] == Path(STREAM) else sources[0]
    storage = settings.storage
    picture = files.read(
        given, max_pixels=settings.max_pixels, storage=storage, accept_damaged=accept_damaged
    )
    larger = resized(picture, network, settings)
    if output == Path(STREAM):
        with tempfile.TemporaryFile() as file:
            lost = files.encode(file, suffix, larger, "stdout", storage=storage, quality=quality)
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        lost = files.write(output, larger, storage=storage, quality=quality)
        echo(str(output))
    if picture.lost or lost:
        say(f"{sources[0]}: left behind: {', '.join(dict.fromkeys([*picture.lost, *lost]))}")
