"""Measure networks, or the pictures of any tool, on benchmark sets."""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_sr.backend import prepare_keras
from keras_sr.errors import DataError, KerasSRError, WeightsError, unknown
from keras_sr.evaluation.candidates import (
    Candidate,
    bicubic_candidate,
    network_candidate,
    picture_candidate,
    truth_candidate,
)
from keras_sr.evaluation.columns import MEASURES, choose
from keras_sr.evaluation.harness import load_picture, measure
from keras_sr.evaluation.kept import KeptSettings
from keras_sr.evaluation.protocol import PROTOCOLS, Protocol
from keras_sr.evaluation.report import write_report
from keras_sr.evaluation.report.tables import write_csv, write_json
from keras_sr.evaluation.results import Results
from keras_sr.files import sha256
from keras_sr.inference.enlarge import Stop
from keras_sr.metrics.planes import CHANNELS
from keras_sr.tasks.networks import network_file, recipe_of, runs_on_keras_alone
from keras_sr.tasks.own import is_own, own_network, own_scale
from keras_sr.tasks.progress import OnProgress, Progress, ignore
from keras_sr.tasks.sets import damaged_set, open_set
from keras_sr.weights import keras_file
from keras_sr.weights.find import RUN_FILES

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def benchmark(
    models: str | Path | Iterable[str | Path],
    data: str | Path | Iterable[str | Path],
    out: str | Path | None = "benchmark",
    *,
    scale: int | None = None,
    protocol: str | Protocol = "paper",
    metrics: Sequence[str] | None = None,
    degradation: Sequence[str] = (),
    self_ensemble: bool = False,
    engine: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
    seed: int = 0,
    anchor: bool = True,
    command: str = "",
    progress: OnProgress = ignore,
    stop: Stop | None = None,
) -> Results:
    """Measure networks, or the pictures of any tool, on benchmark sets; bicubic is always the first row.

    On a known set bicubic must give what it gives in every paper, or the set is refused. What is measured is
    kept in `out`: the same call goes on where it was stopped.

    Args:
        models: Each what `open_network` takes as a name, a folder of SR pictures that any tool made, a Python
            file that builds a Keras network (`"my_net.py:build"`), or `"bicubic"`; `"NAME=..."` gives it a
            name for the tables.
        data: Set5, Set14, BSD100, Urban100, or folders (HR with or without LR). A known set that is nowhere
            is downloaded.
        out: Folder for `results.json`, `per_image.csv`, `report.html` and all SR pictures.
        scale: HR size over LR size; a network knows its own, else 4.
        protocol: `"paper"` (Y, floats), `"matlab"` (Y rounded), `"rgb"`, or one of your own.
        metrics: Keys of `evaluation.columns.MEASURES`; None takes the usual ones whose weights are there.
        degradation: Names in `data.fixed.FIXED`: each set is measured on LR damaged so, too.
        self_ensemble: Networks average over eight turned copies.
        engine: As for `open_network`.
        precision: As for `open_network`.
        threads: Threads to compute with.
        seed: Seed of the bootstrap intervals.
        anchor: Refuse a known set on which bicubic is off by more than 0.01 dB.
        command: What was typed, for the record.
        progress: Told how far downloads and measuring have come.
        stop: Asked before each picture.

    Returns:
        What was measured, as `results.json` has it.

    Raises:
        DataError: A set, a model or the protocol cannot be used.
        WeightsError: A network or a metric's weights are not there.
        Stopped: `stop` returned True.
    """
    out = Path(out or "benchmark")
    wanted = find_protocol(protocol)
    keys, missing = choose(list(metrics) if metrics else None)
    for line in missing:
        log.warning("%s", line)
    names = [str(one) for one in _as_list(models)]
    opened = [
        _open_model(name, scale, engine, precision, threads, self_ensemble)
        for name in names
        if name != "bicubic"
    ]
    scale = _common_scale(opened, scale)
    candidates = [bicubic_candidate(scale), *opened]
    _refuse_twins([candidate.name for candidate in candidates], "models", "name one, such as other=MODEL")
    if not all(MEASURES[key].needs_truth for key in keys):
        candidates.append(truth_candidate())
    datasets = [open_set(str(one), scale, progress) for one in _as_list(data)]
    datasets += [damaged_set(one, scale, kind, out) for kind in degradation for one in datasets]
    _refuse_twins([dataset.name for dataset in datasets], "sets", "give them in two calls")
    settings = KeptSettings(scale, wanted, keys, self_ensemble, seed, anchor)
    _refuse_other_protocol(out, wanted, scale, self_ensemble)
    total = len(candidates) * sum(len(dataset.pairs) for dataset in datasets)
    results = measure(
        candidates,
        datasets,
        settings,
        out,
        command=command,
        threads=threads,
        progress=lambda done, now: progress(Progress("benchmark", done, total, now)),
        stop=stop,
    )
    values = results.as_json()
    write_json(out / "results.json", values)
    write_csv(out / "per_image.csv", values)
    write_report(out / "report.html", values, load_picture(out, datasets, scale))
    return results


def _as_list(given: str | Path | Iterable[str | Path]) -> list[str | Path]:
    """Return one or several as a list."""
    return [given] if isinstance(given, str | Path) else list(given)


def find_protocol(protocol: str | Protocol) -> Protocol:
    """Return a protocol by its name, or the one given.

    Raises:
        DataError: The name is unknown.
    """
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise DataError(unknown("protocol", protocol, [*PROTOCOLS, "custom"]))
    return PROTOCOLS[protocol]


def own_protocol(channel: str = "y", round_y: bool = False, crop_border: int | None = None) -> Protocol:
    """Return a protocol of your own; its figures compare with no other.

    Args:
        channel: `"y"` or `"rgb"`.
        round_y: Whether Y is rounded to whole levels.
        crop_border: Pixels shaved off each side; None shaves as many as the scale.
    """
    if channel not in CHANNELS:
        raise DataError(unknown("channel", channel, CHANNELS))
    return Protocol("custom", channel=channel, round_y=round_y, shave=crop_border)


def _open_model(
    model: str, scale: int | None, engine: str, precision: str, threads: int | None, ensemble: bool
) -> Candidate:
    """Return what a model is given as."""
    name, equals, spec = model.partition("=")
    if not equals or Path(model).exists():
        name, spec = "", model
    if is_own(spec):
        return _own_candidate(name or Path(spec.partition(":")[0]).stem, spec)
    path = Path(spec)
    label = name or (path.stem if path.is_file() else path.resolve().name if path.is_dir() else spec)
    if path.suffix in (".npz", ".onnx", ".xml", ".keras"):
        label = name or path.stem
    if label in ("bicubic", "HR", "LR") or not label.strip(".") or "/" in label or "\\" in label:
        raise DataError(f"{model}: {label!r} cannot be the name of a model; choose another, NAME={spec}")
    if path.is_dir() and not any((path / file).is_file() for file in RUN_FILES):
        return picture_candidate(label, path)
    try:
        file = _file_of(spec)
    except KerasSRError as error:
        if not runs_on_keras_alone(spec, error):
            raise
        return _keras_candidate(label, path, keras_file.read_model(path))
    return network_candidate(
        label,
        file,
        scale=scale or 4,
        engine=engine,
        precision=precision,
        threads=threads,
        ensemble=ensemble,
        recipe=recipe_of(spec),
    )


def _file_of(spec: str) -> Path:
    """Return the file of a network; an .onnx that says too little of itself is run whole, as it is."""
    try:
        return network_file(spec)
    except WeightsError:
        if spec.endswith(".onnx") and Path(spec).is_file():
            return Path(spec)
        raise


def _own_candidate(label: str, spec: str) -> Candidate:
    """Return the network that a Python file builds, run whole by Keras."""
    prepare_keras()
    return _keras_candidate(label, Path(spec.partition(":")[0]), own_network(spec))


def _keras_candidate(label: str, file: Path, model: "keras.Model") -> Candidate:
    """Return a network that Keras runs, on whole pictures."""
    from keras_sr.evaluation.keras_upscaler import network_upscaler
    from keras_sr.export import weights_sha256

    upscaler = network_upscaler(model)
    return Candidate(
        label,
        "network",
        lambda pair, lr: upscaler(lr),
        scale=own_scale(model),
        file=str(file),
        # Its weights may come from elsewhere, and its code decides, too.
        sha256=hashlib.sha256((sha256(file) + weights_sha256(model)).encode()).hexdigest(),
        engine="keras",
        precision="f32",
    )


def _common_scale(opened: list[Candidate], scale: int | None) -> int:
    """Return the one scale of all networks."""
    scales = {candidate.name: candidate.scale for candidate in opened if candidate.scale}
    wanted = scale or next(iter(scales.values()), 4)
    for name, own in scales.items():
        if own != wanted:
            raise KerasSRError(f"{name} enlarges x{own}, not x{wanted}: one table has one scale")
    return wanted


def _refuse_twins(names: list[str], kind: str, remedy: str) -> None:
    """Refuse two models, or two sets, of one name."""
    twin = next((name for name in names if names.count(name) > 1), None)
    if twin:
        raise DataError(f"two {kind} are called {twin}: {remedy}")


def _refuse_other_protocol(out: Path, protocol: Protocol, scale: int, ensemble: bool) -> None:
    """Refuse to replace results that were taken another way."""
    file = out / "results.json"
    if not file.is_file():
        return
    try:
        kept = json.loads(file.read_text("utf-8"))["protocol"]
        there = (kept["name"], kept["channel"], kept["round_y"], kept["shave"], kept["scale"])
        there += (kept["self_ensemble"],)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is not the result of a benchmark: give another folder as `out`") from error
    wanted = (protocol.name, protocol.channel, protocol.round_y, protocol.shave, scale, ensemble)
    if there != wanted:
        what = f"protocol {there[0]} at x{there[4]}{' with self-ensemble' * there[5]}"
        raise DataError(f"{file} holds figures of {what}, which these would replace: give another `out`")
