"""Pictures fitted to networks that take other bands than RGB, or only sides that are whole multiples."""

from collections.abc import Callable

import numpy as np

from keras_sr.facts import NetworkFacts


def fitted(run: Callable[[np.ndarray], np.ndarray], batch: np.ndarray, facts: NetworkFacts) -> np.ndarray:
    """Run an RGB batch of any size through a network for other bands or sizes.

    A network for grey pictures enlarges each band by itself. A fourth band is that of opaque pixels, and is
    dropped again. Sides are mirrored at the bottom and right to whole multiples, without the edge pixel, as
    Real-ESRGAN does.

    Args:
        run: (N, h, w, bands) to (N, h * scale, w * scale, bands).
        batch: (N, h, w, 3).
        facts: Of the network.

    Returns:
        (N, h * scale, w * scale, 3).
    """
    n, h, w, c = batch.shape
    high, wide = h * facts.scale, w * facts.scale
    if facts.bands == 1:
        batch = batch.transpose(0, 3, 1, 2).reshape(n * c, h, w, 1)
    elif facts.bands == 4:
        batch = np.concatenate([batch, np.ones_like(batch[..., :1])], axis=3)
    if facts.multiple > 1:
        batch = _filled_up(batch, facts.multiple)
    sr = run(batch)
    if facts.multiple > 1:
        sr = sr[:, :high, :wide]
    if facts.bands == 1:
        return sr[..., 0].reshape(n, c, high, wide).transpose(0, 2, 3, 1)
    return sr[..., :3] if facts.bands == 4 else sr


def _filled_up(batch: np.ndarray, multiple: int) -> np.ndarray:
    """Mirror a batch at its bottom and right to whole multiples."""
    rows, columns = (_mirrored(side, multiple) for side in batch.shape[1:3])
    return batch[:, rows[:, None], columns]


def _mirrored(side: int, multiple: int) -> np.ndarray:
    """Return which rows to take so that there are a multiple of them; the only row of a line again."""
    rows = np.arange(side + -side % multiple)
    return np.where(rows < side, rows, np.maximum(2 * (side - 1) - rows, 0))
