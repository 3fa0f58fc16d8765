"""What a worker of a cluster does: opens a network once, and makes rows of pictures."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from keras_sr.errors import KerasSRError
from keras_sr.inference.memory import working_memory
from keras_sr.tasks.batch.ends import HERE, Ends
from keras_sr.tasks.batch.ledger import Ledger
from keras_sr.tasks.batch.plan import Job, results_folder
from keras_sr.tasks.batch.room import file_settings, with_tiles_of
from keras_sr.tasks.batch.run import FileResult, Settings, run_all
from keras_sr.tasks.batch.size import Size
from keras_sr.tasks.networks import Network, open_network
from keras_sr.tasks.way import NetworkChoice
from keras_sr.types import Json

#: What of `Settings` is the same on all machines.
TRAVELLING = ("resume", "consistency", "rounded", "look")


@dataclass(frozen=True)
class Order:
    """A picture to enlarge, as it travels.

    Attributes:
        number: In the batch.
        source: Path or address.
        target: Path or address.
        refused: Why it cannot be done.
        entry: What the ledger says of its result, or None.
        there: Whether it is known that its result is left alone.
        content: What tells the content of the picture, where that is known; "" has it found out.
    """

    number: int
    source: str
    target: str
    refused: str = ""
    entry: Json | None = None
    there: bool = False
    content: str = ""

    def as_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Task:
    """All that a worker has to know of a batch, besides the pictures.

    Attributes:
        network: What `open_network` takes.
        choice: What then has to be opened: another file or precision would make other pixels.
        size: How large results are to be.
        settings: The fields `TRAVELLING` of how pictures are enlarged.
        output: Where results go, path or address.
        addresses: One of each store.
        way: As of the ledger.
        compare: Whether a sheet is wanted.
        map: Whether a map is wanted.
        threads: Of a worker: its share of a machine, and of its memory.
        max_memory: Megabytes to work in; None takes that share of what is free.
        tile_memory: Bytes that a tile may take, with `max_memory`, which is of pictures that are all known.
        tile: Side of a tile in LR pixels instead.
        max_pixels: Pictures with more pixels are refused; None refuses none.
    """

    network: Json
    choice: NetworkChoice
    size: Size
    settings: Json
    output: str
    addresses: tuple[str, ...]
    way: str
    compare: bool = False
    map: bool = False
    threads: int = 1
    max_memory: int | None = None
    tile_memory: int = 0
    tile: int | None = None
    max_pixels: int | None = None


@dataclass
class HandedLedger(Ledger):
    """A ledger whose lines come from whoever plans the batch, and go there.

    Attributes:
        ends: Where results go.
        entries: What was made, by the name of the result.
        known: What tells the content of pictures, where whoever plans the batch has said so: by the store's
            tag, which nobody who has only the file could know.
    """

    ends: Ends = HERE
    entries: dict[str, Json] = field(default_factory=dict[str, Json], init=False)
    known: dict[Path, str] = field(default_factory=dict[Path, str], init=False)

    def __post_init__(self) -> None:
        """Read nothing."""
        self.content = lambda path: self.known.get(path) or self.ends.content(path)

    def hand(self, order: Order, source: Path) -> None:
        """Take what is known of a picture and its result."""
        if order.entry:
            self._lines[str(order.entry["result"])] = order.entry
        if order.content:
            self.known[source] = order.content

    def record(self, source: Path, target: Path) -> None:
        """Keep a line for whoever plans the batch."""
        entry: Json = {"result": self.name(target), "key": self.key(source), **self.ends.written(target)}
        self.entries[str(entry["result"])] = entry


class Work:
    """A worker's part of a batch.

    Args:
        task: What it is.

    Raises:
        KerasSRError: The network cannot be opened here, or is another one than that of the batch.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.network: Network = open_network(**task.network)
        if self.network.choice != task.choice:
            raise KerasSRError(
                f"a worker opened {self.network!r}, not the batch's network on {task.choice.runs_on}: "
                "give all machines the same files, and a `precision` that all have, such as f32"
            )

    @cached_property
    def ends(self) -> Ends:
        """Where pictures come from and results go to."""
        if not self.task.addresses:
            return HERE
        from keras_sr.tasks.batch.mirror import Mirror

        return Mirror(self.task.addresses)

    @cached_property
    def ledger(self) -> HandedLedger:
        """What goes back with the rows."""
        folder = results_folder(self.ends.local(self.task.output))
        return HandedLedger(folder, self.task.way, ends=self.ends)

    def rows(self, orders: Sequence[Order], begin: Callable[[int], None]) -> Iterator[Json]:
        """Yield what became of each picture, in order.

        Args:
            orders: The pictures.
            begin: Told the number of a picture before anything is done with its file.
        """
        numbers: dict[Job, int] = {}
        for order in orders:
            job = Job(self.ends.local(order.source), self.ends.local(order.target), order.refused)
            self.ledger.hand(order, job.source)
            if order.there:
                yield self._row(order.number, FileResult(job, "skipped"))
            else:
                numbers[job] = order.number

        def tell(path: Path) -> None:
            for job, number in numbers.items():
                if job.source == path:
                    begin(number)

        settings = replace(self._settings, ends=_Told(self.ends, tell))
        for result in run_all(list(numbers), self.network, settings):
            row = self._row(numbers[result.job], self._with_extras(result, settings))
            self.ends.forget(result.job)
            yield row

    @cached_property
    def _settings(self) -> Settings:
        """How pictures are enlarged on this machine."""
        task = self.task
        share = min(1.0, task.threads / (os.cpu_count() or 1))
        memory = task.max_memory or max(1, int(working_memory() * share) >> 20)
        output = self.ends.local(task.output)
        here = file_settings(
            task.size, output, self.network, max_memory=memory, tile=task.tile, max_pixels=task.max_pixels
        )
        if task.max_memory:
            here = with_tiles_of(task.tile_memory, here, memory << 20, output)
        else:
            # Nobody has promised it: what is larger goes alone.
            here = replace(here, storage=replace(here.storage, promised=False))
        return replace(here, **task.settings, ledger=self.ledger)

    def _with_extras(self, result: FileResult, settings: Settings) -> FileResult:
        """Return a result with what is wanted beside it."""
        task = self.task
        if not (task.compare or task.map) or result.status != "done":
            return result
        from keras_sr.tasks.batch.extras import delivered, with_extras

        made = with_extras(result, compare=task.compare, invention_map=task.map, storage=settings.storage)
        return delivered(made, self.ends)

    def _row(self, number: int, result: FileResult) -> Json:
        """Return a result as plain values."""
        entry = None
        if result.status == "done":
            entry = self.ledger.entries.pop(self.ledger.name(result.job.target), None)
        return {
            "number": number,
            "status": result.status,
            "reason": self.ends.said(result.reason),
            "size": result.size,
            "seconds": result.seconds,
            "lost": result.lost,
            "lr_psnr": result.lr_psnr,
            "extras": [str(one) for one in result.extras],
            "trouble": self.ends.said(result.trouble),
            "network": result.network,
            "traces": result.traces,
            "entry": entry,
        }


class _Told(Ends):
    """The ends of a batch, which tell before a picture is touched."""

    def __init__(self, ends: Ends, begin: Callable[[Path], None]) -> None:
        self._ends, self._begin = ends, begin

    def fetch(self, path: Path) -> None:
        """Tell, then bring a picture here."""
        self._begin(path)
        self._ends.fetch(path)

    def exists(self, path: Path) -> bool:
        """Return whether a result is there."""
        return self._ends.exists(path)

    def deliver(self, path: Path) -> None:
        """Take a file that is whole to where it belongs."""
        self._ends.deliver(path)
