"""MATLAB's bicubic shrinking inside a training step: HR without the damage that its LR has."""

from collections.abc import Callable

from keras import ops

from keras_sr.images.resize import axis_matrix
from keras_sr.types import Tensor


def bicubic_shrinker(side: int, scale: int, data_format: str) -> Callable[[Tensor], Tensor]:
    """Return a function of square crops that is `imresize(hr, 1 / scale)`, clipped and not rounded.

    Two products of matrices: a crop is small, and no backend has MATLAB's borders as a convolution.

    Args:
        side: Of the crops, in HR pixels; a multiple of `scale`.
        scale: HR size over LR size.
        data_format: The layout of the crops.

    Returns:
        HR, (N, side, side, 3) or (N, 3, side, side) in [0, 1], to LR of the same layout.
    """
    matrix = axis_matrix(side, side // scale, 1 / scale, "bicubic", True).astype("float32")
    rows, columns = (
        ("oh,nhwc->nowc", "ow,nhwc->nhoc")
        if data_format == "channels_last"
        else ("oh,nchw->ncow", "ow,nchw->ncho")
    )

    def shrink(hr: Tensor) -> Tensor:
        return ops.clip(ops.einsum(columns, matrix, ops.einsum(rows, matrix, hr)), 0.0, 1.0)

    return shrink
