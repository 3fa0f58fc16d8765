"""Layers and blocks that the networks share. Every block works in both data formats."""

from typing import Any

import keras
from keras import ops

from keras_sr.types import Tensor

#: Slopes below zero of the activations that have neither weights nor a curve; 0.1 is Real-ESRGAN's.
SLOPES = {"relu": 0.0, "leakyrelu": 0.1}


def channel_axis(data_format: str) -> int:
    """Return the axis of the channels: -1 for `channels_last`, 1 for `channels_first`."""
    return -1 if data_format == "channels_last" else 1


def image_input(data_format: str, size: int | None = None, name: str = "lr", bands: int = 3) -> Tensor:
    """Return an input (N, H, W, bands) or (N, bands, H, W), of any size unless `size` is given."""
    last = data_format == "channels_last"
    return keras.Input((size, size, bands) if last else (bands, size, size), name=name)


@keras.saving.register_keras_serializable("keras_sr")
class ChannelPReLU(keras.layers.Layer):
    """PReLU with one learned slope a channel, shared over space (He et al. 2015, arXiv 1502.01852, eq. 1).

    keras.layers.PReLU with `shared_axes` computes the same; its weight has another shape in each data
    format, ours is (channels,) in both, and one comparison and one product are faster than two ReLUs.
    """

    def __init__(self, initial: float = 0.25, data_format: str = "channels_last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial, self.data_format = initial, data_format

    def build(self, input_shape: tuple) -> None:
        """Make `alpha`, the slopes, of shape (channels,)."""
        channels = input_shape[channel_axis(self.data_format)]
        self.alpha = self.add_weight(
            shape=(channels,), initializer=keras.initializers.Constant(self.initial), name="alpha"
        )

    def call(self, x: Tensor) -> Tensor:
        """Return x where x >= 0, alpha * x elsewhere; same shape."""
        alpha = self.alpha if self.data_format == "channels_last" else ops.reshape(self.alpha, (-1, 1, 1))
        return ops.where(x >= 0, x, ops.cast(alpha, x.dtype) * x)

    def get_config(self) -> dict:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "initial": self.initial, "data_format": self.data_format}


@keras.saving.register_keras_serializable("keras_sr")
class Leaky(keras.layers.Layer):
    """Leaky ReLU as the maximum of two lines: for networks that are trained against.

    keras.layers.LeakyReLU becomes TensorFlow's LeakyRelu, which its graph optimizer (the remapper of 2.21)
    fuses with the convolution and bias before it; the gradient still reads the bias's result, the graph
    breaks, and all fusions are given up with a line `E0000 ... remapper failed`.
    """

    def __init__(self, slope: float = 0.2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slope = slope

    def call(self, x: Tensor) -> Tensor:
        """Return x where it is positive, slope * x elsewhere; same shape."""
        return ops.maximum(x, self.slope * x)

    def get_config(self) -> dict:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "slope": self.slope}


@keras.saving.register_keras_serializable("keras_sr")
class PixelShuffle(keras.layers.Layer):
    """Sub-pixel rearrangement (Shi et al. 2016, arXiv 1609.05158, eq. 4): C s^2 channels to C, sides times s.

    Channels are ordered (row, column, C), as in ONNX's DepthToSpace (mode DCR) and tf.nn.depth_to_space;
    torch.nn.PixelShuffle orders them (C, row, column), so weights from there need a permutation.
    """

    def __init__(self, scale: int, data_format: str = "channels_last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.data_format = scale, data_format

    def call(self, x: Tensor) -> Tensor:
        """Map (N, H, W, C s^2) to (N, H s, W s, C)."""
        if self.data_format == "channels_last":
            return ops.nn.depth_to_space(x, self.scale)
        # Written out: with channels_first, keras 3.15 orders the channels (C, row, column) on jax and torch
        # and (row, column, C) on tensorflow, so the same weights would give different pictures.
        shape: Any = ops.shape(x)
        n, c, h, w = shape
        s, c = self.scale, c // self.scale**2
        x = ops.transpose(ops.reshape(x, (n, s, s, c, h, w)), (0, 3, 4, 1, 5, 2))
        return ops.reshape(x, (n, c, h * s, w * s))

    def compute_output_shape(self, shape: tuple) -> tuple:
        """Return the output's shape; unknown sizes stay unknown."""
        grow = [None if n is None else n * self.scale for n in shape]
        if self.data_format == "channels_last":
            return (shape[0], grow[1], grow[2], shape[3] // self.scale**2)
        return (shape[0], shape[1] // self.scale**2, grow[2], grow[3])

    def get_config(self) -> dict:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "scale": self.scale, "data_format": self.data_format}


def conv(x: Tensor, filters: int, kernel: int, name: str, data_format: str, **kwargs: Any) -> Tensor:
    """Convolve with zero padding that keeps the size."""
    return keras.layers.Conv2D(filters, kernel, padding="same", data_format=data_format, name=name, **kwargs)(
        x
    )


def normalize(x: Tensor, kind: str, name: str, data_format: str) -> Tensor:
    """Apply batch normalisation (`"batch"`) or nothing (`"none"`).

    Momentum 0.9 and epsilon 1e-5: with Keras' default momentum of 0.99 the statistics used at test time
    lag behind fast-moving weights by hundreds of steps, which costs decibels early in training.
    """
    if kind == "none":
        return x
    return keras.layers.BatchNormalization(
        axis=channel_axis(data_format), momentum=0.9, epsilon=1e-5, name=name
    )(x)


def prelu(x: Tensor, name: str, data_format: str) -> Tensor:
    """Apply a PReLU with one slope a channel."""
    return ChannelPReLU(data_format=data_format, name=name)(x)


def activated(x: Tensor, activation: str, name: str, data_format: str) -> Tensor:
    """Apply `"silu"`, `"prelu"`, `"relu"` or `"leakyrelu"`; the layer's name is `name` and its kind."""
    if activation == "silu":
        return keras.layers.Activation("silu", name=f"{name}_silu")(x)
    if activation == "prelu":
        return prelu(x, f"{name}_prelu", data_format)
    return keras.layers.LeakyReLU(SLOPES[activation], name=f"{name}_leaky")(x)


def upsampling_stages(scale: int) -> list[int]:
    """Return the factors of the upsampling stages: 2 -> [2], 3 -> [3], 4 -> [2, 2], 8 -> [2, 2, 2]."""
    return [3] if scale == 3 else [2] * (scale.bit_length() - 1)
