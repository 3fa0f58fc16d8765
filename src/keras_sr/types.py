"""Names for what has no type that all backends share."""

from typing import Any, TypeAlias

#: A tensor of whichever backend runs, or Keras' symbolic one; usually (N, H, W, C) float.
Tensor: TypeAlias = Any
