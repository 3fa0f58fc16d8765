"""The part that PSNR and SSIM share as classes: they remember one value for each picture."""

import math
from collections.abc import Callable

import numpy as np

from keras_sr.errors import PictureError


class PerPictureMean:
    """The mean over pictures of a metric of one picture: what papers report.

    Not the metric of the mean error: one bad picture in a batch would weigh more than in the papers.

    Args:
        **options: Those of the metric's function, such as `crop_border`.
    """

    #: What the values are counted in; "" where they are a bare number.
    unit: str
    higher_is_better: bool
    #: The lowest and the highest value there can be.
    lowest: float
    highest: float
    #: Where the metric is defined.
    source: str
    #: The metric of one picture: (sr, hr, **options) to its value.
    measure: Callable[..., float]

    def __init__(self, **options: int | str | bool) -> None:
        self.options = options
        self.values: list[float] = []

    def update(self, sr: np.ndarray, hr: np.ndarray) -> None:
        """Take in a picture (H, W, C), or each of a batch (N, H, W, C).

        Raises:
            PictureError: As the metric's function does, or the batches differ in length.
        """
        if np.ndim(sr) == np.ndim(hr) == 4:
            if len(sr) != len(hr):
                raise PictureError(f"{len(sr)} pictures cannot be compared with {len(hr)}")
            # All or none: a batch with one broken picture must not leave half of its values behind.
            self.values += [self.measure(a, b, **self.options) for a, b in zip(sr, hr, strict=True)]
        else:
            self.values.append(self.measure(sr, hr, **self.options))

    def result(self) -> float:
        """Return the mean over the pictures taken in so far.

        Raises:
            PictureError: There was none.
        """
        if not self.values:
            raise PictureError(f"{type(self).__name__} has seen no picture: call update first")
        return math.fsum(self.values) / len(self.values)

    def reset(self) -> None:
        """Forget all pictures."""
        self.values = []
