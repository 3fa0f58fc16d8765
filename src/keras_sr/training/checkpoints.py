"""Checkpoints: everything that decides how a run goes on, in one file, written atomically.

The order in which a run looks for its start (first found wins):
1. its own checkpoint, `state.npz` in the run folder: weights, average, both optimizers, random state, step;
2. the weights that `start_from` names, for the generator alone;
3. random weights from the recipe's seed.
"""

import errno
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from keras_sr.errors import TrainingError, WeightsError
from keras_sr.graphs.layers import as_meta
from keras_sr.training.model import SuperResolution
from keras_sr.training.rate import factors
from keras_sr.weights import store

STATE = "state.npz"
#: The networks of a model in training, where it has them.
_NETWORKS = ("generator", "ema_generator", "discriminator")


def _state(model: SuperResolution) -> dict[str, np.ndarray]:
    """Return every array that the next step depends on, by name."""
    arrays: dict[str, np.ndarray] = {}
    for name in _NETWORKS:
        if getattr(model, name, None) is not None:
            arrays |= {f"{name}/{k}": v for k, v in store.network_arrays(getattr(model, name)).items()}
    return arrays | {key: np.array(ops.convert_to_numpy(v)) for key, v in _loose_variables(model).items()}


def _loose_variables(model: SuperResolution) -> dict[str, Any]:
    """Return what belongs to no network: the optimizers' variables, the average's age, the noise's seed.

    An optimizer's variables are counted, not named: Keras numbers their names anew in every process.
    """
    scales = factors(model.optimizer)
    counted = [v for v in model.optimizer.variables if all(v is not one for one in scales)]
    variables = {f"optimizer/{i:05d}": v for i, v in enumerate(counted)}
    variables |= {f"rate_factor/{i}": v for i, v in enumerate(scales)}
    variables["steps_averaged"] = model.steps_averaged
    if hasattr(model, "noise_seed"):
        variables["noise_seed"] = model.noise_seed.state
    return variables


def save(folder: Path, model: SuperResolution, meta: dict) -> None:
    """Write the checkpoint of a run folder; the one before is replaced only by a whole one.

    Raises:
        TrainingError: The disk is full or the folder cannot be written; the checkpoint before is untouched.
    """
    try:
        store.save(folder / STATE, _state(model), {**meta, **as_meta(model.generator)})
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise TrainingError(
            f"the checkpoint {folder / STATE} could not be written ({why}); the one before is kept: "
            "make room, then run the same command to continue"
        ) from None


def restore(folder: Path, model: SuperResolution) -> dict:
    """Set the whole state of a run from its checkpoint and return the meta data.

    Raises:
        WeightsError: The checkpoint is damaged or of another model; nothing is changed then.
    """
    path = folder / STATE
    arrays, meta = store.read(path)
    loose = _loose_variables(model)
    networks = {name: {} for name in _NETWORKS}
    for key in list(arrays):
        name, _, rest = key.partition("/")
        if name in networks:
            networks[name][rest] = arrays.pop(key)
    for key, variable in loose.items():
        if key.startswith("rate_factor/"):
            arrays.setdefault(key, np.ones(()))  # Older checkpoints have none.
        if key not in arrays or arrays[key].shape != tuple(variable.shape):
            raise WeightsError(f"{path} is a checkpoint of another training: {key} does not fit")
    for name in _NETWORKS:
        if getattr(model, name, None) is not None:
            store.assign(getattr(model, name), networks[name], str(path))
    for key, variable in loose.items():
        variable.assign(arrays[key])
    return meta


def all_finite(model: SuperResolution) -> bool:
    """Return whether no weight of the generator is NaN or infinite."""
    return all(np.isfinite(a).all() for a in store.network_arrays(model.generator).values())
