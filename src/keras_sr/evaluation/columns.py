"""The columns of a benchmark: which metric, on which of the three pictures, and how it is written."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_sr.errors import DataError, PictureError, WeightsError, unknown
from keras_sr.evaluation.protocol import Protocol, shaved
from keras_sr.metrics import METRICS
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.weights import find_weights


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture to be measured: uint8 SR (H, W, 3), HR of the same size, and LR."""

    sr: np.ndarray
    hr: np.ndarray
    lr: np.ndarray
    scale: int
    protocol: Protocol

    @property
    def border(self) -> int:
        """Pixels shaved off each side."""
        return shaved(self.protocol, self.scale)

    @property
    def options(self) -> dict[str, Any]:
        """The options of metrics that follow the protocol."""
        return {
            "crop_border": self.border,
            "channel": self.protocol.channel,
            "round_y": self.protocol.round_y,
        }


@dataclass(frozen=True, eq=False)
class Measure:
    """A column.

    Attributes:
        key: In files.
        title: In tables.
        unit: "" for a bare number.
        higher_is_better: None where neither is: a drift is best at 0.
        digits: Decimals in tables.
        source: Where the metric is defined.
        of: A sample to its value.
        needs_truth: Whether it compares with HR or LR; else HR itself can be measured.
        weights: The file it cannot do without, by its name in `metrics.weights`, or "".
        usual: Whether it is measured when nothing else is asked for.
    """

    key: str
    title: str
    unit: str
    higher_is_better: bool | None
    digits: int
    source: str
    of: Callable[[Sample], float]
    needs_truth: bool = True
    weights: str = ""
    usual: bool = True


def _measure(metric: type[PerPictureMean], column: Column) -> Measure:
    """Return a column of a metric."""

    def of(sample: Sample) -> float:
        options = {name: sample.options[name] for name in metric.follows} | dict(column.options)
        against = {"hr": (sample.hr,), "lr": (sample.lr,), "": ()}[metric.against]
        value = metric.measure(sample.sr, *against, **options)
        return value if column.part is None else float(value[column.part])

    source = f"{metric.source}; {column.note}" if column.note else metric.source
    return Measure(
        column.key,
        column.title,
        metric.unit,
        metric.higher_is_better,
        metric.digits,
        source,
        of,
        needs_truth=bool(metric.against),
        weights=column.weights,
        usual=column.usual,
    )


#: Every column, made from the metric classes.
MEASURES = {column.key: _measure(metric, column) for metric in METRICS for column in metric.columns}


def add_metric(metric: type[PerPictureMean]) -> None:
    """Add the columns of a metric to those that can be asked for.

    Raises:
        DataError: It makes no column, or one of a name that is taken.
    """
    taken = [column.key for column in metric.columns if column.key in MEASURES]
    if not metric.columns or taken:
        raise DataError(f"{metric.__name__} needs `columns` of new names, got {taken or 'none'}")
    MEASURES.update({column.key: _measure(metric, column) for column in metric.columns})


#: The columns when nothing else is asked for.
DEFAULT_METRICS = tuple(key for key, measure in MEASURES.items() if measure.usual)


def metrics_as_lines() -> Iterator[str]:
    """Yield two lines on each column: its key, title, unit and best value; then its source."""
    best = {True: "higher is better", False: "lower is better", None: ""}
    for key, one in MEASURES.items():
        facts = (
            one.title,
            one.unit,
            best[one.higher_is_better],
            "" if one.usual else "measured when asked for",
        )
        yield f"{key:10} {', '.join(filter(None, facts))}"
        yield f"           {one.source}"


def take(sample: Sample, metrics: Iterable[str]) -> dict[str, float | None]:
    """Return the values of one picture by metric; None where one cannot be taken or is infinite."""
    values: dict[str, float | None] = {}
    for key in metrics:
        try:
            value = MEASURES[key].of(sample)
        except PictureError:
            # Too small for this metric: the others go on, and this one has no mean.
            value = math.inf
        values[key] = value if math.isfinite(value) else None
    return values


def mean_of_all(values: list[float | None]) -> float | None:
    """Return the mean; None where a picture has no value: a mean of some would look like one of all."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None


def choose(keys: list[str] | None) -> tuple[tuple[str, ...], list[str]]:
    """Return the columns to measure, and a line for each that was not asked for and cannot be.

    Args:
        keys: Names of columns; None takes the usual ones whose weights are there.

    Raises:
        DataError: A name is unknown.
        WeightsError: A column was asked for whose weights are not there.
    """
    for key in keys or ():
        if key not in MEASURES:
            raise DataError(unknown("metric", key, list(MEASURES)))
    chosen, missing = list[str](), list[str]()
    for key in keys or DEFAULT_METRICS:
        try:
            if MEASURES[key].weights:
                find_weights(MEASURES[key].weights)
            chosen.append(key)
        except WeightsError as error:
            if keys:
                raise
            missing.append(f"no {MEASURES[key].title}: {error}")
    return tuple(chosen), missing
