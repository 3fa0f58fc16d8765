"""`COCOBatchGenerator`: the interface of the project that this one grew from, over the same data pipeline.

Its users expect LR in [0, 1] and HR in [-1, 1]; nothing else in keras-sr does. The crops, the order and the
noise of item i are a function of (seed, epoch, i).
"""

import secrets
from pathlib import Path

import keras
import numpy as np

from keras_sr.data import sampling
from keras_sr.data.batches import require_known
from keras_sr.data.crops import TURNS, crop_and_shrink, crop_to_multiple, turn
from keras_sr.data.data_format import data_format_for
from keras_sr.data.degradations import as_unit, with_noise
from keras_sr.data.degradations import degradation as shrinker
from keras_sr.data.listing import none_left
from keras_sr.data.pairing import find
from keras_sr.data.prefetch import Ahead, Batch
from keras_sr.data.sources import Files
from keras_sr.errors import DataError
from keras_sr.images.pair import Pair
from keras_sr.images.resize import imresize

_COLOR_MODES = ("rgb", "bgr")
_CROP_MODES = ("fixed_size", "random_size")

#: The noise of the original generator: a variance of 0.1 in squared grey levels of 255, which nobody sees.
SEED_NOISE = 0.1**0.5

#: How many batches Keras reads, and drops, before it begins.
_PEEKED = 2


class COCOBatchGenerator(keras.utils.PyDataset):
    """Batches `(batch_LR, batch_HR)` from a folder of photographs, endless by `next()` or an epoch for `fit`.

    An epoch has every picture once; its last batch may be smaller. For epochs of any other length give `fit`
    a row without end: `fit((pair for pair in batches), steps_per_epoch=1000, shuffle=False)`.

    With `crop_mode="fixed_size"` HR is a patch of `target_size` somewhere in the picture; where the picture
    is too small for that, a patch as large as its short edge, enlarged bicubic. With `"random_size"` the
    patch is of a random size between `target_size` and the short edge, and resized bicubic.

    Args:
        directory: The folder, searched with all folders in it; with or without a slash at its end.
        target_size: (height, width) of HR, multiples of `downscale_factor`.
        downscale_factor: HR size over LR size.
        batch_size: Pairs in a batch.
        shuffle: A new order in each epoch, otherwise that of the names.
        seed: Whole number from 0 on; None picks one, kept in `.seed`.
        color_mode: `"rgb"` or `"bgr"`.
        crop_mode: `"fixed_size"` or `"random_size"`.
        data_format: `"channels_last"`, `"channels_first"`, or `"auto"` for the faster one.
        degradation: `"bicubic"`, the kernel of the benchmarks, or `"bilinear"`, the original's.
        noise: Standard deviation, in grey levels, of noise added to HR before LR is made from it;
            `SEED_NOISE` is the original's.
        augment: Mirror patches, and turn square ones.
        workers: Threads that make the following batches while one is used. The batches are the same for any.

    Attributes:
        samples: Number of files.
        filenames: Their paths, relative to the folder's parent.
        skipped: The broken and tiny files met so far; the next picture in the list takes the place of one.
        image_shape_hr: (height, width, 3).
        image_shape_lr: (height, width, 3).
        epoch: The epochs of `fit` that are over; may be set.

    Raises:
        DataError: The folder is missing or has no pictures, a value is unknown; or, when a batch is made, all
            of the pictures are broken.
    """

    def __init__(
        self,
        directory: str | Path,
        target_size: tuple[int, int] = (256, 256),
        downscale_factor: int = 4,
        batch_size: int = 8,
        shuffle: bool = True,
        seed: int | None = None,
        color_mode: str = "rgb",
        crop_mode: str = "fixed_size",
        data_format: str = "channels_last",
        *,
        degradation: str = "bicubic",
        noise: float = 0.0,
        augment: bool = False,
        workers: int = 2,
    ):
        require_known("color_mode", color_mode, _COLOR_MODES)
        require_known("crop_mode", crop_mode, _CROP_MODES)
        _require_sizes(target_size, downscale_factor, batch_size, noise)
        height, width = target_size
        self.directory, self.target_size = directory, (height, width)
        self.downscale_factor, self.batch_size = downscale_factor, batch_size
        self.shuffle, self.seed = shuffle, secrets.randbits(32) if seed is None else seed
        self.color_mode, self.crop_mode = color_mode, crop_mode
        self.data_format = data_format_for(data_format)
        self.shrink, self.noise, self.augment = shrinker(degradation), noise, augment
        self.image_shape_hr = (height, width, 3)
        self.image_shape_lr = (height // downscale_factor, width // downscale_factor, 3)
        found, self.skipped = find(directory, None, downscale_factor)
        # LR is made here, by the original's kernel; what lies there as LR is no truth.
        found = [Pair(one.name, one.hr) for one in found]
        self.files = Files(found, self.skipped, 4 * downscale_factor)
        self.filenames, self.samples = [one.name for one in found], len(found)
        super().__init__()
        self.ahead = Ahead(self.make, workers)
        self.epoch, self.read = 0, set()
        self.reset()

    def reset(self) -> None:
        """Let `next()` begin again with the first batch."""
        self.step = 0

    def __iter__(self) -> "COCOBatchGenerator":
        return self

    def __next__(self) -> Batch:
        with self.ahead.lock:
            step, self.step = self.step, self.step + 1
        return self.ahead.get(step)

    def next(self) -> Batch:
        """Return the next batch: LR float32 (N, h, w, 3) in [0, 1], HR float32 (N, H, W, 3) in [-1, 1]."""
        return next(self)

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    def __getitem__(self, i: int) -> Batch:
        """Return batch `i` of the epoch of `fit` that is on."""
        if not 0 <= i < len(self):
            raise IndexError(f"there is no batch {i} in an epoch of {len(self)}")
        with self.ahead.lock:
            # Keras fetches ahead: the next epoch may begin before it has said that this one is over.
            if i in self.read:
                self.go_on_if_all_was_read()
            self.read.add(i)
            step = self.epoch * len(self) + i
        return self.ahead.get(step)

    def on_epoch_begin(self) -> None:
        """Forget what Keras has read to learn the shapes, if that was everything."""
        # Only then: with fit's steps_per_epoch an epoch of Keras begins in the middle of one of ours.
        if len(self) <= _PEEKED:
            with self.ahead.lock:
                self.read.clear()

    def on_epoch_end(self) -> None:
        """Go on to the next epoch if all of this one was read: Keras also ends epochs it never began."""
        with self.ahead.lock:
            self.go_on_if_all_was_read()

    def go_on_if_all_was_read(self) -> None:
        """Begin the next epoch of `fit`, if nothing of this one is left."""
        if len(self.read) == len(self):
            self.read.clear()
            self.epoch += 1

    def make(self, step: int) -> Batch:
        """Return batch `step`, counted through all epochs."""
        epoch, i = divmod(step, len(self))
        places = np.arange(i * self.batch_size, min((i + 1) * self.batch_size, self.samples))
        chosen = sampling.order(self.seed, epoch, self.samples)[places] if self.shuffle else places
        first = epoch * self.samples + int(places[0])
        numbers = sampling.uniforms(self.seed, first, len(places))
        lr = np.empty((len(places), *self.image_shape_lr), np.float32)
        hr = np.empty((len(places), *self.image_shape_hr), np.float32)
        for j, k in enumerate(chosen.tolist()):
            small, large = self.pair(k, first + j, numbers[j])
            as_unit(small, out=lr[j])
            np.divide(large, np.float32(127.5), out=hr[j])
            hr[j] -= 1  # One picture at a time, while it is in the processor's cache.
        if self.color_mode == "bgr":
            lr, hr = lr[..., ::-1], hr[..., ::-1]
        if self.data_format == "channels_first":
            lr, hr = lr.transpose(0, 3, 1, 2), hr.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(lr), np.ascontiguousarray(hr)

    def pair(self, k: int, item: int, numbers: np.ndarray) -> Batch:
        """Return LR and HR of one item, in grey levels, cut from file `k` or from the next whole one."""
        whole = next(self.files.from_place(k), None)
        if whole is None:
            raise none_left(self.skipped)
        lr, hr = self.patch(whole[-1], numbers, item)
        ways = (TURNS if hr.shape[0] == hr.shape[1] else 4) if self.augment else 1
        way = int(sampling.pick(numbers[2], ways))
        return turn(lr, way), turn(hr, way)

    def patch(self, picture: np.ndarray, numbers: np.ndarray, item: int) -> Batch:
        """Return LR, in grey levels, and HR, uint8, of a patch of a picture."""

        def shrink(hr: np.ndarray, scale: int) -> np.ndarray:
            if self.noise:
                rng = np.random.Generator(sampling.philox(self.seed, sampling.NOISE, 0, item))
                hr = with_noise(hr, self.noise, rng)
            return self.shrink(hr, scale)

        scale, size = self.downscale_factor, (self.image_shape_lr[0], self.image_shape_lr[1])
        picture = crop_to_multiple(picture, scale)
        rooms = np.array(picture.shape[:2]) // scale - size
        if self.crop_mode == "fixed_size" and rooms.min() >= 0:
            y, x = sampling.pick(numbers[:2], rooms + 1).tolist()
            return crop_and_shrink(picture, y, x, size, scale, shrink)
        hr = imresize(random_patch(picture, self.target_size, numbers), size=self.target_size)
        return shrink(hr, scale), hr


def random_patch(picture: np.ndarray, target: tuple[int, int], numbers: np.ndarray) -> np.ndarray:
    """Return a random patch of the shape of `target`, between that size and the largest in the picture.

    A picture smaller than `target` gives the largest.
    """
    height, width = picture.shape[:2]
    most = min(height, _height_of(width, target))
    h = most if most <= target[0] else target[0] + int(numbers[3] * (most - target[0] + 1))
    w = min(width, max(1, round(h * target[1] / target[0])))
    y, x = sampling.pick(numbers[:2], np.array([height - h + 1, width - w + 1]))
    return picture[y : y + h, x : x + w]


def _height_of(width: int, target: tuple[int, int]) -> int:
    """Return the height of a patch of this width that has the shape of `target`; at least 1."""
    return max(1, width * target[0] // target[1])


def _require_sizes(target_size: tuple[int, int], scale: int, batch_size: int, noise: float) -> None:
    """Raise a DataError for sizes that make no patches."""
    if isinstance(target_size, int) or scale < 1:
        raise DataError(
            f"target_size is (height, width) and downscale_factor at least 1, not {target_size} and {scale}"
        )
    if len(target_size) != 2 or any(side < scale or side % scale for side in target_size):
        raise DataError(f"target_size is (height, width), multiples of {scale}, not {tuple(target_size)}")
    if batch_size < 1 or noise < 0:
        raise DataError(f"batch_size is at least 1 and noise at least 0, not {batch_size} and {noise}")
