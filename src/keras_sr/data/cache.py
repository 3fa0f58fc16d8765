"""Every picture decoded once, HR and LR, in two memory-mapped files of plain uint8: crops at memory speed.

A cache is a folder `<key>` with `hr.bin` and `lr.bin` (the pixels of all pictures, one after the other) and
`index.json`. The key is a hash of the list of files (names, sizes, times) and the settings: an unchanged
folder finds its cache and a changed one gets a new one. A cache is built under another name and renamed
when it is whole. Old caches are not removed: delete them as you like, they are built anew when needed.
"""

import errno
import hashlib
import json
import os
import secrets
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from keras_sr import files
from keras_sr.data import degradations
from keras_sr.data.alignment import offset
from keras_sr.data.decoding import decode
from keras_sr.data.listing import Skipped, none_left, tell
from keras_sr.data.pairing import find
from keras_sr.data.sources import Source, fitting, reason, require_side
from keras_sr.errors import DataError, PictureError
from keras_sr.images.pair import Pair
from keras_sr.types import Json

#: Raise it when the files' layout or the pixels in them change: old caches are then built anew.
_VERSION = 1

#: Seconds without a write after which a half-built folder is taken for that of a killed build.
_ABANDONED = 3600

Pixels = tuple[np.ndarray, np.ndarray]


def build_cache(
    folders: str | Path | Iterable[str | Path],
    scale: int = 4,
    *,
    lr_folder: str | Path | None = None,
    cache_dir: str | Path | None = None,
    degradation: str = "bicubic",
    min_side: int | None = None,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> "CacheSource":
    """Decode the pictures of folders once and return them as a source of training crops.

    LR is made from the whole picture with MATLAB's kernel, uint8 in and out, or is that of `lr_folder`. On
    disk a pixel takes 3 bytes, and 1/scale^2 of that more for LR: 1 MB for a picture of 640x480.
    Broken and small files are skipped, and listed in one log message and in `.skipped`.

    Args:
        folders: A folder or several, searched with all folders in them.
        scale: HR size over LR size.
        lr_folder: The folder of LR partners of the one HR folder.
        cache_dir: Where caches live; else the folder that the environment variable `KERAS_SR_CACHE` names;
            else `keras-sr` in the user's cache folder.
        degradation: How LR is made; a name in `degradations.DEGRADATIONS`.
        min_side: Pictures with a shorter side, in HR pixels, are skipped; `4 * scale` when not given.
        workers: Threads that decode.
        progress: Called with (pictures done, pictures in all).

    Raises:
        DataError: A folder is missing, has no usable picture, or the cache cannot be written.
    """
    shrink = degradations.degradation(degradation)
    min_side = max(4 * scale if min_side is None else min_side, scale)
    found, lonely = find(folders, lr_folder, scale)
    settings = {"version": _VERSION, "scale": scale, "degradation": degradation, "min_side": min_side}
    root = cache_folder(cache_dir)
    folder = root / _fingerprint(found, settings)
    if (cache := open_cache(folder)) is None:
        _remove_abandoned(root)
        prepare = partial(read_pair, scale=scale, shrink=shrink, min_side=min_side)
        pairs = zip(found, _in_order(prepare, found, workers), strict=True)
        _write_cache(folder, settings, pairs, lonely, lambda done: progress and progress(done, len(found)))
        if (cache := open_cache(folder)) is None:
            raise DataError(f"the cache {folder} was removed while it was built: run it again")
    tell(cache.skipped)
    return cache


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """Return where caches live, in the order that `build_cache` names."""
    return files.cache_folder() if cache_dir is None else Path(cache_dir).expanduser()


class CacheSource(Source):
    """The pictures of a cache that is on disk. Crops are views of its pages: do not write to them.

    Args:
        folder: The cache's own folder.
        scale: HR size over LR size.
        names: One name a picture.
        sizes: HR heights and widths, (n, 2).
        offsets: Where each picture starts in `hr.bin`, in bytes, (n,).
        skipped: The files that are not in it, and why.
    """

    def __init__(
        self,
        folder: Path,
        scale: int,
        names: list[str],
        sizes: np.ndarray,
        offsets: np.ndarray,
        skipped: list[Skipped],
    ):
        self.folder, self.scale, self.names = folder, scale, names
        self.sizes, self.offsets, self.skipped = sizes, offsets, skipped

    def picture(self, k: int) -> Pixels:
        """Return picture `k` whole, LR and HR."""
        height, width = self.sizes[k].tolist()
        start, part = int(self.offsets[k]), self.scale**2
        hr = self.pixels[1][start : start + height * width * 3]
        lr = self.pixels[0][start // part : (start + height * width * 3) // part]
        return (
            lr.reshape(height // self.scale, width // self.scale, 3),
            hr.reshape(height, width, 3),
        )

    def select(self, places: Sequence[int]) -> "CacheSource":
        """Return the source that holds only the pictures at these places."""
        places = list(places)
        names = [self.names[k] for k in places]
        return CacheSource(
            self.folder, self.scale, names, self.sizes[places], self.offsets[places], self.skipped
        )

    @cached_property
    def pixels(self) -> Pixels:
        """All LR and all HR bytes, mapped when first needed (and anew in each process)."""
        # asarray: slicing numpy's memmap class costs several times more than slicing the array under it.
        lr, hr = (np.asarray(np.memmap(self.folder / name, np.uint8, "r")) for name in ("lr.bin", "hr.bin"))
        return lr, hr

    def __getstate__(self) -> Json:
        return {name: value for name, value in self.__dict__.items() if name != "pixels"}


def open_cache(folder: Path) -> CacheSource | None:
    """Return the cache in a folder, or None when there is none or it is not whole."""
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        sizes = np.array(index["sizes"], np.int64).reshape(-1, 2)
        areas = sizes.prod(axis=1) * 3
        whole = (folder / "hr.bin").stat().st_size == areas.sum()
        whole &= (folder / "lr.bin").stat().st_size == areas.sum() // index["scale"] ** 2
        skipped = [Skipped(*one) for one in index["skipped"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    offsets = np.cumsum(areas) - areas
    return CacheSource(folder, index["scale"], index["names"], sizes, offsets, skipped) if whole else None


def _write_cache(
    folder: Path,
    settings: Json,
    pairs: Iterable[tuple[Pair, Pixels | Skipped]],
    skipped: list[Skipped],
    progress: Callable[[int], object],
) -> None:
    """Write all pairs to a hidden neighbour of `folder` and rename it when it is whole."""
    part = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.part"
    try:
        part.mkdir(parents=True)
        names, sizes, skipped = write_pixels(part, pairs, skipped, progress)
        if not names:
            raise none_left(skipped)
        index = {**settings, "names": names, "sizes": sizes, "skipped": [[s.path, s.reason] for s in skipped]}
        (part / "index.json").write_text(json.dumps(index), encoding="utf-8")
        _put_in_place(part, folder)
    except OSError as error:
        raise DataError(_cannot_write(error, part)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_pixels(
    part: Path,
    pairs: Iterable[tuple[Pair, Pixels | Skipped]],
    skipped: list[Skipped],
    progress: Callable[[int], object],
) -> tuple[list[str], list[tuple[int, int]], list[Skipped]]:
    """Write the pixels of all pairs; return the names and HR sizes of those written, and what was skipped."""
    names, sizes, skipped = [], [], list(skipped)
    with (part / "hr.bin").open("wb") as hr_file, (part / "lr.bin").open("wb") as lr_file:
        for done, (one, pair) in enumerate(pairs, 1):
            if isinstance(pair, Skipped):
                skipped.append(pair)
            else:
                lr, hr = pair
                lr_file.write(np.ascontiguousarray(lr).data)
                hr_file.write(np.ascontiguousarray(hr).data)
                names.append(one.name)
                sizes.append(hr.shape[:2])
            progress(done)
        for file in (lr_file, hr_file):
            file.flush()
            os.fsync(file.fileno())
    return names, sizes, skipped


def _put_in_place(part: Path, folder: Path) -> None:
    """Rename a whole cache to its name, unless another process was first."""
    try:
        part.rename(folder)
    except OSError:
        if open_cache(folder) is None:  # What is in its place is damaged.
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)


def read_pair(one: Pair, *, scale: int, shrink: Callable, min_side: int) -> Pixels | Skipped:
    """Return LR and HR of one picture, or why it is skipped."""
    try:
        hr = decode(one.hr)
        require_side(hr.shape[:2], min_side)
        lr, hr = fitting(None if one.lr is None else decode(one.lr), hr, scale)
        _require_aligned(lr, hr, scale)
    except (PictureError, DataError) as error:
        return Skipped(str(one.hr), reason(error, one))
    return (shrink(hr, scale) if lr is None else lr), hr


def _require_aligned(lr: np.ndarray | None, hr: np.ndarray, scale: int) -> None:
    """Raise a DataError for a pair that shows two pictures, or that is shifted by a pixel of HR or more."""
    found = None if lr is None else offset(lr, hr, scale)
    if found and found.fault:
        raise DataError(found.fault)


def _in_order(function: Callable, items: Sequence, workers: int) -> Iterator:
    """Yield `function(item)` for every item, in order, a few ahead in threads: decoders let go of the GIL."""
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque = deque()
        try:
            for item in items:
                ahead.append(pool.submit(function, item))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _fingerprint(found: Sequence[Pair], settings: Json) -> str:
    """Return the key of a cache: 20 hexadecimal digits that change with any file or setting."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for one in found:
        for path in (one.hr, one.lr):
            if path is not None:
                digest.update(f"{one.name}\0{path.name}\0{_state(path)}\n".encode())
    return f"x{settings['scale']}-{digest.hexdigest()[:20]}"


def _state(path: Path) -> tuple[int, int] | None:
    """Return a file's size and time of change, or None where it has neither (a dangling link)."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def _remove_abandoned(root: Path) -> None:
    """Remove what killed builds have left behind."""
    for part in root.glob(".x*.part"):
        if time.time() - max(path.stat().st_mtime for path in (part, *part.glob("*"))) > _ABANDONED:
            shutil.rmtree(part, ignore_errors=True)


def _cannot_write(error: OSError, part: Path) -> str:
    """Return the line for a cache that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk of {part.parent} is full: a cache needs 3 bytes for every pixel of the pictures; "
            "free some space, or set KERAS_SR_CACHE to a folder on a larger disk"
        )
    return (
        f"the cache cannot be written to {part.parent} ({error.strerror or error}): "
        "set KERAS_SR_CACHE to a folder that can"
    )
