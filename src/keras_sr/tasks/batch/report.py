"""Reports: what became of each picture of a batch, as JSON, and of several batches as one."""

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from keras_sr.errors import KerasSRError
from keras_sr.files import atomic_write
from keras_sr.images.picture import NOT_READ, READ
from keras_sr.tasks.batch.run import FileResult
from keras_sr.tasks.batch.shard import Shard, as_shard
from keras_sr.types import Json

#: What becomes of a picture, what counts most first: done in one run, it is done.
_STATUS = ("done", "skipped", "failed")


def write_batch_report(
    path: Path, results: Sequence[FileResult], total: int, shard: Shard | None = None
) -> None:
    """Write what became of each picture; a run that was stopped reports what it has done.

    Raises:
        KerasSRError: The file cannot be written.
    """
    _write(path, _report([result.as_json() for result in results], total, shard))


def _report(rows: list[Json], total: int, shard: Shard | None = None) -> Json:
    """Return a report of rows."""
    counts = {status: sum(row["status"] == status for row in rows) for status in _STATUS}
    part = {} if shard is None else {"shard": str(shard)}
    return {"total": total, **part, **counts, "pictures": rows}


def _write(path: Path, report: Json) -> None:
    """Write a report as JSON."""
    try:
        with atomic_write(path) as file:
            # A name need not be UTF-8; what is not is written as JSON's escapes.
            text = json.dumps(report, indent=1, ensure_ascii=False)
            file.write(f"{text}\n".encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise KerasSRError(f"cannot write the report {str(path)!r}: {error.strerror or error}") from error


def refuse_report(path: Path | None, shard: Shard | None) -> None:
    """Raise before the work where a report could not be written after it, or would destroy something.

    Raises:
        KerasSRError: Its folder takes no files, it is called like a picture, or it is that of another shard.
    """
    if path is None:
        return
    if path.suffix.lower() in READ | NOT_READ.keys():
        raise KerasSRError(f"the report {path} is called like a picture: give it a name such as report.json")
    folder = next((one for one in path.absolute().parents if one.exists()), Path("/"))
    code = errno.ENOTDIR if not folder.is_dir() else 0 if os.access(folder, os.W_OK) else errno.EACCES
    if code:
        raise KerasSRError(f"cannot write the report {str(path)!r}: {os.strerror(code)}")
    _refuse_report_of_other(path, shard)


def _refuse_report_of_other(path: Path, shard: Shard | None) -> None:
    """Raise where a report that is there is of another shard: shards that share one would lose all but one.

    Raises:
        KerasSRError: It is.
    """
    if shard is None or not path.is_file():
        return
    try:
        there = _read_report(path).get("shard")
    except KerasSRError:
        return  # no report: what the plan says of such a file holds
    if there not in (None, str(shard)):
        raise KerasSRError(f"{path} is the report of shard {there}: give each shard a report of its own")


def _read_report(path: Path) -> Json:
    """Return a report.

    Raises:
        KerasSRError: The file is not there, or is no report.
    """
    try:
        report: Json = json.loads(path.read_bytes())
    except OSError as error:
        raise KerasSRError(f"cannot read the report {str(path)!r}: {error.strerror or error}") from error
    except ValueError:
        report = {}
    if not _is_report(report):
        raise KerasSRError(f"{path} is not a report: give a file that `keras-sr upscale --report` wrote")
    return report


def _is_report(report: Any) -> bool:
    """Return whether something is a report."""
    if not isinstance(report, dict):
        return False
    rows = cast(Json, report).get("pictures")
    whole = isinstance(cast(Json, report).get("total"), int) and isinstance(rows, list)
    return whole and all(map(_is_row, cast(list[Any], rows)))


def _is_row(row: Any) -> bool:
    """Return whether something is what a report says of a picture."""
    if not isinstance(row, dict):
        return False
    told = cast(Json, row)
    return told.get("status") in _STATUS and {"source", "target"} <= told.keys()


def merge_reports(paths: Sequence[Path], out: Path | None = None) -> tuple[Json, list[str]]:
    """Return one report of several, of the shards of a batch or of runs one after another.

    A picture that several tell of is told of once: done where one has done it. Pictures are in the order of
    their paths.

    Args:
        paths: The reports.
        out: Where it is written; None writes nothing.

    Returns:
        The report, and which shards of the batch it has nothing of, such as `["4/16"]`.

    Raises:
        KerasSRError: One is no report, or they are of batches that were cut into different numbers of shards.
    """
    reports = [_read_report(path) for path in paths]
    shards = [as_shard(str(report["shard"])) for report in reports if "shard" in report]
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        cut = " and ".join(map(str, counts))
        raise KerasSRError(f"these are reports of batches cut into {cut} shards: give those of one batch")
    rows: dict[tuple[str, str], Json] = {}
    for row in (row for report in reports for row in report["pictures"]):
        place = row["source"], row["target"]
        if place not in rows or _STATUS.index(row["status"]) <= _STATUS.index(rows[place]["status"]):
            rows[place] = row
    ordered = sorted(rows.values(), key=lambda row: (Path(row["source"]).parts, row["target"]))
    merged = _report(ordered, len(ordered) + sum(_untold(reports, rows)))
    if out is not None:
        _write(out, merged)
    there = {shard.number for shard in shards}
    missing = [str(Shard(k, counts[0])) for k in range(1, counts[0] + 1) if k not in there] if counts else []
    return merged, missing


def _untold(reports: list[Json], rows: dict[tuple[str, str], Json]) -> list[int]:
    """Return how many pictures each shard had that no report of it tells of."""
    totals: dict[str, int] = {}
    told: dict[str, set[tuple[str, str]]] = {}
    for number, report in enumerate(reports):
        part = report.get("shard") or f"report {number}"
        totals[part] = max(totals.get(part, 0), report["total"])
        told.setdefault(part, set()).update((row["source"], row["target"]) for row in report["pictures"])
    if len(told) == len(reports) and not any("shard" in report for report in reports):
        # Runs of one batch one after another: what one did not come to, another did.
        return [max(0, max(totals.values(), default=0) - len(rows))]
    return [max(0, totals[part] - len(told[part])) for part in totals]
