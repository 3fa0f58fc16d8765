"""`keras-sr benchmark`: figures that can be compared, with all that they depend on beside them."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from keras_sr.cli.say import log_to_stderr, progress_bar, say
from keras_sr.errors import DataError

_MODEL_HELP = (
    "Name from `keras-sr weights`, run folder, .npz, .keras, .onnx or OpenVINO's .xml file, folder of SR "
    "pictures that any tool made, or `bicubic`. NAME=... gives it a name for the tables."
)


def _show_metrics(wanted: bool) -> None:
    """Print the metrics and leave."""
    if wanted:
        from keras_sr.evaluation.columns import metrics_as_lines

        typer.echo("\n".join(metrics_as_lines()))
        raise typer.Exit


def benchmark(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=_MODEL_HELP)],
    data: Annotated[
        list[str],
        typer.Option(
            help="Set5, Set14, BSD100, Urban100, or a folder (HR with or without LR); may be repeated."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("benchmark"),
    scale: Annotated[
        int | None, typer.Option("--scale", "-s", help="Scale (default: the network's own, or 4).", min=1)
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="Protocol: paper (Y, floats), matlab (Y rounded), rgb, or custom; all but custom shave "
            "`scale` pixels."
        ),
    ] = "paper",
    channel: Annotated[str, typer.Option(help="Channels to measure: y or rgb (--protocol custom).")] = "y",
    round_y: Annotated[
        bool, typer.Option("--round-y", help="Round Y to whole levels (--protocol custom).")
    ] = False,
    crop_border: Annotated[
        int | None, typer.Option(help="Pixels to shave off each side (--protocol custom).", min=0)
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(help="Metrics, separated by commas, such as psnr,ssim (default: all the usual ones)."),
    ] = None,
    list_metrics: Annotated[
        bool,
        typer.Option(
            "--list-metrics",
            callback=_show_metrics,
            is_eager=True,
            help="List all metrics, with units and sources.",
        ),
    ] = False,
    degradation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Measure on damaged LR too: jpeg90, jpeg75, jpeg50, noise5_jpeg80, blur_jpeg80 or webp80; "
            "may be repeated. The LR pictures are kept in OUT.",
        ),
    ] = None,
    self_ensemble: Annotated[
        bool, typer.Option("--self-ensemble", help="Average networks over eight rotated and mirrored copies.")
    ] = False,
    engine: Annotated[str, typer.Option(help="Engine: auto, openvino or onnxruntime.")] = "auto",
    precision: Annotated[str, typer.Option(help="Precision: f32, or bf16 (faster and less exact).")] = "f32",
    threads: Annotated[int | None, typer.Option(help="Threads to compute with.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap intervals.")] = 0,
    anchor: Annotated[
        bool, typer.Option(help="Refuse a known set on which bicubic is off by more than 0.01 dB.")
    ] = True,
) -> None:
    """Measure networks, or the pictures of any tool, on benchmark sets.

    \b
    An included network, on a set that is downloaded if needed:
        keras-sr benchmark compact_x4 --data Set5
    Several, on several sets, one of them your own folder of photographs:
        keras-sr benchmark compact_x4 runs/srresnet_mse --data Set5 --data BSD100 --data photos/
    The pictures that another tool made:
        keras-sr benchmark theirs=results/Set5/ --data Set5
    On JPEGs, as most photographs are:
        keras-sr benchmark photo_x4 lite_x4 --data photos/ --degradation jpeg75 --degradation jpeg50
    PSNR and SSIM only, which is quick:
        keras-sr benchmark compact_x4 --data Set5 --metrics psnr,ssim

    Bicubic is always the first row: on a known set it must score what it does in every paper, or
    the set is refused. LR pictures are taken from the set if it has them, and made with MATLAB's
    bicubic kernel if not. Known sets are looked for here, in the folder KERAS_SR_DATA and in the
    cache.

    The tables are printed. OUT gets results.json, per_image.csv and report.html, a page to look at.
    Stop it at any time: the same command continues. The exit code is 1 if a picture cannot be measured.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.evaluation.report.tables import table
    from keras_sr.tasks import benchmark as task

    log_to_stderr()
    own = (channel, round_y, crop_border)
    if protocol != "custom" and own != ("y", False, None):
        task.find_protocol(protocol)
        raise DataError(
            "--channel, --round-y and --crop-border need a protocol of your own: "
            f"give --protocol custom, not {protocol}"
        )
    try:
        with progress_bar() as show:
            results = task.benchmark(
                models,
                data,
                out,
                scale=scale,
                protocol=task.own_protocol(*own) if protocol == "custom" else protocol,
                metrics=[key.strip() for key in metrics.split(",")] if metrics else None,
                degradation=degradation or (),
                self_ensemble=self_ensemble,
                engine=engine,
                precision=precision,
                threads=threads,
                seed=seed,
                anchor=anchor,
                command=shlex.join(["keras-sr", *sys.argv[1:]]),
                progress=show,
            )
    except KeyboardInterrupt:
        say(f"keras-sr: interrupted: the same command continues with what is in {out}")
        raise
    values = results.as_json()
    typer.echo("\n\n".join(table(one, values) for one in values["sets"]))
    say(f"written: {out / 'report.html'}, results.json and per_image.csv beside it")
    if results.failed:
        raise typer.Exit(1)
