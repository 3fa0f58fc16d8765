"""SRResNet's last layers before the last pixel shuffle, for training on TensorFlow.

A convolution with three outputs leaves a processor's vectors empty; before the shuffle it has twelve, and a
smaller kernel. `graphs.rewrite` does it to networks that only enlarge, whose weights may change. Here the
weights stay 9x9, and the wider kernel is made of them in every step: what is trained and saved is the same.
"""

from typing import Any

import keras
from keras import ops

from keras_sr.models.blocks import ChannelPReLU, PixelShuffle
from keras_sr.types import Tensor


def widen_tail(network: keras.Model) -> None:
    """Let SRResNet compute its last layers before the last pixel shuffle from now on.

    Its layers, weights and graph stay what they are, so all that reads or saves them finds what it knows.
    Networks without such a tail or with `channels_first`, and backends but TensorFlow, where this is
    measured, are left alone.
    """
    if keras.config.backend() != "tensorflow" or len(network.layers) < 5:
        return
    before, shuffle, prelu, tail, rescaling = network.layers[-5:]
    kinds = (PixelShuffle, ChannelPReLU, keras.layers.Conv2D, keras.layers.Rescaling)
    fits = all(isinstance(*pair) for pair in zip((shuffle, prelu, tail, rescaling), kinds, strict=True))
    if not fits or shuffle.data_format != "channels_last":
        return
    x = TiledPReLU(prelu, shuffle.scale)(before.output)
    x = shuffle(WidenedConv(tail, shuffle.scale)(x))
    # Past Keras, which would take the other network for a part of this one.
    vars(network)["call"] = keras.Model(network.input, rescaling(x)).call


class TiledPReLU(keras.layers.Layer):
    """A PReLU before the pixel shuffle that it came after: `scale**2` channels share a slope."""

    def __init__(self, prelu: ChannelPReLU, scale: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.alpha = scale, prelu.alpha

    def call(self, x: Tensor) -> Tensor:
        """Return x where x >= 0, its slope times x elsewhere; same shape."""
        slopes = ops.tile(ops.convert_to_tensor(self.alpha), self.scale**2)
        return ops.where(x >= 0, x, ops.cast(slopes, x.dtype) * x)


class WidenedConv(keras.layers.Layer):
    """A convolution before the pixel shuffle that it came after.

    Args:
        conv: An odd kernel, stride 1, zero padding that keeps the size, no activation.
        scale: Of the shuffle.
    """

    def __init__(self, conv: keras.layers.Conv2D, scale: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.kernel, self.bias = scale, conv.kernel, conv.bias

    def call(self, x: Tensor) -> Tensor:
        """Map (N, H, W, C scale^2) to (N, H, W, outputs scale^2)."""
        kernel = widened(ops.convert_to_tensor(self.kernel), self.scale)
        bias = ops.tile(ops.convert_to_tensor(self.bias), self.scale**2)
        x = ops.conv(x, ops.cast(kernel, x.dtype), 1, "same", "channels_last")
        return x + ops.cast(bias, x.dtype)


def widened(kernel: Tensor, scale: int) -> Tensor:
    """Return the kernel that, before a pixel shuffle, does what this one does after it.

    Row `scale * i + a` of SR reads the rows `scale * i + a + u - before`, u along the kernel. In the wide
    kernel, tap and place of the shuffle together count these rows, so each `a` takes the kernel at another
    offset.

    Args:
        kernel: (size, size, channels, outputs), size odd.
        scale: Of the shuffle.

    Returns:
        (taps, taps, scale^2 channels, scale^2 outputs).
    """
    size, _, channels, outputs = kernel.shape
    before = size // 2
    reach = -(-before // scale)
    taps = 2 * reach + 1

    def at_every_offset(x: Tensor, axis: int) -> Tensor:
        padding = [[0, 0]] * len(x.shape)
        moved = []
        for a in range(scale):
            first = scale * reach + a - before
            padding[axis] = [first, taps * scale - size - first]
            moved.append(ops.pad(x, padding))
        return ops.stack(moved)

    x = at_every_offset(at_every_offset(kernel, 0), 2)  # (b, a, rows, columns, channels, outputs)
    x = ops.reshape(x, (scale, scale, taps, scale, taps, scale, channels, outputs))
    x = ops.transpose(x, (2, 4, 3, 5, 6, 1, 0, 7))
    return ops.reshape(x, (taps, taps, scale**2 * channels, scale**2 * outputs))
