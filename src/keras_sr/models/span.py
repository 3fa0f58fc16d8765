"""SPAN, a swift parameter-free attention network (Wan et al. 2023, arXiv 2311.12770, figure 2)."""

from typing import Any

import keras
import numpy as np

from keras_sr.models.blocks import PixelShuffle, channel_axis, conv, image_input
from keras_sr.models.checks import CLEANING_SCALES, check_scale, resolve_data_format
from keras_sr.types import Tensor

#: The mean of DIV2K by band and the range, with which its authors shift and stretch the picture.
MEAN, RANGE = (0.4488, 0.4371, 0.4040), 255.0


def span(
    scale: int = 4,
    *,
    features: int = 48,
    blocks: int = 6,
    mean_shift: bool = True,
    data_format: str | None = None,
) -> keras.Model:
    """Build SPAN for images of any size, with its convolutions merged as they are used.

    Args:
        scale: 1, 2, 3, 4 or 8.
        features: Channels; the authors' networks have 48 (426 k weights at x4) and 52.
        blocks: Of three convolutions each.
        mean_shift: Whether the network takes (picture - MEAN) * RANGE.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting.

    Returns:
        keras.Model: (N, H, W, 3) in [0, 1] to (N, H * scale, W * scale, 3), float32, not clipped.

    Raises:
        KerasSRError: The scale or data format is none of the known ones.
    """
    check_scale(scale, CLEANING_SCALES)
    data_format = resolve_data_format(data_format)

    # === Functional Model ===
    lr = image_input(data_format)
    x = _shifted(lr, data_format) if mean_shift else lr
    head = x = conv(x, features, 3, "head_conv", data_format, dtype="float32")
    firsts, outs = [], []
    for i in range(1, blocks + 1):
        x, first = _block(x, features, f"block{i}", data_format)
        firsts.append(first)
        outs.append(x)
    x = conv(x, features, 3, "trunk_conv", data_format)
    x = keras.layers.Concatenate(channel_axis(data_format), name="cat")([head, x, outs[0], firsts[-1]])
    x = conv(x, features, 1, "cat_conv", data_format)
    sr = conv(x, 3 * scale**2, 3, "tail_conv", data_format, dtype="float32")
    if scale > 1:
        sr = PixelShuffle(scale, data_format=data_format, name="sr", dtype="float32")(sr)
    return keras.Model(lr, sr, name="span")


def _shifted(lr: Tensor, data_format: str) -> Tensor:
    """Return (picture - MEAN) * RANGE. Before zeros are put around it, so no convolution can take it in."""
    offset = -RANGE * np.array(MEAN, "float64")
    nested: Any = offset.tolist() if data_format == "channels_last" else offset.reshape(3, 1, 1).tolist()
    return keras.layers.Rescaling(RANGE, offset=nested, name="shift", dtype="float32")(lr)


def _block(x: Tensor, features: int, name: str, data_format: str) -> tuple[Tensor, Tensor]:
    """Three convolutions; their result, added to what they read, times an attention made of it alone.

    Returned with it is the first convolution after its SiLU: in the authors' code SiLU works in place, so the
    network's end does not read the convolution itself, as figure 2 has it.
    """
    y = conv(x, features, 3, f"{name}_conv1", data_format)
    first = y = keras.layers.Activation("silu", name=f"{name}_silu1")(y)
    y = conv(y, features, 3, f"{name}_conv2", data_format)
    y = keras.layers.Activation("silu", name=f"{name}_silu2")(y)
    y = conv(y, features, 3, f"{name}_conv3", data_format)
    attention = keras.layers.Activation("sigmoid", name=f"{name}_sigmoid")(y)
    attention = keras.layers.Rescaling(1.0, offset=-0.5, name=f"{name}_attention")(attention)
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    return keras.layers.Multiply(name=f"{name}_times")([y, attention]), first
