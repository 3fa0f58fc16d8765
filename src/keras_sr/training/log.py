"""The log of a run: rows of numbers, kept with the checkpoint, shown as CSV and to TensorBoard."""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

from keras_sr.files import atomic_write


class Log:
    """One row an epoch; the CSV is rewritten whole, so a killed run leaves no row without its checkpoint.

    Args:
        folder: The run folder; `log.csv` and `tensorboard/` are made in it.
        rows: Rows of the run so far, when it is resumed.
    """

    def __init__(self, folder: Path, rows: list[dict] | None = None) -> None:
        self.folder, self.rows = folder, list(rows or [])
        self.events = _event_writer(folder / "tensorboard")

    def add(self, row: dict) -> None:
        """Append one row of numbers; `step` must be among them."""
        self.rows.append(row)
        if self.events is not None:
            self.events(row)

    def write(self) -> None:
        """Write `log.csv`."""
        write_log(self.folder, self.rows)


def write_log(folder: Path, rows: list[dict]) -> None:
    """Write `log.csv` of a run folder: one column for every name that any row has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _shorten(v) for k, v in row.items()} for row in rows)
    with atomic_write(folder / "log.csv", "w") as file:
        file.write(text.getvalue())


def _shorten(value: float) -> object:
    """Return a number as short text without losing what matters."""
    return f"{value:.6g}" if isinstance(value, float) else value


def _event_writer(folder: Path) -> Callable[[dict], None] | None:
    """Return a function that writes a row for TensorBoard, or None where tensorboard is not installed."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
        from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    writer = EventFileWriter(str(folder))

    def write(row: dict) -> None:
        numbers = {k: v for k, v in row.items() if isinstance(v, (int, float)) and math.isfinite(v)}
        values = [Summary.Value(tag=k, simple_value=v) for k, v in numbers.items() if k != "step"]
        writer.add_event(Event(step=row["step"], summary=Summary(value=values)))
        writer.flush()

    return write
