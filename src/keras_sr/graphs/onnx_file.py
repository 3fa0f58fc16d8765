"""From a `Graph` to the bytes of an ONNX file: NCHW, any batch, height and width."""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sr.errors import KerasSRError, install_hint
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

if TYPE_CHECKING:
    import onnx

#: Old enough for every engine in use; new enough for all that is written here.
_OPSET, _IR_VERSION = 17, 9


def to_bytes(graph: Graph, metadata: dict[str, str], *, half_weights: bool = False) -> bytes:
    """Return the ONNX file of a graph; the same graph gives the same bytes.

    Args:
        graph: What to write.
        metadata: Written as the file's metadata properties.
        half_weights: Store weights as float16, half the size; engines cast them to float32 when loading.

    Raises:
        KerasSRError: The package `onnx` is not installed.
    """
    return _Writer(half_weights).model(graph, metadata).SerializeToString(deterministic=True)


def _load_onnx() -> Any:
    """Import the package `onnx`, or say how to get it."""
    try:
        import onnx
    except ImportError as error:
        raise KerasSRError(f"exporting needs the package onnx: {install_hint('onnx')}") from error
    return onnx


class _Writer:
    """Collects the nodes and weights of one ONNX graph."""

    def __init__(self, half_weights: bool):
        self.onnx = _load_onnx()
        self.half = half_weights
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def model(self, graph: Graph, metadata: dict[str, str]) -> "onnx.ModelProto":
        """Write the whole graph."""
        helper, float32 = self.onnx.helper, self.onnx.TensorProto.FLOAT
        for node in graph.nodes:
            self.node(node)
        proto = helper.make_graph(
            self.nodes,
            metadata.get("name", "generator"),
            [helper.make_tensor_value_info(graph.input, float32, ["n", graph.channels, "h", "w"])],
            [helper.make_tensor_value_info(graph.output, float32, ["n", graph.channels, "H", "W"])],
            self.weights,
        )
        versions = {"opset_imports": [helper.make_opsetid("", _OPSET)], "ir_version": _IR_VERSION}
        model = helper.make_model(proto, producer_name="keras-sr", **versions)
        helper.set_model_props(model, metadata)
        return model

    def op(self, kind: str, inputs: list[str], output: str, name: str, **attributes: Any) -> str:
        """Append one ONNX node and return the name of its output."""
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        """Store float32 weights, as float16 and a cast where asked, and return the name to read."""
        value = np.ascontiguousarray(value, np.float32)
        if not self.half:
            self.weights.append(self.onnx.numpy_helper.from_array(value, name))
            return name
        self.weights.append(self.onnx.numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        cast = {"to": self.onnx.TensorProto.FLOAT}
        return self.op("Cast", [f"{name}.half"], name, f"{name}.cast", **cast)

    def per_channel(self, name: str, value: np.ndarray) -> str:
        """Store one value, or one a channel, shaped to broadcast over (N, C, H, W)."""
        return self.constant(name, np.reshape(value, (-1, 1, 1)))

    def node(self, node: Node) -> None:
        """Write one node of the graph."""
        name, output, inputs = node.name, node.output, node.inputs
        match node.op:
            case Conv(kernel, bias, before):
                after = [size - 1 - pad for size, pad in zip(kernel.shape[:2], before, strict=True)]
                weights = self.constant(f"{output}.kernel", kernel.transpose(3, 2, 0, 1))
                biases = self.constant(f"{output}.bias", bias)
                self.op("Conv", [*inputs, weights, biases], output, name, pads=[*before, *after])
            case PReLU(slope) if np.ndim(slope) == 0 and slope == 0:
                self.op("Relu", inputs, output, name)
            case PReLU(slope) if np.ndim(slope) == 0:
                self.op("LeakyRelu", inputs, output, name, alpha=float(slope))
            case PReLU(slope):
                slopes = self.per_channel(f"{output}.slope", slope)
                self.op("PRelu", [*inputs, slopes], output, name)
            case Affine(scale, offset):
                scales = self.per_channel(f"{output}.scale", scale)
                offsets = self.per_channel(f"{output}.offset", offset)
                scaled = self.op("Mul", [*inputs, scales], f"{output}.scaled", f"{name}.scale")
                self.op("Add", [scaled, offsets], output, name)
            case Tanh():
                self.op("Tanh", inputs, output, name)
            case Silu():
                share = self.op("Sigmoid", inputs, f"{output}.share", f"{name}.share")
                self.op("Mul", [*inputs, share], output, name)
            case Sigmoid():
                self.op("Sigmoid", inputs, output, name)
            case Shuffle(scale):
                self.op("DepthToSpace", inputs, output, name, blocksize=scale, mode="DCR")
            case Unshuffle(factor):
                self.op("SpaceToDepth", inputs, output, name, blocksize=factor)
            case Nearest(scale):
                self.nearest(node, scale)
            case Add():
                self.op("Add" if len(inputs) == 2 else "Sum", inputs, output, name)
            case Product():
                self.op("Mul", inputs, output, name)
            case Concat():
                self.op("Concat", inputs, output, name, axis=1)

    def nearest(self, node: Node, scale: int) -> None:
        """Write a nearest-neighbour enlargement: copies of all channels, shuffled into pixels.

        Not as ONNX's Resize: in bf16 OpenVINO would round the picture for it, to 256 other levels above a
        half, while what lies behind the last convolution stays in float32.
        """
        copies = f"{node.output}.copies"
        self.op("Concat", node.inputs * scale**2, copies, copies, axis=1)
        self.op("DepthToSpace", [copies], node.output, node.name, blocksize=scale, mode="DCR")
