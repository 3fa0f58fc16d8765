"""The benchmark: candidates times sets, one protocol, every figure with what it depends on."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from keras_sr import __version__
from keras_sr.errors import DataError, PictureError
from keras_sr.evaluation import machine
from keras_sr.evaluation.candidates import Candidate, own_pictures, picture_of
from keras_sr.evaluation.columns import MEASURES, mean_of_all
from keras_sr.evaluation.kept import Settings, forget, measured
from keras_sr.evaluation.published import rows_for, verdict
from keras_sr.evaluation.score import PROTOCOLS, load, reason, score, shaved
from keras_sr.evaluation.score import bicubic as bicubic_upscaler
from keras_sr.evaluation.sets import anchor
from keras_sr.evaluation.sets.known import known_set
from keras_sr.evaluation.sets.layouts import Pair
from keras_sr.evaluation.statistics import interval
from keras_sr.files import sha256
from keras_sr.images.plain import in_rgb, read_plain, read_rgb

KERNEL = "MATLAB imresize: bicubic (a = -0.5), antialiased, edges repeated, uint8 between the passes"
ROUNDING = "LR and SR are uint8, halves upwards"


@dataclass(frozen=True)
class Dataset:
    """A set to measure on: its name, its folder and its pairs."""

    name: str
    folder: Path
    pairs: tuple[Pair, ...]


def benchmark(
    candidates: Sequence[Candidate],
    datasets: Sequence[Dataset],
    settings: Settings,
    out: Path,
    *,
    command: str = "",
    threads: int | None = None,
    progress: Callable[[int, str], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> dict:
    """Measure candidates on sets.

    Args:
        candidates: The first is bicubic; it is measured on all sets before the others begin.
        datasets: The sets.
        settings: What all figures share.
        out: Folder for what is kept of each picture.
        command: What was typed, for the record.
        threads: What networks compute with, for the record.
        progress: Called with how many pictures are done, and the name of the next.
        say: Called with a line for each picture that fails.

    Returns:
        Plain values, as `results.json` holds them.

    Raises:
        DataError: Bicubic is off on a known set.
    """
    done = 0
    facts = machine.describe(threads)
    rows: dict[str, list[dict]] = {data.name: [] for data in datasets}
    heads = {}
    for candidate in candidates:
        for data in datasets:
            images, failures = [], []
            folder = Path(candidate.file or "")
            ready = candidate.kind == "pictures" and own_pictures(folder, data.pairs)
            for pair in data.pairs:
                if progress:
                    progress(done, f"{data.name} {pair.name} {candidate.name}")
                done += 1
                place = out / "pictures" / data.name / candidate.name / pair.name
                try:
                    given = None
                    if ready:
                        # Read each time: it may have changed.
                        picture = read_plain(picture_of(pair, folder, ready))
                        given = in_rgb(picture.pixels)
                        heads[data.name]["notes"] += [
                            f"{candidate.name}, {pair.name}: {what} not measured" for what in picture.lost
                        ]
                    images.append(measured(candidate, pair, settings, place, facts, given))
                # Whatever a network or a decoder throws must not cost the figures of the other pictures.
                except Exception as error:
                    forget(place)
                    failures.append({"picture": pair.name, "reason": reason(error)})
                    if say:
                        say(f"{data.name}, {candidate.name}: {pair.name} was not measured: {reason(error)}")
            rows[data.name].append(row(candidate, data, images, failures, settings))
            if candidate.kind == "bicubic":
                heads[data.name] = head(data, rows[data.name][0], settings)
    return {
        "keras_sr": __version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "protocol": {
            **asdict(settings.protocol),
            "crop_border": shaved(settings.protocol, settings.scale),
            "scale": settings.scale,
            "kernel": KERNEL,
            "rounding": ROUNDING,
            "self_ensemble": settings.self_ensemble,
        },
        "metrics": [column(key) for key in settings.metrics],
        "machine": facts,
        "seed": settings.seed,
        "models": [
            {
                key: getattr(candidate, key)
                for key in ("name", "kind", "file", "sha256", "engine", "precision", "recipe")
            }
            for candidate in candidates
        ],
        "sets": [{**heads[data.name], "rows": rows[data.name]} for data in datasets],
    }


def row(
    candidate: Candidate, data: Dataset, images: list[dict], failures: list[dict], settings: Settings
) -> dict:
    """Return a candidate's row in the table of a set: means, intervals, verdict."""
    mean: dict[str, float | None] = {}
    low: dict[str, float | None] = {}
    high: dict[str, float | None] = {}
    for key in settings.metrics:
        values = [image[key] for image in images]
        mean[key] = mean_of_all(values)
        low[key], high[key] = (None, None) if mean[key] is None else interval(values, settings.seed)
    known = known_set(data.name)
    state, text = "none", ""
    if failures:
        text = f"{len(images)} of {len(data.pairs)} pictures: not comparable"
    elif candidate.kind not in ("bicubic", "truth") and known and mean.get("psnr") is not None:
        published = rows_for(known.name, settings.scale, settings.protocol.name)
        state, text = verdict(float(mean["psnr"] or 0), known.name, published, candidate.recipe)
    gaps = {
        key: [image["name"] for image in images if image[key] is None]
        for key in settings.metrics
        if candidate.kind != "truth" or not MEASURES[key].needs_truth
    }
    seconds = [image["seconds"] for image in images if image["seconds"] is not None]
    peaks = [image["peak_mb"] for image in images if image["peak_mb"] is not None]
    return {
        "model": candidate.name,
        "measured": len(images),
        "total": len(data.pairs),
        "mean": mean,
        "low": low,
        "high": high,
        "seconds": float(np.median(seconds)) if seconds else None,
        "peak_mb": max(peaks) if peaks else None,
        "verdict": {"state": state, "text": text},
        "failures": failures,
        "gaps": {key: names for key, names in gaps.items() if names},
        "images": images,
    }


def head(data: Dataset, bicubic: dict, settings: Settings) -> dict:
    """Return what a table says about its set, after a look at what bicubic gave.

    Raises:
        DataError: It is a known set and bicubic is off, or cannot be taken of all its pictures.
    """
    known, pairs, scale = known_set(data.name), list(data.pairs), settings.scale
    met, psnr = None, None
    unchecked = "" if known else "unknown set: no published value to check against"
    if known and not anchor.expected(known, scale, PROTOCOLS["paper"]):
        unchecked = f"no published value of bicubic at x{scale} to check against"
    elif known and bicubic["failures"]:
        if settings.anchored:
            raise anchor.incomplete(known, bicubic["failures"])
        unchecked = "not checked: not all of its pictures can be measured"
    elif known:
        protocol, psnr = settings.protocol, bicubic["mean"].get("psnr")
        if psnr is None or not anchor.expected(known, scale, protocol):
            # The set is the same under any protocol and for any metric.
            protocol = PROTOCOLS["paper"]
            psnr = score(bicubic_upscaler(scale), pairs, scale, protocol=protocol).psnr
        met = anchor.check(known, scale, protocol, psnr, pairs)
        if met and not met[1] and settings.anchored:
            raise anchor.refuse(known, scale, met[0], psnr, pairs)
    notes, lr = anchor.look(pairs, scale)
    published = rows_for(known.name, scale, settings.protocol.name) if known else []
    return {
        "name": data.name,
        "folder": str(data.folder),
        "pictures": len(pairs),
        "known": bool(met and met[1]),
        "unchecked": unchecked,
        "lr": lr,
        "sha256": data_hash(data.pairs),
        "anchor": met and {"expected": met[0], "measured": psnr, "source": "bicubic, as in published tables"},
        "notes": notes,
        "published": [
            {
                "method": line.method,
                "psnr": line.figures[known.name][0],
                "ssim": line.figures[known.name][1],
                "lpips": line.figures[known.name][2],
                "source": line.source,
                "note": line.note,
                "usual_ssim": line.usual_ssim,
            }
            for line in published
            if known
        ],
    }


def data_hash(pairs: Sequence[Pair]) -> str:
    """Return the hash of a set: of all its HR and given LR files, in order, whatever they are called."""
    total = hashlib.sha256()
    for pair in pairs:
        for path in (pair.hr, pair.lr):
            if path and path.is_file():
                total.update(bytes.fromhex(sha256(path)))
    return total.hexdigest()


def column(key: str) -> dict:
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
