"""Did it get better? Step 0, bicubic and every epoch on pictures that are not trained on, and a verdict."""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import DataError, PictureError
from keras_sr.evaluation.callback import BenchmarkCallback
from keras_sr.evaluation.columns import MEASURES, Sample
from keras_sr.evaluation.score import Judged, Scores, load
from keras_sr.evaluation.statistics import interval
from keras_sr.files import atomic_write
from keras_sr.images.pair import Pair
from keras_sr.images.plain import write_plain
from keras_sr.images.resize import imresize
from keras_sr.types import Json

log = logging.getLogger(__name__)

#: What was measured, in the run folder.
_FILE = "held_out.json"
#: Where the pictures of the report are.
SAMPLES = "samples"
#: Pictures whose SR is kept for the report, and the side of the crop.
SHOWN, CROP = 3, 256


@dataclass(frozen=True)
class Measured:
    """What a run was measured on, and what came out.

    Attributes:
        name: Of the set.
        metric: Key in `evaluation.columns.MEASURES`.
        trained_on: Names of pictures that are in the training set, too.
        start: What the run began with, "" for noise.
        bicubic: Picture to figure.
        steps: (step, picture to figure), step 0 first where it was measured.
    """

    name: str
    metric: str
    trained_on: tuple[str, ...] = ()
    start: str = ""
    bicubic: dict[str, float] = field(default_factory=dict[str, float])
    steps: tuple[tuple[int, dict[str, float]], ...] = ()

    @property
    def higher_is_better(self) -> bool:
        """The metric's direction."""
        return bool(MEASURES[self.metric].higher_is_better)

    @property
    def best(self) -> tuple[int, dict[str, float]] | None:
        """The best of all measured steps after the first."""
        later = [one for one in self.steps if one[0] > 0 and one[1]]
        pick = max if self.higher_is_better else min
        return pick(later, key=lambda one: np.mean(list(one[1].values())), default=None)

    def figure(self, values: dict[str, float]) -> str:
        """Return a mean as tables print it, such as `30.49 dB`."""
        measure = MEASURES[self.metric]
        return f"{np.mean(list(values.values())):.{measure.digits}f} {measure.unit}".strip()


@dataclass(frozen=True)
class Verdict:
    """Whether a run has got better.

    Attributes:
        state: `"better"`, `"same"`, `"worse"` or `"unknown"`.
        line: What is said.
    """

    state: str
    line: str


def judge(measured: Measured) -> Verdict:
    """Compare the best weights with what the run began with, or with bicubic where that was noise.

    The interval is that of the mean difference over pictures (95 %, bootstrap): where it holds 0, nothing is
    claimed.
    """
    best = measured.best
    before = dict(measured.steps).get(0) if measured.start else measured.bicubic
    if best is None or not before:
        return Verdict("unknown", "not measured: there is no telling whether it got better")
    against = measured.start or "bicubic"
    names = [name for name in best[1] if name in before]
    sign = 1 if measured.higher_is_better else -1
    gains = [sign * (best[1][name] - before[name]) for name in names]
    figures = f"{measured.figure(before)} before, {measured.figure(best[1])} at step {best[0]}"
    if len(gains) < 2:
        line = f"{against}, {figures}: a verdict needs two pictures or more, and {len(gains)} was measured"
        return Verdict("unknown", line)
    low, high = interval(gains)
    measure = MEASURES[measured.metric]
    digits, unit = measure.digits, f" {measure.unit}" if measure.unit else ""
    gain = f"{float(np.mean(gains)):.{digits}f}{unit} of {measure.title}"
    span = f"95 % interval {low:+.{digits}f} to {high:+.{digits}f}, {len(names)} pictures of {measured.name}"
    state = "better" if low > 0 else "worse" if high < 0 else "same"
    if state == "better":
        line = f"better by {gain} than {against} ({figures}; {span})"
    else:
        line = f"no better than {against} ({figures}; {span})"
        if measured.start:
            line += f": the old weights stay the ones to use: {measured.start}"
    if measured.trained_on:
        seen, total = len(measured.trained_on), len(names)
        line += f"; measured on its own training pictures ({seen} of {total}): unseen ones may differ"
    return Verdict(state, line)


class HeldOut(BenchmarkCallback):
    """Measures before the first step and after every epoch, and keeps the figures of each picture.

    Args:
        pairs: The pictures.
        name: What the set is called.
        scale: HR size over LR size.
        folder: The run folder.
        metric: What decides which weights are the best: `"psnr"` or `"lpips"`.
        start: What the run begins with.
        trained_on: Names of pictures that are in the training set, too.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        name: str,
        scale: int,
        folder: Path,
        *,
        metric: str = "psnr",
        start: str = "",
        trained_on: Iterable[str] = (),
        metrics: Sequence[str] = (),
    ) -> None:
        super().__init__(
            pairs[0].hr.parent, scale, pairs=pairs, out_dir=folder / "benchmark", metrics=metrics
        )
        self.name = name
        self.run_folder = folder
        self.values: dict[str, float] = {}
        fresh = Measured(name, metric, tuple(trained_on), start)
        kept = read(folder)
        self.measured = kept if kept and (kept.name, kept.metric) == (name, metric) else fresh

    def on_train_begin(self, logs: Json | None = None) -> None:
        """Measure what the run begins with, and bicubic."""
        if not self.measured.bicubic:
            self.measured = replace(self.measured, bicubic=self.of_bicubic())
        if self.steps_done() == 0 and not self.measured.steps:
            # The files beside it are of epochs.
            place, self.out_dir = self.out_dir, None
            self.evaluate(logs)
            self.out_dir = place
            log.info(
                "%s: %s at step 0, %s by bicubic (%s of %d pictures)",
                self.name,
                self.measured.figure(self.values) if self.values else "nothing",
                self.measured.figure(self.measured.bicubic) if self.measured.bicubic else "nothing",
                MEASURES[self.measured.metric].title,
                len(self.pairs),
            )

    def of_bicubic(self) -> dict[str, float]:
        """Return bicubic's figure of each picture.

        Raises:
            DataError: No picture can be measured.
        """
        values: dict[str, float] = {}
        faults: list[PictureError] = []
        for place, pair in enumerate(self.pairs):
            try:
                lr, hr = load(pair, self.scale)
                sr = imresize(lr, self.scale)
                values[pair.name] = MEASURES[self.measured.metric].of(
                    Sample(sr, hr, lr, self.scale, self.protocol)
                )
            except PictureError as error:
                faults.append(error)
                continue  # It is said when the network is measured.
            if place < SHOWN:
                self.show(pair.name, "bicubic", sr)
                self.show(pair.name, "truth", hr)
        if len(faults) == len(self.pairs):
            raise DataError(
                f"none of the {len(faults)} pictures of {self.name} can be measured: mend what is "
                f"said of them, or give another set (the first: {faults[0]})"
            )
        return values

    def evaluate(self, logs: Json | None = None) -> Scores:
        """Measure now, and keep the figures of each picture."""
        self.values = {}
        scores = super().evaluate(logs)
        kept = tuple(one for one in self.measured.steps if one[0] < self.step)
        self.measured = replace(self.measured, steps=(*kept, (self.step, self.values)))
        write(self.run_folder, self.measured)
        return scores

    def looked_at(self, judged: Judged) -> None:
        """Keep the figure of one picture, and the picture for the report."""
        metric = self.measured.metric
        value = judged.psnr if metric == "psnr" else judged.values.get(metric)
        if value is not None and np.isfinite(value):
            self.values[judged.name] = float(value)
        if judged.name in [pair.name for pair in self.pairs[:SHOWN]]:
            self.show(judged.name, f"step_{self.step:08d}", judged.sr)

    def show(self, name: str, what: str, pixels: np.ndarray) -> None:
        """Keep the middle of a picture for the report."""
        top, left = (max(0, (side - CROP) // 2) for side in pixels.shape[:2])
        part = np.ascontiguousarray(pixels[top : top + CROP, left : left + CROP])
        write_plain(self.run_folder / SAMPLES / f"{name.replace('/', '_')}.{what}.png", part)

    @property
    def figure_name(self) -> str:
        """What the deciding figure is called in the logs."""
        return f"{self.name}_{self.measured.metric}"


def write(folder: Path, measured: Measured) -> None:
    """Write what was measured to a run folder."""
    with atomic_write(folder / _FILE, "w") as file:
        json.dump(asdict(measured), file)


def read(folder: Path) -> Measured | None:
    """Return what was measured in a run, or None."""
    try:
        values: dict[str, Any] = json.loads((folder / _FILE).read_text("utf-8"))
        steps = tuple((int(step), figures) for step, figures in values.pop("steps"))
        values |= {"trained_on": tuple(values["trained_on"]), "steps": steps}
        return Measured(**values)
    except (OSError, ValueError, KeyError, TypeError):
        return None
