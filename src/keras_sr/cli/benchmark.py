"""`keras-sr benchmark`: figures that can be compared, with all that they depend on beside them."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras_sr.cli.say import log_to_stderr, progress_bar, say
from keras_sr.errors import DataError, KerasSRError
from keras_sr.tasks.progress import Progress

if TYPE_CHECKING:
    from keras_sr.evaluation.candidates import Candidate
    from keras_sr.evaluation.score import Protocol

MODEL_HELP = (
    "Name from `keras-sr weights`, run folder, .npz, .onnx or OpenVINO's .xml file, folder of SR pictures "
    "that any tool made, or `bicubic`. NAME=... gives it a name for the tables."
)


def benchmark(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=MODEL_HELP)],
    data: Annotated[
        list[str],
        typer.Option(
            help="Set5, Set14, BSD100, Urban100, or a folder (HR with or without LR); may be repeated."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for all that is written.")] = Path(
        "benchmark"
    ),
    scale: Annotated[
        int | None, typer.Option("--scale", "-s", help="A network knows its own; else 4.", min=1)
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="paper (Y, floats), matlab (Y rounded), rgb, or custom; all but custom shave `scale` pixels."
        ),
    ] = "paper",
    channel: Annotated[str, typer.Option(help="For custom: y or rgb.")] = "y",
    round_y: Annotated[bool, typer.Option("--round-y", help="For custom: round Y to whole levels.")] = False,
    crop_border: Annotated[
        int | None, typer.Option(help="For custom: pixels shaved off each side.", min=0)
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="psnr, ssim, ms_ssim, lpips, lpips_vgg, dists, niqe, lr_psnr, drift_y, drift_cb, drift_cr, "
            "sharpness, with commas between; all when not given."
        ),
    ] = None,
    degradation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Measure on damaged LR too: jpeg90, jpeg75, jpeg50, noise5_jpeg80 or blur_jpeg80; may be "
            "repeated. The LR pictures are kept in OUT.",
        ),
    ] = None,
    self_ensemble: Annotated[
        bool, typer.Option("--self-ensemble", help="Networks average over eight turned copies.")
    ] = False,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: Annotated[str, typer.Option(help="f32, or bf16: faster and less exact.")] = "f32",
    threads: Annotated[int | None, typer.Option(help="Threads to compute with.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap intervals.")] = 0,
    anchor: Annotated[
        bool, typer.Option(help="Refuse a known set on which bicubic is off by more than 0.01 dB.")
    ] = True,
) -> None:
    """Measure networks, or the pictures of any tool, on benchmark sets.

    \b
    A network that comes with the package, on a set that is downloaded when it is not there:
        keras-sr benchmark compact_x4 --data Set5
    Several, on several sets, one of them your own folder of photographs:
        keras-sr benchmark compact_x4 runs/srresnet_mse --data Set5 --data BSD100 --data photos/
    The pictures that another tool made:
        keras-sr benchmark theirs=results/Set5/ --data Set5
    On JPEGs, as photographs are:
        keras-sr benchmark photo_x4 lite_x4 --data photos/ --degradation jpeg75 --degradation jpeg50
    PSNR and SSIM only, which is quick:
        keras-sr benchmark compact_x4 --data Set5 --metrics psnr,ssim

    Bicubic is always the first row: on a known set it must give what it gives in every paper, or
    the set is refused. LR pictures are taken from the set where it has them, and made by MATLAB's
    bicubic kernel where not. Known sets are looked for here, in the folder KERAS_SR_DATA and in the
    cache.

    The tables are printed. OUT gets results.json, per_image.csv and report.html, a page to look at.
    Stop it at any time: the same command goes on. When a picture cannot be measured the exit code is 1.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.evaluation.candidates import bicubic_candidate, truth_candidate
    from keras_sr.evaluation.columns import MEASURES, choose
    from keras_sr.evaluation.harness import benchmark as run
    from keras_sr.evaluation.harness import load_picture
    from keras_sr.evaluation.kept import Settings
    from keras_sr.evaluation.report import write_report
    from keras_sr.evaluation.report.tables import table, write_csv, write_json
    from keras_sr.tasks.sets import damaged_set, open_set

    log_to_stderr()
    keys, missing = choose([key.strip() for key in metrics.split(",")] if metrics else None)
    for line in missing:
        say(f"keras-sr: {line}")
    how = chosen_protocol(protocol, channel, round_y, crop_border)
    opened = [
        open_model(model, scale, engine, precision, threads, self_ensemble)
        for model in models
        if model != "bicubic"
    ]
    scale = common_scale(opened, scale)
    candidates = [bicubic_candidate(scale), *opened]
    refuse_twins([candidate.name for candidate in candidates], "models", "name one, such as other=MODEL")
    if not all(MEASURES[key].needs_truth for key in keys):
        candidates.append(truth_candidate())
    with progress_bar() as show:
        datasets = [open_set(name, scale, show) for name in data]
    datasets += [damaged_set(one, scale, kind, out) for kind in degradation or [] for one in datasets]
    refuse_twins([dataset.name for dataset in datasets], "sets", "give them in two calls")
    settings = Settings(scale, how, keys, self_ensemble, seed, anchor)
    refuse_other_protocol(out, how, scale, self_ensemble)
    total = len(candidates) * sum(len(dataset.pairs) for dataset in datasets)
    try:
        with progress_bar() as show:
            results = run(
                candidates,
                datasets,
                settings,
                out,
                command=shlex.join(["keras-sr", *sys.argv[1:]]),
                threads=threads,
                progress=lambda done, now: show(Progress("benchmark", done, total, now)),
                say=lambda line: say(f"keras-sr: {line}"),
            )
    except KeyboardInterrupt:
        say(f"keras-sr: interrupted: the same command goes on with what is in {out}")
        raise
    write_json(out / "results.json", results)
    write_csv(out / "per_image.csv", results)
    write_report(out / "report.html", results, load_picture(out, datasets, scale))
    typer.echo("\n\n".join(table(one, results) for one in results["sets"]))
    say(f"written: {out / 'report.html'}, results.json and per_image.csv beside it")
    if any(row["failures"] for one in results["sets"] for row in one["rows"]):
        raise typer.Exit(1)


def chosen_protocol(name: str, channel: str, round_y: bool, crop_border: int | None) -> "Protocol":
    """Return the protocol; its parts may only be given for `custom`."""
    from keras_sr.errors import unknown
    from keras_sr.evaluation.score import PROTOCOLS, Protocol
    from keras_sr.metrics.planes import CHANNELS

    if name not in (*PROTOCOLS, "custom"):
        raise DataError(unknown("protocol", name, [*PROTOCOLS, "custom"]))
    if name != "custom":
        if (channel, round_y, crop_border) != ("y", False, None):
            raise DataError(
                "--channel, --round-y and --crop-border make a protocol of your own: "
                f"give --protocol custom, not {name}"
            )
        return PROTOCOLS[name]
    if channel not in CHANNELS:
        raise DataError(unknown("channel", channel, CHANNELS))
    return Protocol("custom", channel=channel, round_y=round_y, shave=crop_border)


def open_model(
    model: str, scale: int | None, engine: str, precision: str, threads: int | None, ensemble: bool
) -> "Candidate":
    """Return what a MODEL argument names."""
    from keras_sr.evaluation.candidates import network_candidate, picture_candidate
    from keras_sr.tasks.networks import network_file, recipe_of
    from keras_sr.weights.find import RUN_FILES

    name, equals, spec = model.partition("=")
    if not equals or Path(model).exists():
        name, spec = "", model
    path = Path(spec)
    is_file = path.suffix in (".npz", ".onnx", ".xml")
    label = name or (path.stem if is_file else path.resolve().name if path.is_dir() else spec)
    if label in ("bicubic", "HR", "LR") or not label.strip(".") or "/" in label or "\\" in label:
        raise DataError(f"{model}: {label!r} cannot be the name of a model; give another one, NAME={spec}")
    if path.is_dir() and not any((path / file).is_file() for file in RUN_FILES):
        return picture_candidate(label, path)
    return network_candidate(
        label,
        network_file(spec, None),
        scale=scale or 4,
        engine=engine,
        precision=precision,
        threads=threads,
        ensemble=ensemble,
        recipe=recipe_of(spec),
    )


def common_scale(opened: "list[Candidate]", scale: int | None) -> int:
    """Return the one scale of all networks."""
    scales = {candidate.name: candidate.scale for candidate in opened if candidate.scale}
    wanted = scale or next(iter(scales.values()), 4)
    for name, own in scales.items():
        if own != wanted:
            raise KerasSRError(f"{name} enlarges x{own}, not x{wanted}: one table has one scale")
    return wanted


def refuse_twins(names: list[str], kind: str, remedy: str) -> None:
    """Refuse two models, or two sets, of one name."""
    twin = next((name for name in names if names.count(name) > 1), None)
    if twin:
        raise DataError(f"two {kind} are called {twin}: {remedy}")


def refuse_other_protocol(out: Path, protocol: "Protocol", scale: int, ensemble: bool) -> None:
    """Refuse to replace results that were taken another way."""
    import json

    file = out / "results.json"
    if not file.is_file():
        return
    try:
        kept = json.loads(file.read_text("utf-8"))["protocol"]
        there = (kept["name"], kept["channel"], kept["round_y"], kept["shave"], kept["scale"])
        there += (kept["self_ensemble"],)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is not the result of a benchmark: give another folder by --out") from error
    wanted = (protocol.name, protocol.channel, protocol.round_y, protocol.shave, scale, ensemble)
    if there != wanted:
        what = f"protocol {there[0]} at x{there[4]}{' with self-ensemble' * there[5]}"
        raise DataError(f"{file} holds figures of {what}, which these would replace: give another --out")
