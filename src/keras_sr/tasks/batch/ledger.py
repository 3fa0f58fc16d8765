"""A ledger beside the results: what each was made from, so that a batch can go on where it stopped."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import cast

from keras_sr.errors import KerasSRError
from keras_sr.files import sha256 as file_sha256
from keras_sr.types import Json

#: In the folder of the results.
NAME = ".keras-sr.jsonl"

#: The ledgers of a folder: several runs that share it have one each, so that none waits for another.
_NAMES = ".keras-sr*.jsonl"


def _elsewhere(folder: Path) -> Path:
    """Return the ledger of a folder in the cache."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    place = os.fsencode(os.path.realpath(folder))
    return home / "keras-sr" / "ledgers" / f"{sha256(place).hexdigest()[:32]}.jsonl"


def made_in(folder: Path) -> set[Path]:
    """Return the results of earlier batches in a folder: those that its ledger names, as they were."""
    if not any(folder.glob(_NAMES)) and not _elsewhere(folder).is_file():
        return set()
    ledger = Ledger(folder, "")
    return {path for path in map(folder.joinpath, ledger.names()) if ledger.made(path)}


@dataclass
class Ledger:
    """What is finished in a folder: one line of JSON a result, appended when the result is whole.

    A result counts as finished when it is there, is as long as it was, and was made from a file of the same
    content in the same way; names and times of files do not matter.

    Attributes:
        folder: Of the results.
        way: All that decides how a file is enlarged, as text.
        beside: Whether it lies among the results, for whoever goes on with them, on whatever machine; else in
            the cache, where nobody has asked for it and it disturbs nobody.
        part: Which of several runs that share the folder this is, such as `"3-of-16"`; "" for one alone.
        content: What tells the content of a picture: its hash.
    """

    folder: Path
    way: str
    beside: bool = True
    part: str = ""
    content: Callable[[Path], str] = file_sha256
    _lines: dict[str, Json] = field(default_factory=dict[str, Json], init=False)
    _keys: dict[Path, str] = field(default_factory=dict[Path, str], init=False)
    #: Whether the file began with this claim.
    _anew: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Read what there is, of all runs; a line that was cut short tells of nothing."""
        for path in (_elsewhere(self.folder), *_by_age(self.folder.glob(_NAMES))):
            for entry in _entries(path):
                if "result" in entry:
                    self._lines[entry["result"]] = entry

    @property
    def path(self) -> Path:
        """The file that is written."""
        name = f".keras-sr.{self.part}.jsonl" if self.part else NAME
        return self.folder / name if self.beside else _elsewhere(self.folder)

    def claim(self) -> None:
        """Write down how this part makes its results, unless other parts there make theirs in another way.

        Raises:
            KerasSRError: They do, or the folder cannot be written.
        """
        new = self._anew = not self.path.exists()
        try:
            self._append({"way": self.way})
            self.check()
        except OSError as error:
            raise KerasSRError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from error
        except KerasSRError:
            if new:
                self.path.unlink(missing_ok=True)
            raise

    def take_back_claim(self) -> None:
        """Remove what `claim` wrote, where nothing came of it: it must not bind whoever comes next."""
        if self._anew and not any("result" in entry for entry in _entries(self.path)):
            self.path.unlink(missing_ok=True)

    def check(self) -> None:
        """See that all parts in the folder make their results in this way.

        Raises:
            KerasSRError: One does not.
        """
        for path in sorted(self.folder.glob(".keras-sr.*.jsonl")):
            ways = [entry["way"] for entry in _entries(path) if "way" in entry]
            if ways and ways[-1] != self.way:
                raise KerasSRError(self.conflict(str(self.folder), path.name))

    @staticmethod
    def conflict(folder: str, name: str) -> str:
        """Return what is said where two runs make results for one folder in different ways."""
        return (
            f"{folder} has results of a run with another network, precision, size or look ({name}): give "
            f"another output, or remove the files .keras-sr.*.jsonl in {folder} to begin anew"
        )

    def finished(self, source: Path, target: Path) -> bool:
        """Return whether the result is there and is what would be made."""
        entry = self._lines.get(self.name(target))
        try:
            return (
                entry is not None
                and entry.get("bytes") == target.stat().st_size
                and entry.get("key") == self.key(source)
            )
        except OSError:  # one of them is gone, or cannot be read
            return False

    def made(self, path: Path) -> bool:
        """Return whether a file is a result, as it was when it was finished."""
        try:
            return self._lines[self.name(path)].get("bytes") == path.stat().st_size
        except (KeyError, ValueError, OSError):
            return False

    def record(self, source: Path, target: Path) -> None:
        """Write down that a result is finished; where nobody has asked for it, as far as that can be done."""
        try:
            self._record(source, target)
        except (OSError, ValueError):
            if self.beside:
                raise

    def _record(self, source: Path, target: Path) -> None:
        """Append a line."""
        self.take({"result": self.name(target), "key": self.key(source), "bytes": target.stat().st_size})

    def take(self, entry: Json) -> None:
        """Write down what somebody else has finished."""
        self._append(entry)
        self._lines[str(entry["result"])] = entry

    def line(self, target: Path) -> Json | None:
        """Return what is known of a result."""
        return self._lines.get(self.name(target))

    def _append(self, entry: Json) -> None:
        """Append a line of anything."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A name need not be UTF-8; what is not is written as JSON's escapes.
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            # Before it, too: a line that was cut short must not swallow this one.
            file.write(f"\n{json.dumps(entry, ensure_ascii=False)}\n")

    def names(self) -> list[str]:
        """Return what all results are called."""
        return list(self._lines)

    def name(self, target: Path) -> str:
        """Return what a result is called in the ledger."""
        return target.relative_to(self.folder).as_posix()

    def key(self, source: Path) -> str:
        """Return the hash of a source's content and of how it is enlarged."""
        if source not in self._keys:
            self._keys[source] = sha256(f"{self.content(source)} {self.way}".encode()).hexdigest()
        return self._keys[source]

    def flush(self) -> None:
        """Write what is not written yet: nothing, of a ledger that appends."""


def _entries(path: Path) -> Iterator[Json]:
    """Yield the lines of a ledger; what is not whole, or not there, is left out."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return
    yield from read_entries(text)


def read_entries(text: str) -> Iterator[Json]:
    """Yield the lines of a ledger that are whole."""
    for line in text.splitlines():
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield cast(Json, entry)


def _by_age(paths: Iterable[Path]) -> list[Path]:
    """Return files, the oldest first: what a later one says holds."""

    def age(path: Path) -> tuple[int, str]:
        with suppress(OSError):
            return path.stat().st_mtime_ns, path.name
        return 0, path.name

    return sorted(paths, key=age)
