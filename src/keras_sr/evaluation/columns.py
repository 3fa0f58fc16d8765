"""The columns of a benchmark: which metric, on which of the three pictures, and how it is written."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from keras_sr.errors import DataError, PictureError, WeightsError, unknown
from keras_sr.evaluation.score import Protocol, shaved
from keras_sr.metrics import (
    DISTS,
    LPIPS,
    MSSSIM,
    NIQE,
    PSNR,
    SSIM,
    ColorDrift,
    LRConsistency,
    Sharpness,
    color_drift,
    dists,
    lpips,
    lr_consistency,
    ms_ssim,
    niqe,
    psnr,
    sharpness,
    ssim,
)
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
    def planes(self) -> dict:
        """The options of metrics that follow the protocol's channel."""
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


def drift(plane: int) -> Callable[[Sample], float]:
    """Return the shift of Y (0), Cb (1) or Cr (2)."""
    return lambda s: float(color_drift(s.sr, s.hr, crop_border=s.border)[plane])


MEASURES = {
    measure.key: measure
    for measure in (
        Measure("psnr", "PSNR", PSNR.unit, True, 2, PSNR.source, lambda s: psnr(s.sr, s.hr, **s.planes)),
        Measure("ssim", "SSIM", "", True, 4, SSIM.source, lambda s: ssim(s.sr, s.hr, **s.planes)),
        Measure("ms_ssim", "MS-SSIM", "", True, 4, MSSSIM.source, lambda s: ms_ssim(s.sr, s.hr, **s.planes)),
        Measure(
            "lpips",
            "LPIPS",
            "",
            False,
            3,
            f"{LPIPS.source}; AlexNet",
            lambda s: lpips(s.sr, s.hr, crop_border=s.border),
            weights="lpips_alex",
        ),
        Measure(
            "lpips_vgg",
            "LPIPS-VGG",
            "",
            False,
            3,
            f"{LPIPS.source}; VGG16",
            lambda s: lpips(s.sr, s.hr, crop_border=s.border, net="vgg"),
            weights="lpips_vgg",
        ),
        Measure(
            "dists",
            "DISTS",
            "",
            False,
            3,
            DISTS.source,
            lambda s: dists(s.sr, s.hr, crop_border=s.border),
            weights="dists",
        ),
        Measure(
            "niqe",
            "NIQE",
            "",
            False,
            2,
            NIQE.source,
            lambda s: niqe(s.sr, crop_border=s.border),
            needs_truth=False,
            weights="niqe",
        ),
        Measure(
            "lr_psnr",
            "LR-PSNR",
            LRConsistency.unit,
            True,
            2,
            LRConsistency.source,
            lambda s: lr_consistency(s.sr, s.lr),
        ),
        Measure("drift_y", "drift Y", ColorDrift.unit, None, 2, ColorDrift.source, drift(0)),
        Measure("drift_cb", "drift Cb", ColorDrift.unit, None, 2, ColorDrift.source, drift(1)),
        Measure("drift_cr", "drift Cr", ColorDrift.unit, None, 2, ColorDrift.source, drift(2)),
        Measure(
            "sharpness",
            "sharpness",
            Sharpness.unit,
            None,
            2,
            Sharpness.source,
            lambda s: sharpness(s.sr, crop_border=s.border),
            needs_truth=False,
        ),
    )
}

#: The columns when nothing else is asked for.
DEFAULT = tuple(key for key in MEASURES if key not in ("lpips_vgg", "dists"))


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
    chosen, missing = [], []
    for key in keys or DEFAULT:
        try:
            if MEASURES[key].weights:
                find_weights(MEASURES[key].weights)
            chosen.append(key)
        except WeightsError as error:
            if keys:
                raise
            missing.append(f"no {MEASURES[key].title}: {error}")
    return tuple(chosen), missing
