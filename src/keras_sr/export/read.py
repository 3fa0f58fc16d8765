"""From a functional Keras model to a `Graph`. Layers are known by the name of their class.

Exactly by name: a subclass may compute something else, and a wrong export is worse than a refused one.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sr.errors import KerasSRError, unknown
from keras_sr.export.graph import Add, Affine, Conv, Graph, Nearest, Node, Op, PReLU, Shuffle, Silu, Tanh

if TYPE_CHECKING:
    import keras


def read_model(model: "keras.Model") -> Graph:
    """Return the graph of a generator with its weights.

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
    # Whichever data format: there are fewer channels than rows or columns.
    shape = inputs[0].shape
    graph = Graph(channels=min(size for size in (shape[1], shape[-1]) if size))
    names = {id(inputs[0]): graph.input}
    for layer, sources, tensor in _calls(outputs[0]):
        names[id(tensor)] = _append(graph, layer, [names[id(source)] for source in sources])
    if not graph.nodes:
        raise KerasSRError(f"model {model.name!r} computes nothing: there is nothing to export")
    graph.nodes[-1].output = graph.output
    return graph


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


def _append(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Append what `layer` does to `inputs` and return the name of the tensor that it makes."""
    reader = READERS.get(type(layer).__name__)
    if reader is None:
        raise KerasSRError(f"layer {layer.name!r}: {unknown('layer type', type(layer).__name__, [*READERS])}")
    if (len(inputs) > 1) != (reader is _read_add):
        # `x + 0.5` is called Add, too, and its number is not among the tensors it reads.
        raise KerasSRError(
            f"layer {layer.name!r} reads {len(inputs)} tensors: an Add reads two or more, "
            "everything else one; use Rescaling to add a constant"
        )
    for number, op in enumerate(reader(layer)):
        output = f"{layer.name}.{len(graph.nodes)}"
        graph.nodes.append(Node(op, inputs, output, layer.name if number == 0 else f"{layer.name}.{number}"))
        inputs = [output]
    return inputs[0]


def values(variable: Any) -> np.ndarray:
    """Return a Keras variable as float64."""
    from keras import ops

    return np.asarray(ops.convert_to_numpy(variable.value), np.float64)


def _require(layer: Any, **settings: Any) -> None:
    """Refuse a layer whose settings change what it computes in a way that the graph cannot say."""
    for name, wanted in settings.items():
        found = getattr(layer, name)
        if found != wanted:
            raise KerasSRError(f"layer {layer.name!r} has {name}={found!r}: only {wanted!r} can be exported")


def _read_conv(layer: Any) -> list[Op]:
    """Read a Conv2D and the activation inside it."""
    _require(layer, strides=(1, 1), dilation_rate=(1, 1), groups=1, padding="same")
    kernel = values(layer.kernel)
    bias = values(layer.bias) if layer.use_bias else np.zeros(kernel.shape[-1])
    # "same" puts the odd row of an even kernel at the end.
    before = ((kernel.shape[0] - 1) // 2, (kernel.shape[1] - 1) // 2)
    return [Conv(kernel, bias, before), *_read_activation(layer)]


def _read_batch_normalization(layer: Any) -> list[Op]:
    """Read a BatchNormalization as it is in inference: a scale and an offset a channel."""
    scale = 1.0 / np.sqrt(values(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        scale = scale * values(layer.gamma)
    offset = -values(layer.moving_mean) * scale
    return [Affine(scale, offset + values(layer.beta) if layer.center else offset)]


def _read_rescaling(layer: Any) -> list[Op]:
    """Read a Rescaling: numbers, or one a channel."""
    return [Affine(np.squeeze(np.array(layer.scale, float)), np.squeeze(np.array(layer.offset, float)))]


def _read_prelu(layer: Any) -> list[Op]:
    """Read a PReLU whose slopes are shared over height and width."""
    slope = values(layer.alpha)
    if slope.size != max(slope.shape):
        raise KerasSRError(f"layer {layer.name!r}: slopes must be shared over height and width")
    return [PReLU(slope.reshape(-1))]


def _read_relu(layer: Any) -> list[Op]:
    """Read a ReLU, leaky or not."""
    _require(layer, max_value=None, threshold=0.0)
    return [PReLU(np.array(layer.negative_slope, float))]


def _read_leaky_relu(layer: Any) -> list[Op]:
    """Read a LeakyReLU."""
    return [PReLU(np.array(layer.negative_slope, float))]


#: Activation functions by name; 0.2 is the slope of `keras.activations.leaky_relu`.
_ACTIVATIONS: dict[str, list[Op]] = {
    "linear": [],
    "relu": [PReLU(np.array(0.0))],
    "leaky_relu": [PReLU(np.array(0.2))],
    "silu": [Silu()],
    "tanh": [Tanh()],
}


def _read_activation(layer: Any) -> list[Op]:
    """Read the activation function of an Activation, or of a layer that has one inside."""
    # A layer given as activation has no name of a function.
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if name not in _ACTIVATIONS:
        raise KerasSRError(f"layer {layer.name!r}: {unknown('activation', name, [*_ACTIVATIONS])}")
    return _ACTIVATIONS[name]


def _read_upsampling(layer: Any) -> list[Op]:
    """Read a nearest-neighbour UpSampling2D."""
    _require(layer, interpolation="nearest", size=(layer.size[0],) * 2)
    return [Nearest(layer.size[0])]


def _read_shuffle(layer: Any) -> list[Op]:
    """Read a PixelShuffle."""
    return [Shuffle(layer.scale)]


def _read_add(layer: Any) -> list[Op]:
    """Read an Add."""
    return [Add()]


READERS: dict[str, Callable[[Any], list[Op]]] = {
    "Activation": _read_activation,
    "Add": _read_add,
    "BatchNormalization": _read_batch_normalization,
    "ChannelPReLU": _read_prelu,
    "Conv2D": _read_conv,
    "LeakyReLU": _read_leaky_relu,
    "PReLU": _read_prelu,
    "PixelShuffle": _read_shuffle,
    "ReLU": _read_relu,
    "Rescaling": _read_rescaling,
    "UpSampling2D": _read_upsampling,
}
