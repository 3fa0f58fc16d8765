"""Addresses as files of this machine: a picture is here while it is worked on, its result until it is put."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from glob import has_magic
from pathlib import Path

from keras_sr.errors import KerasSRError, PictureError
from keras_sr.images.folders import is_picture
from keras_sr.images.picture import NOT_READ, READ
from keras_sr.tasks.batch.address import is_address, parts, redacted
from keras_sr.tasks.batch.ends import Ends
from keras_sr.tasks.batch.ledger import Ledger
from keras_sr.tasks.batch.listing import Listing, Odd
from keras_sr.tasks.batch.plan import Job
from keras_sr.tasks.batch.store import Entry, Store, free_name, said
from keras_sr.tasks.batch.stored_ledger import StoredLedger
from keras_sr.types import Json


class Mirror(Ends):
    """Stores as a folder here: `s3://bucket/a.png` is `FOLDER/s3/bucket/a.png`, while it is needed.

    One address is one path, whether it is read or written, so that all that is decided about files (what a
    result is called, what would be written over) is decided about addresses, too.

    Args:
        given: All addresses of the batch.

    Raises:
        KerasSRError: An address is of an unknown kind, or holds a password.
    """

    def __init__(self, given: Iterable[str]) -> None:
        self.addresses = tuple(given)
        self.stores = {scheme: Store(scheme) for scheme in sorted({parts(one)[0] for one in self.addresses})}
        # Resolved: whatever a plan says of a path, it begins like this.
        self.folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="keras-sr-")))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.entries: dict[Path, Entry] = {}

    def local(self, given: str | Path) -> Path:
        """Return the path of an address, and a path as it is."""
        if not is_address(given):
            return Path(given)
        scheme, rest = parts(str(given))
        return self.folder / scheme / rest.rstrip("/")

    def place(self, path: Path) -> tuple[Store, str] | None:
        """Return the store of a path and its key there; None of files of this machine."""
        if not path.is_relative_to(self.folder):
            return None
        scheme, _, key = path.relative_to(self.folder).as_posix().partition("/")
        return self.stores[scheme], key

    def address(self, path: Path) -> str:
        """Return the address of a path, and a path as it is."""
        place = self.place(path)
        return str(path) if place is None else redacted(f"{place[0].scheme}://{place[1]}")

    def travelling(self, path: Path) -> str:
        """Return the address of a path, or the whole path."""
        place = self.place(path)
        return super().travelling(path) if place is None else f"{place[0].scheme}://{place[1]}"

    def written(self, path: Path) -> Json:
        """Return what a ledger says of a result that is at its place."""
        if self.place(path) is None:
            return super().written(path)
        return {"bytes": self.entries[path].bytes, "tag": self.entries[path].tag}

    def said(self, text: str) -> str:
        """Return a text with addresses in the places of files here."""
        for scheme in self.stores:
            text = text.replace(f"{self.folder / scheme}/", f"{scheme}://")
        return redacted(text)

    def stored(self, path: Path) -> bool:
        """Return whether a path stands for a place in a store."""
        return self.place(path) is not None

    def content(self, path: Path) -> str:
        """Return what tells the content of a picture: the store's tag, or its hash, once it is here."""
        if tag := self.known(path):
            return tag
        self.fetch(path)
        return super().content(path)

    def known(self, path: Path) -> str:
        """Return the store's tag of a picture; "" where there is none."""
        place, there = self.place(path), self.entries.get(path)
        return f"{place[0].scheme} {there.tag}" if place and there and there.tag else ""

    def length(self, path: Path) -> int:
        """Return the bytes of a picture, as the listing at the beginning said."""
        there = self.entries.get(path)
        return there.bytes if there else super().length(path)

    def fetch(self, path: Path) -> None:
        """Bring a picture here.

        Raises:
            KerasSRError: It is not there, or the store does not give it.
        """
        place = self.place(path)
        if place is None or path.exists():
            return
        store, key = place
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            store.get(key, path)
        except Exception as error:
            path.unlink(missing_ok=True)
            why = "it is not there" if isinstance(error, FileNotFoundError) else said(error)
            raise PictureError(f"cannot read {self.address(path)!r}: {why}") from None

    def exists(self, path: Path) -> bool:
        """Return whether a result is there, as the listing at the beginning said."""
        return path in self.entries if self.place(path) else path.exists()

    def deliver(self, path: Path) -> None:
        """Put a file that is whole.

        Raises:
            KerasSRError: The store does not take it.
        """
        place = self.place(path)
        if place is None:
            return
        store, key = place
        try:
            self.entries[path] = store.put(path, key)
        except Exception as error:
            raise KerasSRError(f"cannot write {self.address(path)!r}: {said(error)}") from None

    def forget(self, job: Job) -> None:
        """Remove the copies of a picture and its result."""
        for path in (job.source, job.target):
            if self.place(path) is not None:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all that was brought here."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def ledger(self, folder: Path, way: str, asked_for: bool, part: str) -> Ledger | None:
        """Return the ledger of a folder; None of one in a store, where nobody has asked for it."""
        if self.place(folder) is None:
            return super().ledger(folder, way, asked_for, part)
        return StoredLedger(folder, way, True, part, self.content, self) if asked_for else None

    def open_output(self, folder: Path) -> None:
        """See that results can be written below a folder, and what is there.

        Raises:
            KerasSRError: They cannot.
        """
        place = self.place(folder)
        if place is not None:
            place[0].see_writable(place[1])
            self.look(folder, recursive=True)

    def look(self, folder: Path, *, recursive: bool) -> list[str]:
        """Return the keys below a folder of a store; what the store says of each is kept."""
        place = self.place(folder)
        if place is None:
            return []
        store, key = place
        return self._keep(store, store.list(key, recursive=recursive))

    def _keep(self, store: Store, found: dict[str, Entry]) -> list[str]:
        """Keep what a store says of files, and return their keys."""
        self.entries |= {
            self.folder / store.scheme / key: one for key, one in found.items() if free_name(key)
        }
        return list(found)

    def listing(
        self,
        sources: Sequence[str | Path],
        output: Path,
        lines: Sequence[str] | None,
        *,
        recursive: bool,
    ) -> Listing:
        """Return the pictures of a batch, from stores and from this machine.

        Args:
            sources: Addresses and paths.
            output: Where results go, as a path.
            lines: Of a manifest, or None.
            recursive: Whether folders inside folders count.

        Raises:
            KerasSRError: A store has nothing there, or may not be read.
        """
        whole = [self._listing(one, output, lines, recursive=recursive) for one in sources]
        return Listing(
            tuple(path for one in whole for path in one.inputs),
            tuple(dict.fromkeys(pair for one in whole for pair in one.found)),
            tuple(dict.fromkeys(odd for one in whole for odd in one.odd)),
        )

    def _listing(
        self, given: str | Path, output: Path, lines: Sequence[str] | None, *, recursive: bool
    ) -> Listing:
        """Return the pictures of one input."""
        base = self.local(given)
        place = self.place(base)
        if place is None:
            return super().listing([given], output, lines, recursive=recursive)
        store, key = place
        if lines is not None:
            base.mkdir(parents=True, exist_ok=True)
            paths = [base / line for line in dict.fromkeys(lines) if free_name(line)]
            odd = [
                Odd(base / Path(line).name, base, f"{line!r} of the manifest is not in {given}")
                for line in dict.fromkeys(lines)
                if not free_name(line)
            ]
            return Listing((base, *paths), tuple((path, base) for path in paths), tuple(odd))
        if has_magic(key):
            keys = self._keep(store, store.glob(key))
            if not keys:
                raise KerasSRError(f"nothing matches {str(given)!r}")
            paths = [self.folder / store.scheme / one for one in keys if is_picture(one, READ)]
            return Listing(tuple(paths), tuple((path, path.parent) for path in paths))
        if store.kind(key) == "file":
            self.entries[base] = store.entry(key)
            return Listing((base,), ((base, base.parent),))
        base.mkdir(parents=True, exist_ok=True)
        return self._of_folder(base, output, self.look(base, recursive=recursive))

    def _of_folder(self, base: Path, output: Path, keys: list[str]) -> Listing:
        """Return the pictures of a folder of a store: no hidden ones, and none of where results go."""
        found: list[tuple[Path, Path]] = []
        odd: list[Odd] = []
        _store, folder = self.place(base) or ("", "")
        inside = output != base and output.is_relative_to(base)
        for key in keys:
            name = key.removeprefix(f"{folder}/")
            path = base / name
            if any(part.startswith(".") and part != ".." for part in name.split("/")):
                continue
            if inside and path.is_relative_to(output):
                continue
            if not free_name(key):
                odd.append(
                    Odd(base / Path(name).name, base, f"{key!r} cannot be a file name here: rename it")
                )
            elif is_picture(path, READ):
                found.append((path, base))
            elif path.suffix.lower() in NOT_READ:
                kind = NOT_READ[path.suffix.lower()]
                odd.append(
                    Odd(path, base, f"cannot read {str(path)!r}: {kind.name} is not read: {kind.advice}")
                )
        return Listing((base,), tuple(found), tuple(odd))
