"""Files of safetensors: eight bytes of length, JSON, numbers. Forty lines, so the package is not needed.

The package reads no bfloat16 into numpy, and would be one more compiled dependency of the core.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.weights.foreign.arrays import BFLOAT16, as_floats, checked_size

#: The format's own limit of the header.
_LARGEST_HEADER = 100_000_000

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": BFLOAT16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the arrays of a file, and its metadata.

    Raises:
        WeightsError: The file is damaged, or holds a type that no network here has.
    """
    content = memoryview(path.read_bytes())
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(_LARGEST_HEADER, len(content) - 8):
        raise WeightsError("is not a safetensors file, or it is cut off")
    try:
        header = json.loads(bytes(content[8 : 8 + length]), object_pairs_hook=_unique)
        notes = header.pop("__metadata__", {})
        numbers = content[8 + length :]
        arrays = {name: _array(entry, numbers) for name, entry in header.items()}
    except WeightsError:
        raise
    # json raises ValueError and RecursionError; a header of another shape KeyError, TypeError and others.
    except Exception as error:
        raise WeightsError(f"has a damaged header ({type(error).__name__})") from None
    if sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in header.values()) > len(numbers):
        raise WeightsError("describes the same numbers more than once: it is damaged")
    return arrays, {str(key): str(value) for key, value in notes.items()}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose keys are all different."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key that is there twice")
    return found


def _array(entry: dict[str, Any], numbers: memoryview) -> np.ndarray:
    """Return one array: type, shape and place all checked."""
    kind, shape, (first, last) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if kind not in _TYPES:
        raise WeightsError(f"holds numbers of the type {str(kind)[:20]!r}: only {', '.join(_TYPES)} are read")
    if not all(type(n) is int for n in (*shape, first, last)) or len(shape) > 8:
        raise ValueError("sizes that are not numbers")
    size = checked_size(shape, _TYPES[kind])
    if not 0 <= first <= last <= len(numbers) or last - first != size:
        raise WeightsError("describes numbers that it does not hold: it is cut off or damaged")
    return as_floats(numbers[first:last], _TYPES[kind]).reshape(shape)


def safetensors_bytes(arrays: dict[str, np.ndarray], notes: dict[str, str]) -> bytes:
    """Return the bytes of a file with float32 or float16 arrays and its metadata."""
    header: dict[str, Any] = {"__metadata__": notes}
    numbers = bytearray()
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        kind = next(kind for kind, dtype in _TYPES.items() if dtype == array.dtype.str)
        places = [len(numbers), len(numbers) + len(raw)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": places}
        numbers += raw
    head = json.dumps(header).encode()
    # The numbers begin at a multiple of eight bytes.
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + numbers
