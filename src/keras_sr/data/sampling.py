"""Which crop comes when: item i as a pure function of (seed, i), whatever made the items before it.

Philox is a counter-based generator (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011).
The numbers of item i are those at counter i, so a batch can be made by any worker, in any order, or again
after a restart. Only its raw integers are used, which numpy promises never to change.
"""

from functools import lru_cache

import numpy as np

from keras_sr.errors import DataError

#: Which numbers are for what: two streams of one seed never meet.
CROPS, ORDER, NOISE, DAMAGE = 0, 1, 2, 3


def uniforms(seed: int, first: int, count: int) -> np.ndarray:
    """Return four numbers in [0, 1) for each of the items `first` to `first + count - 1`: float64 (count, 4).

    Examples:
        >>> bool((uniforms(1, 0, 8)[5] == uniforms(1, 5, 1)[0]).all())
        True
    """
    raw = philox(seed, CROPS, first).random_raw(4 * count).reshape(count, 4)
    return (raw >> np.uint64(11)) * 2.0**-53


def pick(uniform: np.ndarray, choices: np.ndarray | int) -> np.ndarray:
    """Return integers from 0 to `choices - 1` for numbers in [0, 1)."""
    return (uniform * choices).astype(np.int64)


def shares(sizes: np.ndarray, crop: int, weight_by: str) -> np.ndarray:
    """Return how often each picture comes in an epoch: int64 (n,), each at least 1.

    Args:
        sizes: (n, 2) heights and widths.
        crop: Side of the crop, in the same pixels.
        weight_by: `"area"`: as often as crops fit into the picture by area; `"picture"`: once.
    """
    if weight_by == "picture":
        return np.ones(len(sizes), np.int64)
    return np.maximum(sizes.prod(axis=1) // crop**2, 1)


def pictures(seed: int, first: int, count: int, ends: np.ndarray) -> np.ndarray:
    """Return which picture each of the items `first` to `first + count - 1` is cut from: int64 (count,).

    Epoch after epoch, each a new shuffle in which picture k comes as often as its share.

    Args:
        seed: Seed of the run.
        first: Global number of the first item.
        count: Number of items.
        ends: Cumulative sum of the shares, (n,).
    """
    items = np.arange(first, first + count)
    epochs, places = np.divmod(items, ends[-1])
    slots = np.concatenate(
        [order(seed, int(epoch), int(ends[-1]))[places[epochs == epoch]] for epoch in np.unique(epochs)]
    )
    return np.searchsorted(ends, slots, side="right")


@lru_cache(maxsize=4)
def order(seed: int, epoch: int, count: int) -> np.ndarray:
    """Return the shuffle of one epoch: a permutation of `range(count)`."""
    keys = philox(seed, ORDER, 0, epoch).random_raw(count)
    return np.argsort(keys, kind="stable")


def generator(seed: int, item: int) -> np.random.Generator:
    """Return the generator of what happens to one item, such as its noise: a function of (seed, item)."""
    return np.random.Generator(philox(seed, DAMAGE, 0, item))


def philox(seed: int, stream: int, counter: int, epoch: int = 0) -> np.random.Philox:
    """Return the generator of one stream, standing at `counter`."""
    return np.random.Philox(key=key(seed), counter=np.array([counter, stream, epoch, 0], np.uint64))


@lru_cache(maxsize=64)
def key(seed: int) -> np.ndarray:
    """Return a seed's key; neighbouring seeds give unrelated keys."""
    if seed < 0:
        raise DataError(f"a seed is a whole number from 0 on, not {seed}")
    return np.random.SeedSequence(seed).generate_state(2, np.uint64)
