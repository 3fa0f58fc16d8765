"""A planned batch on a cluster: orders out, results back, the ledger here."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from keras_sr.errors import KerasSRError
from keras_sr.inference.engines import Engine
from keras_sr.inference.enlarge import Stop
from keras_sr.tasks.batch.ledger import Ledger
from keras_sr.tasks.batch.plan import Job
from keras_sr.tasks.batch.run import FileResult, Settings
from keras_sr.tasks.cluster.on_ray import run_on_ray
from keras_sr.tasks.cluster.settings import Cluster
from keras_sr.tasks.cluster.work import TRAVELLING, Order, Task
from keras_sr.tasks.networks import Network
from keras_sr.types import Json


def run_on_cluster(
    jobs: Sequence[Job],
    engine: Engine,
    settings: Settings,
    output: Path,
    cluster: Cluster,
    *,
    compare: bool = False,
    map: bool = False,
    max_memory: int | None = None,
    stop: Stop | None = None,
) -> Iterator[FileResult]:
    """Yield one result a job, as workers have made them.

    Args:
        jobs: From `plan`; sources and targets are seen by all workers under the same paths, or are in stores.
        engine: The network, from `open_network`.
        settings: How.
        output: Where results go.
        cluster: Where the work is done.
        compare: Whether sheets are wanted.
        map: Whether maps are wanted.
        max_memory: Megabytes that a worker may work in.
        stop: Asked after each result.

    Raises:
        KerasSRError: The network cannot be opened elsewhere, or the cluster cannot do the work.
        Stopped: `stop` returned True.
    """
    if not isinstance(engine, Network) or not engine.opened:
        raise KerasSRError(
            f"a cluster needs a network that each worker can open, and {engine.name} is an engine of your "
            "own: open it by open_network"
        )
    ends, ledger = settings.ends, settings.ledger
    task = Task(
        {**engine.opened, "threads": cluster.threads if engine.opened["engine"] != "keras" else None},
        engine.choice,
        settings.size,
        {name: getattr(settings, name) for name in TRAVELLING},
        ends.travelling(output),
        tuple(ends.addresses),
        ledger.way if ledger else "",
        compare,
        map,
        cluster.threads,
        max_memory,
        settings.memory,
        settings.tile,
        settings.max_pixels,
    )
    orders = [_order(number, job, settings) for number, job in enumerate(jobs)]
    # The largest first: a large picture at the end would keep one worker busy while the others wait.
    lengths = [ends.length(job.source) for job in jobs]
    planned = sorted(orders, key=lambda order: lengths[order.number], reverse=True)
    for row in run_on_ray(planned, task, cluster, stop):
        job = jobs[int(row["number"])]
        if ledger is not None and row.get("entry"):
            _take(ledger, row["entry"])
        yield FileResult(
            job,
            row["status"],
            _as_given(row.get("reason", ""), orders[int(row["number"])], job),
            tuple(row["size"]) if row.get("size") else None,
            row.get("seconds"),
            tuple(row.get("lost") or ()),
            row.get("lr_psnr"),
            tuple(row.get("extras") or ()),
            _as_given(row.get("trouble", ""), orders[int(row["number"])], job),
            row.get("network", ""),
            row.get("traces", ""),
        )


def _order(number: int, job: Job, settings: Settings) -> Order:
    """Return a job as it travels; what can be told without reading a picture is told here."""
    ends, ledger = settings.ends, settings.ledger
    entry, there = None, settings.skip_existing and not job.refused and ends.exists(job.target)
    if ends.stored(job.target) or ends.stored(job.source):
        there = not job.refused and settings.finished(job)
    elif settings.resume and ledger is not None:
        entry = ledger.line(job.target)
    source, target = ends.travelling(job.source), ends.travelling(job.target)
    return Order(number, source, target, job.refused, entry, there, ends.known(job.source))


def _take(ledger: Ledger, entry: Json) -> None:
    """Write down what a worker has finished.

    Raises:
        KerasSRError: The ledger cannot be written.
    """
    try:
        ledger.take(entry)
    except OSError as error:
        raise KerasSRError(f"cannot write {str(ledger.path)!r}: {error.strerror or error}") from error


def _as_given(text: str, order: Order, job: Job) -> str:
    """Return what a worker says of a picture with the paths that were given in the places of whole ones."""
    return text.replace(order.source, str(job.source)).replace(order.target, str(job.target))
