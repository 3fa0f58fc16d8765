"""A ledger beside the results: what each was made from, so that a batch can go on where it stopped."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from keras_sr.files import sha256 as file_sha256

#: In the folder of the results.
NAME = ".keras-sr.jsonl"


@dataclass
class Ledger:
    """What is finished in a folder: one line of JSON a result, appended when the result is whole.

    A result counts as finished when it is there, is as long as it was, and was made from a file of the same
    content in the same way; names and times of files do not matter.

    Attributes:
        folder: Of the results.
        way: All that decides how a file is enlarged, as text.
    """

    folder: Path
    way: str
    _lines: dict[str, dict] = field(default_factory=dict, init=False)
    _keys: dict[Path, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Read what there is; a line that was cut short tells of nothing."""
        if not self.path.is_file():
            return
        for line in self.path.read_text("utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                self._lines[entry["result"]] = entry
            except (ValueError, KeyError, TypeError):
                continue

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / NAME

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
        """Write down that a result is finished."""
        entry = {"result": self.name(target), "key": self.key(source), "bytes": target.stat().st_size}
        # A name need not be UTF-8; what is not is written as JSON's escapes.
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            # Before it, too: a line that was cut short must not swallow this one.
            file.write(f"\n{json.dumps(entry, ensure_ascii=False)}\n")
        self._lines[entry["result"]] = entry

    def name(self, target: Path) -> str:
        """Return what a result is called in the ledger."""
        return target.relative_to(self.folder).as_posix()

    def key(self, source: Path) -> str:
        """Return the hash of a source's content and of how it is enlarged."""
        if source not in self._keys:
            self._keys[source] = sha256(f"{file_sha256(source)} {self.way}".encode()).hexdigest()
        return self._keys[source]
