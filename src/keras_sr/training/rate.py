"""Optimizers whose learning rate callbacks may set although a schedule gives it."""

from typing import Any

import keras
from keras import ops

from keras_sr.types import Tensor

#: Name of the factor's variable.
_FACTOR = "rate_factor"


class SettableRate:
    """Mixed into an optimizer: its rate is the schedule's times a factor, and setting it sets the factor.

    keras' optimizers refuse to set a rate that a schedule gives, so ReduceLROnPlateau and
    LearningRateScheduler fail. Here what they set holds at this step, and the schedule goes on from it: half
    the rate stays half of what the schedule would give.
    """

    def build(self, variables: list) -> None:
        """Make the factor, too. It is counted last, so older checkpoints fit."""
        super().build(variables)  # pyright: ignore[reportAttributeAccessIssue]
        optimizer: Any = self
        self.rate_factor = optimizer.add_variable((), initializer="ones", name=_FACTOR)

    def _get_current_learning_rate(self) -> Tensor:
        rate = super()._get_current_learning_rate()  # pyright: ignore[reportAttributeAccessIssue]
        factor = getattr(self, "rate_factor", None)
        return rate if factor is None else rate * ops.cast(factor, "float32")

    @property
    def learning_rate(self) -> Tensor:
        """The rate of this step."""
        return self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        base: Any = ops.convert_to_numpy(super()._get_current_learning_rate())  # pyright: ignore
        wanted: Any = ops.convert_to_numpy(value)
        if float(base):
            self.rate_factor.assign(float(wanted) / float(base))


@keras.saving.register_keras_serializable("keras_sr")
class Adam(SettableRate, keras.optimizers.Adam):
    """keras' Adam with a rate that callbacks may set."""


def factors(optimizer: Any) -> list:
    """Return the factors of an optimizer and of those in it."""
    inner = [getattr(optimizer, "inner_optimizer", None), *getattr(optimizer, "optimizers", [])]
    own = getattr(optimizer, "rate_factor", None)
    found = [] if own is None else [own]
    return found + [one for part in inner if part is not None for one in factors(part)]
