"""The U-Net discriminator of Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833, section 3.4 and figure 6)."""

import keras

from keras_sr.errors import KerasSRError
from keras_sr.models.blocks import Leaky, image_input
from keras_sr.models.checks import check_choice, resolve_data_format
from keras_sr.models.spectral import SpectralConv2D
from keras_sr.types import Tensor

#: Times that it halves the crop, and doubles the features.
_LEVELS = 3


def unet_discriminator(
    size: int = 128,
    *,
    features: int = 32,
    normalization: str = "spectral",
    data_format: str | None = None,
) -> keras.Model:
    """Build the discriminator that judges every pixel: what it says of one place, it says to that place.

    Three halvings and as many doublings with skips between them by sum, then three convolutions at full size;
    all but the first and the last with spectral norm.

    Args:
        size: Height and width of the HR crops, at least 8. Any size: what does not fit a halving is cut off
            after the doubling.
        features: Of the first convolution (Real-ESRGAN: 64); 2, 4 and 8 times as many below.
        normalization: `"spectral"` (Miyato et al. 2018, arXiv 1802.05957) or `"none"`.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting.

    Returns:
        keras.Model: crops (N, size, size, 3) in [0, 1] to logits (N, size, size, 1), float32.

    Raises:
        KerasSRError: The crop is smaller than 8, or an argument has no such choice.
    """
    check_choice("normalization", normalization, ("spectral", "none"))
    data_format = resolve_data_format(data_format)
    if size < 2**_LEVELS:
        raise KerasSRError(f"the U-Net discriminator takes crops of at least {2**_LEVELS} pixels, not {size}")
    layer = SpectralConv2D if normalization == "spectral" else keras.layers.Conv2D

    def conv(x: Tensor, filters: int, name: str, kernel: int = 3, stride: int = 1) -> Tensor:
        x = layer(
            filters,
            kernel,
            strides=stride,
            padding="same",
            use_bias=False,
            data_format=data_format,
            name=name,
        )(x)
        return Leaky(0.2, name=f"{name}_leaky")(x)

    # === Functional Model ===
    image = image_input(data_format, size, name="image")
    x = keras.layers.Conv2D(features, 3, padding="same", data_format=data_format, name="head_conv")(image)
    x = Leaky(0.2, name="head_leaky")(x)
    skips = []
    for i in range(1, _LEVELS + 1):
        skips.append(x)
        x = conv(x, features * 2**i, f"down{i}_conv", kernel=4, stride=2)
    for i in range(_LEVELS, 0, -1):
        skip, side = skips.pop(), -(-size // 2 ** (i - 1))
        x = _double(x, side, f"up{i}", data_format)
        x = conv(x, features * 2 ** (i - 1), f"up{i}_conv")
        x = keras.layers.Add(name=f"up{i}_add")([x, skip])
    x = conv(x, features, "tail1_conv")
    x = conv(x, features, "tail2_conv")
    x = keras.layers.Conv2D(1, 3, padding="same", data_format=data_format, name="tail3_conv")(x)
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="unet_discriminator")


def _double(x: Tensor, side: int, name: str, data_format: str) -> Tensor:
    """Enlarge by 2, bilinear, and cut to `side` pixels."""
    x = keras.layers.UpSampling2D(2, interpolation="bilinear", data_format=data_format, name=name)(x)
    over = side % 2
    if over:
        x = keras.layers.Cropping2D(((0, 1), (0, 1)), data_format=data_format, name=f"{name}_cut")(x)
    return x
