"""The part that PSNR and SSIM share as classes: they remember one value for each picture."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.metrics.planes import as_array


class PerPictureMean:
    """The mean over pictures of a metric of one picture: what papers report.

    Not the metric of the mean error: one bad picture in a batch would weigh more than in the papers.

    Args:
        **options: Those of the metric's function, such as `crop_border`.
    """

    #: What the values are counted in; "" where they are a bare number.
    unit: str
    #: None where neither is: a drift is best at 0.
    higher_is_better: bool | None
    #: The lowest and the highest value there can be.
    lowest: float
    highest: float
    #: Where the metric is defined.
    source: str
    #: The metric of one picture: (sr, hr, **options) to its value, a float or an array of them. Metrics
    #: that need no truth take the picture alone.
    measure: Callable[..., Any]

    def __init__(self, **options: int | str | bool) -> None:
        self.options = options
        self.values: list[Any] = []

    def update(self, *pictures: Any) -> None:
        """Take in what the metric compares: pictures (H, W, C), or batches of them (N, H, W, C).

        Raises:
            PictureError: As the metric's function does, or the batches differ in length.
        """
        arrays = [as_array(picture) for picture in pictures]
        if all(array.ndim == 4 for array in arrays):
            counts = [len(array) for array in arrays]
            if len(set(counts)) > 1:
                raise PictureError(f"{counts[0]} pictures cannot be compared with {counts[1]}")
            # All or none: a batch with one broken picture must not leave half of its values behind.
            self.values += [self.measure(*one, **self.options) for one in zip(*arrays, strict=True)]
        else:
            self.values.append(self.measure(*arrays, **self.options))

    def result(self) -> Any:
        """Return the mean over the pictures taken in so far, a float or an array.

        Raises:
            PictureError: There was none.
        """
        if not self.values:
            raise PictureError(f"{type(self).__name__} has seen no picture: call update first")
        if np.ndim(self.values[0]):
            return np.mean(self.values, axis=0)
        return math.fsum(self.values) / len(self.values)

    def reset(self) -> None:
        """Forget all pictures."""
        self.values = []
