"""A network from elsewhere, from its file to weights by the names of our layers."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.types import Json
from keras_sr.weights.foreign import FOREIGN_SUFFIXES
from keras_sr.weights.foreign.activation import chosen_activation
from keras_sr.weights.foreign.kinds import Found, recognise
from keras_sr.weights.foreign.ncnn_file import read_ncnn
from keras_sr.weights.foreign.onnx_weights import read_onnx_weights
from keras_sr.weights.foreign.safetensors_file import read_safetensors
from keras_sr.weights.foreign.torch_file import read_torch
from keras_sr.weights.foreign.unwrap import StateDict, candidates

#: What is said where a file names no licence.
UNKNOWN_LICENCE = "unknown: ask its author"
_KNOWN = "RRDB (ESRGAN, Real-ESRGAN, BSRGAN), Compact (SRVGGNetCompact) and SPAN are"


@dataclass(frozen=True)
class ForeignNetwork:
    """A network of another program.

    Attributes:
        kind: Architecture and layout in words.
        values: Arguments of `models.build_generator`.
        arrays: Weights by the names of our layers, float32 or float16.
        licence: What the file says of it.
        notes: What else the file says of itself.
    """

    kind: str
    values: Json
    arrays: dict[str, np.ndarray]
    licence: str = UNKNOWN_LICENCE
    notes: dict[str, str] = field(default_factory=dict)


def read_network(path: str | Path) -> ForeignNetwork:
    """Read a network of another program. Nothing in the file is run.

    Args:
        path: A .pth, .pt or .ckpt of PyTorch, a .safetensors, a .param or .bin of ncnn (the other lies
            beside it), or an .onnx whose weights have the names of their layers.

    Raises:
        WeightsError: There is no such file; it is damaged; it holds no network, several, or one of a kind
            that is not read.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no network at {path}: check the path")
    try:
        content, notes = _read(path)
        found = _only(candidates(content))
    except WeightsError as error:
        raise WeightsError(f"{path} {error}") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    values = found.values
    if values.get("activation") == "relu":
        values = {**values, "activation": chosen_activation(values, found.arrays)}
    return ForeignNetwork(found.kind, values, found.arrays, _licence(notes), notes)


def _read(path: Path) -> tuple[Any, dict[str, str]]:
    """Return what a file holds, and its notes."""
    match path.suffix.lower():
        case ".safetensors":
            return read_safetensors(path)
        case ".param" | ".bin":
            return read_ncnn(path), {}
        case ".onnx":
            return read_onnx_weights(path), {}
        case ".pth" | ".pt" | ".ckpt":
            return read_torch(path), {}
    raise WeightsError(f"is not a network: the extensions that are read are {', '.join(FOREIGN_SUFFIXES)}")


def _only(states: dict[str, StateDict]) -> Found:
    """Return the one network among the dicts of a file."""
    found = {place: network for place, state in states.items() if (network := _recognised(state))}
    if len(found) > 1:
        places = ", ".join(repr(place.rstrip("/")) for place in found)
        raise WeightsError(f"holds {len(found)} networks ({places:.120}): save the one that is meant alone")
    if not found:
        keys = ", ".join(_plain(key) for key in list(max(states.values(), key=len))[:3])
        raise WeightsError(f"holds a network of a kind that is not read (it begins {keys}): {_KNOWN}")
    return next(iter(found.values()))


#: How many more parts all names may begin with: "model.net.".
_PARTS = 4


def _recognised(state: StateDict) -> Found | None:
    """Return the network of a dict, whatever its author has put in front of all names."""
    for _ in range(_PARTS):
        if found := recognise(state):
            return found
        if len({key.partition(".")[0] for key in state}) != 1 or not all("." in key for key in state):
            return None
        state = {key.partition(".")[2]: one for key, one in state.items()}
    return recognise(state)


def _plain(text: str) -> str:
    """Return a name from a file as it may be printed."""
    return re.sub(r"[^\x20-\x7e]", "?", text[:60])


def _licence(notes: dict[str, str]) -> str:
    """Return the licence that the notes of a file name, by OpenModelDB's or ModelSpec's keys."""
    for key in ("license", "licence", "modelspec.license"):
        if notes.get(key, "").strip():
            return _plain(notes[key].strip())
    return UNKNOWN_LICENCE


def _described(network: ForeignNetwork) -> str:
    """Return what a network is in one line."""
    values = {key: value for key, value in network.values.items() if key not in ("generator", "scale")}
    return f"{network.kind}, x{network.values['scale']}, {json.dumps(values)}"
