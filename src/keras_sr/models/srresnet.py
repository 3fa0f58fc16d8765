"""SRResNet, the generator of SRGAN (Ledig et al. 2017, arXiv 1609.04802, section 2.1.1 and figure 4)."""

import keras

from keras_sr.models.blocks import (
    PixelShuffle,
    conv,
    image_input,
    normalize,
    prelu,
    upsampling_stages,
)
from keras_sr.models.checks import check_choice, check_scale, resolve_data_format
from keras_sr.types import Tensor


def srresnet(
    scale: int = 4,
    *,
    features: int = 64,
    blocks: int = 16,
    normalization: str = "batch",
    upsampler: str = "pixel_shuffle",
    data_format: str | None = None,
) -> keras.Model:
    """Build SRResNet for images of any size.

    The defaults are the paper's network: convolutions 9-3-9, 16 residual blocks, 64 features, batch
    normalisation, one PReLU slope a channel; 1.55 M weights and 2.218 MMAC an LR pixel at x4. It computes
    SR in [-1, 1] as the paper does (section 3.2); the last layer brings that to [0, 1].

    Args:
        scale: 2, 3, 4 or 8; a stage of x2 each, or one of x3.
        features: Channels of the trunk.
        blocks: Number of residual blocks.
        normalization: `"batch"`, or `"none"` for the network without BN (MSRResNet).
        upsampler: `"pixel_shuffle"` (the paper), or `"upsampling2d"` (nearest neighbour after the
            convolution, as the first Keras implementation had it; its last layers cost four times more).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting. The weights have
            the same shapes and order in both.

    Returns:
        keras.Model: (N, H, W, 3) in [0, 1] to (N, H * scale, W * scale, 3), float32, not clipped.

    Raises:
        KerasSRError: An argument has no such choice; the known ones are listed.
    """
    check_scale(scale)
    check_choice("normalization", normalization, ("batch", "none"))
    check_choice("upsampler", upsampler, ("pixel_shuffle", "upsampling2d"))
    data_format = resolve_data_format(data_format)
    bias = normalization == "none"

    # === Functional Model ===
    lr = image_input(data_format)
    # In float32 under mixed precision: bfloat16 would round the picture to 256 other levels above a half.
    x = conv(lr, features, 9, "head_conv", data_format, dtype="float32")
    x = skip = prelu(x, "head_prelu", data_format)
    for i in range(1, blocks + 1):
        x = residual_block(x, features, normalization, f"block{i:02d}", data_format)
    x = conv(x, features, 3, "trunk_conv", data_format, use_bias=bias)
    x = normalize(x, normalization, "trunk_bn", data_format)
    x = keras.layers.Add(name="trunk_add")([x, skip])
    for i, factor in enumerate(upsampling_stages(scale), start=1):
        x = upsample(x, features, factor, upsampler, f"up{i}", data_format)
    x = conv(x, 3, 9, "tail_conv", data_format)
    sr = keras.layers.Rescaling(0.5, offset=0.5, name="sr", dtype="float32")(x)
    return keras.Model(lr, sr, name="srresnet")


def residual_block(x: Tensor, features: int, normalization: str, name: str, data_format: str) -> Tensor:
    """Conv, BN, PReLU, conv, BN, sum (figure 4; layout of Gross and Wilber).

    Without BN a block begins as little more than its skip: nothing else would keep the sum of sixteen blocks
    small at first (ESRGAN, Wang et al. 2018, arXiv 1809.00219, section 3.1: smaller initialisation).
    """
    bias = normalization == "none"
    small = {"kernel_initializer": keras.initializers.VarianceScaling(0.01)} if bias else {}
    y = conv(x, features, 3, f"{name}_conv1", data_format, use_bias=bias)
    y = normalize(y, normalization, f"{name}_bn1", data_format)
    y = prelu(y, f"{name}_prelu", data_format)
    y = conv(y, features, 3, f"{name}_conv2", data_format, use_bias=bias, **small)
    y = normalize(y, normalization, f"{name}_bn2", data_format)
    return keras.layers.Add(name=f"{name}_add")([x, y])


def upsample(x: Tensor, features: int, factor: int, upsampler: str, name: str, data_format: str) -> Tensor:
    """Convolve to `factor**2` times the features, enlarge by `factor`, PReLU."""
    x = conv(x, features * factor**2, 3, f"{name}_conv", data_format)
    if upsampler == "pixel_shuffle":
        x = PixelShuffle(factor, data_format=data_format, name=f"{name}_shuffle")(x)
    else:
        x = keras.layers.UpSampling2D(factor, data_format=data_format, name=f"{name}_nearest")(x)
    return prelu(x, f"{name}_prelu", data_format)
