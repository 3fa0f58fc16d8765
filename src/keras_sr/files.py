"""Files that are whole or absent: atomic writes and checksums. Standard library only."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def atomic_write(path: str | Path, mode: str = "wb") -> Iterator[IO]:
    """Open a hidden neighbour of `path` and rename it to `path` when the block ends well.

    A reader, or a crash at any moment, sees the old file or the new one, never half of one.
    Whatever ends the block early (error, Ctrl-C, full disk) removes the neighbour again.

    Args:
        path: The file to write; its folder is made when it is absent.
        mode: `"wb"` for bytes, `"w"` for text (UTF-8).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name is cut because a neighbour of a 255-byte name would be too long for the file system.
    partial = path.parent / f".{path.name[:40]}.{secrets.token_hex(4)}.part"
    encoding = None if "b" in mode else "utf-8"
    try:
        with partial.open(mode, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
