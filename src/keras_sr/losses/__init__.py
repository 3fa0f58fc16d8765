"""Losses on images in [0, 1] and on logits: functions, or objects that are handed their network."""

from collections.abc import Callable

from keras_sr.losses.adversarial import ADVERSARIAL, approximate_r1
from keras_sr.losses.content import ContentLoss, StyleLoss
from keras_sr.losses.pixel import charbonnier, consistency, l1, luma, mse, with_colours_of
from keras_sr.types import Tensor

#: Every loss between single pixels, by name.
PIXEL: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mse": mse, "l1": l1, "charbonnier": charbonnier}

__all__ = [
    "ADVERSARIAL",
    "PIXEL",
    "ContentLoss",
    "StyleLoss",
    "approximate_r1",
    "charbonnier",
    "consistency",
    "l1",
    "luma",
    "mse",
    "with_colours_of",
]
