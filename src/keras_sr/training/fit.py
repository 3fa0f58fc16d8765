"""A run, from the first step to the last: resumable at any moment, and the same run when it is resumed."""

import json
import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_sr.errors import TrainingError
from keras_sr.files import atomic_write
from keras_sr.training import checkpoints
from keras_sr.training.build import build_model
from keras_sr.training.log import Log
from keras_sr.training.model import SuperResolution
from keras_sr.training.progress import ProgressBar
from keras_sr.training.recipe import Recipe, as_json, from_json
from keras_sr.training.schedule import Schedule
from keras_sr.weights import store
from keras_sr.weights.load import generator_arrays

#: Given the first step and a number of steps, the batches of exactly these steps (usually `data.Batches`).
MakeBatches = Callable[[int, int], keras.utils.PyDataset]


@dataclass(frozen=True)
class Result:
    """What a run ends with.

    Attributes:
        folder: The run folder; `generator.npz` in it holds the weights to use.
        generator: The trained network (the average of the weights where the recipe keeps one).
        rows: The log, one row an epoch.
    """

    folder: Path
    generator: keras.Model
    rows: list[dict]


def fit(
    recipe: Recipe,
    batches: MakeBatches,
    out: str | Path,
    *,
    start_from: str | Path | None = None,
    resume: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
    data_format: str = "channels_last",
) -> Result:
    """Train a recipe in a run folder, or go on with it.

    The folder holds `recipe.json`, `versions.json`, `log.csv`, `tensorboard/`, the checkpoint `state.npz`
    (written after every epoch of `recipe.steps_per_epoch` steps), `snapshots/` where the recipe asks for
    them, and at the end `generator.npz`.

    Args:
        recipe: What to train.
        batches: Makes the batches (LR, HR) of a span of steps; a pure function of the span, or the resumed
            run is not the same run.
        out: The run folder.
        start_from: Weights of the generator to start from: a name of shipped
            weights, a run folder or a weight file.
        resume: Go on with what is in the folder; otherwise an older run there is renamed, never deleted.
        callbacks: Keras callbacks; what they add to the logs of an epoch is logged too.
        progress: Show a progress bar on stderr.
        say: Is given lines for the user.
        data_format: Layout of the images inside the networks and of the batches.

    Raises:
        TrainingError: The folder holds another run, or one that began with other weights; the loss became
            NaN; a checkpoint cannot be written.
        WeightsError: The start's weights are of another network.
    """
    out = Path(out)
    if not resume:
        moved = set_aside(out, say)
        if moved and start_from and Path(start_from).absolute().is_relative_to(out.absolute()):
            start_from = moved / Path(start_from).absolute().relative_to(out.absolute())
    check_same_recipe(recipe, out)
    model = build_model(recipe, data_format)
    step, rows, start = begin(recipe, model, out, start_from, say)
    log = Log(out, rows)
    bar = ProgressBar(recipe.name, recipe.steps, step) if progress else None
    last = LastLogs()
    quiet: Any = 0  # Keras' default "auto" makes pyright think that it is a str
    try:
        while step < recipe.steps:
            span = min(recipe.steps_per_epoch, recipe.steps - step)
            epoch = step // recipe.steps_per_epoch
            began = time.perf_counter()
            model.fit(
                batches(step, span),
                initial_epoch=epoch,
                epochs=epoch + 1,
                # Keras would shuffle the order of batches, by a generator that no checkpoint holds.
                shuffle=False,
                verbose=quiet,
                callbacks=[*callbacks, *([bar] if bar else []), last],
            )
            check_finite(model, last.logs, step, out)
            step += span
            log.add({"step": step, "seconds": time.perf_counter() - began, **last.logs})
            meta = {"step": step, "recipe": as_json(recipe), "start": start}
            checkpoints.save(out, model, {**meta, "rows": log.rows})
            log.write()
            save_snapshot(recipe, model, out, meta, span)
    finally:
        if bar:
            bar.close()
    save_generator(out / "generator.npz", model, {"step": step, "recipe": as_json(recipe), "start": start})
    return Result(out, model.ema_generator or model.generator, log.rows)


def begin(
    recipe: Recipe,
    model: SuperResolution,
    out: Path,
    start_from: str | Path | None,
    say: Callable[[str], None],
) -> tuple[int, list[dict], str]:
    """Set the model's state; return the step to go on from, the log so far and what the run began with."""
    if (out / checkpoints.STATE).exists():
        meta = checkpoints.restore(out, model)
        check_same_start(meta, out, start_from)
        if meta["step"] >= recipe.steps:
            say(f"{out} is finished: {meta['step']} steps; its weights are in {out / 'generator.npz'}")
        else:
            say(f"{out}: going on from step {meta['step']} of {recipe.steps}")
        return meta["step"], meta["rows"], meta.get("start", "")
    if start_from:
        arrays, _ = generator_arrays(start_from)
        store.assign(model.generator, arrays, str(start_from))
        if model.ema_generator is not None:
            store.assign(model.ema_generator, arrays, str(start_from))
        say(f"{out}: starting from the weights in {start_from}")
    write_json(out / "recipe.json", as_json(recipe))
    write_json(out / "versions.json", versions())
    return 0, [], str(start_from or "")


def check_same_start(meta: dict, out: Path, start_from: str | Path | None) -> None:
    """Refuse to go on with a run that began with other weights than those asked for.

    Raises:
        TrainingError: Names both.
    """
    begun = meta.get("start")
    # A run of an older version does not say what it began with.
    if begun is None or not start_from or Path(begun).resolve() == Path(start_from).resolve():
        return
    raise TrainingError(
        f"{out} holds a run that began with {begun or 'random weights'}, not with {start_from}: leave "
        "--start-from out to go on with it, give another --out, or --no-resume to begin anew"
    )


def check_same_recipe(recipe: Recipe, out: Path) -> None:
    """Refuse to go on with a run of another recipe.

    Raises:
        TrainingError: Names the fields that differ.
    """
    path = out / "recipe.json"
    if not path.exists() or not (out / checkpoints.STATE).exists():
        return
    # A field that an older version did not know had the value that is now its default.
    there, here = as_json(from_json(json.loads(path.read_text("utf-8")))), as_json(recipe)
    differing = [key for key in here if key != "expect" and there[key] != here[key]]
    if set(differing) <= {"steps", "schedule"} and same_so_far(recipe, there, out):
        # As if it had been this recipe from the start.
        write_json(path, here)
        return
    if differing:
        what = ", ".join(f"{key} is {there[key]!r} there and {here[key]!r} here" for key in differing[:4])
        raise TrainingError(
            f"{out} holds a run of another recipe ({what}): give another --out, or --no-resume to begin anew"
        )


def same_so_far(recipe: Recipe, there: dict, out: Path) -> bool:
    """Return whether the rates of all steps that a run has taken are those of the recipe."""
    taken = range(store.read(out / checkpoints.STATE)[1]["step"])
    begun = from_json(there)

    def rates(of: Recipe) -> np.ndarray:
        schedule = Schedule(of.learning_rate, of.schedule, of.steps, of.warmup_steps)
        return np.asarray(keras.ops.convert_to_numpy(schedule(np.array(taken, np.float32))))

    return len(taken) <= recipe.steps and np.array_equal(rates(recipe), rates(begun))


def set_aside(out: Path, say: Callable[[str], None]) -> Path | None:
    """Rename an older run folder to a name that is free and return that; None where there is no older run.

    Raises:
        TrainingError: It is the current folder or one that holds it.
    """
    if not (out / "recipe.json").exists():
        return None
    if Path.cwd().is_relative_to(out.resolve()):
        raise TrainingError(
            f"{out} holds a run and is the current folder, which cannot be renamed: give another --out"
        )
    number = next(n for n in range(1, 10_000) if not out.with_name(f"{out.name}.old{n}").exists())
    aside = out.with_name(f"{out.name}.old{number}")
    out.rename(aside)
    say(f"the run that was in {out} is now in {aside}")
    return aside


def check_finite(model: SuperResolution, logs: dict, step: int, out: Path) -> None:
    """Stop a run that has diverged before its checkpoint is overwritten.

    Raises:
        TrainingError: A loss term or a weight is NaN or infinite.
    """
    # The model's own terms only: a callback may well log a score that is infinite.
    terms = {"loss", *model.term_names()}
    bad = [name for name, value in logs.items() if name in terms and not math.isfinite(value)]
    if bad or not checkpoints.all_finite(model):
        kept = out / checkpoints.STATE
        there = f"; the state at step {step} is kept in {kept}" if kept.exists() else ""
        go_on = f" --start-from {out}, if that was good" if kept.exists() else ""
        raise TrainingError(
            f"training diverged after step {step} ({', '.join(bad) or 'weights'} not finite){there}: lower "
            f"learning_rate, set clip_norm, or use precision=float32, with another --out{go_on}"
        )


def save_snapshot(recipe: Recipe, model: SuperResolution, out: Path, meta: dict, span: int) -> None:
    """Keep the weights of this step, if the recipe asks for one now."""
    step, every = meta["step"], recipe.snapshot_every
    if every and step // every > (step - span) // every:
        save_generator(out / "snapshots" / f"step_{step:07d}.npz", model, meta)


def save_generator(path: Path, model: SuperResolution, meta: dict) -> None:
    """Write the weights to use, the average where there is one, with what they are."""
    store.save(path, store.network_arrays(model.ema_generator or model.generator), meta)


class LastLogs(keras.callbacks.Callback):
    """Keeps the logs of the last epoch; it runs last, so it sees what other callbacks have added."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, float] = {}

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep them."""
        self.logs = {name: float(value) for name, value in (logs or {}).items()}


def versions() -> dict[str, str]:
    """Return what a run's numbers may depend on."""
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "backend": keras.config.backend(),
    }
    for package in ("keras-sr", "keras", "numpy", "tensorflow", "tensorflow-cpu", "torch", "jax"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def write_json(path: Path, values: dict) -> None:
    """Write a dict as readable JSON."""
    with atomic_write(path, "w") as file:
        json.dump(values, file, indent=1)
