"""From a name or a file to a Keras network with its weights."""

from pathlib import Path

import keras

from keras_sr.errors import WeightsError
from keras_sr.models import build_generator
from keras_sr.weights import store
from keras_sr.weights.find import find
from keras_sr.weights.foreign import is_foreign, read_network

#: Where a checkpoint keeps the generator; the average (EMA) is taken where there is one.
_PREFIXES = ("ema_generator/", "generator/")


def load(name: str | Path, *, data_format: str | None = None) -> keras.Model:
    """Return a generator with trained weights.

    Args:
        name: A name that `keras-sr weights` lists, a run folder, a weight file, or a network of another
            program (`weights.foreign.read_network`).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting.

    Returns:
        keras.Model: LR (N, h, w, 3) in [0, 1] to SR (N, h * scale, w * scale, 3), float32, not clipped. A
            network of another program may be for 1 or 4 bands.

    Raises:
        WeightsError: There is no such name or file, or the file is damaged.
    """
    if is_foreign(name):
        foreign = read_network(name)
        network = build_generator(foreign.values, data_format)
        store.assign(network, foreign.arrays, str(name))
        return network
    arrays, meta = generator_arrays(name)
    if "recipe" not in meta:
        raise WeightsError(
            f"{name} does not say which network it is for: give a weight file that keras-sr wrote"
        )
    network = build_generator(meta["recipe"], data_format)
    store.assign(network, arrays, str(name))
    return network


def generator_arrays(name: str | Path) -> tuple[dict, dict]:
    """Return a generator's weights and meta data, from a name, a run folder, a checkpoint or a weight file.

    Raises:
        WeightsError: There is no such name or file, or it holds no generator.
    """
    arrays, meta = store.read(find(name))
    for prefix in _PREFIXES:
        found = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        if found:
            return found, meta
    return arrays, meta
