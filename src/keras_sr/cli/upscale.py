"""`keras-sr upscale`: files and folders of pictures in, larger ones out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_sr.cli.networks import network_file
from keras_sr.cli.say import progress_bar, say
from keras_sr.errors import KerasSRError

if TYPE_CHECKING:
    from keras_sr.inference.jobs import Job, Result, Settings

STREAM = Path("-")


def upscale(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(metavar="IN...", help="Pictures, folders of pictures, or - (stdin)."),
    ] = None,
    inputs: Annotated[
        list[Path] | None, typer.Option("--input", "-i", metavar="IN", help="The same, as an option.")
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="File for one picture, folder, or - (stdout)."),
    ] = Path("results"),
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            "-n",
            metavar="NETWORK",
            help="Name from `keras-sr weights`, run folder, .npz or .onnx file.",
        ),
    ] = None,
    scale: Annotated[
        float | None, typer.Option("--scale", "-s", help="How many times larger, such as 2 or 3.5.")
    ] = None,
    width: Annotated[int | None, typer.Option(help="Of the result, in pixels.", min=1)] = None,
    height: Annotated[int | None, typer.Option(help="Of the result, in pixels.", min=1)] = None,
    max_megapixels: Annotated[
        float | None, typer.Option(help="Make results smaller that would have more million pixels.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Folders inside folders, too.")
    ] = False,
    suffix: Annotated[
        str | None, typer.Option(help="Put behind names instead of x4; '' puts nothing.")
    ] = None,
    extension: Annotated[
        str, typer.Option("--ext", help="What results end with: auto, png, jpg, webp, tif, avif, ...")
    ] = "auto",
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave results alone that are there.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write what became of each picture to this JSON file.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also write a sheet LR | bicubic | SR beside each result.")
    ] = False,
    self_ensemble: Annotated[
        bool, typer.Option("--self-ensemble", "-x", help="Average over eight turned copies: 8 times slower.")
    ] = False,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: Annotated[str, typer.Option(help="f32, or bf16: faster and less exact.")] = "f32",
    fast: Annotated[bool, typer.Option("--fast", help="The same as --precision bf16.")] = False,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with.", min=1)] = None,
    max_memory: Annotated[
        int, typer.Option(help="Megabytes that a tile may take; larger pictures are cut into tiles.", min=1)
    ] = 512,
    tile: Annotated[
        int, typer.Option("--tile", "-t", help="Side of a tile in pixels; 0 follows --max-memory.", min=0)
    ] = 0,
    no_limit: Annotated[
        bool, typer.Option("--no-limit", help="Read pictures of more than 250 million pixels, too.")
    ] = False,
    tile_pad: Annotated[int | None, typer.Option("--tile_pad", "--tile-pad", hidden=True)] = None,
) -> None:
    """Enlarge pictures.

    \b
    One picture:
        keras-sr upscale cat.jpg -o cat_large.png
    Several, or a whole folder with all folders in it (cat.jpg becomes large/cat_x4.jpg):
        keras-sr upscale cat.jpg dog.png -o large/
        keras-sr upscale photos/ -r -o large/ --skip-existing --report report.json
    To a size of your choice:
        keras-sr upscale cat.jpg -o cat_large.png --width 3000
    With a network of your own, from its run folder:
        keras-sr upscale cat.jpg -o cat_large.png -n runs/compact
    See what the network adds, next to plain bicubic enlargement:
        keras-sr upscale cat.jpg -o cat_large.png --compare

    Grey stays grey, 16 bits stay 16 bits; transparency, colour profile, EXIF and every frame are kept
    where the format can hold them, and what it cannot hold is said. The paths of the results are
    printed. A picture that cannot be read is reported, the others are enlarged, and the exit code is
    1. Nothing is ever written over a picture that is read.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.inference.engines import open_engine
    from keras_sr.inference.jobs import MEMORY, Settings, plan
    from keras_sr.inference.size import Size

    sources = [*(pictures or []), *(inputs or [])]
    if not sources:
        raise typer.BadParameter("give a picture to enlarge: keras-sr upscale cat.jpg -o cat_large.png")
    if tile_pad is not None:
        say("keras-sr: --tile_pad is not needed: tiles overlap by exactly what the network sees")
    size = Size(scale, width, height, int(max_megapixels * 1e6) if max_megapixels else None)
    network: Any = open_engine(
        network_file(name, scale), engine=engine, precision="bf16" if fast else precision, threads=threads
    )
    if scale and scale > network.scale:
        say(f"keras-sr: network {network.name} enlarges x{network.scale}, the rest to x{scale:g} is bicubic")
    if self_ensemble:
        from keras_sr.inference.ensemble import EnsembleEngine

        network = EnsembleEngine(network)
    memory = max_memory << 20 if max_memory else MEMORY
    settings = Settings(size, memory, tile or None, skip_existing, consistency=report is not None)
    if no_limit:
        from dataclasses import replace

        settings = replace(settings, max_pixels=None)
    if STREAM in (*sources, output):
        stream(sources, output, network, settings, extension)
        return
    jobs = plan(
        sources, output, scale or network.scale, recursive=recursive, suffix=suffix, extension=extension
    )
    if dry_run:
        for job in jobs:
            there = " (is there, left alone)" if skip_existing and job.target.exists() else ""
            typer.echo(f"{job.source} -> {job.target}{there}")
        return
    failed = batch(jobs, network, settings, compare, report)
    if failed:
        say(f"keras-sr: {failed} of {len(jobs)} pictures failed")
        raise typer.Exit(1)


def batch(jobs: "list[Job]", network: Any, settings: "Settings", compare: bool, report: Path | None) -> int:
    """Enlarge files, print the paths of results, and return how many failed."""
    from keras_sr.inference.jobs import run_all

    results: list[Result] = []
    try:
        with progress_bar("upscale", len(jobs)) as show:
            for result in run_all(
                jobs, network, settings, lambda number, share: show(number + share, jobs[number].source.name)
            ):
                tell(result, network, compare)
                results.append(result)
    except KeyboardInterrupt:
        say("keras-sr: interrupted: what is printed above is finished, nothing is half-written")
        raise
    finally:
        if report:
            write_report(report, results, len(jobs))
    return sum(result.status == "failed" for result in results)


def tell(result: "Result", network: Any, compare: bool) -> None:
    """Print the path of a result, and say what there is to say about it."""
    from keras_sr.inference import jobs

    job = result.job
    if result.status == "failed":
        say(f"keras-sr: {result.reason}")
        return
    typer.echo(str(job.target))
    if result.status == "skipped":
        say(f"{job.source}: {job.target} is there, left alone")
        return
    if compare:
        typer.echo(str(jobs.compare(job, network.scale)))
    width, height = result.size or (0, 0)
    lost = f"; left behind: {', '.join(result.lost)}" if result.lost else ""
    say(f"{job.source} -> {width}x{height} in {result.seconds:.2f} s ({network.name}){lost}")


def write_report(path: Path, results: "list[Result]", total: int) -> None:
    """Write what became of each picture; a run that was stopped reports what it has done."""
    import json

    from keras_sr.files import atomic_write

    counts = {status: sum(r.status == status for r in results) for status in ("done", "skipped", "failed")}
    rows = [result.as_dict() for result in results]
    with atomic_write(path, "w") as file:
        json.dump({"total": total, **counts, "pictures": rows}, file, indent=1, ensure_ascii=False)
        file.write("\n")


def stream(sources: list[Path], output: Path, network: Any, settings: "Settings", extension: str) -> None:
    """Enlarge one picture from or to a pipe."""
    from keras_sr.images import picture as files
    from keras_sr.inference.jobs import resized

    if len(sources) != 1:
        raise KerasSRError("a pipe holds one picture: give one input when it or the output is -")
    given = sys.stdin.buffer.read() if sources[0] == STREAM else sources[0]
    larger = resized(files.read(given, max_pixels=settings.max_pixels), network, settings, lambda share: None)
    if output != STREAM:
        files.write(output, larger)
        typer.echo(str(output))
        return
    data, _ = files.encode("." + ("png" if extension == "auto" else extension.lower()), larger, "stdout")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
