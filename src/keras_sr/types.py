"""Names for what passes through: tensors of any backend, and arrays with their shapes in the annotation.

The shapes are jaxtyping's, `Float[np.ndarray, "h w 3"]`. The tests check them at run time (with beartype,
see `addopts` in pyproject.toml); elsewhere they mean the plain array.
"""

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # noqa: SIM114  (pyright reads this branch alone)
    from jaxtyping import Float, Shaped
elif "jaxtyping" in sys.modules:  # the tests have it; importing it costs as much as numpy
    from jaxtyping import Float, Shaped
else:

    class Shaped:
        """Stands in for jaxtyping's: `Shaped[array, shape]` is `array`."""

        def __class_getitem__(cls, item: tuple[type, str]) -> type:
            return item[0]

    Float = Shaped

__all__ = ["Float", "Json", "Shaped", "Tensor"]

#: A tensor of whichever backend runs, or Keras' symbolic one; usually (N, H, W, C) float.
Tensor: TypeAlias = Any

#: Values by name, as JSON can hold them; also the `logs` of Keras.
Json: TypeAlias = dict[str, Any]
