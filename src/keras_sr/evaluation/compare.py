"""Two or more pictures compared: every metric that applies to them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import KerasSRError, PictureError
from keras_sr.images.plain import read_plain, read_rgb
from keras_sr.metrics import METRICS
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.consistency import whole_scale
from keras_sr.types import Json


@dataclass(frozen=True)
class Line:
    """One metric: its value for each picture, None where it has none.

    Attributes:
        key: In JSON.
        title: In tables, with the unit.
        higher_is_better: None where neither is.
        digits: Decimals in tables.
        values: One for each column of the comparison.
    """

    key: str
    title: str
    higher_is_better: bool | None
    digits: int
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        columns: The names of the pictures; the last is the one that the others are compared with.
        lines: The metrics.
        left_out: One line for each metric that could not be taken, and why.
        to_truth: Whether the last is a reference that was named, and no rival of the others.
    """

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    left_out: tuple[str, ...]
    to_truth: bool = False


def compare(
    pictures: Sequence[str | Path], reference: str | Path | None = None, *, crop_border: int = 0
) -> Comparison:
    """Compare pictures with a reference; without one, the first with the last.

    A picture that is a whole number of times larger than the reference is compared with it by LR consistency:
    the reference is then taken for the LR picture.

    Args:
        pictures: Files; two or more without a reference.
        reference: The truth, or an LR picture.
        crop_border: Pixels shaved from each of the four sides, but not for LR consistency.

    Raises:
        PictureError: A file cannot be read, or the sizes do not fit.
    """
    paths = [Path(path) for path in (*pictures, *([reference] if reference else []))]
    if len(paths) < 2:
        raise PictureError("give two pictures, or one and a `reference`")
    images = [read_rgb(path) for path in paths]
    names = _column_names(paths)
    if reference is None and len(images) == 2 and images[0].size < images[1].size:
        # The smaller one is the reference, whichever was named first.
        images, names, paths = images[::-1], names[::-1], paths[::-1]
    left_out: list[str] = [
        f"{path.name}: {what} not compared" for path in paths for what in read_plain(path).lost
    ]
    lines: list[Line] = []
    truth = images[-1]
    for key, title, better, digits, measure in both(images, names, crop_border):
        lines.append(
            line(key, title, better, digits, [measure] * (len(images) - 1), images[:-1], left_out, truth)
        )
    for key, title, better, digits, measure in _of_metrics("", {"crop_border": crop_border}):
        lines.append(line(key, title, better, digits, [measure] * len(images), images, left_out, truth))
    return Comparison(
        tuple(names),
        tuple(one for one in lines if _any_value(one)),
        tuple(dict.fromkeys(left_out)),
        reference is not None,
    )


Pairwise = tuple[str, str, bool | None, int, Callable[[np.ndarray, np.ndarray], float]]


def both(images: list[np.ndarray], names: list[str], border: int) -> list[Pairwise]:
    """Return the metrics that compare a picture with the reference, by how their sizes fit.

    Raises:
        PictureError: They do not fit.
    """
    truth = images[-1]
    if all(image.shape == truth.shape for image in images):
        return _same_size(border)
    scales: set[int] = set()
    for image, name in zip(images[:-1], names[:-1], strict=True):
        try:
            scales.add(whole_scale(image, truth))
        except PictureError:
            sizes = [f"{x.shape[1]}x{x.shape[0]}" for x in (image, truth)]
            raise PictureError(
                f"{name} has {sizes[0]} pixels and {names[-1]} {sizes[1]}: expected the same size, or "
                "a whole number of times as many"
            ) from None
    if 1 in scales:
        raise PictureError(
            f"some pictures are of the size of {names[-1]} and some are larger: compare them apart"
        )
    return _of_metrics("lr", {})


def _same_size(border: int) -> list[Pairwise]:
    """Return the metrics of pictures of one size: those that take a channel first, of each channel."""
    return [
        *_of_metrics("hr", {"crop_border": border, "channel": "y"}),
        *_of_metrics("hr", {"crop_border": border, "channel": "rgb"}),
        *_of_metrics("hr", {"crop_border": border}),
    ]


#: What a comparison calls a metric, where a table of a benchmark is too narrow for it.
_TITLES = {"LR-PSNR": "LR consistency"}


def _of_metrics(against: str, options: dict[str, Any]) -> list[Pairwise]:
    """Return the usual metrics that compare with this (`PerPictureMean.against`) and take these options."""
    lines: list[Pairwise] = []
    for metric in METRICS:
        fits = metric.against == against and ("channel" in options) == ("channel" in metric.follows)
        for column in (column for column in metric.columns if fits and column.usual):
            channel = str(options.get("channel", ""))
            title = " ".join(filter(None, (_TITLES.get(column.title, column.title), channel.upper())))
            lines.append(
                (
                    f"{column.key}_{channel}" if channel else column.key,
                    f"{title} ({metric.unit})" if metric.unit else title,
                    metric.higher_is_better,
                    metric.digits,
                    partial(_value, metric, column, options),
                )
            )
    return lines


def _value(
    metric: type[PerPictureMean],
    column: Column,
    options: dict[str, Any],
    image: np.ndarray,
    truth: np.ndarray,
) -> float:
    """Return the value of a metric for a picture."""
    compared = (image, truth) if metric.against else (image,)
    value = metric.measure(*compared, **options, **column.options)
    return value if column.part is None else float(value[column.part])


def line(
    key: str,
    title: str,
    better: bool | None,
    digits: int,
    measures: list[Callable[[np.ndarray, np.ndarray], float]],
    images: list[np.ndarray],
    left_out: list[str],
    truth: np.ndarray,
) -> Line:
    """Take one metric of each picture; what it cannot be taken of becomes a line in `left_out`."""
    values: list[float | None] = []
    for measure, image in zip(measures, images, strict=True):
        try:
            values.append(measure(image, truth))
        # Weights that are not there, or a picture too small for this metric: the others go on.
        except KerasSRError as error:
            values.append(None)
            left_out.append(f"no {title}: {error}")
    return Line(key, title, better, digits, tuple(values))


def _any_value(line: Line) -> bool:
    """Tell whether a metric could be taken of any picture."""
    return any(value is not None for value in line.values)


def _column_names(paths: list[Path]) -> list[str]:
    """Return the files' names, or their paths where two are called the same."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def text(comparison: Comparison) -> str:
    """Return the comparison as aligned text, the better value of each metric marked by `*`."""
    rows = [["", *comparison.columns]]
    for one in comparison.lines:
        cells = [_cell(value, one.digits) for value in one.values]
        mark = best(one, len(comparison.columns) - comparison.to_truth)
        cells = [f"{value}{'*' if i in mark else ' '}" for i, value in enumerate(cells)]
        arrow = {True: " ↑", False: " ↓", None: ""}[one.higher_is_better]
        rows.append([one.title + arrow, *cells, *[""] * (len(comparison.columns) - len(cells))])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            value.ljust(width) if i == 0 else value.rjust(width)
            for i, (value, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def best(line: Line, rivals: int) -> tuple[int, ...]:
    """Return which of the first `rivals` pictures have the best value; () where there is no choice."""
    values = line.values[:rivals]
    known = [value for value in values if value is not None]
    if line.higher_is_better is None or len(known) < 2 or len(set(known)) == 1:
        return ()
    wanted = max(known) if line.higher_is_better else min(known)
    return tuple(i for i, value in enumerate(values) if value == wanted)


def _cell(value: float | None, digits: int) -> str:
    """Return a number as tables show it."""
    return "-" if value is None else "equal" if math.isinf(value) else f"{value:.{digits}f}"


def as_dict(comparison: Comparison) -> Json:
    """Return plain values for JSON; an infinite PSNR is null and the pictures are `equal`."""
    *compared, reference = comparison.columns
    values = {
        name: {
            one.key: one.values[i] if math.isfinite(one.values[i] or 0.0) else None
            for one in comparison.lines
            if i < len(one.values)
        }
        for i, name in enumerate(comparison.columns)
    }
    return {
        "pictures": compared,
        "reference": reference,
        "values": values,
        "left_out": list(comparison.left_out),
    }
