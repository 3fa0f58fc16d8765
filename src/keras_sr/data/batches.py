"""The training data of every recipe: `Batches` of LR and HR crops from any source.

Batch i is a function of (source, seed, start_step + i) and of nothing else: not of the number of workers, nor
of the order in which batches are asked for, nor of what Keras does between epochs. A run that is resumed with
`start_step` at the step where it stopped goes on with exactly the batches that it would have seen.
"""

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from keras_sr.data import sampling
from keras_sr.data.crops import TURNS, put_turned, turn
from keras_sr.data.data_format import data_format_for
from keras_sr.data.prefetch import Ahead
from keras_sr.data.sources import Source
from keras_sr.errors import DataError, unknown

#: f(hr, scale, rng) to LR, uint8: what a crop goes through, such as one of `presets.PRESETS`.
Damage = Callable[..., np.ndarray]

#: HR pixels around a crop that damage may read: what a blur or a JPEG block takes from there.
_AROUND = 16

_DTYPES = ("float32", "float16", "uint8")
_WEIGHTS = ("area", "picture")


class Batches(keras.utils.PyDataset):
    """Batches of random crops, `(lr, hr)`, for `fit`.

    They are a row without end, of which `steps` batches from `start_step` on are given. Without `steps` Keras
    asks for batches 0, 1, 2, ... through all epochs, and `fit` needs `steps_per_epoch`. With `steps` every
    epoch has the same batches: that is for validation, or for one epoch at a time. Pass `shuffle=False` to
    `fit`: crops are shuffled already, and Keras would put the batches in an order of its own.

    Args:
        source: Where the crops are cut from; its `scale` is that of the batches.
        batch_size: Pairs in a batch.
        hr_crop: Side of the HR crop, a multiple of the scale.
        seed: Whole number from 0 on; None picks one, kept in `.seed`.
        steps: Number of batches; None for no end.
        start_step: The global number of batch 0.
        augment: Turn and mirror each crop in one of 8 ways.
        weight_by: `"area"` takes as many crops from a picture in an epoch of all pictures as fit into it, so
            that large ones give more; `"picture"` takes one from each.
        data_format: `"channels_last"`, `"channels_first"`, or `"auto"` for the faster one
            (`data/data_format.py`).
        damage: Makes LR of each crop anew, at random, in place of the source's LR; what happens to item i
            is a function of (seed, i).
        sharp: Also give LR with the same damage but its blur: batches are `((lr, sharp), hr)` then. It needs
            a `damage` that takes `blurred`, as those of `data.presets` do.
        dtype: `"float32"` or `"float16"` in [0, 1], or `"uint8"` in [0, 255].
        workers: Threads that make the following batches while one is used, 0 for none. The batches are the
            same for any number.

    Attributes:
        names: The pictures in use; those with a side below `hr_crop` are left out.

    Raises:
        DataError: The crop is no multiple of the scale or larger than every picture, or a value is unknown.

    Examples:
        >>> from keras_sr.data.sources import ArraySource
        >>> photo = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
        >>> lr, hr = Batches(ArraySource([photo]), batch_size=2)[0]
        >>> lr.shape, hr.shape
        ((2, 24, 24, 3), (2, 96, 96, 3))
    """

    def __init__(
        self,
        source: Source,
        *,
        batch_size: int = 16,
        hr_crop: int = 96,
        seed: int | None = 0,
        steps: int | None = None,
        start_step: int = 0,
        augment: bool = True,
        weight_by: str = "area",
        damage: Damage | None = None,
        sharp: bool = False,
        data_format: str = "channels_last",
        dtype: str = "float32",
        workers: int = 0,
    ):
        _require_counts(source.scale, hr_crop, batch_size, steps, start_step)
        require_known("weight_by", weight_by, _WEIGHTS)
        require_known("dtype", dtype, _DTYPES)
        if sharp and damage is None:
            raise DataError("LR without its blur needs a `damage` that blurs: give one, or sharp=False")
        super().__init__()
        self.sharp = sharp
        self.damage, self.around = damage, -(-_AROUND // source.scale) if damage else 0
        self.source = _large_enough(source, hr_crop + 2 * self.around * source.scale)
        self.scale, self.names = source.scale, self.source.names
        self.steps, self.start_step = steps, start_step
        self.batch_size, self.hr_crop, self.lr_crop = batch_size, hr_crop, hr_crop // source.scale
        self.seed = secrets.randbits(32) if seed is None else seed
        self.augment, self.dtype = augment, dtype
        self.data_format = data_format_for(data_format)
        self.ends = np.cumsum(sampling.shares(self.source.sizes, hr_crop, weight_by))
        self.ahead = Ahead(self.make, workers, None if steps is None else start_step + steps)

    @property
    def num_batches(self) -> int | None:
        """Number of batches, or None for no end."""
        return self.steps

    def __len__(self) -> int:
        if self.steps is None:
            raise TypeError("Batches without an end have no len(): give steps=, or steps_per_epoch= to fit")
        return self.steps

    def __getitem__(self, i: int) -> Any:
        """Return batch `i`, which is batch `start_step + i` of the row."""
        if i < 0 or (self.steps is not None and i >= self.steps):
            raise IndexError(f"there is no batch {i} in these {self.steps}")
        return self.ahead.get(self.start_step + i)

    def make(self, step: int) -> Any:
        """Return the batch of a global step: LR (N, h, w, 3) and HR (N, h * scale, w * scale, 3)."""
        parts = self.pixels(step)
        if self.data_format == "channels_first":
            parts = tuple(np.ascontiguousarray(part.transpose(0, 3, 1, 2)) for part in parts)
        lr, *sharp, hr = (_as_type(part, self.dtype) for part in parts)
        return (lr, *sharp) if sharp else lr, hr

    def pixels(self, step: int) -> tuple[np.ndarray, ...]:
        """Return LR, sharp LR where it is asked for, and HR of a global step as uint8, channels last."""
        n, first = self.batch_size, step * self.batch_size
        numbers = sampling.uniforms(self.seed, first, n)
        chosen = sampling.pictures(self.seed, first, n, self.ends)
        cut = self.lr_crop + 2 * self.around
        rooms = self.source.sizes[chosen] // self.scale - cut + 1
        places = sampling.pick(numbers[:, :2], rooms).tolist()
        ways = (sampling.pick(numbers[:, 2], TURNS) if self.augment else np.zeros(n, int)).tolist()
        lr, sharp = (np.empty((n, self.lr_crop, self.lr_crop, 3), np.uint8) for _ in range(2))
        hr = np.empty((n, self.hr_crop, self.hr_crop, 3), np.uint8)
        for j, (k, (y, x), way) in enumerate(zip(chosen.tolist(), places, ways, strict=True)):
            small, large = self.source.crop(k, y, x, cut)
            if self.damage is None:
                put_turned(lr[j], small, way)
                put_turned(hr[j], large, way)
            else:
                whole = np.ascontiguousarray(turn(large, way))
                lr[j] = self._damaged(whole, first + j, self.damage)
                if self.sharp:
                    sharp[j] = self._damaged(whole, first + j, partial(self.damage, blurred=False))
                hr[j] = _inner(whole, self.around * self.scale, self.hr_crop)
        return (lr, sharp, hr) if self.sharp else (lr, hr)

    def _damaged(self, hr: np.ndarray, item: int, damage: Damage) -> np.ndarray:
        """Return LR of a crop that has `around` LR pixels too many on each side."""
        lr = damage(hr, self.scale, sampling.generator(self.seed, item))
        return _inner(lr, self.around, self.lr_crop)


def _inner(crop: np.ndarray, around: int, side: int) -> np.ndarray:
    """Return a square crop without what is around it."""
    inner = slice(around, around + side)
    return crop[inner, inner]


def _as_type(batch: np.ndarray, dtype: str) -> np.ndarray:
    """Return uint8 pixels as `dtype`; floats in [0, 1]."""
    if dtype == "uint8":
        return batch
    return np.divide(batch, np.float32(255), dtype=np.float32).astype(dtype, copy=False)


def _large_enough(source: Source, hr_crop: int) -> Source:
    """Return the source without the pictures that a crop does not fit into."""
    fits = np.flatnonzero((source.sizes >= hr_crop).all(axis=1))
    if len(fits) == 0:
        raise DataError(
            f"none of the {len(source)} pictures holds a crop of {hr_crop}x{hr_crop}: "
            "give larger pictures, or a smaller `crop`"
        )
    return source if len(fits) == len(source) else source.select(fits.tolist())


def _require_counts(scale: int, hr_crop: int, batch_size: int, steps: int | None, start_step: int) -> None:
    """Raise a DataError for numbers that make no batches."""
    if hr_crop < scale or hr_crop % scale:
        raise DataError(f"hr_crop is a multiple of the scale {scale}, not {hr_crop}")
    if batch_size < 1 or (steps is not None and steps < 1) or start_step < 0:
        raise DataError(
            "batch_size and steps are at least 1 and start_step at least 0, "
            f"not {batch_size}, {steps} and {start_step}"
        )


def require_known(kind: str, name: str, known: tuple[str, ...]) -> None:
    """Raise a DataError for a name that does not exist."""
    if name not in known:
        raise DataError(unknown(kind, name, known))
