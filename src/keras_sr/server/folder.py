"""The private folder of a server: gone when it ends, and at the next start when it was killed."""

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import IO

PREFIX, LOCK = "keras-sr-serve-", "lock"


class PrivateFolder:
    """A folder that only this user can read, locked while its server lives.

    Args:
        parent: Where to make it; None takes the system's folder for temporary files.

    Attributes:
        path: The folder.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        parent.mkdir(parents=True, exist_ok=True)
        wipe_left_over(parent)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # of mode 0700
        self._lock = (self.path / LOCK).open("w")
        _try_lock(self._lock)

    def close(self) -> None:
        """Delete the folder with all that is in it."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def wipe_left_over(parent: Path) -> list[Path]:
    """Delete the folders of servers that were killed; return which."""
    wiped = []
    for path in parent.glob(f"{PREFIX}*"):
        # Those of other users, and links that they may have put there, are left alone.
        with contextlib.suppress(OSError):
            if path.is_symlink() or not path.is_dir() or not _mine(path) or _in_use(path):
                continue
            shutil.rmtree(path)
            wiped.append(path)
    return wiped


def _mine(path: Path) -> bool:
    import os

    return os.name != "posix" or path.stat().st_uid == os.getuid()


def _in_use(path: Path) -> bool:
    try:
        with (path / LOCK).open("r+") as lock:
            return not _try_lock(lock)
    except FileNotFoundError:
        return False  # killed before it was locked, or while it was wiped


def _try_lock(file: IO) -> bool:
    """Lock a file until it is closed; return False where another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows: what is open there cannot be deleted, which says as much
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
