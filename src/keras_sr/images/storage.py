"""Room for pixels: in memory while a picture is small, in a file on the disk when it is not.

An array on the disk is used like any other. What has been read or written of it stays in the page cache
of the system, which gives it up when memory runs short; `release` takes it out of the process.
"""

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError

#: Rows are handled in pieces of about this many bytes where a whole picture must not be copied.
PIECE = 32 << 20


@dataclass(frozen=True)
class Storage:
    """Where arrays of pixels are made.

    Attributes:
        limit: Arrays of more bytes are made on the disk; None makes none there.
        folder: Where; the files have no name and are gone with the process, however it ends.
    """

    limit: int | None = None
    folder: Path | None = None

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array whose values are arbitrary.

        Raises:
            PictureError: The disk has no room for it.
        """
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if self.limit is None or size <= self.limit:
            return np.empty(shape, dtype)
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
