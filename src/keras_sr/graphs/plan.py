"""The plan of a network: its layers as plain values, and with its weights the graph that they compute.

A plan is JSON in a weight file, so that an engine runs the weights without Keras. A step is
[operation, layer, inputs, output, values]; its weights are those named `layer/...` in the file.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.graphs.graph import (
    Add,
    Affine,
    Concat,
    Conv,
    Graph,
    Nearest,
    Node,
    Op,
    PReLU,
    Product,
    Shuffle,
    Sigmoid,
    Silu,
    Tanh,
    Unshuffle,
)

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Step:
    """One operation of a plan.

    Attributes:
        op: A key of `OPERATIONS`.
        layer: The layer that it comes from, which names its weights.
        inputs: Names of tensors: `"lr"`, or outputs of earlier steps.
        output: Name of the tensor that it makes.
        values: What the operation needs besides weights: numbers and lists of numbers.
    """

    op: str
    layer: str
    inputs: list[str]
    output: str
    values: dict[str, Any] = field(default_factory=dict)


def assemble(plan: list[Step], arrays: Arrays, channels: int = 3) -> Graph:
    """Return the graph of a plan with its weights, in float64; the last step makes the result.

    Raises:
        WeightsError: The plan has an unknown operation, or weights that it names are missing or of
            another shape.
    """
    graph = Graph(channels=channels)
    known = {graph.input}
    for step in plan:
        try:
            op = OPERATIONS[step.op](step, arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise WeightsError(f"layer {step.layer!r} cannot be computed: {error!r:.60} is missing") from None
        if not step.inputs or not known.issuperset(step.inputs):
            raise WeightsError(f"layer {step.layer!r} reads what no layer makes")
        # The same layer may be there twice: names of nodes are those of tensors.
        graph.nodes.append(Node(op, list(step.inputs), step.output, step.output))
        known.add(step.output)
    if not graph.nodes:
        raise WeightsError("the network computes nothing")
    graph.nodes[-1].output = graph.output
    return graph


def as_json(plan: list[Step]) -> list[list[Any]]:
    """Return a plan as lists, to be written as JSON."""
    return [list(astuple(step)) for step in plan]


def from_json(steps: Any) -> list[Step]:
    """Return the plan that `as_json` made.

    Raises:
        WeightsError: It is none.
    """
    try:
        return [_step(*step) for step in steps]
    except (TypeError, ValueError):
        raise WeightsError("the plan of the network is damaged") from None


def _step(op: str, layer: str, inputs: list[str], output: str, values: dict[str, Any]) -> Step:
    for value, kind in zip((op, layer, inputs, output, values), (str, str, list, str, dict), strict=True):
        if not isinstance(value, kind):
            raise TypeError(kind.__name__)
    return Step(op, layer, inputs, output, values)


def _conv(step: Step, arrays: Arrays) -> Op:
    kernel = arrays[f"{step.layer}/kernel"].astype(np.float64)
    bias = arrays.get(f"{step.layer}/bias", np.zeros(kernel.shape[-1])).astype(np.float64)
    # "same" puts the odd row of an even kernel at the end.
    return Conv(kernel, bias, ((kernel.shape[0] - 1) // 2, (kernel.shape[1] - 1) // 2))


def _batch_normalization(step: Step, arrays: Arrays) -> Op:
    """Return batch norm as it is in inference: a scale and an offset a channel."""
    mean, variance = (
        arrays[f"{step.layer}/moving_{part}"].astype(np.float64) for part in ("mean", "variance")
    )
    scale = arrays.get(f"{step.layer}/gamma", np.ones(1)) / np.sqrt(variance + step.values["epsilon"])
    return Affine(scale, arrays.get(f"{step.layer}/beta", np.zeros(1)) - mean * scale)


def _affine(step: Step, _: Arrays) -> Op:
    return Affine(np.array(step.values["scale"], float), np.array(step.values["offset"], float))


def _prelu(step: Step, arrays: Arrays) -> Op:
    return PReLU(arrays[f"{step.layer}/alpha"].astype(np.float64).reshape(-1))


def _leaky(step: Step, _: Arrays) -> Op:
    return PReLU(np.array(step.values["slope"], float))


#: What each operation of a plan computes.
OPERATIONS: dict[str, Callable[[Step, Arrays], Op]] = {
    "conv": _conv,
    "batch_normalization": _batch_normalization,
    "affine": _affine,
    "prelu": _prelu,
    "leaky": _leaky,
    "tanh": lambda step, _: Tanh(),
    "silu": lambda step, _: Silu(),
    "sigmoid": lambda step, _: Sigmoid(),
    "shuffle": lambda step, _: Shuffle(int(step.values["factor"])),
    "unshuffle": lambda step, _: Unshuffle(int(step.values["factor"])),
    "nearest": lambda step, _: Nearest(int(step.values["factor"])),
    "add": lambda step, _: Add(),
    "product": lambda step, _: Product(),
    "concat": lambda step, _: Concat(),
}
