"""From a functional Keras model to its plan. Layers are known by the name of their class.

Exactly by name: a subclass may compute something else, and a wrong export is worse than a refused one.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sr.errors import KerasSRError, unknown
from keras_sr.graphs.plan import Step, as_json

if TYPE_CHECKING:
    import keras

#: Operation of a plan, and what it needs besides weights.
Part = tuple[str, dict[str, Any]]


def channels(model: "keras.Model") -> int:
    """Return the channels that a model reads, whichever its data format: fewer than rows or columns."""
    shape = model.inputs[0].shape
    return min(size for size in (shape[1], shape[-1]) if size)


def read_plan(model: "keras.Model") -> list[Step]:
    """Return the plan of a generator: its layers without their weights.

    Args:
        model: A functional model with one input (N, h, w, C) or (N, C, h, w) and one output.

    Raises:
        KerasSRError: The model is not functional, or holds a layer or setting outside of `READERS`.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1:
        raise KerasSRError(
            f"only a functional model with one input and one output can be exported, not {model!r}: "
            "give the generator itself"
        )
    plan: list[Step] = []
    names = {id(inputs[0]): "lr"}
    for layer, sources, tensor in _calls(outputs[0]):
        names[id(tensor)] = _append(plan, layer, [names[id(source)] for source in sources])
    if not plan:
        raise KerasSRError(f"model {model.name!r} computes nothing: there is nothing to export")
    return plan


def as_meta(model: "keras.Model") -> dict[str, Any]:
    """Return what a weight file says of its network, so that engines run it without Keras."""
    return {"plan": as_json(read_plan(model)), "bands": channels(model)}


def _calls(output: Any) -> Iterator[tuple[Any, list[Any], Any]]:
    """Yield (layer, tensors it read, tensor it made) for all that `output` needs, in order."""
    seen, stack = set(), [(output, False)]
    while stack:
        tensor, ready = stack.pop()
        layer, index, _ = tensor._keras_history
        call = layer._inbound_nodes[index]
        if id(tensor) in seen or not call.input_tensors:
            continue
        if ready:
            seen.add(id(tensor))
            yield layer, call.input_tensors, tensor
        else:
            stack.append((tensor, True))
            stack.extend((source, False) for source in reversed(call.input_tensors))


def _append(plan: list[Step], layer: Any, inputs: list[str]) -> str:
    """Append what `layer` does to `inputs` and return the name of the tensor that it makes."""
    kind = type(layer).__name__
    if kind not in READERS:
        raise KerasSRError(f"layer {layer.name!r}: {unknown('layer type', kind, [*READERS])}")
    if (len(inputs) > 1) != (kind in _JOINING):
        # `x + 0.5` is called Add, too, and its number is not among the tensors it reads.
        raise KerasSRError(
            f"layer {layer.name!r} reads {len(inputs)} tensors: an Add reads two or more, "
            "most others one; use Rescaling to add a constant"
        )
    if kind == "CropToScale":
        # What it cuts off was added to fill whole blocks of an unshuffle: engines do both themselves.
        return inputs[0]
    taken = {step.output for step in plan}
    for op, settings in READERS[kind](layer):
        output = layer.name if layer.name not in taken else f"{layer.name}.{len(plan)}"
        plan.append(Step(op, layer.name, inputs, output, settings))
        taken.add(output)
        inputs = [output]
    return inputs[0]


def _require(layer: Any, **settings: Any) -> None:
    """Refuse a layer whose settings change what it computes in a way that the graph cannot say."""
    for name, wanted in settings.items():
        found = getattr(layer, name)
        if found != wanted:
            raise KerasSRError(f"layer {layer.name!r} has {name}={found!r}: only {wanted!r} can be exported")


def _read_conv(layer: Any) -> list[Part]:
    """Read a Conv2D and the activation inside it."""
    _require(layer, strides=(1, 1), dilation_rate=(1, 1), groups=1, padding="same")
    return [("conv", {}), *_read_activation(layer)]


def _read_batch_normalization(layer: Any) -> list[Part]:
    """Read a BatchNormalization."""
    return [("batch_normalization", {"epsilon": float(layer.epsilon)})]


def _read_rescaling(layer: Any) -> list[Part]:
    """Read a Rescaling: numbers, or one a channel."""
    scale, offset = (np.squeeze(np.array(one, float)).tolist() for one in (layer.scale, layer.offset))
    return [("affine", {"scale": scale, "offset": offset})]


def _read_prelu(layer: Any) -> list[Part]:
    """Read a PReLU whose slopes are shared over height and width."""
    shape = tuple(layer.alpha.shape)
    if np.prod(shape) != max(shape):
        raise KerasSRError(f"layer {layer.name!r}: slopes must be shared over height and width")
    return [("prelu", {})]


def _read_relu(layer: Any) -> list[Part]:
    """Read a ReLU, leaky or not."""
    _require(layer, max_value=None, threshold=0.0)
    return [("leaky", {"slope": float(layer.negative_slope)})]


def _read_leaky_relu(layer: Any) -> list[Part]:
    """Read a LeakyReLU."""
    return [("leaky", {"slope": float(layer.negative_slope)})]


#: Activation functions by name; 0.2 is the slope of `keras.activations.leaky_relu`.
_ACTIVATIONS: dict[str, list[Part]] = {
    "linear": [],
    "relu": [("leaky", {"slope": 0.0})],
    "leaky_relu": [("leaky", {"slope": 0.2})],
    "sigmoid": [("sigmoid", {})],
    "silu": [("silu", {})],
    "tanh": [("tanh", {})],
}


def _read_activation(layer: Any) -> list[Part]:
    """Read the activation function of an Activation, or of a layer that has one inside."""
    # A layer given as activation has no name of a function.
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if name not in _ACTIVATIONS:
        raise KerasSRError(f"layer {layer.name!r}: {unknown('activation', name, [*_ACTIVATIONS])}")
    return _ACTIVATIONS[name]


def _read_upsampling(layer: Any) -> list[Part]:
    """Read a nearest-neighbour UpSampling2D."""
    _require(layer, interpolation="nearest", size=(layer.size[0],) * 2)
    return [("nearest", {"factor": int(layer.size[0])})]


def _read_shuffle(layer: Any) -> list[Part]:
    """Read a PixelShuffle."""
    return [("shuffle", {"factor": int(layer.scale)})]


def _read_unshuffle(layer: Any) -> list[Part]:
    """Read a PixelUnshuffle."""
    return [("unshuffle", {"factor": int(layer.factor)})]


def _read_concatenate(layer: Any) -> list[Part]:
    """Read a Concatenate of channels."""
    if layer.axis not in (1, -1, 3):
        raise KerasSRError(f"layer {layer.name!r} has axis={layer.axis}: only channels can be put together")
    return [("concat", {})]


#: Layers that read several tensors.
_JOINING = ("Add", "Concatenate", "CropToScale", "Multiply")

READERS: dict[str, Callable[[Any], list[Part]]] = {
    "Activation": _read_activation,
    "Add": lambda layer: [("add", {})],
    "BatchNormalization": _read_batch_normalization,
    "ChannelPReLU": _read_prelu,
    "Concatenate": _read_concatenate,
    "Conv2D": _read_conv,
    "CropToScale": lambda layer: [],
    "LeakyReLU": _read_leaky_relu,
    "Multiply": lambda layer: [("product", {})],
    "PReLU": _read_prelu,
    "PixelShuffle": _read_shuffle,
    "PixelUnshuffle": _read_unshuffle,
    "ReLU": _read_relu,
    "Rescaling": _read_rescaling,
    "UpSampling2D": _read_upsampling,
}
