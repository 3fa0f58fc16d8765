"""RRDB, the generator of ESRGAN (Wang et al. 2018, arXiv 1809.00219, section 3.1) and of Real-ESRGAN."""

import keras

from keras_sr.errors import KerasSRError
from keras_sr.models.blocks import channel_axis, conv, image_input, upsampling_stages
from keras_sr.models.checks import check_bands, resolve_data_format
from keras_sr.models.unshuffle import CropToScale, PixelUnshuffle
from keras_sr.types import Tensor

#: What a residual is multiplied by before it is added (section 3.1, "residual scaling").
_RESIDUAL = 0.2
#: Sides of the picture over sides of the features.
_UNSHUFFLE = (1, 2, 4)
_SCALES = (1, 2, 3, 4, 8)


def rrdb(
    scale: int = 4,
    *,
    features: int = 64,
    blocks: int = 23,
    growth: int = 32,
    bands: int = 3,
    unshuffle: int = 1,
    data_format: str | None = None,
) -> keras.Model:
    """Build the RRDB network for images of any size.

    The defaults are ESRGAN's network: 16.7 M weights, 17.9 MMAC an LR pixel at x4, eight times SRResNet.

    Args:
        scale: 1, 2, 4 or 8, and 3 without `unshuffle`. Stages of nearest-neighbour enlargement, each with a
            convolution, make `scale * unshuffle`.
        features: Channels between the blocks.
        blocks: Residual-in-residual dense blocks; each is 15 convolutions.
        growth: Channels that each convolution of a dense block adds.
        bands: Bands of the picture: 1 (grey), 3 (RGB) or 4.
        unshuffle: 2 or 4 computes at a half or a quarter of the LR size, as Real-ESRGAN's x2 and x1 do.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting.

    Returns:
        keras.Model: (N, H, W, bands) in [0, 1] to (N, H * scale, W * scale, bands), float32, not clipped.

    Raises:
        KerasSRError: The scale, bands or data format is none of the known ones.
    """
    if unshuffle not in _UNSHUFFLE or scale not in _SCALES or (scale == 3 and unshuffle > 1):
        raise KerasSRError(f"rrdb has no scale {scale!r} with unshuffle {unshuffle!r}: take 1, 2, 4 or 8")
    check_bands(bands)
    data_format = resolve_data_format(data_format)

    # === Functional Model ===
    lr = image_input(data_format, bands=bands)
    x = lr
    if unshuffle > 1:
        x = PixelUnshuffle(unshuffle, data_format=data_format, name="unshuffle", dtype="float32")(lr)
    # In float32 under mixed precision: bfloat16 would round the picture to 256 other levels above a half.
    x = skip = conv(x, features, 3, "head_conv", data_format, dtype="float32")
    for i in range(1, blocks + 1):
        x = _block(x, features, growth, f"block{i:02d}", data_format)
    x = conv(x, features, 3, "trunk_conv", data_format)
    x = keras.layers.Add(name="trunk_add")([x, skip])
    for i, factor in enumerate(upsampling_stages(scale * unshuffle), start=1):
        x = keras.layers.UpSampling2D(factor, data_format=data_format, name=f"up{i}_nearest")(x)
        x = leaky(conv(x, features, 3, f"up{i}_conv", data_format), f"up{i}_leaky")
    x = leaky(conv(x, features, 3, "hr_conv", data_format), "hr_leaky")
    sr = conv(x, bands, 3, "tail_conv", data_format, dtype="float32")
    if unshuffle > 1:
        sr = CropToScale(scale, data_format=data_format, name="sr", dtype="float32")([sr, lr])
    return keras.Model(lr, sr, name="rrdb")


def _block(x: Tensor, features: int, growth: int, name: str, data_format: str) -> Tensor:
    """Three dense blocks inside of a scaled residual (figure 4)."""
    y = x
    for i in (1, 2, 3):
        y = _dense_block(y, features, growth, f"{name}_dense{i}", data_format)
    return _scaled_add(y, x, name)


def _dense_block(x: Tensor, features: int, growth: int, name: str, data_format: str) -> Tensor:
    """Five convolutions, each of which reads all before it, inside of a scaled residual.

    They begin small, as the paper asks for (section 3.1, "smaller initialization"): a tenth of He's values.
    """
    small = {"kernel_initializer": keras.initializers.VarianceScaling(0.02)}
    read = [x]
    for i in (1, 2, 3, 4):
        y = keras.layers.Concatenate(channel_axis(data_format), name=f"{name}_cat{i}")(read) if i > 1 else x
        y = conv(y, growth, 3, f"{name}_conv{i}", data_format, **small)
        read.append(leaky(y, f"{name}_leaky{i}"))
    y = keras.layers.Concatenate(channel_axis(data_format), name=f"{name}_cat5")(read)
    return _scaled_add(conv(y, features, 3, f"{name}_conv5", data_format, **small), x, name)


def _scaled_add(y: Tensor, x: Tensor, name: str) -> Tensor:
    """Return 0.2 y + x."""
    return keras.layers.Add(name=f"{name}_add")(
        [keras.layers.Rescaling(_RESIDUAL, name=f"{name}_scale")(y), x]
    )


def leaky(x: Tensor, name: str) -> Tensor:
    """Apply a leaky ReLU of slope 0.2."""
    return keras.layers.LeakyReLU(0.2, name=name)(x)
