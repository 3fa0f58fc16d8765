"""One run on several devices: each has all weights and a part of every batch."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from keras_sr.errors import TrainingError

#: Why a backend trains on one device alone.
_ALONE = {
    "tensorflow": "batch norm would see a part of the batch there, and losses would be others",
    "torch": "Keras 3.15 cannot",
}


@contextmanager
def spread(devices: int, batch_size: int) -> Iterator[None]:
    """Train what is built inside the block on several devices.

    The batch of a step is cut into equal parts, gradients and batch norm are those of the whole batch, and
    weights are the same on all devices: a run is the run that it is on one device, to float32's rounding.

    Args:
        devices: How many; 1 changes nothing.
        batch_size: Of a step, on all devices together.

    Raises:
        TrainingError: The backend cannot, there are not so many, or the batch cannot be cut into equal parts.
    """
    refuse_devices(devices, batch_size)
    if devices == 1:
        yield
        return
    there = keras.distribution.list_devices()
    with keras.distribution.DataParallel(devices=there[:devices]).scope():
        yield


def refuse_devices(devices: int, batch_size: int) -> None:
    """Raise where a run cannot be spread over so many devices.

    Args:
        devices: How many.
        batch_size: Of a step, on all devices together.

    Raises:
        TrainingError: The backend cannot, there are not so many, or the batch cannot be cut into equal parts.
    """
    if devices == 1:
        return
    backend = keras.config.backend()
    if backend in _ALONE:
        raise TrainingError(
            f"`devices` must be 1 on {backend}, not {devices} ({_ALONE[backend]}): set KERAS_BACKEND=jax"
        )
    there = keras.distribution.list_devices()
    if not 1 <= devices <= len(there):
        raise TrainingError(
            f"`devices` must be 1 to {len(there)} here, not {devices}: JAX sees {', '.join(there)}; "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={max(devices, 1)} makes as many of a processor"
        )
    if batch_size % devices:
        raise TrainingError(
            f"a batch of {batch_size} cannot be cut into {devices} equal parts: give another `devices`, or a "
            f"multiple of it by `batch_size={devices * -(-batch_size // devices)}`"
        )
