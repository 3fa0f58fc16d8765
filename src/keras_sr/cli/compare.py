"""`keras-sr compare`: how far pictures are apart."""

from pathlib import Path
from typing import Annotated

import typer

from keras_sr.cli.say import say


def compare(
    pictures: Annotated[list[Path], typer.Argument(metavar="A B...", help="Pictures of one size.")],
    reference: Annotated[
        Path | None, typer.Option("--reference", "-r", help="Ground truth to compare each picture with.")
    ] = None,
    crop_border: Annotated[int, typer.Option(help="Pixels to shave off each side first.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare pictures with every metric that applies.

    \b
    Two pictures with each other:
        keras-sr compare before.png after.png
    The results of two tools with the truth; the better value of each line is marked:
        keras-sr compare ours.png theirs.png --reference truth.png --crop-border 4
    An enlarged picture with what it was made from (is anything lost or invented?):
        keras-sr compare large.png small.png

    PSNR, SSIM, MS-SSIM on Y and RGB, LPIPS, colour drift, NIQE and sharpness; LR consistency where one
    picture is a whole number of times larger. Metrics that do not apply are named on stderr.
    """  # noqa: D301  (typer: keep these line breaks)
    import json

    from keras_sr.evaluation.compare import as_dict, text
    from keras_sr.evaluation.compare import compare as run

    result = run(pictures, reference, crop_border=crop_border)
    for line in result.left_out:
        say(f"keras-sr: {line}")
    typer.echo(json.dumps(as_dict(result), indent=1, ensure_ascii=False) if as_json else text(result))
