"""Where crops are cut from: pictures in memory (`ArraySource`) or in files (`FileSource`).

The third source, pictures in a cache, is in `cache.py`. A source knows its pictures by number; the sides of
HR pictures are multiples of the scale.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from keras_sr.data import degradations
from keras_sr.data.crops import crop_and_shrink, crop_pair, crop_to_multiple
from keras_sr.data.decoding import Decoder, size_of
from keras_sr.data.listing import Skipped, held_out, log, none_left, tell
from keras_sr.data.pairing import find, fits
from keras_sr.errors import DataError, PictureError
from keras_sr.images.pair import Pair

#: Two threads may meet the same broken file.
_ONE_AT_A_TIME = threading.Lock()


class Source:
    """Base of all sources.

    Attributes:
        scale: HR size over LR size.
        names: One name a picture, the same on every machine.
        sizes: int64 (n, 2), HR heights and widths.
        skipped: The files left out so far, and why.
    """

    scale: int
    names: list[str]
    sizes: np.ndarray
    skipped: list[Skipped]

    def __len__(self) -> int:
        return len(self.names)

    def picture(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return picture `k` whole: LR (h, w, 3) and HR (h * scale, w * scale, 3), uint8."""
        raise NotImplementedError

    def crop(self, k: int, y: int, x: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a square crop of picture `k`, LR and HR; its LR side is `size`, at (y, x) in LR pixels."""
        return crop_pair(*self.picture(k), y, x, (size, size), self.scale)

    def select(self, places: Sequence[int]) -> Self:
        """Return the source that holds only the pictures at these places."""
        raise NotImplementedError

    def hold_out(self, count: int) -> tuple[Self, Self]:
        """Return two sources: one to train on, and one with `count` pictures, chosen by name, to validate on.

        Raises:
            DataError: No picture would be left to train on.
        """
        held = held_out(self.names, count)
        kept = sorted(set(range(len(self))) - set(held))
        return self.select(kept), self.select(held)


class ArraySource(Source):
    """Pictures in memory.

    Args:
        hr: uint8 arrays (H, W, 3), cropped to multiples of `scale`.
        lr: The LR picture of each; made with MATLAB's bicubic kernel when not given.
        scale: HR size over LR size.
        names: One name a picture; numbers when not given.

    Raises:
        DataError: No pictures, or an LR picture that does not fit its HR picture.
    """

    def __init__(
        self,
        hr: Iterable[np.ndarray],
        lr: Iterable[np.ndarray] | None = None,
        *,
        scale: int = 4,
        names: Sequence[str] | None = None,
    ):
        self.scale, self.skipped = scale, []
        hr = list(hr)
        self.names = [f"{k:06d}" for k in range(len(hr))] if names is None else list(names)
        for image, name in zip(hr, self.names, strict=False):
            _require_pixels(image, name)
        self.hr = [crop_to_multiple(image, scale) for image in hr]
        self.lr = [degradations.bicubic(image, scale) for image in self.hr] if lr is None else list(lr)
        if not len(self.hr) == len(self.lr) == len(self.names) > 0:
            raise DataError(
                f"one LR picture and one name go with each HR picture, and there is at least one: "
                f"got {len(self.hr)} HR, {len(self.lr)} LR, {len(self.names)} names"
            )
        for small, large, name in zip(self.lr, self.hr, self.names, strict=True):
            _require_pair(small, large, scale, name)
        self.sizes = np.array([image.shape[:2] for image in self.hr])

    def picture(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return picture `k` whole, LR and HR."""
        return self.lr[k], self.hr[k]

    def select(self, places: Sequence[int]) -> "ArraySource":
        """Return the source that holds only the pictures at these places."""
        hr, lr = ([pictures[k] for k in places] for pictures in (self.hr, self.lr))
        return ArraySource(hr, lr, scale=self.scale, names=[self.names[k] for k in places])


class FileSource(Source):
    """Pictures that are decoded anew for every crop: no disk space, but about 20 times slower than a cache.

    The headers are read at the start. A file that turns out broken only when it is decoded is skipped then,
    noted once, and the next picture takes its place: a crop stays a function of the files alone.

    Args:
        folders: A folder or several, searched with all folders in them.
        scale: HR size over LR size.
        lr_folder: The folder of LR partners of the one HR folder; without it LR is made.
        degradation: How it is made; a name in `degradations.DEGRADATIONS`.
        min_side: Pictures with a shorter side, in HR pixels, are skipped; `4 * scale` when not given.

    Raises:
        DataError: A folder is missing or holds no picture that can be used.
    """

    def __init__(
        self,
        folders: str | Path | Iterable[str | Path],
        scale: int = 4,
        *,
        lr_folder: str | Path | None = None,
        degradation: str = "bicubic",
        min_side: int | None = None,
    ):
        self.scale, self.shrink = scale, degradations.degradation(degradation)
        min_side = max(4 * scale if min_side is None else min_side, scale)
        found, self.skipped = find(folders, lr_folder, scale)
        sizes = list(_header_sizes(found, scale, min_side, self.skipped))
        tell(self.skipped)
        usable = [one for one, size in zip(found, sizes, strict=True) if size]
        if not usable:
            raise none_left(self.skipped)
        self.files = Files(usable, self.skipped, min_side)
        self.names = [one.name for one in usable]
        self.sizes = np.array([size for size in sizes if size]) // scale * scale

    def picture(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return picture `k` whole, LR and HR."""
        lr, hr = fitting(*self.files.read(k), self.scale)
        return (self.shrink(hr, self.scale) if lr is None else lr.copy()), hr.copy()

    def crop(self, k: int, y: int, x: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a square crop of picture `k`, or of the next whole one where `k` is broken."""
        for taken, lr, hr in self.files.from_place(k):
            room = np.array(hr.shape[:2]) // self.scale - size + 1
            if room.min() < 1:
                continue
            if taken != k:  # The place was chosen for another size: keep where it lies in the whole.
                y, x = np.array([y, x]) * room // (self.sizes[k] // self.scale - size + 1)
            lr, hr = fitting(lr, hr, self.scale)
            if lr is None:
                pair = crop_and_shrink(hr, y, x, (size, size), self.scale, self.shrink)
            else:
                pair = crop_pair(lr, hr, y, x, (size, size), self.scale)
            return pair[0].copy(), pair[1].copy()
        raise none_left(self.skipped)

    def select(self, places: Sequence[int]) -> "FileSource":
        """Return the source that holds only the pictures at these places."""
        other = FileSource.__new__(FileSource)
        other.scale, other.shrink, other.skipped = self.scale, self.shrink, self.skipped
        found = [self.files.found[k] for k in places]
        other.files = Files(found, self.skipped, self.files.min_side)
        other.names = [self.names[k] for k in places]
        other.sizes = self.sizes[list(places)]
        return other


class Files:
    """A list of picture files that copes with broken ones.

    Args:
        found: The files.
        skipped: Where broken ones are noted, each once.
        min_side: A file with a shorter side, in HR pixels, is as good as broken.
    """

    def __init__(self, found: list[Pair], skipped: list[Skipped], min_side: int):
        self.found, self.skipped, self.min_side = found, skipped, min_side
        self.read_lr, self.read_hr = Decoder(), Decoder()
        self.broken: set[int] = set()

    def read(self, k: int) -> tuple[np.ndarray | None, np.ndarray]:
        """Return LR (or None) and HR of file `k`, until the next call in this thread overwrites them.

        Raises:
            PictureError: It is broken.
            DataError: It is too small.
        """
        one = self.found[k]
        hr = self.read_hr(one.hr)
        require_side(hr.shape[:2], self.min_side)
        return (None if one.lr is None else self.read_lr(one.lr)), hr

    def from_place(self, k: int) -> Iterator[tuple[int, np.ndarray | None, np.ndarray]]:
        """Yield (place, LR or None, HR) of file `k`, then of those after it, without the broken ones."""
        for place in (*range(k, len(self.found)), *range(k)):
            if place in self.broken:
                continue
            try:
                yield place, *self.read(place)
            except (PictureError, DataError) as error:
                self.skip(place, error)

    def skip(self, k: int, error: Exception) -> None:
        """Note that file `k` is broken."""
        one = Skipped(str(self.found[k].hr), reason(error, self.found[k]))
        with _ONE_AT_A_TIME:
            known = k in self.broken
            self.broken.add(k)
        if not known:
            self.skipped.append(one)
            log.warning("skipped %s", one)


def _header_sizes(
    found: Sequence[Pair], scale: int, min_side: int, skipped: list[Skipped]
) -> Iterator[tuple[int, int] | None]:
    """Yield the (height, width) of each file, or None and a note in `skipped` where it cannot be used."""
    for one in found:
        try:
            size = size_of(one.hr)
            require_side(size, min_side)
            if one.lr is not None:
                _require_fit(size_of(one.lr), size, scale)
            yield size
        except (PictureError, DataError) as error:
            skipped.append(Skipped(str(one.hr), reason(error, one)))
            yield None


def fitting(lr: np.ndarray | None, hr: np.ndarray, scale: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Return LR and HR cut to sizes that fit each other.

    Raises:
        DataError: The sizes are not those of a pair.
    """
    whole = crop_to_multiple(hr, scale)
    if lr is None:
        return None, whole
    _require_fit(lr.shape, hr.shape, scale)
    return lr[: whole.shape[0] // scale, : whole.shape[1] // scale], whole


def _require_fit(lr: Sequence[int], hr: Sequence[int], scale: int) -> None:
    """Raise a DataError for an LR size that is not HR / scale, rounded up or down."""
    if not fits(lr, hr, scale):
        raise DataError(
            f"LR has {lr[1]}x{lr[0]} pixels and HR {hr[1]}x{hr[0]}, which is not {scale} times that"
        )


def _require_pair(lr: np.ndarray, hr: np.ndarray, scale: int, name: str) -> None:
    """Raise a DataError for an LR array that is not the partner of a HR picture."""
    _require_pixels(lr, name)
    if tuple(n * scale for n in lr.shape[:2]) != hr.shape[:2]:
        raise DataError(f"{name}: LR {lr.shape[:2]} times {scale} is not HR {hr.shape[:2]}")


def _require_pixels(image: np.ndarray, name: str) -> None:
    """Raise a DataError for an array that is not a uint8 RGB picture."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise DataError(f"{name}: pictures are uint8 arrays (H, W, 3), not {image.dtype} {image.shape}")


def require_side(size: Sequence[int], min_side: int) -> None:
    """Raise a DataError for a picture with a side too short."""
    if min(size) < min_side:
        raise DataError(f"{size[1]}x{size[0]} pixels; the shorter side needs at least {min_side}")


def reason(error: Exception, one: Pair) -> str:
    """Return what an error says without the path in front: that is told anyway."""
    return str(error).removeprefix(f"cannot read {str(one.hr)!r}: ")
