"""What PSNR and SSIM are measured on: the channels named by a protocol, borders shaved, in grey levels.

Everything is float64 in units of grey levels (0 to 255), so that 8-bit pictures are held exactly.
"""

from typing import Any

import numpy as np

from keras_sr.errors import PictureError, unknown
from keras_sr.images.color import OFFSET, RGB_TO_YCBCR

CHANNELS = ("y", "rgb")


def plane_pair(
    sr: np.ndarray, hr: np.ndarray, *, crop_border: int = 0, channel: str = "y", round_y: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the planes of two pictures that a metric compares, float64 (planes, H, W) in grey levels.

    Args:
        sr: Picture (H, W, 1 or 3), uint8 or float in [0, 1].
        hr: The truth, of the same size; its type may be the other one.
        crop_border: Pixels shaved from each of the four sides.
        channel: `"y"` compares the luma of BT.601 in studio range (16 to 235), `"rgb"` each channel.
        round_y: Round Y to whole grey levels, as MATLAB's `rgb2ycbcr` of a uint8 picture does.

    Raises:
        PictureError: The pictures differ in size, are no pictures, hold NaN or values far from [0, 1], or
            nothing is left of them after shaving; unknown channel.
    """
    if channel not in CHANNELS:
        raise PictureError(unknown("channel", channel, CHANNELS))
    sr, hr = as_array(sr), as_array(hr)
    if np.shape(sr) != np.shape(hr):
        raise PictureError(f"pictures differ in size: {np.shape(sr)} against the truth's {np.shape(hr)}")
    return (
        planes(sr, "the picture", crop_border, channel, round_y),
        planes(hr, "the truth", crop_border, channel, round_y),
    )


def as_array(pixels: Any) -> np.ndarray:
    """Return an array or a tensor of any framework, on any device, as a numpy array.

    All metrics compute in numpy, so a number does not depend on where its pixels came from. Half
    precisions that numpy does not know become float32, which holds them exactly.
    """
    if isinstance(pixels, np.ndarray):
        return pixels
    # By what it can do, so that no framework is imported here: torch first, whose tensors may be on a
    # device, need gradients, or be of a type that numpy lacks.
    if hasattr(pixels, "detach"):
        pixels = pixels.detach().cpu()
        pixels = pixels.float() if pixels.is_floating_point() and pixels.element_size() < 4 else pixels
    array = np.asarray(pixels)
    # bfloat16 of jax and tensorflow is a type of their own, of kind V.
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def planes(image: np.ndarray, name: str, crop_border: int, channel: str, round_y: bool) -> np.ndarray:
    """Return the planes of one picture; `name` is what errors call it."""
    levels = grey_levels(_shave(image, name, crop_border), name)
    if channel == "rgb":
        return np.moveaxis(levels, 2, 0)
    y = _luma_levels(levels)
    return (np.floor(y + 0.5) if round_y else y)[None]


def _shave(image: np.ndarray, name: str, border: int) -> np.ndarray:
    """Return a picture (H, W, C) without `border` pixels on each side."""
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise PictureError(f"{name} must be an array (H, W, 1) or (H, W, 3), not {np.shape(image)}")
    height, width = image.shape[:2]
    if border < 0 or min(height, width) <= 2 * border:
        raise PictureError(
            f"nothing is left of {name}, {width}x{height}, after shaving {border} pixels a side"
        )
    return image[border : height - border, border : width - border]


def grey_levels(image: np.ndarray, name: str) -> np.ndarray:
    """Return pixels as float64 in grey levels."""
    if image.dtype == np.uint8:
        return image.astype(np.float64)
    if image.dtype.kind != "f":
        raise PictureError(f"{name} must be uint8, or float in [0, 1], not {image.dtype}")
    if not np.isfinite(image).all():
        raise PictureError(f"{name} holds NaN or infinity: the network that made it is broken")
    # A network overshoots a little; a picture in 0..255 or [-1, 1] is a mistake that would give a number.
    if image.max() > 2 or image.min() < -0.9:
        raise PictureError(f"{name} has values from {image.min():.3g} to {image.max():.3g}: expected [0, 1]")
    return image.astype(np.float64) * 255.0


def _luma_levels(levels: np.ndarray) -> np.ndarray:
    """Return Y of BT.601 (H, W) in grey levels, 16 to 235; grey counts as R = G = B."""
    weights = RGB_TO_YCBCR[0] / 255.0
    if levels.shape[2] == 1:
        return levels[..., 0] * weights.sum() + OFFSET[0]
    return levels @ weights + OFFSET[0]
