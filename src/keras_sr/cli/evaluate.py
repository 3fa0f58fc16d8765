"""`keras-sr evaluate`: PSNR and SSIM of a network on a folder of pictures."""

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras_sr.cli.backend import prepare_keras
from keras_sr.cli.say import log_to_stderr, progress_bar, say

if TYPE_CHECKING:
    from keras_sr.evaluation.score import Scores, Upscaler


def evaluate(
    model: Annotated[
        str,
        typer.Argument(help="Name from `keras-sr weights`, run folder, .npz or .onnx file, or `bicubic`."),
    ],
    data: Annotated[Path, typer.Option(help="Folder of HR pictures, or of a benchmark set with its LR.")],
    scale: Annotated[int, typer.Option("--scale", "-s", help="For bicubic; a network knows its own.")] = 4,
    protocol: Annotated[
        str, typer.Option(help="paper (Y, floats), matlab (Y rounded) or rgb; all shave `scale` pixels.")
    ] = "paper",
) -> None:
    """Measure a network: PSNR and SSIM of every picture, and their means.

    \b
    A network that comes with the package, and what it has to beat:
        keras-sr evaluate compact_x4 --data Set5/
        keras-sr evaluate bicubic --data Set5/
    A network in training:
        keras-sr evaluate runs/srresnet_mse --data BSD100/

    LR pictures are taken from the set where it has them, and made by MATLAB's bicubic kernel where
    not. A picture that cannot be measured is reported, and the exit code is 1.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.evaluation.folders import find_pairs
    from keras_sr.evaluation.score import score

    log_to_stderr()
    upscaler, scale = find_upscaler(model, scale)
    pairs = find_pairs(data, scale)
    done = count(1)
    with progress_bar("evaluate", len(pairs)) as show:
        scores = score(
            upscaler, pairs, scale, protocol, on_picture=lambda judged: show(next(done), judged.name)
        )
    report(scores, model, data)
    if scores.failures:
        raise typer.Exit(1)


def find_upscaler(model: str, scale: int) -> "tuple[Upscaler, int]":
    """Return what enlarges, and how many times."""
    from keras_sr.evaluation.score import bicubic
    from keras_sr.weights import registry

    if model == "bicubic":
        return bicubic(scale), scale
    if model in registry.names() or model.endswith(".onnx"):
        return exported(model)
    prepare_keras()
    from keras_sr.evaluation.network import network_upscaler
    from keras_sr.export import scale as scale_of
    from keras_sr.weights.load import load

    network = load(model)
    return network_upscaler(network), scale_of(network)


def exported(model: str) -> "tuple[Upscaler, int]":
    """Return the upscaler of an exported network, which needs no Keras, and its scale."""
    from keras_sr.inference.engines import open_engine
    from keras_sr.inference.upscale import find_network, upscale

    engine = open_engine(find_network(model))
    return (lambda lr: upscale(lr, engine)), engine.scale


def report(scores: "Scores", model: str, data: Path) -> None:
    """Print the table, and say what it covers."""
    names = [image.name for image in scores.images]
    width = max(len(name) for name in [*names, "picture"])
    typer.echo(f"{'picture':<{width}}  {'psnr':>7}  {'ssim':>6}")
    for image in scores.images:
        typer.echo(f"{image.name:<{width}}  {image.psnr:7.3f}  {image.ssim:6.4f}")
    typer.echo(f"{'mean':<{width}}  {scores.psnr:7.3f}  {scores.ssim:6.4f}")
    made = f", {scores.lr_made} LR made by bicubic" if scores.lr_made else ""
    say(f"{model} on {data}: {scores} (x{scores.scale}, protocol {scores.protocol.name}{made})")
