"""The ledger of results in a store: a new small file now and then, since nothing can be appended there."""

import json
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_sr.errors import KerasSRError
from keras_sr.tasks.batch.ledger import Ledger, read_entries
from keras_sr.tasks.batch.store import said
from keras_sr.types import Json

#: A piece is put after so many results or seconds: what a kill costs.
RESULTS, SECONDS = 200, 20.0


@dataclass
class StoredLedger(Ledger):
    """What is finished in a folder of a store; a picture in a store is known by its tag where that has one.

    Attributes:
        mirror: The stores, a `Mirror`.
    """

    mirror: Any = None
    _waiting: list[Json] = field(default_factory=list[Json], init=False)
    _ways: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _run: str = field(default_factory=lambda: secrets.token_hex(4), init=False)
    _pieces: int = field(default=0, init=False)
    _claim: str = field(default="", init=False)
    _put: float = field(default_factory=time.monotonic, init=False)

    def __post_init__(self) -> None:
        """Read what there is, of all runs."""
        store, folder = self._place(self.folder)
        there = self.mirror.entries
        names = [path for path in there if path.parent == self.folder and path.match(".keras-sr.*jsonl")]
        for path in sorted(names, key=lambda one: (there[one].age, one.name)):
            for entry in read_entries(store.read(f"{folder}/{path.name}").decode("utf-8", "replace")):
                if "result" in entry:
                    self._lines[entry["result"]] = entry
                if "way" in entry:
                    self._ways[path.name] = entry["way"]

    def _place(self, path: Path) -> tuple[Any, str]:
        """Return the store of a path and its key."""
        place = self.mirror.place(path)
        if place is None:
            raise KerasSRError(f"{path} is in no store")
        return place

    def finished(self, source: Path, target: Path) -> bool:
        """Return whether the result is there and is what would be made."""
        return self.made(target) and self._lines[self.name(target)].get("key") == self.key(source)

    def made(self, path: Path) -> bool:
        """Return whether a file is a result, as it was when it was finished."""
        entry, there = self._lines.get(self.name(path)), self.mirror.entries.get(path)
        if entry is None or there is None or entry.get("bytes") != there.bytes:
            return False
        return not entry.get("tag") or not there.tag or entry["tag"] == there.tag

    def _record(self, source: Path, target: Path) -> None:
        """Keep a line, and put a piece where there is enough."""
        self.take({"result": self.name(target), "key": self.key(source), **self.mirror.written(target)})

    def take(self, entry: Json) -> None:
        """Keep a line, and put a piece where there is enough."""
        self._lines[entry["result"]] = entry
        self._waiting.append(entry)
        if len(self._waiting) >= RESULTS or time.monotonic() - self._put > SECONDS:
            self.flush()

    def flush(self) -> None:
        """Put what is not there yet.

        Raises:
            KerasSRError: The store does not take it.
        """
        if not self._waiting:
            return
        lines, self._waiting = self._waiting, []
        self._append_all(lines)

    def _append_all(self, lines: list[Json]) -> str:
        """Put a piece, and return its name."""
        store, folder = self._place(self.folder)
        name = f".keras-sr.{self.part or 'run'}.{self._run}-{self._pieces:05d}.jsonl"
        head = [{"way": self.way}] if self.part else []
        data = "".join(f"{json.dumps(entry)}\n" for entry in [*head, *lines])
        try:
            store.write(data.encode("utf-8", "backslashreplace"), f"{folder}/{name}")
        except Exception as error:
            raise KerasSRError(
                f"cannot write the ledger in {self.mirror.address(self.folder)}: {said(error)}"
            ) from None
        self._pieces += 1
        self._put = time.monotonic()
        return name

    def claim(self) -> None:
        """Write down how this part makes its results, unless other parts there make theirs in another way.

        Raises:
            KerasSRError: They do.
        """
        self.check()
        self._claim = self._append_all([])

    def take_back_claim(self) -> None:
        """Remove what `claim` wrote, where nothing came of it."""
        if self._pieces > 1:
            return
        store, folder = self._place(self.folder)
        with suppress(Exception):
            store.remove(f"{folder}/{self._claim}")

    def check(self) -> None:
        """See that all parts in the folder make their results in this way.

        Raises:
            KerasSRError: One does not.
        """
        for name, way in sorted(self._ways.items()):
            if way != self.way:
                raise KerasSRError(self.conflict(self.mirror.address(self.folder), name))
