"""The discriminator of SRGAN (Ledig et al. 2017, arXiv 1609.04802, section 2.1.1 and figure 4)."""

import keras

from keras_sr.errors import KerasSRError
from keras_sr.models.blocks import Leaky, image_input, normalize
from keras_sr.models.checks import check_choice, resolve_data_format
from keras_sr.models.spectral import SpectralConv2D, SpectralDense
from keras_sr.types import Tensor

#: (filters, stride) of the eight 3x3 convolutions of figure 4.
STAGES = ((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2))


def discriminator(
    size: int = 96,
    *,
    features: int = 64,
    normalization: str = "batch",
    data_format: str | None = None,
) -> keras.Model:
    """Build the discriminator for crops of one size.

    Args:
        size: Height and width of the HR crops, a multiple of 16 (the paper's are 96; 256 works too).
        features: Filters of the first convolution; the others are 1, 2, 4 and 8 times as wide.
        normalization: `"batch"` (the paper: after every convolution but the first), `"spectral"`
            (Miyato et al. 2018, arXiv 1802.05957) or `"none"`.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting; the weights have
            the same shapes and order in both.

    Returns:
        keras.Model: crops (N, size, size, 3) in [0, 1] to logits (N, 1), float32. The paper's sigmoid is
        in the loss, which is exact for large logits.

    Raises:
        KerasSRError: The size is not a positive multiple of 16, or an argument has no such choice.
    """
    check_choice("normalization", normalization, ("batch", "spectral", "none"))
    data_format = resolve_data_format(data_format)
    if size < 16 or size % 16:
        raise KerasSRError(f"the discriminator takes crops of a multiple of 16 pixels, not {size}")

    # === Functional Model ===
    image = image_input(data_format, size, name="image")
    # The paper's discriminator sees images in [-1, 1] (section 3.2).
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="to_minus_one_one")(image)
    for i, (filters, stride) in enumerate(STAGES, start=1):
        x = stage(x, features * filters // 64, stride, normalization, f"conv{i}", data_format, first=i == 1)
    if data_format == "channels_first":
        # Flattened in one order, so that the dense weights fit both formats.
        x = keras.layers.Permute((2, 3, 1), name="to_channels_last")(x)
    x = keras.layers.Flatten(name="flatten", data_format="channels_last")(x)
    dense = SpectralDense if normalization == "spectral" else keras.layers.Dense
    x = dense(features * 16, name="dense1")(x)
    x = Leaky(0.2, name="dense1_leaky")(x)
    logits = dense(1, name="dense2")(x)
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    return keras.Model(image, logits, name="discriminator")


def stage(
    x: Tensor,
    filters: int,
    stride: int,
    normalization: str,
    name: str,
    data_format: str,
    first: bool,
) -> Tensor:
    """Conv 3x3, BN (not in the first stage), leaky ReLU with slope 0.2."""
    batch_norm = normalization == "batch" and not first
    layer = SpectralConv2D if normalization == "spectral" else keras.layers.Conv2D
    x = layer(
        filters, 3, stride, padding="same", use_bias=not batch_norm, data_format=data_format, name=name
    )(x)
    if batch_norm:
        x = normalize(x, "batch", f"{name}_bn", data_format)
    return Leaky(0.2, name=f"{name}_leaky")(x)
