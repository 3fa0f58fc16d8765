"""`keras-sr export`: a network as a file that other programs run."""

from pathlib import Path
from typing import Annotated

import typer

from keras_sr.cli.say import say


def export(
    name: Annotated[
        str,
        typer.Argument(
            help="Name from `keras-sr weights`, run folder, or file of weights.", show_default=False
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT", help="Format: onnx, openvino, litert, saved_model, keras, safetensors."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write, a folder for saved_model (default: NAME here)."),
    ] = None,
) -> None:
    """Write a network as a file that other programs run.

    The program that the file is for opens it again, and enlarges the same pictures as Keras. If the two
    differ by more than 1e-4 of white, no file is written. FILE.json beside it says what was compared.

    \b
    For ONNX Runtime, OpenVINO and many others:
        keras-sr export lite_x4 --to onnx
    For chaiNNer, upscayl and everything else that reads Real-ESRGAN's Compact networks:
        keras-sr export compact_x4 --to safetensors -o compact_x4.safetensors
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.tasks.export import export as write

    done = write(name, to, output)
    figures = ", ".join(f"{difference:.1e} at {size}" for size, difference in done.differences.items())
    say(f"{done.path}: differs from Keras by {figures}")
