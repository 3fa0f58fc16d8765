"""Spectral normalisation (Miyato et al. 2018, arXiv 1802.05957) as a convolution that divides by its norm."""

from typing import Any

import keras
from keras import ops

from keras_sr.types import Tensor


class _Spectral:
    """What a layer with a kernel needs to divide it by its largest singular value.

    One power iteration a training step keeps the singular vector (arXiv 1802.05957, algorithm 1); the
    gradient goes through the division (equation 12). keras.layers.SpectralNormalization overwrites the kernel
    with the quotient instead, which hides the division from the gradient and cannot train on torch.
    """

    def build(self: Any, input_shape: tuple) -> None:
        """Make the kernel, and `u`, the estimate of its singular vector in the space of the outputs."""
        super().build(input_shape)  # type: ignore[misc]
        outputs = self._kernel.shape[-1]
        self.u = self.add_weight(
            shape=(outputs,),
            initializer=keras.initializers.RandomNormal(seed=outputs),
            trainable=False,
            name="u",
            dtype="float32",
        )

    def save_own_variables(self: Any, store: dict) -> None:
        """Write all weights; those of a convolution or dense layer alone would be written without `u`."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self: Any, store: dict) -> None:
        """Read all weights."""
        keras.layers.Layer.load_own_variables(self, store)

    def quotient(self: Any, training: bool | None) -> Tensor:
        """Return the kernel, as a matrix (inputs, out), over its largest singular value; float32."""
        kernel = ops.cast(ops.convert_to_tensor(self._kernel), "float32")
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        # Constants: only the quotient carries a gradient.
        fixed = ops.stop_gradient(matrix)
        u = _unit(ops.convert_to_tensor(self.u))
        v = _unit(ops.matmul(fixed, u))
        if training:
            u = _unit(ops.matmul(ops.transpose(fixed), v))
            self.u.assign(u)
        return matrix / ops.sum(v * ops.matmul(matrix, u))


@keras.saving.register_keras_serializable("keras_sr")
class SpectralConv2D(_Spectral, keras.layers.Conv2D):
    """A convolution whose kernel, as a matrix (kh kw in, out), has spectral norm 1."""

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Convolve; (N, H, W, C) to (N, H', W', filters)."""
        kernel = ops.reshape(self.quotient(training), self._kernel.shape)
        outputs = self.convolution_op(inputs, ops.cast(kernel, inputs.dtype))
        if self.use_bias:
            bands = (1, 1, 1, -1) if self.data_format == "channels_last" else (1, -1, 1, 1)
            outputs = outputs + ops.cast(ops.reshape(self.bias, bands), outputs.dtype)
        return self.activation(outputs)


@keras.saving.register_keras_serializable("keras_sr")
class SpectralDense(_Spectral, keras.layers.Dense):
    """A dense layer whose kernel (in, out) has spectral norm 1."""

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Map (N, in) to (N, out)."""
        outputs = ops.matmul(inputs, ops.cast(self.quotient(training), inputs.dtype))
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, outputs.dtype)
        return self.activation(outputs)


def _unit(x: Tensor) -> Tensor:
    """Return a vector of length 1."""
    return x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-12)
