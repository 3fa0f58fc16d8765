"""What a benchmark leaves on disk: sheets to look at and a CSV file to plot. Nothing is ever replaced."""

import csv
import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from keras_sr.errors import KerasSRError
from keras_sr.evaluation.protocol import Protocol
from keras_sr.evaluation.score import Judged, figures, measure
from keras_sr.files import atomic_write
from keras_sr.images.plain import write_plain
from keras_sr.images.resize import imresize
from keras_sr.images.sheet import sheet
from keras_sr.types import Json

log = logging.getLogger(__name__)

COLUMNS = ["run", "epoch", "step", "protocol", "psnr", "ssim", "measured", "total", "seconds"]


def keep(save: Callable[..., object], *args: object) -> None:
    """Write something by `save(*args)`; a disk that does not take it is reported and ends no training."""
    try:
        save(*args)
    except (KerasSRError, OSError) as error:
        log.warning("a part of the benchmark was not kept: %s", error)


def save_sheet(folder: Path, judged: Judged, scale: int, protocol: Protocol, step: int) -> None:
    """Write LR | bicubic | SR | HR of one picture, with the figures of the middle two."""
    enlarged = imresize(judged.lr, scale)
    panels = [
        (f"LR\n{judged.lr.shape[1]}x{judged.lr.shape[0]}", judged.lr),
        (f"bicubic\n{figures(*measure(enlarged, judged.hr, scale, protocol))}", enlarged),
        (f"SR\n{figures(judged.psnr, judged.ssim)}", judged.sr),
        (f"HR\n{judged.hr.shape[1]}x{judged.hr.shape[0]}", judged.hr),
    ]
    caption = f"{judged.name}, x{scale}, step {step}, protocol {protocol.name}"
    # Not with_suffix: a name may have a dot in it.
    write_plain(folder / f"{judged.name}.png", sheet(panels, caption))


def unused(path: Path) -> Path:
    """Return the path, or the first of path-2, path-3, ... that does not exist."""
    number = 1
    candidate = path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


def csv_file(folder: Path, name: str, columns: Sequence[str]) -> Path:
    """Return the CSV file to add to: that of the name, or an unused one if that has other columns."""
    path = folder / f"{name}.csv"
    if path.exists() and path.read_text("utf-8").partition("\n")[0] != ",".join(columns):
        return unused(path)
    return path


def add_row(path: Path, row: Json) -> None:
    """Add a row to a CSV file, with its header if it is new; the file is whole at every moment."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    if path.exists():
        text.write(path.read_text("utf-8"))
    else:
        writer.writeheader()
    writer.writerow(row)
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())
