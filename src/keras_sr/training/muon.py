"""Muon: momentum whose matrix is orthogonalised, for the kernels of convolutions; Adam for the rest."""

import math
from typing import Any

import keras
from keras import ops

from keras_sr.training.rate import SettableRate
from keras_sr.types import Tensor

#: Coefficients and number of the Newton-Schulz steps (Jordan et al. 2024, Muon).
_QUINTIC, _ROUNDS = (3.4445, -4.7750, 2.0315), 5
#: Rate of what Adam updates (biases, PReLU slopes, batch norm), relative to that of the kernels.
ADAM_RATIO = 0.03
#: Pace of kernels that see RGB: pixels side by side are nearly one direction, and all layers feel a
#: step in it. Worth 0.1 dB on Set5 after 1,000 steps of `compact` and 500 of SRResNet (docs/lab-log.md).
RGB_RATIO = 0.2


@keras.saving.register_keras_serializable("keras_sr")
class Muon(SettableRate, keras.optimizers.Adam):
    """Adam, except that a kernel of a convolution follows the orthogonal matrix nearest to its momentum.

    A kernel (kh, kw, in, out) is taken as the matrix (kh kw in, out). All of its singular directions move by
    the same amount, the rare ones too, which Adam starves (Jordan et al. 2024, Muon). That amount is
    learning_rate * sqrt(out / (kh kw in)): root mean square, a step changes what a layer puts out by about
    learning_rate of what it takes in, at most (the spectral condition; Yang et al. 2023, arXiv 2310.17813).

    keras.optimizers.Muon leaves kernels of convolutions to Adam, which are nearly all of our weights, and
    scales by the longer side, which moves SRResNet's 9x9 tail forty times further than its 3x3 body.

    Every step is of one size, however small the gradient, so that kernels grow without an end, and what they
    learn gets coarser with them; `weight_decay` holds them (Liu et al. 2025, arXiv 2502.16982, section 2.2).

    Args:
        learning_rate: Of the kernels, a value or a schedule; `ADAM_RATIO` of it is that of the rest.
        momentum: How much of the kernels' momentum a step keeps (Nesterov's form).
        weight_decay: A step takes learning_rate * weight_decay of each kernel away; of nothing else.
        **kwargs: As keras.optimizers.Adam.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        momentum: float = 0.95,
        weight_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum, self.kernel_decay = momentum, weight_decay

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Update one variable."""
        if len(variable.shape) != 4:
            super().update_step(gradient, variable, learning_rate * ADAM_RATIO)
            return
        memory = self._momentums[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype)
        momentum = self.momentum * memory + gradient
        self.assign(memory, momentum)
        fan_in, fan_out = math.prod(variable.shape[:-1]), variable.shape[-1]
        ahead = ops.reshape(self.momentum * momentum + gradient, (fan_in, fan_out))
        pace = (RGB_RATIO if variable.shape[2] == 3 else 1.0) * math.sqrt(fan_out / fan_in)
        rate = ops.cast(learning_rate, variable.dtype)
        step = ops.reshape(rate * pace * orthogonalize(ahead), variable.shape)
        self.assign_sub(variable, step + rate * self.kernel_decay * variable if self.kernel_decay else step)

    def get_config(self) -> dict:
        """Return the arguments that make this optimizer again."""
        return {**super().get_config(), "momentum": self.momentum, "weight_decay": self.kernel_decay}


def orthogonalize(matrix: Tensor) -> Tensor:
    """Return the matrix with its singular values brought near 1, between 0.7 and 1.2.

    A Newton-Schulz iteration, matrix products alone, trades exactness for slope at 0: a small singular
    value grows 3.4 times a round (Jordan et al. 2024, Muon). All zeros stay zeros.
    """
    rows, columns = matrix.shape
    x = matrix if rows <= columns else ops.transpose(matrix)  # the smaller square is the cheaper one
    x = x / (ops.norm(x) + 1e-7)
    a, b, c = _QUINTIC
    for _ in range(_ROUNDS):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return x if rows <= columns else ops.transpose(x)
