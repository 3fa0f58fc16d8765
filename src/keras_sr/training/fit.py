"""A run, from the first step to the last: resumable at any moment, and the same run when it is resumed."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import Any

import keras
import numpy as np

from keras_sr.errors import KerasSRError, TrainingError
from keras_sr.files import remove_left_over_below
from keras_sr.graphs.layers import as_meta
from keras_sr.training import checkpoints
from keras_sr.training.best import Monitor
from keras_sr.training.best import path as best_path
from keras_sr.training.build import build_model
from keras_sr.training.callbacks import Keeper, LastLogs, OneTraining
from keras_sr.training.devices import spread
from keras_sr.training.diagnosis import Diagnosis, Sign, Timed
from keras_sr.training.interrupts import Interrupts
from keras_sr.training.log import Log, write_log
from keras_sr.training.model import SuperResolution
from keras_sr.training.progress import ProgressBar
from keras_sr.training.recipe import Recipe
from keras_sr.training.start import begin, check_same_recipe, make_room
from keras_sr.types import Json
from keras_sr.weights import store

#: Given the first step and a number of steps, the batches of exactly these steps (usually `data.Batches`).
MakeBatches = Callable[[int, int], keras.utils.PyDataset]


@dataclass(frozen=True)
class Result:
    """What a run ends with.

    Attributes:
        folder: The run folder; `generator.npz` in it holds the weights to use.
        generator: The trained network (the average of the weights where the recipe keeps one).
        rows: The log, one row an epoch; step 0 first where it was measured.
        best: The row of the weights that were kept, where a figure was watched.
        ended: Why it ended before its last step, or "".
        signs: Of trouble, as they were said.
    """

    folder: Path
    generator: keras.Model
    rows: list[Json]
    best: Json | None = None
    ended: str = ""
    signs: tuple[Sign, ...] = ()


#: Minutes between two checkpoints, at most: what a kill costs.
_CHECKPOINT_MINUTES = 5.0


def fit(
    recipe: Recipe,
    batches: MakeBatches,
    out: str | Path,
    *,
    start_from: str | Path | None = None,
    resume: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    monitor: Monitor | None = None,
    checkpoint_minutes: float = _CHECKPOINT_MINUTES,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
    data_format: str = "channels_last",
    devices: int = 1,
) -> Result:
    """Train a recipe in a run folder, or go on with it.

    The folder holds `recipe.json`, `versions.json`, `log.csv`, `tensorboard/`, the checkpoint `state.npz`
    (written after every epoch of `recipe.steps_per_epoch` steps, every `checkpoint_minutes` and at an
    interrupt), `snapshots/` where the recipe asks for them, and at the end `generator.npz`.

    Ctrl-C and SIGTERM wait for the end of the step, then save and raise KeyboardInterrupt (SystemExit 143).

    Args:
        recipe: What to train.
        batches: Makes the batches (LR, HR) of a span of steps; a pure function of the span, or the resumed
            run is not the same run.
        out: The run folder.
        start_from: Weights of the generator to start from: a name of shipped
            weights, a run folder or a weight file.
        resume: Go on with what is in the folder; otherwise an older run there is renamed, never deleted.
        callbacks: Keras callbacks; what they add to the logs of an epoch is logged too. Keras' contract
            holds over the run: it begins and ends once, `stop_training` ends it.
        monitor: A figure that callbacks add to the logs: the run ends with the weights that had the best
            one, and earlier when it gets no better.
        checkpoint_minutes: The most that a killed run loses, in minutes.
        progress: Show a progress bar on stderr.
        say: Is given lines for the user.
        data_format: Layout of the images inside the networks and of the batches.
        devices: How many to train on, see `spread`; a run may go on with another number.

    Raises:
        TrainingError: The folder holds another run, or one that began with other weights; the loss became
            NaN; a checkpoint cannot be written; so many devices are not there.
        WeightsError: The start's weights are of another network.
    """
    out = Path(out)
    with spread(devices, recipe.batch_size):
        if not resume:
            start_from = make_room(out, start_from, say)
        check_same_recipe(recipe, out)
        remove_left_over_below(out)
        model = build_model(recipe, data_format)
        meta = begin(recipe, model, out, start_from, say)
        if meta["step"] >= recipe.steps or (meta["ended"] and monitor and monitor.is_over(meta["rows"])):
            return finish(recipe, model, out, meta, monitor)
        run = Run(recipe, model, out, meta, monitor, say)
        own: list[Any] = [ProgressBar(recipe.name, recipe.steps, meta["step"], say)] if progress else []
        probe = partial(_first_batch, batches)
        run.signs = Diagnosis(recipe, probe, say, meta["start"], _signs_of(meta), data_format)
        with Interrupts(say) as interrupts:
            run.keeper = Keeper(
                run.save_inside, interrupts.waits, interrupts.entering, checkpoint_minutes, time.monotonic
            )
            everybody = OneTraining(
                callbacks,
                [run.keeper, run.signs, *own, run.last],
                model,
                _epochs_of(recipe),
                interrupts.waits,
            )
            try:
                run.train(batches, everybody)
            except KeyboardInterrupt:
                run.save_interrupted(interrupts.asked)
                raise
            finally:
                for one in own:
                    one.close()
        return finish(recipe, model, out, run.meta, monitor)


class Run:
    """A run while it trains.

    Args:
        recipe: What is trained.
        model: The compiled model.
        out: The run folder.
        meta: What its checkpoint says: step, rows of the log, start, the epoch that was cut short.
        monitor: The figure that is watched, or None.
        say: Is given lines for the user.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: SuperResolution,
        out: Path,
        meta: dict,
        monitor: Monitor | None,
        say: Callable[[str], None],
    ) -> None:
        self.recipe, self.model, self.out, self.meta = recipe, model, out, meta
        self.monitor, self.say = monitor, say
        self.log, self.last = Log(out, meta["rows"]), LastLogs()
        self.keeper: Any = None
        self.signs: Any = None
        self.began = time.perf_counter()

    def train(self, batches: MakeBatches, everybody: OneTraining) -> None:
        """Take the steps that are left, epoch by epoch."""
        recipe, model = self.recipe, self.model
        start: dict[str, float] = {}
        everybody.begin(start)
        if self.meta["step"] == 0 and start:
            self.log.add({"step": 0, "seconds": 0.0, **start})
            self.log.write()
        quiet: Any = 0  # Keras' default "auto" makes pyright think that it is a str
        while self.meta["step"] < recipe.steps:
            step = self.meta["step"]
            per = recipe.steps_per_epoch
            span = min(per - step % per, recipe.steps - step)
            self.keeper.expect(step, span)
            everybody.expect(span)
            self.signs.expect(step)
            self.began = time.perf_counter()
            data = Timed(batches(step, span))
            model.fit(
                data,
                initial_epoch=step // per,
                epochs=step // per + 1,
                # Keras would shuffle the order of batches, by a generator that no checkpoint holds.
                shuffle=False,
                verbose=quiet,
                callbacks=everybody,
            )
            if everybody.cut():
                raise KeyboardInterrupt
            # An interrupt waits for what is written of an epoch, too.
            self.keeper.entering(True)
            self.end_of_epoch(step, data)
            self.keeper.entering(False)
            if everybody.cut():
                raise KeyboardInterrupt
            if model.stop_training or self.meta["ended"]:
                break
        everybody.end(self.last.logs)
        if self.meta["step"] < recipe.steps:
            why = self.meta["ended"] or "a callback ended it"
            self.say(f"{self.out}: {why}, at step {self.meta['step']} of {recipe.steps}")

    def end_of_epoch(self, first: int, data: Timed) -> None:
        """Log an epoch, or the part that a callback left of it, and save."""
        _check_finite(self.model, self.last.logs, first, self.out)
        step = self.keeper.step
        logs, seconds, _ = self.so_far(self.last.logs)
        row = {"step": step, "seconds": seconds, **logs}
        self.log.add(row)
        self.meta |= {"step": step, "rows": self.log.rows, "partial": None}
        self.keep_best(row)
        if self.monitor and self.monitor.is_over(self.log.rows):
            count = self.monitor.waited(self.log.rows)
            self.meta["ended"] = f"no better {self.monitor.name} in {count} measurements"
        self.signs.end_of_epoch(
            self.log.rows, self.monitor, data, step - first, time.perf_counter() - self.began
        )
        self.meta["signs"] = [asdict(one) for one in self.signs.signs]
        # Before the checkpoint: a run that goes on from it makes no snapshot of what lies behind it.
        save_snapshot(self.recipe, self.model, self.out, self.meta, step - first)
        checkpoints.save(self.out, self.model, self.meta)
        self.keeper.saved()
        self.log.write()

    def keep_best(self, row: dict) -> None:
        """Keep the weights of a row if it is the best so far."""
        if self.monitor and self.monitor.best(self.log.rows) is row:
            _save_generator(best_path(self.out), self.model, self.meta)

    def so_far(self, logs: dict) -> tuple[dict, float, int]:
        """Return the means, seconds and steps of this epoch, with those before it was cut short."""
        seconds, made = time.perf_counter() - self.began, self.keeper.step - self.keeper.first
        before = self.meta["partial"]
        if not before:
            return logs, seconds, made
        old, steps = before["logs"], before["steps"]
        total = max(1, steps + made)
        means = {
            key: (steps * old[key] + made * value) / total if key in old else value
            for key, value in logs.items()
        }
        return means, before["seconds"] + seconds, steps + made

    def save_inside(self, step: int, logs: dict) -> None:
        """Write a checkpoint inside an epoch; not of weights that are not finite, which end the run."""
        if not all(map(math.isfinite, logs.values())) or not checkpoints.all_finite(self.model):
            return
        means, seconds, made = self.so_far(logs)
        part = {"logs": means, "seconds": seconds, "steps": made}
        signs = [asdict(one) for one in self.signs.signs]
        meta = {**self.meta, "step": step, "rows": self.log.rows, "partial": part, "signs": signs}
        checkpoints.save(self.out, self.model, meta)

    def save_interrupted(self, signal: int | None) -> None:
        """Keep what was done and say where the run stands.

        Raises:
            SystemExit: The signal was SIGTERM.
        """
        keeper = self.keeper
        if keeper.step > self.meta["step"]:
            if keeper.model is not None:  # On jax the property brings the weights up to date.
                self.save_inside(keeper.step, keeper.logs)
            self.say(
                f"{self.recipe.name}: stopped at step {keeper.step} of {self.recipe.steps}, which is saved: "
                "the same command continues from there"
            )
        elif self.meta["step"]:
            self.say(f"{self.recipe.name}: stopped at step {self.meta['step']}: the same command continues")
        else:
            self.say(f"{self.recipe.name}: stopped before its first step")
        if signal == SIGTERM:
            raise SystemExit(128 + signal)


def _first_batch(batches: MakeBatches) -> tuple[np.ndarray, np.ndarray]:
    """Return the first batch of a run: always the same."""
    return batches(0, 1)[0]


def _signs_of(meta: dict) -> list[Sign]:
    """Return the signs that a checkpoint holds."""
    return [Sign(**one) for one in meta.get("signs", [])]


def _epochs_of(recipe: Recipe) -> int:
    """Return how many epochs a run has."""
    return -(-recipe.steps // recipe.steps_per_epoch)


def finish(recipe: Recipe, model: SuperResolution, out: Path, meta: dict, monitor: Monitor | None) -> Result:
    """Write the log and the weights to use, the best ones where a figure was watched; return the result."""
    network = model.ema_generator or model.generator
    best = monitor.best(meta["rows"]) if monitor else None
    if best and best_path(out).exists():
        arrays, _ = store.read(best_path(out))
        store.assign(network, arrays, str(best_path(out)))
    # Again: a kill may have come between the last checkpoint and its row.
    write_log(out, meta["rows"])
    kept = {key: meta[key] for key in ("step", "recipe", "start")}
    _save_generator(out / "generator.npz", model, {**kept, "best_step": (best or meta)["step"]})
    return Result(out, network, meta["rows"], best, meta["ended"], tuple(_signs_of(meta)))


def _check_finite(model: SuperResolution, logs: dict, step: int, out: Path) -> None:
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
        go_on = f" and `start_from` {out}, if that was good" if kept.exists() else ""
        raise TrainingError(
            f"training diverged after step {step} ({', '.join(bad) or 'weights'} not finite){there}: lower "
            f"learning_rate, set clip_norm, or use precision=float32, with another `out`{go_on}"
        )


def save_snapshot(recipe: Recipe, model: SuperResolution, out: Path, meta: dict, span: int) -> None:
    """Keep the weights of this step, if the recipe asks for one now."""
    step, every = meta["step"], recipe.snapshot_every
    if every and step // every > (step - span) // every:
        _save_generator(out / "snapshots" / f"step_{step:07d}.npz", model, meta)


def _save_generator(path: Path, model: SuperResolution, meta: dict) -> None:
    """Write the weights to use, the average where there is one, with what they are."""
    network = model.ema_generator or model.generator
    try:
        plan = as_meta(network)
    # A network of one's own may have layers that no engine knows: Keras alone runs it.
    except KerasSRError:
        plan = {}
    store.save(path, store.network_arrays(network), {**meta, **plan})
