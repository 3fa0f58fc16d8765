"""What a benchmark has measured: typed, and as the plain values of `results.json` in one place."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from keras_sr.types import Json

#: One value a metric; None where it cannot be taken.
Values = Mapping[str, float | None]


@dataclass(frozen=True)
class Failure:
    """A picture that could not be measured, and why, in one line."""

    picture: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """How a row stands against published figures.

    Attributes:
        state: `"reached"`, `"missed"`, ..., or `"none"` where nothing is published.
        text: In words.
    """

    state: str = "none"
    text: str = ""


@dataclass(frozen=True)
class Row:
    """One model on one set.

    Attributes:
        model: Its name.
        measured: How many pictures could be measured.
        total: How many the set has.
        mean: Mean over all pictures, by metric; None where one of them has no value.
        low: Lower end of the 95 % interval of the mean.
        high: Upper end of the 95 % interval of the mean.
        seconds: Median of the seconds a picture takes.
        peak_mb: Most megabytes that were in use.
        verdict: How the row stands against published figures.
        failures: The pictures without figures.
        gaps: By metric, the pictures that it cannot be taken of.
        images: The figures of each picture: `name`, `seconds`, `peak_mb`, `lr_made`, and one value a metric.
    """

    model: str
    measured: int
    total: int
    mean: Values
    low: Values
    high: Values
    seconds: float | None
    peak_mb: float | None
    verdict: Verdict
    failures: tuple[Failure, ...]
    gaps: Mapping[str, list[str]]
    images: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Anchor:
    """The check by bicubic: what a known set must give, and what it gave, in dB."""

    expected: float
    measured: float | None
    source: str = "bicubic, as in published tables"


@dataclass(frozen=True)
class PublishedRow:
    """A published row of the same protocol."""

    method: str
    psnr: float | None
    ssim: float | None
    lpips: float | None
    source: str
    note: str
    usual_ssim: bool


@dataclass(frozen=True)
class SetResult:
    """A set: what is known of it, and a row for each model.

    Attributes:
        name: Its name.
        folder: Its folder.
        pictures: How many it has.
        known: Whether bicubic has shown that it is the set of its name.
        unchecked: Why bicubic was not checked, or "".
        lr: Whether LR pictures were `"given"`, `"made"`, or `"mixed"`.
        sha256: Of all its files.
        anchor: The check by bicubic, where there was one.
        notes: What a reader should know, a line each.
        published: Published rows.
        rows: One for each model.
    """

    name: str
    folder: str
    pictures: int
    known: bool
    unchecked: str
    lr: str
    sha256: str
    anchor: Anchor | None
    notes: tuple[str, ...]
    published: tuple[PublishedRow, ...]
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Results:
    """All of a benchmark, with what it depends on.

    Attributes:
        keras_sr: The version.
        made: When, in UTC.
        command: What was typed.
        protocol: How figures were taken.
        metrics: The columns.
        machine: What it ran on.
        seed: Seed of the bootstrap intervals.
        models: What was measured.
        sets: On what, with the figures.
    """

    keras_sr: str
    made: str
    command: str
    protocol: Mapping[str, Any]
    metrics: tuple[Mapping[str, Any], ...]
    machine: Mapping[str, Any]
    seed: int
    models: tuple[Mapping[str, Any], ...]
    sets: tuple[SetResult, ...] = field(default=())

    @property
    def failed(self) -> bool:
        """Whether any picture could not be measured."""
        return any(row.failures for one in self.sets for row in one.rows)

    def as_json(self) -> dict[str, Any]:
        """Return plain values, as `results.json` holds them: no place of this machine is among them."""
        values = _plain(asdict(self))
        values["command"] = shlex.join(map(_portable, _words(self.command)))
        return values


def _plain(value: Any) -> Any:
    """Return a value with lists in the places of tuples, and without absolute paths."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in cast(Json, value).items()}
    if isinstance(value, str):
        return _portable(value)
    return [_plain(one) for one in cast(list[Any], value)] if isinstance(value, list | tuple) else value


#: An absolute path within a text, spaces included, up to a sign that ends it or to the next path.
_ABSOLUTE = re.compile(r"""(?<![^\s'"(=])/(?=[^\s/])(?:[^'":;,)\s]|\s(?!/))*""")


def _portable(text: str) -> str:
    """Return a text with each absolute path as it may be shown: from the working folder on, or its last part.

    Examples:
        >>> _portable("/home/ada/sets/Set5"), _portable("mine=/home/ada/x/sr"), _portable("dB / SSIM")
        ('Set5', 'mine=sr', 'dB / SSIM')
    """
    return _ABSOLUTE.sub(lambda match: _shown(Path(match[0])), text)


def _shown(path: Path) -> str:
    """Return a path from the working folder on, or its last part."""
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) and path != here else path.name


def _words(command: str) -> list[str]:
    """Return the words of a command; all of it as one where quotes are not closed."""
    try:
        return shlex.split(command)
    except ValueError:
        return [command]
