"""Pixel unshuffle and what undoes its padding: for networks that compute at a fraction of the LR size."""

from typing import Any

import keras
from keras import ops

from keras_sr.types import Tensor


@keras.saving.register_keras_serializable("keras_sr")
class PixelUnshuffle(keras.layers.Layer):
    """Space to depth: sides divided by `factor`, C channels to C factor^2, ordered (row, column, C).

    A picture whose sides are no multiples is mirrored beyond its bottom and right first, as Real-ESRGAN does
    (without the edge pixel); `CropToScale` cuts the result.
    """

    def __init__(self, factor: int, data_format: str = "channels_last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor, self.data_format = factor, data_format

    def call(self, x: Tensor) -> Tensor:
        """Map (N, H, W, C) to (N, ceil(H / factor), ceil(W / factor), C factor^2)."""
        m, first = self.factor, self.data_format == "channels_first"
        for axis in (2, 3) if first else (1, 2):
            x = ops.take(x, _mirrored(ops.shape(x)[axis], m), axis=axis)
        shape: Any = ops.shape(x)
        if first:
            n, c, h, w = shape
            x = ops.transpose(ops.reshape(x, (n, c, h // m, m, w // m, m)), (0, 3, 5, 1, 2, 4))
            return ops.reshape(x, (n, c * m * m, h // m, w // m))
        n, h, w, c = shape
        x = ops.transpose(ops.reshape(x, (n, h // m, m, w // m, m, c)), (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (n, h // m, w // m, c * m * m))

    def compute_output_shape(self, shape: tuple) -> tuple:
        """Return the output's shape; unknown sizes stay unknown."""
        first, m = self.data_format == "channels_first", self.factor
        channels, *sides = (shape[1], *shape[2:]) if first else (shape[3], *shape[1:3])
        sides = [None if n is None else -(-n // m) for n in sides]
        return (shape[0], channels * m * m, *sides) if first else (shape[0], *sides, channels * m * m)

    def get_config(self) -> dict:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "factor": self.factor, "data_format": self.data_format}


def _mirrored(length: Any, factor: int) -> Tensor:
    """Return which rows to take so that there are a multiple of `factor`, mirrored at the last row."""
    whole = -(-length // factor) * factor
    rows = ops.arange(whole, dtype="int32")
    # A picture of a single row has nothing to mirror: row 0 again.
    return ops.where(rows < length, rows, ops.maximum(2 * (length - 1) - rows, 0))


@keras.saving.register_keras_serializable("keras_sr")
class CropToScale(keras.layers.Layer):
    """Cut an SR picture to `scale` times the size of the LR picture, at its bottom and right."""

    def __init__(self, scale: int, data_format: str = "channels_last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.data_format = scale, data_format

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Map [SR, LR] to the part of SR that lies over LR."""
        sr, lr = inputs
        shape: Any = ops.shape(lr)
        if self.data_format == "channels_first":
            return sr[:, :, : shape[2] * self.scale, : shape[3] * self.scale]
        return sr[:, : shape[1] * self.scale, : shape[2] * self.scale]

    def compute_output_shape(self, shapes: list[tuple]) -> tuple:
        """Return the output's shape; unknown sizes stay unknown."""
        sr, lr = shapes
        grow = [None if n is None else n * self.scale for n in lr]
        if self.data_format == "channels_first":
            return (*sr[:2], *grow[2:])
        return (sr[0], *grow[1:3], sr[3])

    def get_config(self) -> dict:
        """Return the arguments that make this layer again."""
        return {**super().get_config(), "scale": self.scale, "data_format": self.data_format}
