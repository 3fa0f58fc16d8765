"""From a functional Keras model to its `Graph`."""

from typing import TYPE_CHECKING

from keras_sr.graphs.graph import Graph
from keras_sr.graphs.layers import channels, read_plan
from keras_sr.graphs.plan import assemble
from keras_sr.weights.store import network_arrays

if TYPE_CHECKING:
    import keras


def read_model(model: "keras.Model") -> Graph:
    """Return the graph of a generator with its weights.

    Raises:
        KerasSRError: As for `graphs.layers.read_plan`.
    """
    return assemble(read_plan(model), network_arrays(model), channels(model))
