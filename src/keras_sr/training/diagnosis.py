"""What goes wrong in a training, told apart while it runs: eight signs, each a plain line and a page.

Six are read from the log. Colours, artefacts and batch norm are read from one fixed batch, the probe, which
the networks see after every epoch; nothing of the run's state changes by that.
"""

import math
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_sr.training.best import Monitor
from keras_sr.training.model import for_student
from keras_sr.training.recipe import Recipe

#: Steps that a sign needs to be taken for more than chance.
PATIENCE = 200
#: Where the signs are explained.
PAGE = "docs/how-to/when-a-training-goes-wrong.md"

#: sign: what is said.
SIGNS = {
    "stuck": "the loss does not move ({}): the learning rate is too low, or no gradient arrives",
    "rate": "the loss grows ({}): the learning rate is too high, and NaN comes next; lower it, or clip_norm",
    "won": "the discriminator has won (it tells SR from HR with {}): the generator learns no more from it; "
    "lower discriminator_learning_rate or set r1",
    "blind": "the discriminator knows nothing (HR and SR look alike to it: {}): raise its learning rate, or "
    "give it time",
    "colours": "colours drift ({}): give consistency or a term of pixels more weight",
    "artefacts": "{} grow on the samples: lower the learning rate or the adversarial weight",
    "lag": "batch norm's statistics lag behind the weights ({}): use normalization=none, or a lower rate",
    "loader": "reading pictures takes longer than training on them ({}): use larger batches, a faster disk "
    "or smaller files",
    "overfit": "training goes on getting better while {} gets worse: the network learns these pictures by "
    "heart; more pictures, fewer steps, or patience=3 help",
}


@dataclass(frozen=True)
class Sign:
    """A sign of trouble: its key in `SIGNS`, the step, and the line that is said."""

    key: str
    step: int
    line: str


def sign(key: str, step: int, what: str) -> Sign:
    """Return a sign with what was measured put into its line."""
    return Sign(key, step, f"step {step}: {SIGNS[key].format(what)} ({PAGE}#{key})")


# === From the log ===


def stuck(losses: list[float], moved: float, from_noise: bool) -> str:
    """Return why the loss does not move, or "".

    Args:
        losses: Of each step so far, `PATIENCE` or more.
        moved: How far the weights are from where they began, relative to their size.
        from_noise: Whether they began at random: then the loss has to fall.
    """
    if moved < 1e-6:
        return f"the weights have moved by {moved:.0e} of their size"
    third = len(losses) // 3
    begin, end = losses[:third], losses[-third:]
    error = math.hypot(*(statistics.pstdev(part) / math.sqrt(third) for part in (begin, end)))
    gain = statistics.fmean(begin) - statistics.fmean(end)
    if from_noise and gain < 2 * error and gain < 0.02 * abs(statistics.fmean(begin)):
        return f"{statistics.fmean(begin):.4g} at first, {statistics.fmean(end):.4g} now"
    return ""


def too_fast(losses: list[float], width: int = 10) -> str:
    """Return how the loss has grown where it is thrice the lowest it was, or ""; medians of ten steps.

    Where these jump by themselves, as losses of features do in small batches, it has to be out of proportion:
    eight times as far, on the scale of logarithms, as one of them commonly is from the next.
    """
    if len(losses) < 2 * width:
        return ""
    now = statistics.median(losses[-width:])
    if not math.isfinite(now):
        return "it is not finite"
    starts = range(0, len(losses) - width + 1, width)
    medians = [statistics.median(losses[i : i + width]) for i in starts]
    low = min(medians)
    if low <= 0 or now <= 3 * low:
        return ""
    jumps = [abs(math.log(b / a)) for a, b in pairwise(medians[:-1])]
    usual = statistics.median(jumps) if jumps else 0.0
    return f"{low:.3g} before, {now:.3g} now" if math.log(now / low) > 8 * usual else ""


def won(gaps: list[float], patience: int) -> str:
    """Return how sure the discriminator is where it has been for twice the patience, or ""."""
    recent = gaps[-2 * patience :]
    sure = len(recent) == 2 * patience and min(means(recent, patience)) > 0.9
    return f"a gap of {statistics.fmean(recent):.2f} between its verdicts" if sure else ""


def blind(gaps: list[float], patience: int) -> str:
    """Return the discriminator's gap where it is nothing after eight times the patience, or ""."""
    recent = gaps[-4 * patience :]
    nothing = len(gaps) >= 8 * patience and max(map(abs, means(recent, patience))) < 0.02
    return f"a gap of {statistics.fmean(recent):.3f}" if nothing else ""


def means(values: list[float], width: int) -> list[float]:
    """Return the means of spans."""
    return [statistics.fmean(values[i : i + width]) for i in range(0, len(values), width)]


def overfit(rows: list[dict], monitor: Monitor, terms: list[str]) -> str:
    """Return the figure that gets worse while the training's own terms get better, or "".

    It has to be worse than three measurements ago three times in a row, by a fivehundredth at least.
    """
    rows = [row for row in rows if monitor.value(row) is not None and row["step"]]
    values = [float(row[monitor.name]) for row in rows]
    if len(values) < 4:
        return ""
    best = max(values) if monitor.higher_is_better else min(values)
    last = values[-3:]
    worse = all(abs(value - best) > 0.002 * abs(best) for value in last) and best not in last
    learning = all(rows[-1].get(name, 0.0) < rows[-4].get(name, 0.0) for name in terms)
    return f"{monitor.name} ({best:.4g} at best, {values[-1]:.4g} now)" if worse and learning else ""


# === From the probe ===


@dataclass(frozen=True)
class Probe:
    """What the networks make of one fixed batch.

    Attributes:
        drift: The largest shift of Y, Cb or Cr against HR, in grey levels.
        checker: Strength of a checkerboard in SR over that in HR.
        specks: Share of pixels that stand out from those around them, beyond that in HR.
        lag: Loss as in use over loss as in training, of a network with batch norm; else 1.
    """

    drift: float
    checker: float
    specks: float
    lag: float


def measure(sr: np.ndarray, hr: np.ndarray, lag: float = 1.0) -> Probe:
    """Measure SR (N, H, W, 3) in [0, 1] against HR."""
    shift = 255 * np.abs((sr - hr).mean((0, 1, 2)) @ YCBCR).max()
    board = rms(checkerboard(sr)) / (rms(checkerboard(hr)) + 1e-4)
    return Probe(float(shift), board, outstanding(sr) - outstanding(hr), lag)


#: RGB to Y, Cb and Cr (BT.601), columns.
YCBCR = np.array([[0.299, -0.169, 0.5], [0.587, -0.331, -0.419], [0.114, 0.5, -0.081]])


def checkerboard(x: np.ndarray) -> np.ndarray:
    """Return the response to one period of a checkerboard of single pixels."""
    return (x[:, :-1, :-1] - x[:, 1:, :-1] - x[:, :-1, 1:] + x[:, 1:, 1:]) / 4


def rms(x: np.ndarray) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(x))))


def outstanding(x: np.ndarray, levels: float = 48 / 255) -> float:
    """Return the share of pixels that are far above or below all of their four neighbours."""
    middle = x[:, 1:-1, 1:-1]
    around = np.stack([x[:, :-2, 1:-1], x[:, 2:, 1:-1], x[:, 1:-1, :-2], x[:, 1:-1, 2:]])
    out = (middle > around.max(0) + levels) | (middle < around.min(0) - levels)
    return float(out.any(-1).mean())


def drifting(probes: list[Probe]) -> str:
    """Return the drift of colours where it has grown by 1.5 grey levels twice in a row, or ""."""
    low = min(probe.drift for probe in probes)
    grown = len(probes) > 2 and all(p.drift > max(2.0, low + 1.5) for p in probes[-2:])
    return f"{probes[-1].drift:.1f} grey levels, {low:.1f} before" if grown else ""


def artefacts(probes: list[Probe]) -> str:
    """Return which artefacts have grown twice in a row, or ""."""
    if len(probes) < 3:
        return ""
    low = min(probe.checker for probe in probes)
    if all(p.checker > max(1.5, 1.3 * low) for p in probes[-2:]):
        return f"checkerboards ({probes[-1].checker:.1f} times those of the truth)"
    few = min(probe.specks for probe in probes)
    if all(p.specks > max(5e-4, 3 * few) for p in probes[-2:]):
        return f"specks ({probes[-1].specks:.2%} of all pixels)"
    return ""


def lagging(probes: list[Probe]) -> str:
    """Return how much worse the network is in use than in training, twice in a row, or ""."""
    late = len(probes) > 1 and all(p.lag > 1.5 for p in probes[-2:])
    return f"the loss in use is {probes[-1].lag:.1f} times that in training" if late else ""


# === Over a run ===


class Timed(keras.utils.PyDataset):
    """A data set that counts the time it takes to make its batches."""

    def __init__(self, inner: keras.utils.PyDataset) -> None:
        super().__init__()
        self.inner, self.seconds, self.in_front = inner, 0.0, False

    def __len__(self) -> int:
        inner: Any = self.inner
        return len(inner)

    def __getitem__(self, i: int) -> Any:
        begin = time.perf_counter()
        batch = self.inner[i]
        self.seconds += time.perf_counter() - begin
        # Where a thread of its own makes them, only a thread that never rests is too slow.
        self.in_front = threading.current_thread() is threading.main_thread()
        return batch

    def share(self, seconds: float) -> float:
        """Return the share of a time that went into the batches, 1 being all that could."""
        return self.seconds / max(seconds, 1e-9) * (1.8 if self.in_front else 1.0)


class Diagnosis(keras.callbacks.Callback):
    """Watches a run for the signs and says each once.

    Args:
        recipe: What is trained.
        batch: The probe: LR and HR.
        say: Is given the lines.
        start: What the run began with, "" for noise.
        known: Keys of signs that were said before.
        data_format: Of the batch.
    """

    def __init__(
        self,
        recipe: Recipe,
        batch: Callable[[], tuple[np.ndarray, np.ndarray]],
        say: Callable[[str], None],
        start: str = "",
        known: list[Sign] | None = None,
        data_format: str = "channels_last",
    ) -> None:
        super().__init__()
        self.recipe, self.make_batch, self.say, self.start = recipe, batch, say, start
        self.signs, self.first = list(known or []), data_format == "channels_first"
        # The teacher's, too: beside them what is left may be a term that wavers and hardly counts.
        taught = {f"teacher_{name}": weight for name, weight in recipe.taught().items()}
        self.terms = recipe.terms() | taught
        self.losses: list[float] = []
        self.gaps: list[float] = []
        self.probes: list[Probe] = []
        self.slow = self.step = 0
        self.was_stuck = False
        self.before: tuple[int, dict[str, float]] = (0, {})
        self.begun: list[np.ndarray] = []

    def expect(self, step: int) -> None:
        """Begin an epoch at a step."""
        self.step, self.before = step, (0, {})

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Read the losses of this call out of the means over the epoch."""
        done, before = self.before
        count = batch + 1 - done
        now = {k: float(v) for k, v in (logs or {}).items()}
        own = {k: ((batch + 1) * v - done * before.get(k, 0.0)) / count for k, v in now.items()}
        self.before = (batch + 1, now)
        self.take(own, count)

    def take(self, values: dict[str, float], count: int) -> None:
        """Take in the values of some steps."""
        self.step += count
        tens, spans = len(self.losses) // 10, len(self.gaps) // PATIENCE
        terms = self.terms
        if all(name in values for name in terms):
            self.losses += count * [sum(weight * values[name] for name, weight in terms.items())]
        if "d_hr" in values and "d_sr" in values:
            self.gaps += count * [values["d_hr"] - values["d_sr"]]
        if len(self.losses) // 10 > tens:
            self.tell_all(self.from_losses())
        if len(self.gaps) // PATIENCE > spans:
            self.tell_all(self.from_gaps())

    def tell_all(self, signs: Iterator[Sign]) -> None:
        """Say all signs."""
        for one in signs:
            self.tell(one)

    def from_losses(self) -> Iterator[Sign]:
        """Yield the signs that the losses give."""
        if what := too_fast(self.losses[-10 * PATIENCE :]):
            yield sign("rate", self.step, what)
        if not self.was_stuck and len(self.losses) >= PATIENCE:
            self.was_stuck = True
            from_noise = not self.start and self.step == len(self.losses)
            if what := stuck(self.losses, self.moved(), from_noise):
                yield sign("stuck", self.step, what)

    def from_gaps(self) -> Iterator[Sign]:
        """Yield the signs that the discriminator's verdicts give."""
        if self.gaps:
            if what := won(self.gaps, PATIENCE):
                yield sign("won", self.step, what)
            if what := blind(self.gaps, PATIENCE):
                yield sign("blind", self.step, what)

    def moved(self) -> float:
        """Return how far the generator's weights are from where they began, relative to their size."""
        model: Any = self.model
        now = weights_of(model)
        if not self.begun:
            return 1.0
        apart = sum(float(np.square(a - b).sum()) for a, b in zip(now, self.begun, strict=True))
        return math.sqrt(apart / (sum(float(np.square(b).sum()) for b in self.begun) + 1e-12))

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Note where the weights are."""
        model: Any = self.model
        if self.recipe.steps >= PATIENCE:
            self.begun = weights_of(model)

    def end_of_epoch(
        self, rows: list[dict], monitor: Monitor | None, data: Timed, steps: int, seconds: float
    ) -> None:
        """Look at the log, at the loader and at the probe.

        Args:
            rows: The log so far.
            monitor: The figure that is watched.
            data: The batches of the epoch.
            steps: How many there were.
            seconds: How long it took.
        """
        share = data.share(seconds)
        self.slow = self.slow + 1 if steps >= 20 and share > 0.9 else 0
        if self.slow > 1:
            self.tell(sign("loader", self.step, f"{min(share, 1.0):.0%} of the time"))
        if monitor and (what := overfit(rows, monitor, list(self.terms))):
            self.tell(sign("overfit", self.step, what))
        if self.step >= PATIENCE:
            self.probes.append(self.probe())
            for key, read in (("colours", drifting), ("artefacts", artefacts), ("lag", lagging)):
                if what := read(self.probes):
                    self.tell(sign(key, self.step, what))

    def probe(self) -> Probe:
        """Let the networks see the probe."""
        model: Any = self.model
        lr, hr = self.make_batch()
        lr = for_student(lr)
        sr = np.asarray(ops.convert_to_numpy(model.network(lr, training=False)), np.float32)
        if self.first:
            sr, hr = np.moveaxis(sr, 1, 3), np.moveaxis(hr, 1, 3)
        return measure(sr.clip(0, 1), hr.astype(np.float32), self.lag(model.generator, lr, hr))

    def lag(self, generator: Any, lr: np.ndarray, hr: np.ndarray) -> float:
        """Return the error of a network with batch norm as in use over that as in training."""
        if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in generator.layers):
            return 1.0
        state = (
            [v.value for v in generator.trainable_variables],
            [v.value for v in generator.non_trainable_variables],
        )
        errors = []
        for training in (False, True):
            # Stateless: what the call would do to the statistics is dropped.
            sr = np.asarray(ops.convert_to_numpy(generator.stateless_call(*state, lr, training=training)[0]))
            sr = np.moveaxis(sr, 1, 3) if self.first else sr
            errors.append(float(np.square(sr - hr).mean()))
        return errors[0] / (errors[1] + 1e-12)

    def tell(self, one: Sign) -> None:
        """Say a sign, once a run."""
        if one.key not in {known.key for known in self.signs}:
            self.signs.append(one)
            self.say(one.line)


def weights_of(model: Any) -> list[np.ndarray]:
    """Return the generator's trained weights."""
    return [np.array(ops.convert_to_numpy(v)) for v in model.generator.trainable_variables]
