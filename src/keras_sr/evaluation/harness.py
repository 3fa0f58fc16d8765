"""The benchmark: candidates times sets, one protocol, every figure with what it depends on."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr import __version__
from keras_sr.errors import DataError, PictureError, Stopped
from keras_sr.evaluation import machine
from keras_sr.evaluation.candidates import Candidate, own_pictures, picture_of
from keras_sr.evaluation.columns import MEASURES, mean_of_all
from keras_sr.evaluation.kept import KeptSettings, forget, measured
from keras_sr.evaluation.protocol import PROTOCOLS, shaved
from keras_sr.evaluation.published import rows_for, verdict
from keras_sr.evaluation.results import Anchor, Failure, PublishedRow, Results, Row, SetResult, Verdict
from keras_sr.evaluation.score import Failure as NotMeasured
from keras_sr.evaluation.score import bicubic as bicubic_upscaler
from keras_sr.evaluation.score import each, load, score
from keras_sr.evaluation.sets import anchor
from keras_sr.evaluation.sets.known import known_set
from keras_sr.evaluation.statistics import interval
from keras_sr.files import sha256
from keras_sr.images.pair import Pair
from keras_sr.images.plain import in_rgb, read_plain, read_rgb
from keras_sr.types import Json

log = logging.getLogger(__name__)

_KERNEL = "MATLAB imresize: bicubic (a = -0.5), antialiased, edges repeated, uint8 between the passes"
_ROUNDING = "LR and SR are uint8, halves upwards"


@dataclass(frozen=True)
class Dataset:
    """A set to measure on: its name, its folder and its pairs."""

    name: str
    folder: Path
    pairs: tuple[Pair, ...]


def measure(
    candidates: Sequence[Candidate],
    datasets: Sequence[Dataset],
    settings: KeptSettings,
    out: Path,
    *,
    command: str = "",
    threads: int | None = None,
    progress: Callable[[int, str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Results:
    """Measure candidates on sets.

    Args:
        candidates: The first is bicubic; it is measured on all sets before the others begin.
        datasets: The sets.
        settings: What all figures share.
        out: Folder for what is kept of each picture.
        command: What was typed, for the record.
        threads: What networks compute with, for the record.
        progress: Called with how many pictures are done, and the name of the next.
        stop: Asked before each picture; the work ends when it returns True.

    Raises:
        DataError: Bicubic is off on a known set.
        Stopped: `stop` returned True.
    """
    facts = machine.describe(threads)
    bench = _Bench(settings, out, facts, progress, stop)
    bicubic, *others = candidates
    rows = {data.name: [bench.measure_set(bicubic, data)[0]] for data in datasets}
    heads = {data.name: _check_bicubic(data, rows[data.name][0], settings) for data in datasets}
    for candidate in others:
        for data in datasets:
            row, notes = bench.measure_set(candidate, data)
            rows[data.name].append(row)
            heads[data.name] = replace(heads[data.name], notes=(*heads[data.name].notes, *notes))
    return Results(
        keras_sr=__version__,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        protocol={
            **asdict(settings.protocol),
            "crop_border": shaved(settings.protocol, settings.scale),
            "scale": settings.scale,
            "kernel": _KERNEL,
            "rounding": _ROUNDING,
            "self_ensemble": settings.self_ensemble,
        },
        metrics=tuple(column(key) for key in settings.metrics),
        machine=facts,
        seed=settings.seed,
        models=tuple(
            {
                key: getattr(candidate, key)
                for key in ("name", "kind", "file", "sha256", "engine", "precision", "recipe")
            }
            for candidate in candidates
        ),
        sets=tuple(replace(heads[data.name], rows=tuple(rows[data.name])) for data in datasets),
    )


class _Bench:
    """Measures one candidate on one set after another, and counts the pictures."""

    def __init__(
        self,
        settings: KeptSettings,
        out: Path,
        facts: dict[str, Any],
        progress: Callable[[int, str], None] | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.settings, self.out, self.facts = settings, out, facts
        self._progress, self._stop, self._done = progress, stop, 0

    def measure_set(self, candidate: Candidate, data: Dataset) -> tuple[Row, list[str]]:
        """Return a candidate's row, and what was left behind of ready-made pictures."""
        images, failures, notes = list[Json](), list[Failure](), list[str]()
        folder = Path(candidate.file or "")
        ready = own_pictures(folder, data.pairs) if candidate.kind == "pictures" else {}

        def work(pair: Pair) -> dict[str, Any]:
            self._before(f"{data.name} {pair.name} {candidate.name}")
            given = None
            if ready:
                # Read each time: it may have changed.
                picture = read_plain(picture_of(pair, folder, ready))
                given = in_rgb(picture.pixels)
                notes.extend(f"{candidate.name}, {pair.name}: {what} not measured" for what in picture.lost)
            return measured(
                candidate, pair, self.settings, self._place(data, candidate, pair), self.facts, given
            )

        for pair, outcome in each(data.pairs, work):
            if isinstance(outcome, NotMeasured):
                forget(self._place(data, candidate, pair))
                failures.append(Failure(pair.name, outcome.reason))
                names = data.name, candidate.name, pair.name
                log.warning("%s, %s: %s was not measured: %s", *names, outcome.reason)
            else:
                images.append(outcome)
        return _row_of(candidate, data, images, failures, self.settings), notes

    def _place(self, data: Dataset, candidate: Candidate, pair: Pair) -> Path:
        """Return where figures and SR of a picture are kept, without the suffix."""
        return self.out / "pictures" / data.name / candidate.name / pair.name

    def _before(self, what: str) -> None:
        """Tell which picture is next, and whether there is to be one."""
        if self._stop and self._stop():
            raise Stopped("stopped: the same call goes on with what is kept")
        if self._progress:
            self._progress(self._done, what)
        self._done += 1


def _row_of(
    candidate: Candidate,
    data: Dataset,
    images: list[dict[str, Any]],
    failures: list[Failure],
    settings: KeptSettings,
) -> Row:
    """Return a candidate's row in the table of a set: means, intervals, verdict."""
    mean: dict[str, float | None] = {}
    low: dict[str, float | None] = {}
    high: dict[str, float | None] = {}
    for key in settings.metrics:
        values = [image[key] for image in images]
        mean[key] = mean_of_all(values)
        low[key], high[key] = (None, None) if mean[key] is None else interval(values, settings.seed)
    known = known_set(data.name)
    judged = Verdict()
    if failures:
        judged = Verdict(text=f"{len(images)} of {len(data.pairs)} pictures: not comparable")
    elif candidate.kind not in ("bicubic", "truth") and known and mean.get("psnr") is not None:
        published = rows_for(known.name, settings.scale, settings.protocol.name)
        judged = Verdict(*verdict(float(mean["psnr"] or 0), known.name, published, candidate.recipe))
    gaps = {
        key: [image["name"] for image in images if image[key] is None]
        for key in settings.metrics
        if candidate.kind != "truth" or not MEASURES[key].needs_truth
    }
    seconds = [image["seconds"] for image in images if image["seconds"] is not None]
    peaks = [image["peak_mb"] for image in images if image["peak_mb"] is not None]
    return Row(
        model=candidate.name,
        measured=len(images),
        total=len(data.pairs),
        mean=mean,
        low=low,
        high=high,
        seconds=float(np.median(seconds)) if seconds else None,
        peak_mb=max(peaks) if peaks else None,
        verdict=judged,
        failures=tuple(failures),
        gaps={key: names for key, names in gaps.items() if names},
        images=tuple(images),
    )


def _check_bicubic(data: Dataset, bicubic: Row, settings: KeptSettings) -> SetResult:
    """Return what a table says about its set, after a look at what bicubic gave.

    Raises:
        DataError: It is a known set and bicubic is off, or cannot be taken of all its pictures.
    """
    known, pairs, scale = known_set(data.name), list(data.pairs), settings.scale
    met, psnr = None, None
    unchecked = "" if known else "unknown set: no published value to check against"
    if known and not anchor.expected(known, scale, PROTOCOLS["paper"]):
        unchecked = f"no published value of bicubic at x{scale} to check against"
    elif known and bicubic.failures:
        if settings.anchored:
            raise anchor.incomplete(known, bicubic.failures)
        unchecked = "not checked: not all of its pictures can be measured"
    elif known:
        protocol, psnr = settings.protocol, bicubic.mean.get("psnr")
        if psnr is None or not anchor.expected(known, scale, protocol):
            # The set is the same under any protocol and for any metric.
            protocol = PROTOCOLS["paper"]
            psnr = score(bicubic_upscaler(scale), pairs, scale, protocol=protocol).psnr
        met = anchor.check(known, scale, protocol, psnr, pairs)
        if met and not met[1] and settings.anchored:
            raise anchor.refuse(known, scale, met[0], psnr, pairs)
    notes, lr = anchor.look(pairs, scale)
    published = rows_for(known.name, scale, settings.protocol.name) if known else []
    return SetResult(
        name=data.name,
        folder=str(data.folder),
        pictures=len(pairs),
        known=bool(met and met[1]),
        unchecked=unchecked,
        lr=lr,
        sha256=data_hash(data.pairs),
        anchor=Anchor(met[0], psnr) if met else None,
        notes=tuple(notes),
        published=tuple(
            PublishedRow(line.method, *line.figures[known.name], line.source, line.note, line.usual_ssim)
            for line in published
            if known
        ),
    )


def data_hash(pairs: Sequence[Pair]) -> str:
    """Return the hash of a set: of all its HR and given LR files, in order, whatever they are called."""
    total = hashlib.sha256()
    for pair in pairs:
        for path in (pair.hr, pair.lr):
            if path and path.is_file():
                total.update(bytes.fromhex(sha256(path)))
    return total.hexdigest()


def column(key: str) -> Json:
    """Return what a metric is, as plain values."""
    measure = MEASURES[key]
    names = ("key", "title", "unit", "higher_is_better", "digits", "source")
    return {name: getattr(measure, name) for name in names}


def load_picture(out: Path, datasets: Sequence[Dataset], scale: int) -> Callable[..., np.ndarray | None]:
    """Return a function (set, picture, who) to pixels, for the report: LR, HR, or a candidate's SR."""
    pairs = {(data.name, pair.name): pair for data in datasets for pair in data.pairs}

    def show(name: str, picture: str, who: str) -> np.ndarray | None:
        try:
            if who in ("LR", "HR"):
                return load(pairs[name, picture], scale)[who == "HR"]
            return read_rgb(out / "pictures" / name / who / f"{picture}.png")
        except (PictureError, DataError, KeyError):
            return None

    return show
