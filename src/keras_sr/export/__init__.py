"""Export of trained generators to files that need no Keras: ONNX, read by OpenVINO and ONNX Runtime.

The file is written straight from the weights of the model, so it comes out the same, bit for bit,
whichever backend Keras runs on.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_sr.errors import KerasSRError
from keras_sr.export.read import read_model
from keras_sr.facts import NetworkFacts
from keras_sr.files import atomic_write
from keras_sr.graphs import analyse
from keras_sr.graphs.facts import facts_of, simplify
from keras_sr.graphs.onnx_file import to_bytes
from keras_sr.inference.engines import KerasEngine, open_engine
from keras_sr.inference.tiling import FRAME
from keras_sr.weights.store import network_arrays

if TYPE_CHECKING:
    import keras

__all__ = [
    "export_onnx",
    "keras_engine",
    "multiplications",
    "parity",
    "receptive_field",
    "scale",
    "weights_sha256",
]


#: A receptive field so wide that no picture is cut into tiles.
_EVERYWHERE = 1 << 20


def export_onnx(
    model: "keras.Model",
    path: str | Path,
    *,
    fold_batch_norm: bool = True,
    rewrite_tail: bool = True,
    half_weights: bool = False,
    name: str | None = None,
    licence: str = "Apache-2.0",
    frame: int = FRAME,
) -> Path:
    """Write a generator as an ONNX file: input `lr` (N, 3, h, w) float32 in [0, 1], output `sr`, unclipped.

    The file carries what an engine has to know: scale, name, receptive_field (LR pixels),
    bytes_per_pixel (activations, per LR pixel), frame (LR pixels by which a picture is
    to be mirrored around itself), sha256 of the weights, licence.

    Args:
        model: A functional model of the layers in `graphs.layers.READERS`.
        path: The file to write, whole or not at all.
        fold_batch_norm: Make batch norm and Rescaling part of the convolution before them.
        rewrite_tail: Do before a pixel shuffle what is faster there; exact (see `graphs.rewrite`).
        half_weights: Store weights as float16: half the size, weights rounded to 11 bits.
        name: Name of the network; the model's own by default.
        licence: SPDX name of the licence of the weights.
        frame: LR pixels by which a picture is to be mirrored around itself.

    Returns:
        The path.

    Raises:
        KerasSRError: A layer or setting cannot be exported, or the package `onnx` is missing.
    """
    graph = read_model(model)
    simplify(graph, fold_batch_norm=fold_batch_norm, rewrite_tail=rewrite_tail)
    facts = facts_of(graph, name or model.name, frame=frame, licence=licence)
    metadata = facts.as_metadata() | {"sha256": weights_sha256(model)}
    data = to_bytes(graph, metadata, half_weights=half_weights)
    with atomic_write(path) as file:
        file.write(data)
    return Path(path)


def receptive_field(model: "keras.Model") -> int:
    """Return how many LR pixels away, in any direction, an SR pixel of this generator can still see.

    Raises:
        KerasSRError: The model holds a layer outside of `graphs.layers.READERS`.
    """
    return analyse.receptive_field(read_model(model))


def multiplications(model: "keras.Model") -> int:
    """Return how many multiplications a generator costs per LR pixel, before the export rewrites it."""
    return analyse.multiplications(read_model(model))


def scale(model: "keras.Model") -> int:
    """Return how many times a generator enlarges."""
    return analyse.scale(read_model(model))


def keras_engine(model: "keras.Model") -> KerasEngine:
    """Return an engine that runs a generator by Keras, on whichever backend and device Keras has.

    Of layers outside of `graphs.layers.READERS` nobody knows how far they see: pictures go through whole.

    Raises:
        KerasSRError: The model enlarges nothing by a whole number.
    """
    try:
        return KerasEngine(model, facts_of(read_model(model), model.name, frame=FRAME))
    except KerasSRError as error:
        return _WholePictures(model, _measured_facts(model, error))


class _WholePictures(KerasEngine):
    """A model with layers of somebody's own, run layer by layer: Keras traces some for one size alone."""

    def _infer(self, batch: np.ndarray) -> np.ndarray:
        from keras import ops

        x = np.moveaxis(batch, 3, 1) if self._first else batch
        y = np.asarray(ops.convert_to_numpy(self._model(x, training=False)))
        return np.moveaxis(y, 1, 3) if self._first else y


def _measured_facts(model: "keras.Model", error: KerasSRError) -> NetworkFacts:
    """Return the facts of a model by trying it on a small picture.

    Raises:
        KerasSRError: It takes no picture, or makes none; the error of its layers, where that says more.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or getattr(model, "outputs", [0, 0])[1:]:
        raise error
    facts = NetworkFacts(model.name, 1, _EVERYWHERE, frame=FRAME)
    lr = np.zeros((1, 24, 24, 3), np.float32)
    try:
        sr = _WholePictures(model, facts).run(lr)
    # Whatever a layer of somebody's own raises.
    except Exception as failed:
        raise KerasSRError(
            f"{model.name} does not run on a picture of 24x24 pixels: {failed!s:.120}"
        ) from None
    side = sr.shape[1] if sr.ndim == 4 else 0
    if not side or side % 24 or sr.shape != (1, side, side, 3):
        raise KerasSRError(
            f"{model.name} made {sr.shape} of {lr.shape}: expected a whole number of times as many pixels"
        )
    return replace(facts, scale=side // 24)


def parity(model: "keras.Model", path: str | Path, *, engine: str = "auto", seed: int = 0) -> float:
    """Return the largest difference between a model and its exported file, relative to white.

    Both run in float32 on one random picture of an odd size. Where the network's values go beyond [0, 1],
    the largest of them stands for white.
    """
    picture = np.random.default_rng(seed).random((1, 37, 29, 3), np.float32)
    exported = open_engine(path, engine=engine, precision="f32").run(picture)
    reference = keras_engine(model).run(picture)
    return float(np.abs(exported - reference).max() / max(1.0, np.abs(reference).max()))


def weights_sha256(model: "keras.Model") -> str:
    """Return the SHA-256 of all weights as float32, in the order of `model.weights`, shapes included."""
    digest = hashlib.sha256()
    for array in network_arrays(model).values():
        digest.update(repr(array.shape).encode())
        digest.update(array.astype(np.float32).tobytes())
    return digest.hexdigest()
