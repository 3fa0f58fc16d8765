"""Learning rates as a function of the step."""

import math
from typing import Any

import keras
from keras import ops

from keras_sr.types import Tensor


@keras.saving.register_keras_serializable("keras_sr")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises linearly for `warmup` steps, then stays, falls once, or falls to zero.

    `"constant"` and `"cooldown"` are the same up to the last quarter of the latter: a run may be let go on
    for as long as there is time, and only then be told how many steps it has.

    Args:
        peak: The highest rate.
        kind: `"constant"`; `"step"`, a tenth after half of the steps (Ledig et al. 2017, arXiv 1609.04802,
            section 3.2: 1e5 updates at 1e-4, 1e5 at 1e-5); `"cosine"`, to zero at the last step
            (Loshchilov and Hutter 2017, arXiv 1608.03983, eq. 5); or `"cooldown"`, constant for three
            quarters of the steps, then to zero along a line (Haegele et al. 2024, arXiv 2405.18392,
            section 3).
        steps: Number of all steps.
        warmup: Number of steps in which the rate rises.
    """

    def __init__(self, peak: float, kind: str, steps: int, warmup: int = 0) -> None:
        self.peak, self.kind, self.steps, self.warmup = peak, kind, steps, warmup

    def __call__(self, step: Any) -> Tensor:
        """Return the rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        rate = self.peak * ops.ones_like(step)
        if self.kind == "step":
            rate = ops.where(step < self.steps // 2, rate, 0.1 * rate)
        elif self.kind == "cosine":
            done = (step - self.warmup) / max(1, self.steps - self.warmup)
            rate = 0.5 * rate * (1.0 + ops.cos(math.pi * ops.clip(done, 0.0, 1.0)))
        elif self.kind == "cooldown":
            rate = rate * ops.clip((self.steps - step) / (self.steps - 3 * self.steps // 4), 0.0, 1.0)
        if self.warmup:
            rate = rate * ops.minimum(1.0, (step + 1.0) / self.warmup)
        return rate

    def get_config(self) -> dict:
        """Return the arguments that make this schedule again."""
        return {"peak": self.peak, "kind": self.kind, "steps": self.steps, "warmup": self.warmup}
