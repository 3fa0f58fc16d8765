"""A Keras network as an upscaler: one picture of any size in, one out."""

from typing import Any

import keras
import numpy as np

from keras_sr.evaluation.score import Upscaler
from keras_sr.images.ranges import to_float
from keras_sr.inference.tiling import FRAME, framed


def network_upscaler(
    network: keras.Model, *, multiple_of: int = 1, frame: int = FRAME, data_format: str | None = None
) -> Upscaler:
    """Return a function from LR, uint8 (h, w, 3), to SR, float in [0, 1], (h * scale, w * scale, 3).

    The picture goes through whole, mirrored around itself as in `inference.enlarge`, so the figures are
    those of the benchmark. What that costs: torch compiles nothing; tensorflow traces two or three times,
    then takes any size; jax (and XLA anywhere) compiles once for every new size, 1 to 3 s for SRResNet on a
    processor. BSD100 has two sizes, Set14 thirteen.

    Where compiling takes too long, `multiple_of` lets pictures share sizes: LR is mirrored at its right and
    lower side up to a multiple of that number, and SR is cut back. Pixels farther from these two sides
    than the network's receptive field stay exact; nearer ones see mirrored pixels beyond the frame instead
    of the padding with zeros.

    Args:
        network: (N, h, w, 3) in [0, 1] to (N, h * scale, w * scale, 3), or the same with channels first.
        multiple_of: Sides of LR are padded to a multiple of this; 1 pads nothing.
        frame: LR pixels by which the picture is mirrored around itself; 0 for the network as it is.
        data_format: `"channels_last"`, `"channels_first"`, or None: what the network's input shape says.
    """
    first = (data_format or _input_format(network)) == "channels_first"

    def upscale(lr: np.ndarray) -> np.ndarray:
        height, width = lr.shape[:2]
        x = to_float(pad(framed(lr, frame), multiple_of))[None]
        x = np.moveaxis(x, 3, 1) if first else x
        y = _output(network, x, slice(2, 4) if first else slice(1, 3))[0]
        y = np.moveaxis(y, 0, 2) if first else y
        scale = y.shape[0] // x.shape[2 if first else 1]
        start = frame * scale
        return y[start : start + height * scale, start : start + width * scale]

    return upscale


def _output(network: keras.Model, x: np.ndarray, sides: slice) -> np.ndarray:
    """Return what a network makes of a batch of any size.

    Keras 3.15 on TensorFlow traces a resizing layer (bilinear `UpSampling2D`, `Resizing`) once, with the size
    of the first picture, and gives later pictures that size, or fails: they are run layer by layer then.
    """
    try:
        y = np.asarray(network.predict_on_batch(x))
    # Whichever way the graph breaks; if the network itself is at fault, it says so below.
    except Exception:
        y = None
    if y is None or not _is_multiple(y.shape[sides], x.shape[sides]):
        y = np.asarray(keras.ops.convert_to_numpy(network(x, training=False)))
    return y


def _is_multiple(large: tuple[int, ...], small: tuple[int, ...]) -> bool:
    """Tell whether both sides are the same whole number of times as long."""
    times = {(a // b, a % b) for a, b in zip(large, small, strict=True)}
    return len(times) == 1 and times.pop()[1] == 0


def network_of(model: keras.Model) -> keras.Model:
    """Return what enlarges inside a model in training: its `ema_generator`, its `generator`, or itself."""
    inner = (getattr(model, "ema_generator", None), getattr(model, "generator", None))
    return next((network for network in inner if network is not None), model)


def _input_format(network: keras.Model) -> str:
    """Return the data format of a network that takes RGB; Keras' setting where the shape does not tell."""
    shape: tuple[Any, ...] = tuple(getattr(network, "input_shape", None) or ())
    if len(shape) != 4 or (shape[1] == 3) == (shape[3] == 3):
        return keras.config.image_data_format()
    return "channels_first" if shape[1] == 3 else "channels_last"


def pad(lr: np.ndarray, multiple_of: int) -> np.ndarray:
    """Mirror a picture at its right and lower side up to multiples of a number."""
    extra = [-side % multiple_of for side in lr.shape[:2]]
    return np.pad(lr, ((0, extra[0]), (0, extra[1]), (0, 0)), mode="symmetric") if any(extra) else lr
