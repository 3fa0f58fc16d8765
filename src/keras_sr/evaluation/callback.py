"""A benchmark during training: figures in the logs and in a CSV file, and pictures to look at."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np

from keras_sr.errors import DataError, unknown
from keras_sr.evaluation.columns import choose, mean_of_all
from keras_sr.evaluation.keras_upscaler import network_of, network_upscaler
from keras_sr.evaluation.protocol import Protocol, find_protocol
from keras_sr.evaluation.score import Judged, Scores, Upscaler, score
from keras_sr.evaluation.sets.layouts import find_pairs, set_name
from keras_sr.evaluation.sheets import COLUMNS, add_row, csv_file, keep, save_sheet, unused
from keras_sr.images.pair import Pair
from keras_sr.types import Json

log = logging.getLogger(__name__)


class BenchmarkCallback(keras.callbacks.Callback):
    """Measures a network on a folder of pictures while it trains.

    The figures go into the logs as `BSD100_psnr` and `BSD100_ssim` (after the folder's name), where History,
    CSVLogger or `ModelCheckpoint(monitor="BSD100_psnr", mode="max")` find them if they come later in the list
    of callbacks. When pictures failed, `BSD100_failed` says how many; when all did, nothing is logged.

    Measured is `generator`, else the model's `ema_generator`, else its `generator`, else the model itself,
    at every picture's own size. Training goes on as if nothing had happened: neither weights, optimizer nor
    random states change.

    With `out_dir`, a line is added to `out_dir/BSD100_x4.csv` each time, and sheets LR | bicubic | SR | HR
    go to `out_dir/BSD100_x4/step_00010000/`. Nothing there is ever deleted or replaced: where the name is
    taken by an earlier run, `-2` is put behind it.

    Args:
        folder: A benchmark set in one of the layouts of `find_pairs`.
        scale: HR size over LR size.
        every_epochs: Measure at the end of each n-th epoch. 1 when `every_steps` is not given either.
        every_steps: Measure after each n-th training step.
        out_dir: Where the CSV file and the sheets go; None writes none.
        pictures: Which sheets to save: the first n pictures, or the names of some.
        generator: The network to measure.
        max_images: Measure on the first n pictures only; the figures are then called `BSD100_first10_psnr`.
        protocol: As for `score`.
        metrics: What to measure besides PSNR and SSIM: keys of `evaluation.columns.MEASURES`, such as
            `"lpips"`. The logs hold it as `BSD100_lpips`, unless a picture is too small for it.
        multiple_of: As for `network_upscaler`; for sets of many sizes with jax.
        pairs: The pictures, instead of all in the folder.

    Attributes:
        name: What the figures are called.
        history: (step, scores) of each time.

    Raises:
        DataError: The folder or an argument cannot be used.
        WeightsError: A metric is asked for whose weights are not there.
    """

    def __init__(
        self,
        folder: str | Path,
        scale: int = 4,
        *,
        every_epochs: int | None = None,
        every_steps: int | None = None,
        out_dir: str | Path | None = None,
        pictures: int | Sequence[str] = 4,
        generator: keras.Model | None = None,
        max_images: int | None = None,
        protocol: str | Protocol = "paper",
        metrics: Sequence[str] = (),
        multiple_of: int = 1,
        pairs: Sequence[Pair] | None = None,
    ) -> None:
        super().__init__()
        for name, value in {
            "every_epochs": every_epochs,
            "every_steps": every_steps,
            "max_images": max_images,
        }.items():
            if value is not None and value < 1:
                raise DataError(f"{name} must be 1 or more, not {value}")
        pairs = find_pairs(folder, scale) if pairs is None else list(pairs)
        self.pairs = pairs[:max_images]
        self.name = set_name(folder)
        if len(self.pairs) < len(pairs):
            self.name += f"_first{len(self.pairs)}"
        self.scale, self.protocol, self.multiple_of = scale, find_protocol(protocol), multiple_of
        self.shown = _chosen(pictures, self.pairs)
        self.metrics = choose(list(metrics))[0] if metrics else ()
        self.every_epochs = 1 if every_epochs is None and every_steps is None else every_epochs
        self.every_steps = every_steps
        self.network = generator
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.run = datetime.now().astimezone().isoformat(timespec="seconds")
        self.csv_file: Path | None = None
        self.history: list[tuple[int, Scores]] = []
        self.epoch, self.epoch_start, self.step = 0, 0, 0
        self.evaluated_at: tuple[int, int] | None = None
        self.fresh: dict[str, float] = {}
        if every_steps is not None:
            # Only then is the method there: Keras waits for every batch's logs when a callback has it.
            self.on_train_batch_end = self.measure_when_due

    def on_epoch_begin(self, epoch: int, logs: Json | None = None) -> None:
        """Note where the epoch starts."""
        self.epoch, self.fresh = epoch, {}
        self.epoch_start = self.step = self.steps_done()

    def measure_when_due(self, batch: int, logs: Json | None = None) -> None:
        """Count the steps (one call may stand for several) and measure each `every_steps`."""
        before, self.step = self.step, self.epoch_start + batch + 1
        if self.every_steps and self.step // self.every_steps > before // self.every_steps:
            self.evaluate(logs)

    def on_epoch_end(self, epoch: int, logs: Json | None = None) -> None:
        """Measure each `every_epochs`; repeat what was measured within the epoch."""
        self.step = max(self.step, self.steps_done())
        due = self.every_epochs and (epoch + 1) % self.every_epochs == 0
        if due and self.evaluated_at != (epoch, self.step):
            self.evaluate(logs)
        elif logs is not None:
            logs.update(self.fresh)

    def evaluate(self, logs: Json | None = None) -> Scores:
        """Measure now; put the figures into `logs`, the history and the files.

        Args:
            logs: Keras' logs; gets the figures.
        """
        start = perf_counter()
        folder = None
        if self.out_dir and self.shown:
            folder = unused(self.out_dir / f"{self.name}_x{self.scale}" / f"step_{self.step:08d}")

        taken: list[Mapping[str, float | None]] = []

        def look(judged: Judged) -> None:
            taken.append(judged.values)
            self.looked_at(judged)
            if folder and judged.name in self.shown:
                keep(save_sheet, folder, judged, self.scale, self.protocol, self.step)

        scores = score(self.upscaler(), self.pairs, self.scale, self.protocol, look, self.metrics)
        seconds = perf_counter() - start
        self.history.append((self.step, scores))
        self.evaluated_at = (self.epoch, self.step)
        log.info("step %d: %s %s", self.step, self.name, scores)
        means = {key: mean_of_all([values[key] for values in taken]) for key in self.metrics}
        if self.out_dir:
            keep(self.add_line, self.out_dir, scores, means, seconds)
        self.fresh = _as_logs(self.name, scores, means)
        if logs is not None:
            logs.update(self.fresh)
        return scores

    def looked_at(self, judged: Judged) -> None:
        """Is told of each picture that was measured; subclasses keep what they need of it."""

    def upscaler(self) -> Upscaler:
        """Return the network to measure, as an upscaler."""
        # Asked for even when a network was given: with jax, Keras' property brings the weights of the
        # model, and of the networks in it, up to date in mid-epoch.
        model: Any = self.model
        network = network_of(model) if self.network is None else self.network
        return network_upscaler(network, multiple_of=self.multiple_of)

    def steps_done(self) -> int:
        """Return how many steps the optimizer has made; a resumed run goes on counting."""
        iterations = getattr(getattr(self.model, "optimizer", None), "iterations", None)
        return self.step if iterations is None else int(np.asarray(keras.ops.convert_to_numpy(iterations)))

    def add_line(self, out_dir: Path, scores: Scores, means: dict[str, float | None], seconds: float) -> None:
        """Add a line to the CSV file."""
        values = (scores.psnr, scores.ssim, len(scores.images), scores.total)
        line = [self.run, self.epoch + 1, self.step, scores.protocol.name, *values, round(seconds, 1)]
        row = dict(zip(COLUMNS, line, strict=True)) | means
        if self.csv_file is None:
            self.csv_file = csv_file(out_dir, f"{self.name}_x{self.scale}", list(row))
        add_row(self.csv_file, row)


def _chosen(pictures: int | Sequence[str], pairs: list[Pair]) -> frozenset[str]:
    """Return the names of the pictures whose sheets are saved."""
    names = [pair.name for pair in pairs]
    if isinstance(pictures, int):
        return frozenset(names[: max(0, pictures)])
    for name in pictures:
        if name not in names:
            raise DataError(unknown("picture", name, names))
    return frozenset(pictures)


def _as_logs(name: str, scores: Scores, means: dict[str, float | None]) -> dict[str, float]:
    """Return the figures under the names they have in Keras' logs."""
    if not scores.images:
        # A NaN would stop runs that take it for a diverged loss; the warnings have said what failed.
        return {}
    values = {f"{name}_psnr": scores.psnr, f"{name}_ssim": scores.ssim}
    values |= {f"{name}_{key}": value for key, value in means.items() if value is not None}
    return values | ({f"{name}_failed": float(len(scores.failures))} if scores.failures else {})
