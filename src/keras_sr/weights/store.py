"""The file format of weights and checkpoints: an .npz of named arrays and one JSON text, nothing that runs.

Arrays of a network are named `layer/weight`, so a file can be read without keras, and weights of another
network are noticed by name and by shape before anything is assigned.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.files import atomic_write
from keras_sr.types import Json

#: Key of the JSON text in the file.
META = "meta.json"


def save(path: str | Path, arrays: dict[str, np.ndarray], meta: Json) -> None:
    """Write arrays and their meta data to one file, whole or not at all."""
    text = np.frombuffer(json.dumps(meta, indent=1).encode(), np.uint8)
    with atomic_write(path) as file:
        named: dict[str, Any] = {META: text, **arrays}
        try:
            np.savez(file, **named)
        except ValueError as error:
            # An interrupt inside zipfile comes out as its complaint of a member that is open.
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            raise


def read(path: str | Path) -> tuple[dict[str, np.ndarray], Json]:
    """Return the arrays and the meta data of a file written by `save`.

    Raises:
        WeightsError: The file is absent, damaged, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"weight file {path} is not there: check the path")
    try:
        # Opened here: numpy leaves a file open that it finds damaged.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        return arrays, json.loads(arrays.pop(META).tobytes())
    # numpy raises nearly every class there is on damaged files.
    except Exception as error:
        # Of any other file numpy says that it holds pickles, and how to run them.
        why = "no .npz" if "pickle" in str(error) else str(error)
        raise WeightsError(f"{path} is not a weight file of keras-sr, or it is damaged ({why})") from None


def _network_variables(network: Any) -> dict[str, Any]:
    """Return `layer/weight` of every variable of a keras network, in the network's order."""
    variables = {}
    for layer in network.layers:
        for variable in layer.weights:
            key = f"{layer.name}/{variable.name}"
            if key in variables:
                raise WeightsError(f"two variables of {network.name} are named {key}: rename a layer")
            variables[key] = variable
    return variables


def network_arrays(network: Any) -> dict[str, np.ndarray]:
    """Return the weights of a keras network, by `layer/weight`."""
    return {key: variable.numpy() for key, variable in _network_variables(network).items()}


def assign(network: Any, arrays: dict[str, np.ndarray], source: str) -> None:
    """Set all weights of a keras network: every name and shape fits, or nothing is changed.

    Args:
        network: A keras model.
        arrays: By `layer/weight`; float16 is widened.
        source: Where they are from, for the error.

    Raises:
        WeightsError: Names or shapes differ: the weights are of another network.
    """
    variables = _network_variables(network)
    missing = [key for key in variables if key not in arrays]
    extra = [key for key in arrays if key not in variables]
    if missing or extra:
        what = f"it lacks {missing[0]}" if missing else f"it also has {extra[0]}"
        raise WeightsError(f"{source} holds weights of another network than {network.name}: {what}")
    for key, variable in variables.items():
        if tuple(arrays[key].shape) != tuple(variable.shape):
            raise WeightsError(
                f"{source} holds weights of another {network.name}: {key} is {arrays[key].shape}, "
                f"expected {tuple(variable.shape)}"
            )
    for key, variable in variables.items():
        variable.assign(arrays[key].astype(variable.dtype))
