"""A batch on Ray: Ray Data with a pool of actors, each with a network of its own."""

import json
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any

from keras_sr.errors import KerasSRError, Stopped, install_hint
from keras_sr.inference.enlarge import Stop
from keras_sr.tasks.cluster.alone import given_up, made_alone
from keras_sr.tasks.cluster.loopback import start_here
from keras_sr.tasks.cluster.settings import Cluster
from keras_sr.tasks.cluster.work import Order, Task, Work
from keras_sr.types import Json

#: What this was tried with.
_OLDEST = (2, 60)

#: A picture that was at work when its worker died is tried alone; so often, if workers are killed then, too,
#: which need not be its doing.
_TRIES_ALONE = 10


class Watch:
    """Knows which pictures are at work, so that one that kills its worker is found out."""

    def __init__(self) -> None:
        self._begun: set[int] = set()
        self._alone: dict[int, int] = {}
        self._rows: dict[int, Json] = {}

    def begin(self, number: int) -> None:
        """Note that a picture is at work."""
        self._begun.add(number)

    def begin_alone(self, number: int) -> int:
        """Note that a picture is tried alone, and return how often it was."""
        self._alone[number] = self._alone.get(number, 0) + 1
        return self._alone[number]

    def end(self, number: int, row: Json) -> None:
        """Keep what became of a picture until all that went with it has come back."""
        self._begun.discard(number)
        self._rows[number] = row

    def known(self, numbers: list[int]) -> tuple[dict[int, Json], set[int]]:
        """Return rows that are there, and pictures that were at work when their worker died."""
        return {n: self._rows[n] for n in numbers if n in self._rows}, self._begun.intersection(numbers)

    def forget(self, numbers: list[int]) -> None:
        """Drop what is known."""
        for number in numbers:
            self._rows.pop(number, None)
            self._alone.pop(number, None)


class Worker:
    """An actor: opens the network once, and takes some pictures at a time.

    Nothing is ever raised: Ray would take the rows of a whole block with it.
    """

    def __init__(self, task: Task, watch: Any) -> None:
        self.ray: Any = import_module("ray")
        self.task, self.watch, self.fatal = task, watch, ""
        try:
            self.work = Work(task)
        except Exception as error:
            self.fatal = " ".join(str(error).split()) or type(error).__name__

    def __call__(self, batch: Json) -> Json:
        """Return the rows of some orders, as JSON."""
        orders = [Order(**json.loads(text)) for text in batch["order"]]
        if self.fatal:
            return {"row": [json.dumps({"fatal": self.fatal}) for _ in orders]}
        numbers = [order.number for order in orders]
        rows, suspects = self.ray.get(self.watch.known.remote(numbers))
        fresh = [order for order in orders if order.number not in rows and order.number not in suspects]
        # One that nobody has thought of ends these pictures here; each is then tried alone.
        with suppress(Exception):
            for row in self.work.rows(fresh, lambda number: self.ray.get(self.watch.begin.remote(number))):
                rows[row["number"]] = row
                self.ray.get(self.watch.end.remote(row["number"], row))
        for order in orders:
            if order.number not in rows:
                rows[order.number] = row = self._suspect(order)
                self.ray.get(self.watch.end.remote(order.number, row))
        self.watch.forget.remote(numbers)
        return {"row": [json.dumps(rows[number]) for number in numbers]}

    def _suspect(self, order: Order) -> Json:
        """Return the row of a picture that was at work when its worker died."""
        tries = self.ray.get(self.watch.begin_alone.remote(order.number))
        if tries > _TRIES_ALONE:
            return given_up(order, f"{tries} workers were killed while they had it")
        return made_alone(self.task, order)


def run_on_ray(
    orders: Sequence[Order], task: Task, cluster: Cluster, stop: Stop | None = None
) -> Iterator[Json]:
    """Yield the rows of pictures as workers have made them.

    Args:
        orders: The pictures.
        task: What is done with them.
        cluster: Where.
        stop: Asked after each row; when it returns True, the work ends.

    Raises:
        KerasSRError: There is no Ray, or no cluster there, or workers cannot do the work.
        Stopped: `stop` returned True.
    """
    ray, own = _connect(cluster)
    try:
        yield from _rows(ray, orders, task, cluster, stop)
    except KerasSRError:
        raise
    except Exception as error:
        if type(error).__module__.split(".")[0] != "ray":
            raise
        raise KerasSRError(_why(str(error))) from error
    finally:
        if own:
            ray.shutdown()


def _rows(
    ray: Any, orders: Sequence[Order], task: Task, cluster: Cluster, stop: Stop | None
) -> Iterator[Json]:
    """Yield rows; see `run_on_ray`."""
    if not orders:
        return
    data = import_module("ray.data")
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    fit = _fitting(ray, cluster.threads)
    least, most = cluster.workers
    together = _together(len(orders), most or fit)
    blocks = -(-len(orders) // together)
    most = max(1, min(most or fit, blocks))
    least = min(least, most)
    watch = _watch(ray)
    made = data.from_items([{"order": order.as_text()} for order in orders], override_num_blocks=blocks)
    made = made.map_batches(
        Worker,
        batch_size=None,
        batch_format="numpy",
        # As many as there is room for at once; then by need. One order waits while another is at work.
        compute=data.ActorPoolStrategy(
            min_size=least,
            max_size=most,
            initial_size=min(max(fit, least), most),
            max_tasks_in_flight_per_actor=2,
        ),
        num_cpus=cluster.threads,
        fn_constructor_args=(task, watch),
    )
    told: set[int] = set()
    for batch in made.iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=0):
        for text in batch["row"]:
            row = json.loads(text)
            if "fatal" in row:
                raise KerasSRError(row["fatal"])
            if row["number"] not in told:
                told.add(row["number"])
                yield row
            if stop and stop():
                raise Stopped("stopped before all pictures were finished")


def _fitting(ray: Any, threads: int) -> int:
    """Return how many workers fit on the machines that there are.

    Raises:
        KerasSRError: There is no machine for one.
    """
    free = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    most = max(free, default=0)
    # Nothing yet: of a cluster that grows when it is asked to.
    if 0 < most < threads:
        raise KerasSRError(
            f"no machine in the cluster has the {threads} processors a worker needs: the largest has {most}"
        )
    return max(1, sum(one // threads for one in free))


def _together(pictures: int, workers: int) -> int:
    """Return how many pictures go to a worker at a time, and come back together.

    Few, so that nobody waits long at the end; of a great many more, since Ray plans all orders at once.

    Examples:
        >>> _together(6, 2), _together(300, 2), _together(1_000_000, 16)
        (1, 4, 32)
    """
    return max(1, min(4, pictures // (4 * workers)), min(32, pictures // 2500))


def _watch(ray: Any) -> Any:
    """Return the actor that watches, on the machine of whoever asks: it outlives the others."""
    here = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=True
    )
    how = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
    return ray.remote(**how)(Watch).remote()


def _connect(cluster: Cluster) -> tuple[Any, bool]:
    """Return Ray, connected, and whether it was connected here.

    Raises:
        KerasSRError: It is not installed, too old, or there is no cluster.
    """
    # Nothing is told to anybody, and no token is written into the home folder.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        ray: Any = import_module("ray")
        import_module("ray.data")
    except ImportError:
        raise KerasSRError(f"a cluster needs Ray: {install_hint('ray')}") from None
    there = version("ray")
    if tuple(int(part) for part in there.split(".")[:2]) < _OLDEST:
        raise KerasSRError(f"expected Ray 2.60 or newer, got {there}: {install_hint('ray')}")
    if ray.is_initialized():
        return ray, False
    _see_listening(cluster.address)
    try:
        if cluster.address == "local":
            start_here()
        else:
            ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        raise KerasSRError(
            f"no cluster of Ray at {cluster.address!r} that Ray {there} can use: {_first_line(str(error))}"
        ) from error
    return ray, True


def _see_listening(address: str) -> None:
    """See that somebody listens at an address: Ray itself would wait for minutes.

    Raises:
        KerasSRError: Nobody does.
    """
    if address in ("local", "auto"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with suppress(TypeError), socket.create_connection((host.strip("[]"), int(port)), timeout=10):
            return
    except (OSError, ValueError):
        raise KerasSRError(
            f"no cluster of Ray at {address!r}: give the address that `ray start --head` has printed, such "
            "as 10.0.0.1:6379, `auto`, or `local`"
        ) from None


def _why(text: str) -> str:
    """Return what an error of Ray means, in one line."""
    if "No module named 'keras_sr'" in text:
        return "a worker of the cluster has no keras-sr: install the same version on all of its machines"
    return f"the cluster failed ({_first_line(text)}): what is done is kept, `resume=True` continues"


def _first_line(text: str) -> str:
    """Return the first line that says something, not too long."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if lines else "no reason given")[:300]
