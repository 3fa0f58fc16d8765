"""Room for pixels: in memory while there is room for them, in a file on the disk where there is not.

An array on the disk is used like any other. What has been read or written of it stays in the page cache
of the system, which gives it up when memory runs short; `release` takes it out of the process.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Any

import numpy as np

from keras_sr.errors import PictureError

#: Rows are handled in pieces of about this many bytes where a whole picture must not be copied.
PIECE = 8 << 20


class Room:
    """Bytes of memory that several take from, and give back.

    Args:
        limit: How many there are; None for as many as anybody wants.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self._taken, self._changed = 0, Condition()

    def take(self, size: int) -> bool:
        """Take bytes where there are as many; return whether they were taken."""
        with self._changed:
            if self.limit is not None and self._taken + size > self.limit:
                return False
            self._taken += size
            return True

    def give_back(self, size: int) -> None:
        """Give bytes back that were taken."""
        with self._changed:
            self._taken -= size
            self._changed.notify_all()

    @contextmanager
    def held(self, size: int) -> Generator[None]:
        """Wait until there are as many bytes, and hold them; what is larger than the room goes alone."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.limit is None or not self._taken or self._taken + size <= self.limit
            )
            self._taken += size
        try:
            yield
        finally:
            self.give_back(size)


@dataclass(frozen=True)
class Storage:
    """Where arrays of pixels are made.

    Attributes:
        limit: Bytes that its arrays take in memory, all together; further ones are made on the disk. None
            makes none there.
        folder: Where; the files have no name and are gone with the process, however it ends.
        whole: What decoders and encoders that hold a whole picture take turns at.
        promised: Whether what is larger than that room is refused; else it goes alone.
    """

    limit: int | None = None
    folder: Path | None = None
    whole: Room = field(default_factory=Room, repr=False, compare=False)
    promised: bool = False
    _room: Room = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_room", Room(self.limit))

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array whose values are arbitrary.

        Raises:
            PictureError: The disk has no room for it.
        """
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if self.limit is None:
            return np.empty(shape, dtype)
        if self._room.take(size):
            array = np.empty(shape, dtype)
            # Views of an array keep it: it is given back with the last of them.
            weakref.finalize(array, self._room.give_back, size).atexit = False
            return array
        folder = self.folder or Path(tempfile.gettempdir())
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                # Reserved at once: a mapped file that finds the disk full later ends the process.
                _reserve(file.fileno(), size)
                return np.memmap(file, dtype, "r+", shape=shape)
        except OSError as error:
            raise PictureError(
                f"no room for {size / 2**30:.1f} GiB of pixels in {folder}: {error.strerror or error}"
            ) from error

    def keep(self, array: np.ndarray) -> np.ndarray:
        """Return an array of somebody else's, copied to where arrays of its size are made."""
        if self.limit is None:
            return array
        out = self.empty(array.shape, array.dtype)
        for rows in pieces(len(array), array[:1].nbytes):
            out[rows] = array[rows]
            release(out)
        return out


#: Everything in memory.
IN_MEMORY = Storage()


def _reserve(descriptor: int, size: int) -> None:
    """Make a file as long as this, with room on the disk for all of it."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    zeros = bytes(1 << 20)
    for start in range(0, size, len(zeros)):
        os.write(descriptor, zeros[: size - start])


def release(*arrays: np.ndarray | None) -> None:
    """Take what is mapped of arrays on the disk out of the process's memory; others stay as they are."""
    for array in arrays:
        owner: Any = array
        while owner is not None and not isinstance(owner, mmap.mmap):
            owner = owner.base if isinstance(owner, np.ndarray) else getattr(owner, "obj", None)
        if owner is not None and hasattr(mmap, "MADV_DONTNEED"):
            owner.madvise(mmap.MADV_DONTNEED)


def pieces(height: int, row_bytes: int) -> Iterator[slice]:
    """Yield slices of rows that together are a picture, each about `PIECE` bytes.

    Examples:
        >>> list(pieces(5, PIECE // 2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, PIECE // max(1, row_bytes))
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


def fill(array: np.ndarray, value: Any) -> None:
    """Set all of an array to a value, some rows at a time."""
    for rows in pieces(len(array), array[:1].nbytes):
        array[rows] = value
        release(array)


def by_pieces(
    function: Callable[..., np.ndarray], dtype: Any, storage: Storage, *arrays: np.ndarray
) -> np.ndarray:
    """Return `function(*arrays)`, computed on some rows at a time; it has the shape of the first array."""
    out = storage.empty(arrays[0].shape, dtype)
    # Room for the floats that functions on pixels make on the way.
    row_bytes = 8 * sum(array[0].size for array in arrays)
    for rows in pieces(len(out), row_bytes):
        out[rows] = function(*(array[rows] for array in arrays))
        release(out, *arrays)
    return out


def everywhere(test: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> bool:
    """Return whether a test of single values holds for all of an array, looked at in pieces."""
    row_bytes = array[0].nbytes
    for rows in pieces(len(array), row_bytes):
        if not test(array[rows]).all():
            return False
        release(array)
    return True
