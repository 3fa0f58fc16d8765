"""SiLU's gradient in one go of float32, for training in bfloat16 on TensorFlow.

TensorFlow has no kernel for it: five operations, each of which turns bfloat16 into float32 and back. In a
chain of narrow convolutions they make a step 1.2 times as long (docs/decisions/0005-training-backend.md).
"""

import keras
from keras import ops

from keras_sr.types import Tensor


def quicken(network: keras.Model) -> None:
    """Give the SiLUs of a network that is trained in half precision the gradient below; other backends fuse.

    The values of the network stay what they are, as does all that is saved of it.
    """
    if keras.config.backend() != "tensorflow":
        return
    for layer in network.layers:
        if getattr(layer, "activation", None) is keras.activations.silu and layer.compute_dtype != "float32":
            layer.activation = silu


@ops.custom_gradient
def silu(x: Tensor) -> Tensor:
    """Return x times its sigmoid, of x's dtype; the gradient is that of float32, rounded once."""

    def gradient(slope: Tensor) -> Tensor:
        wide = ops.cast(x, "float32")
        sigmoid = ops.sigmoid(wide)
        return ops.cast(ops.cast(slope, "float32") * sigmoid * (1.0 + wide * (1.0 - sigmoid)), x.dtype)

    return ops.silu(x), gradient
