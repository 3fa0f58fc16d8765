"""`keras-sr import`: networks of other programs, put beside those that ship."""

from pathlib import Path
from typing import Annotated

import typer

from keras_sr.cli.say import say


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A network: .pth, .pt or .ckpt of PyTorch, .safetensors, .param or .bin of ncnn, .onnx.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="NAME", help="Name to give it (default: the file's)."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Licence of the network, if the file does not say.")
    ] = None,
) -> None:
    """Add a network from another program to the list of networks.

    RRDB (ESRGAN, Real-ESRGAN, BSRGAN), Compact and SPAN are read, and any ONNX that enlarges pictures of any
    size. Nothing in the file is run, and PyTorch is not needed. It goes to the first folder of
    KERAS_SR_NETWORKS, or to keras-sr/networks in your data folder.

    \b
    Once:
        keras-sr import RealESRGAN_x4plus.pth -o x4plus --licence BSD-3-Clause
    From then on:
        keras-sr upscale cat.jpg -o cat_large.png -n x4plus
    Without importing it:
        keras-sr upscale cat.jpg -o cat_large.png -n RealESRGAN_x4plus.pth
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.tasks.convert import describe, import_network

    target = import_network(file, name, licence)
    row = describe(target)
    cost = "" if row.kmac is None else f", {row.kmac:.0f} kMAC"
    say(f"{target.stem}: {row.kind}, x{row.scale}{cost}; licence {row.licence}; in {target}")
