"""Files that are whole or absent: atomic writes and checksums. Standard library only."""

import glob
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
        mode: `"wb"` for bytes, `"w"` for text (UTF-8; file names in it that are not are spelled out).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.parent / f"{partial_stem(path)}.{os.getpid():x}.{secrets.token_hex(4)}.part"
    encoding, errors = (None, None) if "b" in mode else ("utf-8", "backslashreplace")
    try:
        with partial.open(mode, encoding=encoding, errors=errors) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def partial_stem(path: Path) -> str:
    """Return how the names of unfinished neighbours of a file begin."""
    # The name is cut because a neighbour of a 255-byte name would be too long for the file system.
    return f".{path.name[:40]}"


def remove_left_over(path: Path) -> None:
    """Remove unfinished neighbours of a file whose process has been killed; others are being written."""
    if os.name != "posix":  # elsewhere, asking whether a process lives may end it
        return
    for partial in path.parent.glob(f"{glob.escape(partial_stem(path))}.*.????????.part"):
        process = partial.name.rsplit(".", 3)[1]
        with suppress(ValueError, OSError):
            if not lives(int(process, 16)):
                partial.unlink()


def lives(process: int) -> bool:
    """Return whether there is a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
