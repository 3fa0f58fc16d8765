"""Losses between pixels. Images come in [0, 1]; the maths is on [-1, 1], as the paper's is.

Ledig et al. 2017 (arXiv 1609.04802), section 3.2: HR in [-1, 1], "the MSE loss was thus calculated on
images of intensity range [-1, 1]". Every weight of the paper refers to that range.
"""

import keras
from keras import ops

from keras_sr.types import Tensor

#: What R, G and B add to brightness (ITU-R BT.601).
_LUMA = (0.299, 0.587, 0.114)


def difference(sr: Tensor, hr: Tensor) -> Tensor:
    """Return SR - HR in the range [-1, 1], as float32 whatever the precision of the network."""
    return 2.0 * (ops.cast(sr, "float32") - ops.cast(hr, "float32"))


@keras.saving.register_keras_serializable("keras_sr")
def mse(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared error on [-1, 1] (equation 4), a scalar. PSNR in RGB is 10 log10(4 / mse)."""
    return ops.mean(ops.square(difference(sr, hr)))


@keras.saving.register_keras_serializable("keras_sr")
def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute error on [-1, 1], a scalar."""
    return ops.mean(ops.abs(difference(sr, hr)))


@keras.saving.register_keras_serializable("keras_sr")
def charbonnier(sr: Tensor, hr: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2) on [-1, 1]: a smooth L1 (Lai et al. 2018, arXiv 1710.01992, eq. 6)."""
    return ops.mean(ops.sqrt(ops.square(difference(sr, hr)) + epsilon**2))


@keras.saving.register_keras_serializable("keras_sr")
def luma(sr: Tensor, hr: Tensor, data_format: str = "channels_last") -> Tensor:
    """Mean absolute error of brightness on [-1, 1], a scalar.

    Brightness is what is seen as sharp, and what papers measure: their Y is this times 219/255, plus 16/255.
    An error in RGB is mostly one of brightness, but a small network spends on colours what it has little of.

    Args:
        sr: (N, H, W, 3), or (N, 3, H, W), in [0, 1].
        hr: The same.
        data_format: The layout of both.
    """
    bands, shape = (-1, (3,)) if data_format == "channels_last" else (1, (3, 1, 1))
    brightness = ops.sum(difference(sr, hr) * ops.reshape(ops.array(_LUMA, "float32"), shape), axis=bands)
    return ops.mean(ops.abs(brightness))


@keras.saving.register_keras_serializable("keras_sr")
def consistency(sr: Tensor, hr: Tensor, scale: int, data_format: str = "channels_last") -> Tensor:
    """Mean squared error on [-1, 1] between averages over `scale` x `scale` pixels, a scalar.

    What LR tells is the average over such a square, about; how it is spread inside is what a network may
    invent. So this holds colours and brightness, which features of a deep VGG19 layer and a discriminator
    hardly mind, and leaves texture free.

    Args:
        sr: (N, H, W, 3), or (N, 3, H, W), in [0, 1]; sides that are no multiples of `scale` lose the rest.
        hr: The same.
        scale: HR size over LR size.
        data_format: The layout of both.
    """
    # Strides are given: what Keras 3.15 takes for them on jax by itself has two axes too many.
    averages = ops.average_pool(difference(sr, hr), scale, strides=scale, data_format=data_format)
    return ops.mean(ops.square(averages))


#: Side of the squares whose colours `with_colours_of` takes over: larger than detail, smaller than things.
_COLOUR_SQUARE = 16


def with_colours_of(sr: Tensor, hr: Tensor, data_format: str = "channels_last") -> Tensor:
    """Return SR with HR's means over squares of 16 pixels, and bilinear between them.

    What a teacher draws is worth learning; what it does to colours, which many do by some levels, is not.

    Args:
        sr: (N, H, W, 3), or (N, 3, H, W), in [0, 1].
        hr: The same.
        data_format: The layout of both.
    """
    sr, hr = ops.convert_to_tensor(sr), ops.convert_to_tensor(hr)
    off = ops.average_pool(
        hr - sr, _COLOUR_SQUARE, strides=_COLOUR_SQUARE, padding="same", data_format=data_format
    )
    size = sr.shape[1:3] if data_format == "channels_last" else sr.shape[2:4]
    return sr + ops.image.resize(off, size, interpolation="bilinear", data_format=data_format)
