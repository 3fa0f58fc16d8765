"""Numbers as other libraries store them, as numpy has them."""

import math

import numpy as np

from keras_sr.errors import WeightsError

#: Google's half precision: the upper half of a float32. numpy has no such type.
BFLOAT16 = "bf16"
#: More elements than any network has; the product of sizes stays a small number.
_MOST = 1 << 40


def _item_size(kind: str) -> int:
    """Return the bytes of one element: of a numpy type, or bfloat16."""
    return 2 if kind == BFLOAT16 else np.dtype(kind).itemsize


def checked_size(shape: tuple[int, ...], kind: str) -> int:
    """Return the bytes of an array.

    Raises:
        WeightsError: A size is negative, or there are more elements than any network has.
    """
    count = math.prod(shape)
    if any(n < 0 for n in shape) or count > _MOST:
        raise WeightsError(f"holds an array of impossible size {shape!s:.60}")
    return count * _item_size(kind)


def as_floats(raw: bytes | memoryview, kind: str) -> np.ndarray:
    """Return a flat array over `raw`: without a copy, but bfloat16 as float32."""
    if kind == BFLOAT16:
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(raw, kind)
