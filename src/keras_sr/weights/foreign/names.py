"""Our weights under the names that other programs look for: what `kinds` does, the other way round."""

import re

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.types import Json

#: The layers of an RRDB network and what Real-ESRGAN calls them.
_RRDB = [
    (r"head_conv", r"conv_first"),
    (r"trunk_conv", r"conv_body"),
    (r"up(\d)_conv", r"conv_up\1"),
    (r"hr_conv", r"conv_hr"),
    (r"tail_conv", r"conv_last"),
]


def foreign_names(values: Json, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights as Real-ESRGAN, spandrel and chaiNNer name and order them.

    Args:
        values: Arguments of `models.build_generator`.
        arrays: Weights by the names of our layers.

    Raises:
        WeightsError: The network is of a kind that those programs do not have.
    """
    if values["generator"] not in _NAMES:
        raise WeightsError(
            f"a {values['generator']} network has no layout that other programs read: "
            f"{', '.join(_NAMES)} have"
        )
    named = {}
    for key, array in arrays.items():
        layer, _, part = key.partition("/")
        ordered = _in_their_order(values, layer, array)
        name = _NAMES[values["generator"]](layer, values)
        # Kernels, and slopes of a PReLU, are called weights.
        named[f"{name}.{'bias' if part == 'bias' else 'weight'}"] = (
            ordered.transpose(3, 2, 0, 1) if part == "kernel" else ordered
        )
    return {name: np.ascontiguousarray(array) for name, array in named.items()}


def _in_their_order(values: Json, layer: str, array: np.ndarray) -> np.ndarray:
    """Return channels before a pixel shuffle, or after an unshuffle, in PyTorch's order (C, row, column)."""
    if values["generator"] == "compact" and layer == "tail_conv":
        return _moved(array, values["scale"], array.ndim - 1)
    if layer == "head_conv" and values.get("unshuffle", 1) > 1 and array.ndim == 4:
        return _moved(array, values["unshuffle"], 2)
    return array


def _moved(array: np.ndarray, factor: int, axis: int) -> np.ndarray:
    """Bring channels along one axis from (row, column, C) to (C, row, column)."""
    value = np.moveaxis(array, axis, 0)
    rest = value.shape[1:]
    value = np.moveaxis(value.reshape(factor, factor, -1, *rest), 2, 0).reshape(-1, *rest)
    return np.moveaxis(value, 0, axis)


def _compact(layer: str, values: Json) -> str:
    """Return the place of a layer in Real-ESRGAN's list: convolutions at even places, slopes at odd ones."""
    name, kind = layer.rsplit("_", 1)
    ends = {"head": 0, "tail": values["blocks"] + 1}
    number = ends[name] if name in ends else int(name.removeprefix("block"))
    return f"body.{2 * number + (kind == 'prelu')}"


def _rrdb(layer: str, _: Json) -> str:
    """Return what Real-ESRGAN calls a layer."""
    if block := re.fullmatch(r"block(\d+)_dense(\d)_conv(\d)", layer):
        return f"body.{int(block[1]) - 1}.rdb{block[2]}.conv{block[3]}"
    return next(re.sub(ours, theirs, layer) for ours, theirs in _RRDB if re.fullmatch(ours, layer))


_NAMES = {"compact": _compact, "rrdb": _rrdb}
