"""`keras-sr upscale`: files and folders of pictures in, larger ones out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_sr.cli.networks import network_file
from keras_sr.cli.say import progress_bar, say
from keras_sr.errors import KerasSRError, PictureError

if TYPE_CHECKING:
    from keras_sr.inference.jobs import Job


def upscale(
    pictures: Annotated[list[Path], typer.Argument(metavar="IN", help="Pictures, or folders of pictures.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="File for one picture; else a folder.")
    ],
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
        int | None, typer.Option("--scale", "-s", help="How many times larger; chooses the network.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also write a sheet LR | bicubic | SR beside each result.")
    ] = False,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: Annotated[str, typer.Option(help="f32, or bf16: faster and less exact.")] = "f32",
    threads: Annotated[int | None, typer.Option(help="Threads to compute with.", min=1)] = None,
    max_memory: Annotated[
        int, typer.Option(help="Megabytes that a tile may take; larger pictures are cut into tiles.", min=1)
    ] = 512,
) -> None:
    """Enlarge pictures.

    \b
    One picture:
        keras-sr upscale cat.jpg -o cat_large.png
    Several, or a whole folder, into a folder (cat.jpg becomes large/cat_x4.jpg):
        keras-sr upscale cat.jpg dog.png -o large/
        keras-sr upscale photos/ -o large/
    With a network of your own, from its run folder:
        keras-sr upscale cat.jpg -o cat_large.png -n runs/compact
    See what the network adds, next to plain bicubic enlargement:
        keras-sr upscale cat.jpg -o cat_large.png --compare

    The paths of the results are printed. A picture that cannot be read is reported, the others are
    enlarged, and the exit code is 1. Nothing is ever written over a picture that is read.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.inference.engines import open_engine
    from keras_sr.inference.jobs import plan

    network = open_engine(network_file(name, scale), engine=engine, precision=precision, threads=threads)
    if scale not in (None, network.scale):
        raise KerasSRError(
            f"network {network.name} enlarges x{network.scale}, not x{scale}: leave --scale out"
        )
    jobs = plan(pictures, output, network.scale)
    failed = 0
    try:
        with progress_bar("upscale", len(jobs)) as show:
            for number, job in enumerate(jobs):
                failed += not run_one(job, network, number, show, compare, max_memory << 20)
    except KeyboardInterrupt:
        say("keras-sr: interrupted: what is printed above is finished, nothing is half-written")
        raise
    if failed:
        say(f"keras-sr: {failed} of {len(jobs)} pictures failed")
        raise typer.Exit(1)


def run_one(job: "Job", network: Any, number: int, show: Any, compare: bool, memory: int) -> bool:
    """Enlarge one picture, print its path or say why it failed, and return whether it was done."""
    from keras_sr.inference import jobs

    start = time.perf_counter()
    try:
        sr = jobs.run(
            job, network, memory=memory, progress=lambda share: show(number + share, job.source.name)
        )
        typer.echo(str(job.target))
        if compare:
            typer.echo(str(jobs.compare(job, sr, network.scale)))
    except PictureError as error:
        say(f"keras-sr: {error}")
        return False
    seconds = time.perf_counter() - start
    say(f"{job.source} -> {sr.shape[1]}x{sr.shape[0]} in {seconds:.2f} s ({network.name})")
    return True
