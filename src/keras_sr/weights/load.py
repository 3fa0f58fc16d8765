"""From a name or a file to a Keras network with its weights."""

from pathlib import Path

import keras

from keras_sr.errors import WeightsError
from keras_sr.models import build_generator
from keras_sr.weights import keras_file, store
from keras_sr.weights.find import find
from keras_sr.weights.foreign import is_foreign, read_network
from keras_sr.weights.stored import generator_arrays


def load(name: str | Path, *, data_format: str | None = None) -> keras.Model:
    """Return a generator with trained weights.

    Args:
        name: A name that `keras-sr weights` lists, a run folder, a weight file, a file of
            `keras.Model.save`, or a network of another program (`weights.foreign.read_network`).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting.

    Returns:
        keras.Model: LR (N, h, w, 3) in [0, 1] to SR (N, h * scale, w * scale, 3), float32, not clipped. A
            network of another program may be for 1 or 4 bands; a .keras file keeps its own data format.

    Raises:
        WeightsError: There is no such name or file, or the file is damaged.
    """
    file = find(name)
    if keras_file.is_weights(file):
        keras_file.refuse_weights(name)
    if keras_file.is_model(file):
        return keras_file.read_model(file)
    if is_foreign(file):
        foreign = read_network(file)
        network = build_generator(foreign.values, data_format)
        store.assign(network, foreign.arrays, str(name))
        return network
    arrays, meta = generator_arrays(file)
    if "recipe" not in meta:
        raise WeightsError(
            f"{name} does not say which network it is for: give a weight file that keras-sr wrote"
        )
    network = build_generator(meta["recipe"], data_format)
    store.assign(network, arrays, str(name))
    return network
