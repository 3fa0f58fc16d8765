"""A sheet of what a network is trained on: LR beside HR, crop after crop."""

import numpy as np

from keras_sr.data.batches import Batches

#: Pixels between pairs, and their colour; LR and HR of a pair touch.
GAP, GROUND = 8, 32


def preview(batches: Batches, count: int = 40, columns: int = 5) -> np.ndarray:
    """Return the first crops of a run as one picture: LR, its pixels as squares, left of HR.

    Args:
        batches: The batches of the run, from its first step on.
        count: Crops.
        columns: Pairs in a row.

    Returns:
        uint8 RGB (H, W, 3).
    """
    pairs = _first_pairs(batches, count)
    side = pairs.shape[1]
    rows = -(-count // columns)
    page = np.full((rows * (side + GAP) + GAP, columns * (2 * side + GAP) + GAP, 3), GROUND, np.uint8)
    for i, pair in enumerate(pairs):
        row, column = divmod(i, columns)
        top, left = GAP + row * (side + GAP), GAP + column * (2 * side + GAP)
        page[top : top + side, left : left + 2 * side] = pair
    return page


def _first_pairs(batches: Batches, count: int) -> np.ndarray:
    """Return LR, enlarged by repeating pixels, beside HR: uint8 (count, side, 2 side, 3)."""
    steps = range(-(-count // batches.batch_size))
    lr, hr = (np.concatenate(part)[:count] for part in zip(*map(batches.pixels, steps), strict=True))
    large = lr.repeat(batches.scale, axis=1).repeat(batches.scale, axis=2)
    return np.concatenate([large, hr], axis=2)
