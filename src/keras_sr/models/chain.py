"""A deep, narrow chain: 3x3 convolutions at LR size with local residuals, one pixel shuffle at the end.

The plan is that of the processor-friendly front of the NTIRE 2026 challenge on efficient super-resolution
(arXiv 2604.03198; DISP there, with SiLU): blocks of four activated convolutions, each around a skip. At equal
cost it learns more than a shallow, wide chain once it is trained for long, and it stays exact under tiles.
"""

import keras

from keras_sr.models.blocks import SLOPES, PixelShuffle, activated, conv, image_input
from keras_sr.models.checks import CLEANING_SCALES, check_choice, check_scale, resolve_data_format
from keras_sr.types import Tensor

#: Convolutions in a block.
_DEPTH = 4

_ACTIVATIONS = ("silu", "prelu", *SLOPES)


def chain(
    scale: int = 4,
    *,
    features: int = 48,
    blocks: int = 5,
    activation: str = "silu",
    data_format: str | None = None,
) -> keras.Model:
    """Build the chain for images of any size.

    Args:
        scale: 1 (a picture is cleaned, not enlarged), 2, 3, 4 or 8.
        features: Channels. Processors like multiples of 16: 36 take longer than 48.
        blocks: Blocks of four convolutions with a skip around them. The receptive field reaches
            `4 * blocks + 2` LR pixels to each side.
        activation: `"silu"`, `"prelu"`, `"relu"` or `"leakyrelu"`. After as many seconds of training, five
            blocks with the last are ahead of four with SiLU, and enlarge as fast (docs/lab-log.md).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting.

    Returns:
        keras.Model: (N, H, W, 3) in [0, 1] to (N, H * scale, W * scale, 3), float32, not clipped.

    Raises:
        KerasSRError: The scale, activation or data format is not one of the known ones.
    """
    check_scale(scale, CLEANING_SCALES)
    check_choice("activation", activation, _ACTIVATIONS)
    data_format = resolve_data_format(data_format)

    # === Functional Model ===
    lr = image_input(data_format)
    # In float32 under mixed precision, as in `compact`: bfloat16 would round the picture to other levels.
    x = first = conv(lr, features, 3, "head_conv", data_format, dtype="float32")
    for i in range(1, blocks + 1):
        x = _block(x, features, activation, f"block{i:02d}", data_format)
    x = conv(x, features, 1, "trunk_conv", data_format)
    x = keras.layers.Add(name="trunk_add")([x, first])
    x = conv(x, 3 * scale**2, 3, "tail_conv", data_format)
    base = lr
    if scale > 1:
        x = PixelShuffle(scale, data_format=data_format, name="tail_shuffle")(x)
        base = keras.layers.UpSampling2D(scale, data_format=data_format, name="base", dtype="float32")(lr)
    sr = keras.layers.Add(name="sr", dtype="float32")([x, base])
    return keras.Model(lr, sr, name="chain")


def _block(x: Tensor, features: int, activation: str, name: str, data_format: str) -> Tensor:
    """Four times convolution and activation, plus what came in.

    The last kernel starts small, so that a block begins as little more than its skip (ESRGAN, Wang et al.
    2018, arXiv 1809.00219, section 3.1: smaller initialisation).
    """
    y = x
    for i in range(1, _DEPTH + 1):
        small = {"kernel_initializer": keras.initializers.VarianceScaling(0.1)} if i == _DEPTH else {}
        y = conv(y, features, 3, f"{name}_conv{i}", data_format, **small)
        y = activated(y, activation, f"{name}_{i}", data_format)
    return keras.layers.Add(name=f"{name}_add")([x, y])
