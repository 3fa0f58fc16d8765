"""Models as the converter of LiteRT reads them."""

from typing import Any

import keras
from keras import ops

from keras_sr.types import Tensor


class _Enlarged(keras.layers.UpSampling2D):
    """Nearest-neighbour enlargement that says how many channels come out.

    Where sides are unknown, Keras' own leaves the channels unknown, too; a convolution after it then becomes
    an operation of TensorFlow, which LiteRT does not have.
    """

    def call(self, x: Tensor) -> Tensor:
        """Enlarge (N, H, W, C)."""
        y = super().call(x)
        shape: Any = ops.shape(y)
        return ops.reshape(y, (*shape[:3], x.shape[-1]))


def with_known_channels(model: keras.Model) -> keras.Model:
    """Return a copy of a model, channels last, in which every tensor has a known number of channels."""

    def cloned(layer: Any) -> Any:
        kind = _Enlarged if type(layer) is keras.layers.UpSampling2D else type(layer)
        return kind.from_config(layer.get_config())

    copy: Any = keras.models.clone_model(model, clone_function=cloned)
    copy.set_weights(model.get_weights())
    return copy
