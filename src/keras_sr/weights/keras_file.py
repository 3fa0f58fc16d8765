"""Files that Keras writes: whole models (.keras, .h5), and weights without their network (.weights.h5)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_sr.errors import WeightsError

if TYPE_CHECKING:
    import keras


def is_model(name: str | Path) -> bool:
    """Tell whether a name is that of a file of `keras.Model.save`."""
    return str(name).lower().endswith((".keras", ".h5", ".hdf5")) and not is_weights(name)


def is_weights(name: str | Path) -> bool:
    """Tell whether a name is that of a file of `keras.Model.save_weights`."""
    return str(name).lower().endswith(".weights.h5")


def refuse_weights(name: str | Path) -> Path:
    """Say what a file of weights alone is good for.

    Raises:
        WeightsError: Always.
    """
    raise WeightsError(
        f"{name} holds weights without their network: save that whole, with model.save('x.keras'), and give "
        "that file; or give these to `start_from`, with the recipe of their network"
    )


def read_model(path: str | Path) -> "keras.Model":
    """Read a file of `keras.Model.save`; nothing in it is run.

    Raises:
        WeightsError: Keras cannot load it.
    """
    import keras

    try:
        model: Any = keras.saving.load_model(path, compile=False, safe_mode=True)
    # Keras raises ValueError, TypeError, OSError, KeyError and others on damaged files.
    except Exception as error:
        raise WeightsError(f"{path} is not a model that Keras can load ({_short(error)})") from None
    if not isinstance(model, keras.Model):
        raise WeightsError(f"{path} holds {type(model).__name__}, not a model: save the network itself")
    return model


def scale_of(model: "keras.Model") -> int | None:
    """Return how many times a network enlarges by the shapes that it tells, or None where it tells none."""
    shape: Any = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4:
        return None
    at = 2 if shape[1] in (1, 3, 4) else 1
    lr = [1, *(shape[k] if shape[k] in (1, 3, 4) else 24 for k in (1, 2, 3))]
    try:
        side = model.compute_output_shape(tuple(lr))[at]
    # A layer of somebody's own may tell nothing of its shapes, in any way.
    except Exception:
        return None
    return side // 24 if side and not side % 24 else None


def load_into(network: "keras.Model", path: str | Path) -> None:
    """Set the weights of a network from a file of `save_weights`.

    Raises:
        WeightsError: They are of another network, or the file is damaged.
    """
    before = network.get_weights()
    try:
        network.load_weights(path)
    # As above; h5py raises OSError on what is no HDF5.
    except Exception as error:
        network.set_weights(before)
        raise WeightsError(
            f"{path} does not fit {network.name} ({_short(error)}): give the recipe of its own network, with "
            "its scale, features and blocks; or save that network whole, with model.save('x.keras')"
        ) from None


def _short(error: Exception) -> str:
    """Return the first sentence of an error of Keras, which may have pages."""
    return f"{error!s:.160}".split("\n", 1)[0].rstrip(" .")
