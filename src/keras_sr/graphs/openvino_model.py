"""From a `Graph` to a model of OpenVINO, in memory: NCHW, any batch, height and width."""

from typing import Any

import numpy as np

from keras_sr.graphs.graph import (
    Add,
    Affine,
    Concat,
    Conv,
    Graph,
    Nearest,
    Node,
    PReLU,
    Product,
    Shuffle,
    Sigmoid,
    Silu,
    Tanh,
    Unshuffle,
)


def openvino_model(graph: Graph, openvino: Any, name: str = "generator") -> Any:
    """Return the `openvino.Model` of a graph: input `lr` float32 in [0, 1], output `sr`, unclipped.

    Args:
        graph: What to build.
        openvino: The package, imported by the caller.
        name: Name of the model.
    """
    return _Builder(openvino).model(graph, name)


class _Builder:
    """Builds the operations of one graph."""

    def __init__(self, openvino: Any):
        from openvino import opset13

        self.openvino, self.ops = openvino, opset13

    def model(self, graph: Graph, name: str) -> Any:
        """Build the whole graph."""
        picture = self.ops.parameter([-1, graph.channels, -1, -1], np.float32, name=graph.input)
        made = {graph.input: picture.output(0)}
        for node in graph.nodes:
            result = self.node(node, [made[tensor] for tensor in node.inputs], node.inputs[0] == graph.input)
            result.set_friendly_name(node.output)
            made[node.output] = result.output(0)
        return self.openvino.Model([self.ops.result(made[graph.output])], [picture], name)

    def constant(self, value: np.ndarray) -> Any:
        """Return weights as a constant."""
        return self.ops.constant(np.ascontiguousarray(value, np.float32))

    def per_channel(self, value: np.ndarray) -> Any:
        """Return one value, or one a channel, shaped to broadcast over (N, C, H, W)."""
        return self.constant(np.reshape(value, (1, -1, 1, 1)))

    def node(self, node: Node, inputs: list[Any], of_picture: bool) -> Any:
        """Build one node of the graph."""
        ops, x = self.ops, inputs[0]
        match node.op:
            case Conv(kernel, bias, before):
                after = [size - 1 - pad for size, pad in zip(kernel.shape[:2], before, strict=True)]
                weights = self.constant(kernel.transpose(3, 2, 0, 1))
                y = ops.convolution(x, weights, [1, 1], list(before), after, [1, 1])
                return ops.add(y, self.per_channel(bias))
            case PReLU(slope) if np.ndim(slope) == 0 and slope == 0:
                return ops.relu(x)
            case PReLU(slope):
                return ops.prelu(x, self.constant(np.reshape(slope, -1)))
            case Affine(scale, offset):
                y = ops.multiply(x, self.per_channel(scale))
                return ops.add(y, self.per_channel(offset)) if np.any(offset) else y
            case Tanh():
                return ops.tanh(x)
            case Silu():
                return ops.swish(x)
            case Sigmoid():
                return ops.sigmoid(x)
            case Shuffle(scale):
                return ops.depth_to_space(x, "blocks_first", scale)
            case Unshuffle(factor):
                return ops.space_to_depth(x, "blocks_first", factor)
            case Nearest(scale):
                return self.nearest(x, scale, of_picture)
            case Add():
                return self.folded(ops.add, inputs)
            case Product():
                return self.folded(ops.multiply, inputs)
            case Concat():
                return ops.concat(inputs, 1)

    def folded(self, op: Any, inputs: list[Any]) -> Any:
        """Apply an operation of two inputs to all of them."""
        first, *rest = inputs
        for one in rest:
            first = op(first, one)
        return first

    def nearest(self, x: Any, scale: int, of_picture: bool) -> Any:
        """Enlarge to the nearest neighbour.

        The picture itself by copies of its bands, shuffled into pixels: in bf16 OpenVINO would round it for
        an interpolation, to 256 other levels above a half.
        """
        ops = self.ops
        if of_picture:
            return ops.depth_to_space(ops.concat([x] * scale**2, 1), "blocks_first", scale)
        factors = ops.constant(np.array([scale, scale], np.float32))
        axes = ops.constant(np.array([2, 3], np.int64))
        return ops.interpolate(
            x,
            factors,
            mode="nearest",
            shape_calculation_mode="scales",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
            axes=axes,
        )
