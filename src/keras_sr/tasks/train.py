"""Train a recipe on folders of photographs."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from keras_sr.backend import prepare_keras
from keras_sr.errors import RecipeError, Stopped, TrainingError, WeightsError
from keras_sr.inference import engines
from keras_sr.inference.enlarge import Stop
from keras_sr.tasks.convert import read
from keras_sr.tasks.own import is_own, own_recipe
from keras_sr.tasks.photographs import Photographs, open_photographs, prepare
from keras_sr.tasks.progress import OnProgress, Progress, ignore
from keras_sr.tasks.sets import open_set
from keras_sr.types import Json
from keras_sr.weights import registry, store
from keras_sr.weights.find import find
from keras_sr.weights.foreign import is_foreign

if TYPE_CHECKING:
    import keras

    from keras_sr.data.sources import Source
    from keras_sr.evaluation.harness import Dataset
    from keras_sr.tasks.held_out import HeldOut, Verdict
    from keras_sr.training.recipe import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What `train` has made.

    Attributes:
        folder: The run folder: `open_network(run.folder)` opens what was trained.
        weights: The file of the weights to use.
        recipe: What was trained, with all that was changed of it.
        backend: What Keras ran on.
        rows: The log, one row an epoch.
        verdict: Whether it got better; None where it was not measured.
        start: The weights that it began with, "" for noise.
        report: The page of the run.
    """

    folder: Path
    weights: Path
    recipe: "Recipe"
    backend: str
    rows: list[dict[str, float]]
    verdict: "Verdict | None" = None
    start: str = ""
    report: Path | None = None


def train(
    recipe: "str | Recipe",
    data: str | Path | Iterable[str | Path],
    out: str | Path | None = None,
    *,
    settings: Mapping[str, Any] | Sequence[str] = (),
    quick: bool = False,
    smoke: bool = False,
    resume: bool = True,
    start_from: str | Path | None = None,
    evaluate: str | Path | Sequence[str | Path] = (),
    lr: str | Path | None = None,
    patience: int = 0,
    devices: int = 1,
    checkpoint_minutes: float = 5.0,
    bar: bool = False,
    progress: OnProgress = ignore,
    stop: Stop | None = None,
) -> Run:
    """Train a network, or go on with a run: it ends with the same weights as one that was never stopped.

    Args:
        recipe: A name in `keras_sr.recipes.RECIPES`, a Recipe, or one in a Python file: `my_recipe.py`, or
            `my_recipe.py:name`.
        data: Folder of photographs, with all folders in it; or several.
        out: The run folder; `runs/RECIPE` when not given.
        settings: Fields of the recipe to change: a dict, or items `"field=value"`.
        quick: Settings for a processor: hours instead of days.
        smoke: Shrink everything to seconds.
        resume: Go on with the run in the folder; False puts it aside and begins anew.
        start_from: Begin with these weights of the generator: a name, a run folder, a weight file, or a
            network of another program, whose architecture is then trained. None takes what the recipe says.
        evaluate: Sets to measure on after each epoch: names such as Set5, or folders. PSNR and SSIM, and
            LPIPS where a recipe is not trained on pixels alone. The first decides which weights are the best.
            Without one, a run that starts from weights holds the middles of ten photographs out.
        lr: Folder of the LR partners of the one folder of HR pictures; None reads the field's layouts.
        patience: End the run after so many measurements without a better one; 0 never does.
        devices: How many to train on, on JAX: each takes a part of every batch. A run may go on with another
            number, and ends as it would on one.
        checkpoint_minutes: The most that a killed run loses, in minutes.
        bar: Show a bar on stderr, as `training.fit` does.
        progress: Told how far reading, downloads and training have come.
        stop: Asked before each batch; when it returns True, the run ends at its last checkpoint.

    Raises:
        KerasSRError: Keras or a backend is missing.
        RecipeError: No such recipe or field.
        DataError: The photographs or the sets cannot be used.
        TrainingError: The folder holds another run, or training diverged.
        Stopped: `stop` returned True: the same call goes on.
    """
    backend = prepare_keras()
    from keras_sr.data.data_format import data_format_for
    from keras_sr.tasks.held_out import judge
    from keras_sr.tasks.run_page import write_page
    from keras_sr.training.best import Monitor
    from keras_sr.training.devices import refuse_devices
    from keras_sr.training.fit import fit
    from keras_sr.training.start import check_same_recipe, make_room

    chosen = chosen_recipe(recipe, quick=quick, smoke=smoke, settings=settings)
    if smoke and start_from:
        chosen = _with_start(chosen, chosen_recipe(recipe, quick=quick, settings=settings), start_from)
    kind = run_kind(quick, smoke)
    folder = Path(out) if out else run_folder(chosen, kind)
    begin = start_from or find_start(chosen, folder, kind, resume)
    chosen = _with_its_architecture(chosen, begin)
    folders = [Path(one) for one in ([data] if isinstance(data, str | Path) else data)]
    layout = data_format_for("auto")
    _warn_of_bfloat16(chosen)
    sets = [evaluate] if isinstance(evaluate, str | Path) else list(evaluate)
    dataset = open_set(str(sets[0]), chosen.scale, progress) if sets else None
    refuse_devices(devices, chosen.batch_size)
    if not resume:
        begin = make_room(folder, begin, log.info)
    check_same_recipe(chosen, folder)
    pictures = prepare(
        folders,
        chosen,
        folder,
        lr=None if lr is None else Path(lr),
        measured=dataset.pairs if dataset else (),
        hold_out=begin is not None,
        progress=progress,
    )
    held = _held_out(chosen, pictures, dataset, folder, str(begin or ""))
    monitor = (
        Monitor(held.figure_name, held.measured.higher_is_better, patience) if held is not None else None
    )
    if patience and monitor is None:
        raise TrainingError("`patience` needs measurements on pictures: give `evaluate` a set, too")
    result = fit(
        chosen,
        _batches(chosen, pictures.source, layout),
        folder,
        start_from=begin,
        callbacks=[
            *([held] if held is not None else []),
            *_benchmarks(chosen, sets[1:], folder, progress),
            _watcher(chosen, progress, stop),
        ],
        monitor=monitor,
        checkpoint_minutes=checkpoint_minutes,
        progress=bar,
        say=log.info,
        data_format=layout,
        devices=devices,
    )
    verdict = judge(held.measured) if held is not None else None
    if verdict:
        log.info("%s: %s", chosen.name, verdict.line)
    report = write_page(folder, pictures.plan.lines)
    return Run(
        result.folder,
        result.folder / "generator.npz",
        chosen,
        backend,
        result.rows,
        verdict,
        str(begin or ""),
        report,
    )


def _held_out(
    recipe: "Recipe", pictures: Photographs, dataset: "Dataset | None", folder: Path, start: str
) -> "HeldOut | None":
    """Return what measures the run on pictures that it is not trained on, or None where there are none."""
    from keras_sr.data.presets import preset
    from keras_sr.tasks.held_out import HeldOut

    pairs = dataset.pairs if dataset else pictures.held
    if not pairs:
        return None
    damaged = dataset is not None and any(pair.lr for pair in pairs)
    if recipe.scale == 1 and preset(recipe.degradation) is not None and not damaged:
        # What changes least would be the best: LR without damage is HR.
        log.warning("at scale 1 pictures without damage have nothing to measure: the last weights are kept")
        return None
    metrics = perceptual(recipe)
    seen = pictures.plan.seen if dataset else [pair.name for pair in pairs[: len(pictures.plan.seen)]]
    return HeldOut(
        pairs,
        dataset.name if dataset else "held_out",
        recipe.scale,
        folder,
        metric=metrics[0] if metrics else "psnr",
        start=start,
        trained_on=seen,
        metrics=metrics,
    )


def preview(
    recipe: "str | Recipe",
    data: str | Path | Iterable[str | Path],
    folder: str | Path,
    *,
    settings: Mapping[str, Any] | Sequence[str] = (),
    quick: bool = False,
    smoke: bool = False,
    progress: OnProgress = ignore,
) -> Path:
    """Write a sheet of the first forty crops that a recipe would train on, LR beside HR; train nothing.

    Args:
        recipe: As for `train`; so are `data`, `settings`, `quick` and `smoke`.
        data: Folder of photographs, or several.
        folder: Where `RECIPE_crops.png` is written.
        settings: Fields of the recipe to change.
        quick: Settings for a processor.
        smoke: Shrink everything to seconds.
        progress: Told how far reading has come.

    Returns:
        The file.
    """
    prepare_keras()
    from keras_sr.data.preview import preview as sheet
    from keras_sr.images.plain import write_plain

    chosen = chosen_recipe(recipe, quick=quick, smoke=smoke, settings=settings)
    folders = [Path(one) for one in ([data] if isinstance(data, str | Path) else data)]
    source = open_photographs(folders, chosen, progress)
    # A sheet has its channels last, whatever is faster here.
    crops = _batches(chosen, source, "channels_last")(0, chosen.steps)
    return write_plain(Path(folder) / f"{chosen.name}_crops.png", sheet(crops))


#: Settings of networks of other programs that a recipe has no field for, and what they must be.
_USUAL = {"bands": 3, "growth": 32, "unshuffle": 1, "mean_shift": True}


def _with_its_architecture(recipe: "Recipe", start_from: str | Path | None) -> "Recipe":
    """Return the recipe for the architecture of the network of another program that it begins with.

    Raises:
        RecipeError: That network has settings which no recipe has a field for.
    """
    values = _values_of(start_from) if start_from else {}
    other = {key: value for key, value in values.items() if _USUAL.get(key, value) != value}
    if other:
        raise RecipeError(f"{start_from} has {other}, which a recipe cannot train: only {_USUAL} can be")
    return replace(recipe, **{key: value for key, value in values.items() if key not in _USUAL})


def _values_of(start_from: str | Path) -> dict[str, Any]:
    """Return what a network of another program is built of, as it came or as it was imported; {} for ours."""
    file = find(start_from)
    if is_foreign(file):
        network = read(file)
        if isinstance(network, bytes):
            raise RecipeError(
                f"{start_from} is an ONNX whose weights cannot be told apart: it cannot be trained"
            )
        return network.values
    meta = store.read(file)[1] if file.suffix == ".npz" else {}
    return meta.get("recipe", {}) if "kind" in meta else {}


def chosen_recipe(
    recipe: "str | Recipe",
    *,
    quick: bool = False,
    smoke: bool = False,
    settings: Mapping[str, Any] | Sequence[str] = (),
) -> "Recipe":
    """Return a recipe with all that is to be changed of it."""
    from keras_sr import recipes

    items = (
        [f"{key}={_as_text(value)}" for key, value in settings.items()]
        if isinstance(settings, Mapping)
        else list(settings)
    )
    if is_own(recipe):
        recipe = own_recipe(str(recipe))
    return recipes.get(recipe, quick=quick, smoke=smoke, overrides=items)


def _as_text(value: Any) -> str:
    """Return a value as `recipes.get` takes it."""
    return ",".join(map(str, cast(list[Any], value))) if isinstance(value, list | tuple) else str(value)


def run_kind(quick: bool, smoke: bool) -> str:
    """Return what is put behind the name of a run folder."""
    return "_smoke" if smoke else "_quick" if quick else ""


def run_folder(recipe: "Recipe", kind: str = "") -> Path:
    """Return the folder of a run that nobody has given one."""
    return Path("runs") / f"{recipe.name}{kind}"


def _batches(recipe: "Recipe", source: "Source", layout: str) -> Any:
    """Return what makes batches from a span of steps."""
    from keras_sr.data.batches import Batches
    from keras_sr.data.presets import preset

    def batches(first: int, count: int) -> Batches:
        return Batches(
            source,
            batch_size=recipe.batch_size,
            hr_crop=recipe.crop,
            seed=recipe.seed,
            steps=count,
            start_step=first,
            damage=preset(recipe.degradation),
            sharp=recipe.teacher_sees == "sharp",
            data_format=layout,
            workers=2,
        )

    return batches


def _warn_of_bfloat16(recipe: "Recipe") -> None:
    """Say where a processor computes bfloat16 in software."""
    from keras_sr.data.data_format import device

    software = device() == "cpu" and "BF16" not in engines.openvino_capabilities()
    if recipe.precision == "mixed_bfloat16" and software:
        log.warning("this processor computes bfloat16 in software, ten times slower: use precision=float32")


def _with_start(small: "Recipe", full: "Recipe", start: str | Path) -> "Recipe":
    """Return a shrunk recipe with a network as large as the weights that it starts from."""
    try:
        there: Json = store.read(find(start))[1].get("recipe", {})
    except WeightsError:
        there = {}  # Weights of another program; or none, which is said when they are read.
    sizes = {name: there.get(name, getattr(full, name)) for name in ("features", "blocks")}
    return replace(small, **sizes)


def _benchmarks(
    recipe: "Recipe", sets: Sequence[str | Path], folder: Path, progress: OnProgress
) -> "list[keras.callbacks.Callback]":
    """Return what measures the network after each epoch, on sets beside the one that decides."""
    from keras_sr.evaluation.callback import BenchmarkCallback

    metrics = perceptual(recipe) if sets else []
    return [
        BenchmarkCallback(
            open_set(str(one), recipe.scale, progress).folder,
            recipe.scale,
            out_dir=folder / "benchmark",
            metrics=metrics,
        )
        for one in sets
    ]


def perceptual(recipe: "Recipe") -> list[str]:
    """Return what PSNR does not tell of a recipe: LPIPS, where it is not trained on pixels alone."""
    from keras_sr.evaluation.columns import choose

    if not (recipe.is_gan or recipe.content or recipe.style or recipe.teacher_content):
        return []
    try:
        return list(choose(["lpips"])[0])
    except WeightsError as error:
        log.warning("LPIPS is not measured: %s", error)
        return []


def _watcher(recipe: "Recipe", progress: OnProgress, stop: Stop | None) -> "keras.callbacks.Callback":
    """Return what tells of progress, and ends the run when somebody asks for it."""
    import keras

    class Watcher(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Json | None = None) -> None:
            """Tell before the batch: its logs would have to be waited for."""
            if stop and stop():
                raise Stopped(f"stopped: {recipe.name} goes on from its last checkpoint")
            if progress is not ignore:
                model: Any = self.model
                progress(Progress("training", int(model.optimizer.iterations), recipe.steps, recipe.name))

        def on_epoch_end(self, epoch: int, logs: Json | None = None) -> None:
            """Tell of the whole epoch."""
            if progress is not ignore:
                model: Any = self.model
                progress(Progress("training", int(model.optimizer.iterations), recipe.steps, recipe.name))

    return Watcher()


def find_start(recipe: "Recipe", folder: Path, kind: str = "", resume: bool = True) -> str | None:
    """Return where the weights are that a recipe starts from, or None when it starts from noise or goes on.

    They are in a run of the same kind (`"_quick"`) beside the new one, or come with the package.

    Raises:
        TrainingError: They are nowhere to be found.
    """
    from keras_sr.training.checkpoints import STATE

    before = folder.parent / f"{recipe.start_from}{kind}"
    if not recipe.start_from or (resume and (folder / STATE).exists()):
        return None
    if (before / "generator.npz").exists():
        return str(before)
    # Weights of several scales carry theirs in their names.
    named = (recipe.start_from, f"{recipe.start_from}_x{recipe.scale}")
    ships = next((name for name in named if name in registry.names()), None)
    if ships is None:
        raise TrainingError(
            f"{recipe.name} starts from a trained {recipe.start_from}, which is not in {before}: "
            "train that first, or give `start_from` a run folder or weight file"
        )
    shipped = registry.passport(ships).recipe
    fields = ("generator", "scale", "features", "blocks", "normalization", "activation", "upsampler")
    built = {name: shipped.get(name, "") for name in fields}
    other = [f"{name}={value}" for name, value in built.items() if value != getattr(recipe, name)]
    if other:
        quick = "" if kind == "_quick" else "add `quick=True`, or "
        raise TrainingError(
            f"{recipe.name} starts from a trained {recipe.start_from}, which is not in {before}; the one "
            f"that ships is built in another way: {quick}{' '.join(f'`{one}`' for one in other)}, or train "
            f"{recipe.start_from} with the same settings first"
        )
    return ships
