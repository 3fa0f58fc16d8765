"""What all metrics share: their facts, and the mean over pictures."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.metrics.planes import as_array


@dataclass(frozen=True)
class Column:
    """A column that a metric makes in tables; most make one, a drift makes three.

    Attributes:
        key: In files.
        title: In tables.
        options: Options of the metric's function.
        part: Which of the values, where the function gives several.
        note: What is added to the source.
        weights: The file it cannot do without, by its name in `metrics.weights`, or "".
        usual: Whether it is measured when nothing else is asked for.
    """

    key: str
    title: str
    options: Mapping[str, Any] = field(default_factory=dict)
    part: int | None = None
    note: str = ""
    weights: str = ""
    usual: bool = True


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
    #: Decimals in tables.
    digits: int = 2
    #: What SR is compared with: `"hr"`, `"lr"`, or "" for a metric that needs no truth.
    against: str = "hr"
    #: Options that follow the protocol of a benchmark.
    follows: tuple[str, ...] = ("crop_border",)
    #: What tables show of it.
    columns: tuple[Column, ...] = ()
    #: The metric of one picture: (sr, hr, **options) to its value, a float or an array of them. Metrics
    #: that need no truth take the picture alone.
    measure: Callable[..., Any]

    def __init__(self, **options: int | str | bool) -> None:
        self.options = options
        self.values: list[Any] = []

    def __call__(self, *pictures: Any) -> Any:
        """Return the metric of pictures that are arrays; see `update` for a mean.

        Raises:
            PictureError: They are tensors: Keras calls metrics while it builds a graph.
        """
        if not all(isinstance(picture, np.ndarray) for picture in pictures):
            name = type(self).__name__
            raise PictureError(
                f"{name} measures finished pictures and cannot be one of compile(metrics=...): leave it out "
                f"there and give fit a keras_sr.BenchmarkCallback, which logs {name} of a set"
            )
        return self.measure(*pictures, **self.options)

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
