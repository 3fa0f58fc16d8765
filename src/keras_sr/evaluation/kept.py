"""The figures of one picture: measured once, and kept under a key made of all that they depend on.

So a run that was stopped goes on where it was, and one that only adds a network measures only it.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.evaluation import machine
from keras_sr.evaluation.candidates import Candidate
from keras_sr.evaluation.columns import MEASURES, Sample, take
from keras_sr.evaluation.protocol import Protocol
from keras_sr.evaluation.score import enlarged
from keras_sr.files import atomic_write, sha256
from keras_sr.images.pair import Pair
from keras_sr.images.plain import write_plain
from keras_sr.metrics.weights import find_weights
from keras_sr.types import Json

#: Raised when what is measured changes: kept figures of older versions are then measured anew.
FORMAT = 1


@dataclass(frozen=True)
class KeptSettings:
    """What all figures of a run share.

    Attributes:
        scale: HR size over LR size.
        protocol: How PSNR and SSIM are taken; the border it shaves holds for all metrics.
        metrics: Keys of `MEASURES`.
        self_ensemble: Whether networks average over eight turned copies.
        seed: Of the bootstrap.
        anchored: Whether a known set on which bicubic is off is an error.
    """

    scale: int
    protocol: Protocol
    metrics: tuple[str, ...]
    self_ensemble: bool = False
    seed: int = 0
    anchored: bool = True


def measured(
    candidate: Candidate,
    pair: Pair,
    settings: KeptSettings,
    place: Path,
    facts: Json,
    given: np.ndarray | None,
) -> Json:
    """Return the figures of one picture: those kept, or new ones, which are then kept with the SR picture.

    Args:
        candidate: What enlarges it.
        pair: The picture.
        settings: How it is measured.
        place: Where figures and SR are kept, without the suffix.
        facts: From `machine.describe`.
        given: SR, uint8 (H, W, 3), where it is ready-made.

    Raises:
        PictureError: It cannot be measured.
    """
    record, picture = _kept_files(place)
    key = _key_of(candidate, pair, settings, facts, given)
    if record.is_file() and picture.is_file():
        # A record that something else has garbled is made again.
        with suppress(ValueError, KeyError, AttributeError):
            kept = json.loads(record.read_text("utf-8"))
            if kept.pop("key") == key:
                return kept
    ready = candidate.kind in ("pictures", "truth")

    def upscale(lr: np.ndarray) -> np.ndarray:
        machine.forget_peak()
        return np.asarray(given) if candidate.enlarge is None else candidate.enlarge(pair, lr)

    def fit(sr: np.ndarray, hr: np.ndarray) -> np.ndarray:
        return _fitted(sr, hr, settings.scale) if ready else sr

    one = enlarged(upscale, pair, settings.scale, fit)
    sample = Sample(one.sr, one.hr, one.lr, settings.scale, settings.protocol)
    peak = machine.peak_megabytes()
    figures = {
        "name": pair.name,
        **_figures_of(sample, candidate, settings.metrics),
        "seconds": None if ready else one.seconds,
        "peak_mb": None if ready else peak,
        "lr_made": pair.lr is None,
    }
    write_plain(picture, one.sr)
    with atomic_write(record, "w") as file:
        json.dump({"key": key, **figures}, file, indent=1, allow_nan=False)
    return figures


def _kept_files(place: Path) -> tuple[Path, Path]:
    """Return the files that hold the figures of a picture, and SR."""
    return place.with_name(f"{place.name}.json"), place.with_name(f"{place.name}.png")


def forget(place: Path) -> None:
    """Remove what an earlier run kept of a picture: the report must not show it beside today's figures."""
    with suppress(OSError):
        for file in _kept_files(place):
            file.unlink(missing_ok=True)


def _fitted(sr: np.ndarray, hr: np.ndarray, scale: int) -> np.ndarray:
    """Return a ready-made picture, cropped as HR was where its tool did not crop.

    Raises:
        PictureError: It has another size than HR, by more than that crop.
    """
    extra = [a - b for a, b in zip(sr.shape, hr.shape, strict=True)]
    if min(extra) < 0 or max(extra) >= scale:
        got, wanted = (f"{a.shape[1]}x{a.shape[0]}" for a in (sr, hr))
        raise PictureError(f"the picture has {got} pixels: expected {wanted}, the size of HR")
    return sr[: hr.shape[0], : hr.shape[1]]


def _figures_of(sample: Sample, candidate: Candidate, metrics: Sequence[str]) -> dict[str, float | None]:
    """Return the values of one picture by metric; None where one cannot be taken or is infinite."""
    truth = candidate.kind == "truth"
    values = take(sample, [key for key in metrics if not (truth and MEASURES[key].needs_truth)])
    return {key: values.get(key) for key in metrics}


def _key_of(
    candidate: Candidate, pair: Pair, settings: KeptSettings, facts: Json, given: np.ndarray | None
) -> str:
    """Return the hash of all that a picture's figures depend on, its seconds too."""
    facts = {
        "format": FORMAT,
        "kind": candidate.kind,
        "model": candidate.sha256,
        "engine": [candidate.engine, candidate.precision],
        "given": None if given is None else hashlib.sha256(given.tobytes()).hexdigest(),
        "hr": sha256(pair.hr),
        "lr": pair.lr and sha256(pair.lr),
        "scale": settings.scale,
        "protocol": asdict(settings.protocol),
        "metrics": {key: _weights_hash(MEASURES[key].weights) for key in settings.metrics},
        "self_ensemble": settings.self_ensemble and candidate.kind == "network",
        "machine": facts,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _weights_hash(name: str) -> str:
    """Return the hash of the weights of a metric; "" where it has none."""
    return sha256(find_weights(name)) if name else ""
