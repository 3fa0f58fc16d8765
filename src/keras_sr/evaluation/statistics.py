"""How sure a mean over pictures is: the bootstrap (Efron, Annals of Statistics 7(1), 1979)."""

import numpy as np

_DRAWS = 10_000
_LEVEL = 0.95


def interval(values: list[float], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean: pictures drawn anew 10,000 times, with replacement.

    Sets of five pictures have wide intervals. That is the truth about sets of five pictures.

    Args:
        values: One for each picture, finite.
        seed: The same seed draws the same pictures, so intervals of two models belong together.

    Examples:
        >>> interval([1.0, 1.0, 1.0])
        (1.0, 1.0)
    """
    data = np.asarray(values, np.float64)
    draws = np.random.default_rng(seed).integers(0, len(data), (_DRAWS, len(data)))
    means = data[draws].mean(axis=1)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
