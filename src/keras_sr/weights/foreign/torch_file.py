"""Files of torch.save, in the form of a zip archive and in the legacy form, without torch."""

import io
import math
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.types import Json
from keras_sr.weights.foreign.arrays import BFLOAT16, as_floats, checked_size
from keras_sr.weights.foreign.opcodes import Global, read_pickle

#: Bytes of the pickle inside; that of the largest network in use is a hundredth of it.
_LARGEST_PICKLE = 16 << 20
#: What begins a file in the legacy form, and the version after it.
LEGACY_MAGIC, LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001

#: Element types by the name of PyTorch's storage classes.
_STORAGES = {
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": BFLOAT16,
    "torch.DoubleStorage": "<f8",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}


@dataclass(frozen=True)
class _Storage:
    """A run of numbers of one type, known by its key."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage; numbers are counted in elements."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_torch(path: Path) -> Any:
    """Return what torch.save wrote: dicts, lists, numbers, texts; tensors as float32 or integer arrays.

    Raises:
        WeightsError: The file is damaged, or asks for more than weights need.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        return _read_zip(path)
    if start[:1] == b"\x80":
        return _read_legacy(path)
    raise WeightsError("is not a file from torch.save: it begins neither as a zip archive nor as a pickle")


def _read_zip(path: Path) -> Any:
    """Read the form that torch writes since 1.6."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_archive(archive, path.stat().st_size)
    except WeightsError:
        raise
    # zipfile raises BadZipFile, and struct, OSError and others on damaged directories.
    except Exception as error:
        raise WeightsError(f"is a damaged zip archive ({type(error).__name__}: {error})") from None


def _read_archive(archive: zipfile.ZipFile, file_bytes: int) -> Any:
    """Read the pickle of an archive and the storages that it asks for."""
    members = {info.filename: info for info in archive.infolist()}
    if sum(info.file_size for info in members.values()) > file_bytes:
        raise WeightsError("holds members that are larger than the file: compressed, or damaged")
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in members):
        raise WeightsError("holds a TorchScript program, which is not run: give the weights (state_dict)")
    roots = [name.removesuffix("data.pkl") for name in members if name.split("/")[1:] == ["data.pkl"]]
    if len(roots) != 1 or len(members) != len(archive.infolist()):
        raise WeightsError(f"holds {len(roots)} pickles where torch.save writes one")
    root = roots[0]

    def member(name: str, largest: int) -> bytes:
        info = members[root + name]
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > largest:
            raise WeightsError(f"holds {name[:40]} compressed or too large: torch.save stores it as it is")
        return archive.read(info)

    if f"{root}byteorder" in members and member("byteorder", 16).strip() != b"little":
        raise WeightsError("was written on a big-endian machine: load and save it again on this one")
    found = _unpickle(io.BytesIO(member("data.pkl", _LARGEST_PICKLE)))

    def data(storage: _Storage) -> bytes:
        if f"{root}data/{storage.key}" not in members:
            raise WeightsError(f"lacks the numbers of storage {storage.key[:40]!r}: the file is cut off")
        return member(f"data/{storage.key}", file_bytes)

    return _filled(found, data, file_bytes)


def _read_legacy(path: Path) -> Any:
    """Read the form that torch wrote before 1.6: five pickles, then the numbers."""
    content = path.read_bytes()
    file = io.BytesIO(content)
    if _unpickle(file) != LEGACY_MAGIC or _unpickle(file) != LEGACY_VERSION:
        raise WeightsError("is a pickle, but none of torch.save")
    system = _unpickle(file)
    if type(system) is not dict or system.get("little_endian") is not True:
        raise WeightsError("was written on a big-endian machine: load and save it again on this one")
    found, keys = _unpickle(file), _unpickle(file)
    kinds = {tensor.storage.key: tensor.storage for tensor in _tensors(found)}
    places: dict[str, tuple[int, int]] = {}
    offset = file.tell()
    for key in keys if type(keys) is list else ():
        storage = kinds.get(key) if type(key) is str else None
        if storage is None or len(content) < offset + 8:
            raise WeightsError("lacks the numbers of a storage: the file is cut off or damaged")
        count = int.from_bytes(content[offset : offset + 8], "little", signed=True)
        size = checked_size((count,), _STORAGES[storage.kind])
        if count != storage.count or len(content) < offset + 8 + size:
            raise WeightsError("lacks the numbers of a storage: the file is cut off or damaged")
        places[key] = offset + 8, offset + 8 + size
        offset += 8 + size

    def data(storage: _Storage) -> bytes:
        if storage.key not in places:
            raise WeightsError(f"lacks the numbers of storage {storage.key[:40]!r}: the file is cut off")
        return content[slice(*places[storage.key])]

    return _filled(found, data, len(content))


def _unpickle(file: io.BytesIO) -> Any:
    """Read one pickle, tensors as descriptions."""
    return read_pickle(file, CALLS, _STORAGES.__contains__, _storage)


def _storage(identity: Any) -> _Storage:
    """Return the storage that a persistent id names: ('storage', type, key, location, count, ...)."""
    match identity:
        case ("storage", Global(kind), str(key), _, int(count), *rest) if kind in _STORAGES and count >= 0:
            if rest not in ([], [None]):
                raise WeightsError("holds views of storages, as PyTorch before 0.4 wrote: save it again")
            return _Storage(kind, key, count)
    raise ValueError("a persistent id of another kind")


def _ordered_dict(*arguments: Any) -> Json:
    """Stand for collections.OrderedDict: empty, or from a list of pairs."""
    if not arguments:
        return {}
    (pairs,) = arguments
    if not all(len(pair) == 2 and type(pair[0]) in (str, int) for pair in pairs):
        raise ValueError("pairs of another kind")
    return {key: value for key, value in pairs}  # noqa: C416  (dict() would take other things, too)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _Tensor:
    """Stand for torch._utils._rebuild_tensor_v2, with every number checked before it is used."""
    numbers = (offset, *size, *stride)
    if type(storage) is not _Storage or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError("a tensor that is none")
    if len(size) != len(stride) or len(size) > 8:
        raise ValueError("a tensor with other strides than sizes")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if (math.prod(size) and last >= storage.count) or math.prod(size) > storage.count:
        raise WeightsError(f"holds a tensor {tuple(size)!s:.60} that reaches beyond its numbers")
    return _Tensor(storage, offset, tuple(size), tuple(stride))


def _parameter(data: Any, *_: Any) -> _Tensor:
    """Stand for torch._utils._rebuild_parameter."""
    if type(data) is not _Tensor:
        raise ValueError("a parameter that is not a tensor")
    return data


def _size(values: Any = ()) -> tuple:
    """Stand for torch.Size."""
    return tuple(values)


def _device(*_: Any) -> None:
    """Stand for torch.device, which says nothing here."""


CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "torch.device": _device,
}


def _tensors(found: Any) -> Iterator[_Tensor]:
    """Yield the tensors of dicts and lists, each container looked at once."""
    seen, stack = set(), [found]
    while stack:
        value = stack.pop()
        if type(value) is _Tensor:
            yield value
        elif type(value) in (dict, list, tuple) and id(value) not in seen:
            seen.add(id(value))
            stack.extend(value.values() if type(value) is dict else value)


def _filled(found: Any, data: Callable[[_Storage], bytes], file_bytes: int) -> Any:
    """Return dicts of dicts with arrays in the place of tensors; lists and other values are left out."""
    flats: dict[_Storage, np.ndarray] = {}
    promised = sum(4 * math.prod(tensor.size) for tensor in _tensors(found))
    if promised > 16 * file_bytes:
        raise WeightsError("describes many times more numbers than it holds")

    def array(tensor: _Tensor) -> np.ndarray:
        storage = tensor.storage
        if storage not in flats:
            kind, raw = _STORAGES[storage.kind], data(storage)
            if len(raw) != checked_size((storage.count,), kind):
                raise WeightsError(f"holds storage {storage.key[:40]!r} with too many or too few numbers")
            flats[storage] = as_floats(raw, kind)
        flat = flats[storage]
        strides = [step * flat.itemsize for step in tensor.stride]
        view = flat[tensor.offset :] if math.prod(tensor.size) else flat[:0]
        return np.lib.stride_tricks.as_strided(view, tensor.size, strides, writeable=False)

    done: dict[int, Any] = {}

    def filled(value: Any, depth: int) -> Any:
        if type(value) is _Tensor:
            return array(value)
        # A dict that is named a thousand times is filled once: a file could nest such dicts.
        if id(value) not in done and depth:
            done[id(value)] = {str(k): filled(one, depth - 1) for k, one in value.items() if _holds(one)}
        return done.get(id(value))

    return filled(found, 4) if type(found) is dict else None


def _holds(value: Any) -> bool:
    """Return whether a value of a dict can hold weights."""
    return type(value) in (_Tensor, dict)
