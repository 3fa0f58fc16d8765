"""The weights inside an ONNX file, by name, read from its bytes: the package onnx is not needed.

ONNX is protobuf: fields of a number, a kind and a value. Only what holds weights is looked at
(onnx.proto: ModelProto.graph = 7, GraphProto.initializer = 5, the fields of TensorProto).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.weights.foreign.arrays import BFLOAT16, as_floats, checked_size

_GRAPH, _METADATA, _INITIALIZER = 7, 14, 5
_DIMS, _TYPE, _FLOATS, _NAME, _RAW, _EXTERNAL = 1, 2, 4, 8, 9, 13
#: TensorProto.DataType.
_TYPES = {1: "<f4", 10: "<f2", 11: "<f8", 16: BFLOAT16}


def read_onnx_weights(path: Path) -> dict[str, np.ndarray]:
    """Return the floating-point initializers of the file's graph by name.

    Raises:
        WeightsError: The file is damaged, or keeps its weights in another file.
    """
    content = memoryview(path.read_bytes())
    try:
        graphs = [value for number, value in _fields(content) if number == _GRAPH]
        if len(graphs) != 1 or not isinstance(graphs[0], memoryview):
            raise WeightsError("is not an ONNX network, or it is damaged")
        tensors = [
            value
            for number, value in _fields(graphs[0])
            if number == _INITIALIZER and isinstance(value, memoryview)
        ]
        return _parameters(dict(filter(None, map(_tensor, tensors))))
    except WeightsError:
        raise
    except (ValueError, IndexError, TypeError) as error:
        raise WeightsError(f"is not an ONNX network, or it is damaged ({error!s:.60})") from None


def _parameters(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights of layers by PyTorch's names and shapes; all, where none has such a name.

    Exporters keep the numbers of other nodes beside them, and give slopes of a PReLU two more axes.
    """
    named = {
        key: one.reshape(-1) if key.endswith(".weight") and one.ndim == 3 and one.shape[1:] == (1, 1) else one
        for key, one in arrays.items()
        if key.endswith((".weight", ".bias"))
    }
    return named or arrays


def read_onnx_metadata(path: Path) -> dict[str, str]:
    """Return the metadata properties of an ONNX file.

    Raises:
        WeightsError: The file is damaged.
    """
    try:
        pairs = [
            [bytes(text).decode() for _, text in _fields(entry) if isinstance(text, memoryview)]
            for number, entry in _fields(memoryview(path.read_bytes()))
            if number == _METADATA and isinstance(entry, memoryview)
        ]
        return {key: value for key, value in pairs}  # noqa: C416  (pairs, and nothing else)
    except (ValueError, IndexError) as error:
        raise WeightsError(f"{path} is not an ONNX network, or it is damaged ({error!s:.60})") from None


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of one protobuf message: numbers as int, everything else as bytes."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(content, place)
            yield number, value
            continue
        if kind == 2:
            size, place = _varint(content, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("a field of an unknown kind")
        if place + size > len(content):
            raise ValueError("a field beyond the end")
        yield number, content[place : place + size]
        place += size


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number without an end")


def _tensor(content: memoryview) -> tuple[str, np.ndarray] | None:
    """Return the name and the numbers of a TensorProto; None where it holds no floating-point numbers."""
    name, kind, dims, raw = "", 0, [], None
    for number, value in _fields(content):
        if number == _NAME and isinstance(value, memoryview):
            name = bytes(value).decode("utf-8")
        elif number == _TYPE and isinstance(value, int):
            kind = value
        elif number == _DIMS:
            dims.extend([value] if isinstance(value, int) else _packed(value))
        elif number in (_RAW, _FLOATS) and isinstance(value, memoryview):
            raw = value
        elif number == _EXTERNAL:
            raise WeightsError("keeps its weights in another file beside it, which is not read")
    if kind not in _TYPES or raw is None:
        return None
    if len(dims) > 8 or len(raw) != checked_size(tuple(dims), _TYPES[kind]):
        raise WeightsError("holds weights with too many or too few numbers: it is damaged")
    return name, as_floats(raw, _TYPES[kind]).reshape(dims)


def _packed(content: memoryview) -> list[int]:
    """Return repeated numbers that are written as one field."""
    found, place = [], 0
    while place < len(content):
        value, place = _varint(content, place)
        found.append(value)
    return found
