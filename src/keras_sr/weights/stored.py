"""The generator in a weight file, a run folder or a checkpoint. No framework is imported here."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.weights import store
from keras_sr.weights.find import find
from keras_sr.weights.foreign import is_foreign, read_network

#: Where a checkpoint keeps the generator; the average (EMA) is taken where there is one.
PREFIXES = ("ema_generator/", "generator/")


def generator_arrays(name: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return a generator's weights and meta data, from whatever `find` finds; of a checkpoint, the average.

    Raises:
        WeightsError: There is no such name or file, or it holds no generator.
    """
    file = find(name)
    if is_foreign(file):
        network = read_network(file)
        return network.arrays, {"recipe": network.values, "licence": network.licence}
    arrays, meta = store.read(file)
    for prefix in PREFIXES:
        found = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        if found:
            return found, meta
    return arrays, meta
