"""The protocol of the field, applied to any function that enlarges a picture.

The HR picture is cropped so that both sides divide by the scale; the LR picture is uint8, given or
made by MATLAB's bicubic `imresize`; the result is rounded to uint8; `scale` pixels are shaved off
every side; PSNR and SSIM are taken of each picture, then averaged (Timofte et al., ICCV 2013; Ledig
et al., CVPR 2017, section 3.1). Bicubic enlargement must give the literature's 28.43 dB on Set5,
26.09 on Set14 and 25.96 on BSD100: a harness that misses these is wrong before any network is.
"""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np

from keras_sr.data.alignment import offset
from keras_sr.data.pairing import fits
from keras_sr.errors import DataError, KerasSRError, PictureError, Stopped, with_class
from keras_sr.evaluation.columns import Sample, take
from keras_sr.evaluation.protocol import Protocol, find_protocol, shaved
from keras_sr.images.pair import Pair
from keras_sr.images.plain import read_rgb
from keras_sr.images.ranges import from_float
from keras_sr.images.resize import imresize
from keras_sr.metrics.planes import plane_pair
from keras_sr.metrics.psnr import psnr_of_planes
from keras_sr.metrics.ssim import ssim_of_planes
from keras_sr.types import Json

log = logging.getLogger(__name__)

#: LR picture, uint8 (h, w, 3), to SR picture (h * scale, w * scale, 3), uint8 or float in [0, 1].
Upscaler = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Judged:
    """One picture enlarged and measured.

    Attributes:
        name: The pair's name.
        psnr: In dB; infinity when SR equals HR.
        ssim: At most 1.
        lr_made: Whether the LR picture was made here, by `imresize`.
        seconds: Time the upscaler took.
        lr: uint8 (h, w, 3).
        sr: uint8 (H, W, 3).
        hr: uint8 (H, W, 3), cropped to a multiple of the scale.
        values: What else was measured, by column; None where it cannot be.
    """

    name: str
    psnr: float
    ssim: float
    lr_made: bool
    seconds: float
    lr: np.ndarray
    sr: np.ndarray
    hr: np.ndarray
    values: Mapping[str, float | None] = field(default_factory=dict[str, float | None])


@dataclass(frozen=True)
class ImageScore:
    """The figures of one picture, as in `Judged`."""

    name: str
    psnr: float
    ssim: float
    lr_made: bool
    seconds: float


@dataclass(frozen=True)
class Failure:
    """A picture that has no figures, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Scores:
    """The figures of a set.

    Attributes:
        scale: HR size over LR size.
        protocol: How they were taken.
        images: One entry for each picture that could be measured.
        failures: One entry for each that could not.
    """

    scale: int
    protocol: Protocol
    images: tuple[ImageScore, ...]
    failures: tuple[Failure, ...]

    @property
    def psnr(self) -> float:
        """Mean PSNR in dB of the pictures that were measured; NaN when there is none."""
        return mean([image.psnr for image in self.images])

    @property
    def ssim(self) -> float:
        """Mean SSIM of the pictures that were measured; NaN when there is none."""
        return mean([image.ssim for image in self.images])

    @property
    def total(self) -> int:
        """How many pictures the set has, measured or failed."""
        return len(self.images) + len(self.failures)

    @property
    def lr_made(self) -> int:
        """How many LR pictures were made here."""
        return sum(image.lr_made for image in self.images)

    def __str__(self) -> str:
        """Return the means and how many pictures they cover: `26.09 dB / 0.7048 over 14 of 14 pictures`."""
        return f"{figures(self.psnr, self.ssim)} over {len(self.images)} of {self.total} pictures"

    def as_dict(self) -> Json:
        """Return everything as plain values, for JSON."""
        means = {"psnr": self.psnr, "ssim": self.ssim, "measured": len(self.images), "total": self.total}
        return means | asdict(self)


def score(
    upscale: Upscaler,
    pairs: Sequence[Pair],
    scale: int,
    protocol: str | Protocol = "paper",
    on_picture: Callable[[Judged], None] | None = None,
    metrics: Sequence[str] = (),
) -> Scores:
    """Measure an upscaler on a set of pictures.

    A picture that cannot be measured (unreadable, LR of the wrong size, NaN, an error in `upscale`) is
    recorded with its reason and logged; the others go on.

    Args:
        upscale: LR uint8 (h, w, 3) to SR, uint8 or float in [0, 1], (h * scale, w * scale, 3). Floats are
            clipped and rounded.
        pairs: The pictures, from `find_pairs`.
        scale: HR size over LR size.
        protocol: `"paper"`, `"matlab"` (Y rounded), `"rgb"`, or one of your own.
        on_picture: Called with each picture that was measured, pixels included.
        metrics: What to measure besides PSNR and SSIM, for `on_picture`: keys of
            `evaluation.columns.MEASURES`.

    Raises:
        DataError: `pairs` is empty, or the protocol's name is unknown.
    """
    protocol = find_protocol(protocol)
    if not pairs:
        raise DataError("there is no picture to measure on: the list of pairs is empty")
    images, failures = list[ImageScore](), list[Failure]()
    for pair, outcome in each(pairs, lambda pair: judge(upscale, pair, scale, protocol, metrics)):
        if isinstance(outcome, Failure):
            failures.append(outcome)
            log.warning("%s was not measured: %s", pair.name, outcome.reason)
            continue
        judged = outcome
        images.append(ImageScore(judged.name, judged.psnr, judged.ssim, judged.lr_made, judged.seconds))
        if on_picture:
            on_picture(judged)
    return Scores(scale, protocol, tuple(images), tuple(failures))


Work = TypeVar("Work")


def each(pairs: Iterable[Pair], work: Callable[[Pair], Work]) -> Iterator[tuple[Pair, Work | Failure]]:
    """Do something with each picture of a set: the one loop of everything that measures.

    Yields:
        Each pair with what came of it, or with why nothing came.
    """
    for pair in pairs:
        try:
            outcome = work(pair)
        except Stopped:
            raise
        # Whatever a network or a decoder throws must not cost the figures of the other pictures.
        except Exception as error:
            yield pair, Failure(pair.name, reason(error))
        else:
            yield pair, outcome


@dataclass(frozen=True, eq=False)
class Enlarged:
    """A picture that was enlarged: uint8 LR, SR and HR, and the seconds that it took."""

    lr: np.ndarray
    sr: np.ndarray
    hr: np.ndarray
    seconds: float


def enlarged(
    upscale: Callable[[np.ndarray], np.ndarray],
    pair: Pair,
    scale: int,
    fit: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda sr, hr: sr,
) -> Enlarged:
    """Load a pair and enlarge its LR.

    Args:
        upscale: LR to SR.
        pair: The pair.
        scale: HR size over LR size.
        fit: (SR, HR) to SR of the size of HR, where its tool may have made another.

    Raises:
        PictureError: A file cannot be read, or LR or SR do not fit to HR.
    """
    lr, hr = load(pair, scale)
    start = perf_counter()
    raw = np.asarray(upscale(lr))
    seconds = perf_counter() - start
    return Enlarged(lr, to_bytes(fit(raw, hr), hr.shape), hr, seconds)


def judge(
    upscale: Upscaler, pair: Pair, scale: int, protocol: Protocol, metrics: Sequence[str] = ()
) -> Judged:
    """Enlarge and measure one picture.

    Raises:
        PictureError: A file cannot be read, or LR or SR do not fit to HR.
    """
    one = enlarged(upscale, pair, scale)
    values: dict[str, float | None] = dict.fromkeys(metrics)
    # Both from one pair of planes: half the time.
    psnr, ssim = measure(one.sr, one.hr, scale, protocol)
    try:
        values = take(Sample(one.sr, one.hr, one.lr, scale, protocol), metrics)
    # Weights that turn out damaged cost their metric alone.
    except KerasSRError as error:
        log.warning("%s: not all metrics were measured: %s", pair.name, error)
    return Judged(pair.name, psnr, ssim, pair.lr is None, one.seconds, one.lr, one.sr, one.hr, values)


def measure(sr: np.ndarray, hr: np.ndarray, scale: int, protocol: Protocol) -> tuple[float, float]:
    """Return PSNR in dB and SSIM of an enlarged picture (H, W, 3) under a protocol.

    Raises:
        PictureError: The pictures cannot be compared.
    """
    border = shaved(protocol, scale)
    planes = plane_pair(sr, hr, crop_border=border, channel=protocol.channel, round_y=protocol.round_y)
    return psnr_of_planes(*planes), ssim_of_planes(*planes)


def load(pair: Pair, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Return LR and HR as uint8 RGB, HR cropped at its right and lower side to a multiple of the scale.

    An LR picture may be that of the whole HR picture, its sides rounded up: it is cropped, too.
    """
    hr = read_rgb(pair.hr)
    height, width = (side // scale for side in hr.shape[:2])
    if not height or not width:
        raise PictureError(f"{hr.shape[1]}x{hr.shape[0]} pixels are too few for x{scale}")
    if pair.lr is None:
        hr = hr[: height * scale, : width * scale]
        return imresize(hr, 1 / scale), hr
    lr = read_rgb(pair.lr)
    if not fits(lr.shape, hr.shape, scale):
        got, wanted = f"{lr.shape[1]}x{lr.shape[0]}", f"{width}x{height}"
        raise PictureError(f"{pair.lr.name} has {got} pixels: expected {wanted}, the HR size over {scale}")
    files = [(path, path.stat().st_mtime_ns) for path in (pair.lr, pair.hr)]
    if fault := _misalignment(tuple(files), scale):
        raise PictureError(f"{pair.lr.name}: {fault}")
    return lr[:height, :width], hr[: height * scale, : width * scale]


@lru_cache(maxsize=4096)
def _misalignment(files: tuple[tuple[Path, int], ...], scale: int) -> str:
    """Return why LR and HR are no pair, or ""; measured once for each state of the files."""
    lr, hr = (read_rgb(path) for path, _ in files)
    height, width = (side // scale for side in hr.shape[:2])
    found = offset(lr[:height, :width], hr[: height * scale, : width * scale], scale)
    return found.fault if found else ""


def to_bytes(sr: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return an upscaler's result as uint8, after checking that it is a picture of the truth's shape."""
    if sr.shape != shape:
        raise PictureError(f"the upscaler returned an array {sr.shape}: expected {shape}")
    if sr.dtype == np.uint8:
        return sr
    if sr.dtype.kind in "biu":
        raise PictureError(f"the upscaler returned {sr.dtype}: expected uint8, or float in [0, 1]")
    # Through float32: half precisions of the frameworks are types that numpy itself does not know.
    sr = sr.astype(np.float32)
    if not np.isfinite(sr).all():
        raise PictureError(
            "the upscaler returned NaN or infinity: it has diverged, or its weights are broken"
        )
    if sr.mean() > 2:
        raise PictureError(f"the upscaler returned floats around {sr.mean():.3g}: expected [0, 1]")
    return from_float(sr)


def bicubic(scale: int) -> Upscaler:
    """Return the upscaler that every paper's first row shows: MATLAB's `imresize(lr, scale)`.

    Examples:
        >>> bicubic(4)(np.zeros((2, 3, 3), np.uint8)).shape
        (8, 12, 3)
    """
    return lambda lr: imresize(lr, scale)


def figures(psnr: float, ssim: float) -> str:
    """Return the two figures as tables print them.

    Examples:
        >>> figures(28.4302, 0.81111)
        '28.43 dB / 0.8111'
    """
    return f"{psnr:.2f} dB / {ssim:.4f}"


def reason(error: Exception) -> str:
    """Return why a picture failed, on one line that is not too long."""
    said = with_class(error)
    if isinstance(error, OSError) and error.strerror:
        said = f"{error.filename}: {error.strerror}"
    return said if len(said) <= 300 else said[:300] + "…"


def mean(values: list[float]) -> float:
    """Return the mean, NaN of nothing."""
    return math.fsum(values) / len(values) if values else math.nan
