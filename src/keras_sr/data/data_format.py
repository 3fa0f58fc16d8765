"""Which layout of batches is the faster one for a backend on a device: `data_format="auto"`."""

import keras

from keras_sr.errors import DataError, unknown

DATA_FORMATS = ("channels_last", "channels_first", "auto")

#: (backend, device): the faster layout for a training step. Measured by `benchmarks/training_step.py`
#: (docs/decisions/0005-training-backend.md); what is not listed takes channels_last.
FASTER = {
    ("tensorflow", "cpu"): "channels_last",
    ("jax", "cpu"): "channels_last",
    ("torch", "cpu"): "channels_last",
}


def data_format_for(data_format: str) -> str:
    """Return `"channels_last"` or `"channels_first"`; for `"auto"` the faster one for what Keras runs on.

    Raises:
        DataError: The layout is unknown.
    """
    if data_format not in DATA_FORMATS:
        raise DataError(unknown("data_format", data_format, DATA_FORMATS))
    if data_format != "auto":
        return data_format
    return FASTER.get((keras.backend.backend(), device()), "channels_last")


def device() -> str:
    """Return `"gpu"` or `"cpu"`: where Keras puts a new tensor."""
    name = str(getattr(keras.ops.zeros(()), "device", "")).lower()
    return "gpu" if "gpu" in name or "cuda" in name else "cpu"
