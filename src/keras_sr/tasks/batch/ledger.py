"""A ledger beside the results: what each was made from, so that a batch can go on where it stopped."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from keras_sr.files import sha256 as file_sha256

#: In the folder of the results.
NAME = ".keras-sr.jsonl"


def _elsewhere(folder: Path) -> Path:
    """Return the ledger of a folder in the cache."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    place = os.fsencode(os.path.realpath(folder))
    return home / "keras-sr" / "ledgers" / f"{sha256(place).hexdigest()[:32]}.jsonl"


def made_in(folder: Path) -> set[Path]:
    """Return the results of earlier batches in a folder: those that its ledger names, as they were."""
    if not (folder / NAME).is_file() and not _elsewhere(folder).is_file():
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
    """

    folder: Path
    way: str
    beside: bool = True
    _lines: dict[str, dict] = field(default_factory=dict, init=False)
    _keys: dict[Path, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Read what there is; a line that was cut short tells of nothing."""
        for path in (_elsewhere(self.folder), self.folder / NAME):
            with suppress(OSError):
                self._read(path.read_text("utf-8", errors="replace"))

    def _read(self, text: str) -> None:
        """Take in lines; what is not whole is left out."""
        for line in text.splitlines():
            try:
                entry = json.loads(line)
                self._lines[entry["result"]] = entry
            except (ValueError, KeyError, TypeError):
                continue

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self.folder / NAME if self.beside else _elsewhere(self.folder)

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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        entry = {"result": self.name(target), "key": self.key(source), "bytes": target.stat().st_size}
        # A name need not be UTF-8; what is not is written as JSON's escapes.
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            # Before it, too: a line that was cut short must not swallow this one.
            file.write(f"\n{json.dumps(entry, ensure_ascii=False)}\n")
        self._lines[entry["result"]] = entry

    def names(self) -> list[str]:
        """Return what all results are called."""
        return list(self._lines)

    def name(self, target: Path) -> str:
        """Return what a result is called in the ledger."""
        return target.relative_to(self.folder).as_posix()

    def key(self, source: Path) -> str:
        """Return the hash of a source's content and of how it is enlarged."""
        if source not in self._keys:
            self._keys[source] = sha256(f"{file_sha256(source)} {self.way}".encode()).hexdigest()
        return self._keys[source]
