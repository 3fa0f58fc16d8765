"""Files that are whole or absent: atomic writes and checksums. Standard library only."""

import errno
import glob
import hashlib
import os
import platform
import re
import secrets
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_write(path: str | Path, mode: str = "wb") -> Generator[IO[Any]]:
    """Open a hidden neighbour of `path` and rename it to `path` when the block ends well.

    A reader, or a crash at any moment, sees the old file or the new one, never half of one.
    Whatever ends the block early (error, Ctrl-C, full disk) removes the neighbour again.

    Args:
        path: The file to write; its folder is made when it is absent.
        mode: `"wb"` for bytes, `"w"` for text (UTF-8; file names in it that are not are spelled out).
    """
    # Through a link, which stays one.
    path = Path(os.path.realpath(path)) if Path(path).is_symlink() else Path(path)
    make_folder(path.parent)
    partial = path.parent / f"{_partial_stem(path)}.{_HOST}.{os.getpid():x}.{secrets.token_hex(4)}.part"
    encoding, errors = (None, None) if "b" in mode else ("utf-8", "backslashreplace")
    try:
        with partial.open(mode, encoding=encoding, errors=errors) as file:
            _lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where it is absent.

    Raises:
        NotADirectoryError: A file is in its place.
        OSError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error


def raw_part(partial: Path) -> Path:
    """Return the name of a second unfinished neighbour, beside that of an `atomic_write`."""
    return partial.with_name(f"{partial.name.removesuffix('.part')}.raw.part")


#: This machine, in the names of unfinished files: several may share a folder.
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]

#: Seconds after which an unfinished file of another machine, that nobody holds, is one left over.
_OLD = 24 * 3600


def _lock(file: IO[Any]) -> bool:
    """Hold a file until it is closed, where the system can; return whether nobody else holds it."""
    try:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # not of this system, or not of this file system
        return True
    return True


def _partial_stem(path: Path) -> str:
    """Return how the names of unfinished neighbours of a file begin."""
    # The name is cut because a neighbour of a 255-byte name would be too long for the file system.
    return f".{path.name[:40]}"


def remove_left_over(path: Path) -> None:
    """Remove unfinished neighbours of a file that nobody writes any more; others are being written.

    Process numbers mean nothing on another machine or in another container: an unfinished file goes only when
    nobody holds its lock, and when its process was of this machine and is dead, or when it is a day old.
    """
    _remove(path.parent.glob(f"{glob.escape(_partial_stem(path))}.*.part"))


def remove_left_over_below(folder: Path) -> None:
    """Do the same for all files in a folder and in those below it."""
    _remove(folder.rglob(".*.part"))


def _remove(partials: Iterable[Path]) -> None:
    """Remove those of unfinished files that nobody writes any more."""
    if os.name != "posix":  # elsewhere, asking whether a process lives may end it
        return
    for partial in partials:
        with suppress(ValueError, OSError):
            if _left_over(partial):
                partial.unlink()


def _left_over(partial: Path) -> bool:
    """Return whether nobody writes an unfinished file any more."""
    *_, host, process, token = partial.name.removesuffix(".part").removesuffix(".raw").split(".")
    if not (re.fullmatch("[0-9a-f]{8}", host) and re.fullmatch("[0-9a-f]{8}", token)):
        return False
    held = partial.with_name(partial.name.replace(".raw.part", ".part"))
    with suppress(FileNotFoundError), held.open("rb") as file:
        if not _lock(file):
            return False
    if host == _HOST and not _lives(int(process, 16)):
        return True
    return time.time() - partial.stat().st_mtime > _OLD


def _lives(process: int) -> bool:
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


def cache_folder(kind: str = "") -> Path:
    """Return the folder for what can be made or fetched again: KERAS_SR_CACHE, or the system's cache folder.

    Args:
        kind: The folder in it, such as `"sets"`; "" for the whole.
    """
    system = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    root = os.environ.get("KERAS_SR_CACHE") or Path(system) / "keras-sr"
    return (Path(root) / kind).expanduser()
