"""A generator as a short list of plain numpy operations: what export, rewriting and analysis share.

Every tensor is a picture with channels; `Node.inputs` and `Node.output` are its names. Weights are
float64, so that folding one layer into another costs no accuracy. Kernels are (height, width, in, out)
as in Keras. Channels before a pixel shuffle are ordered as `keras.ops.nn.depth_to_space` has them:
channel (row * scale + column) * C + c becomes channel c of the pixel at (row, column).
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Conv:
    """Stride 1, zero padding; `before` rows and columns of zeros are added at the top and left.

    The result has the size of the input, so the rest of the kernel reaches past the bottom and right.
    """

    kernel: np.ndarray
    bias: np.ndarray
    before: tuple[int, int]


@dataclass(frozen=True)
class PReLU:
    """x where positive, slope * x elsewhere; one slope (shape ()) or one a channel (shape (C,))."""

    slope: np.ndarray


@dataclass(frozen=True)
class Affine:
    """x * scale + offset; scalars (shape ()) or one a channel (shape (C,))."""

    scale: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True)
class Tanh:
    """Hyperbolic tangent."""


@dataclass(frozen=True)
class Silu:
    """x * sigmoid(x)."""


@dataclass(frozen=True)
class Sigmoid:
    """1 / (1 + exp(-x))."""


@dataclass(frozen=True)
class Shuffle:
    """Pixel shuffle: (H, W, C * scale^2) to (H * scale, W * scale, C)."""

    scale: int


@dataclass(frozen=True)
class Nearest:
    """Every pixel repeated `scale` times along both axes."""

    scale: int


@dataclass(frozen=True)
class Unshuffle:
    """What undoes a pixel shuffle: (H * factor, W * factor, C) to (H, W, C * factor^2)."""

    factor: int


@dataclass(frozen=True)
class Add:
    """The sum of all inputs."""


@dataclass(frozen=True)
class Product:
    """The product of all inputs, value by value."""


@dataclass(frozen=True)
class Concat:
    """The channels of all inputs, one after another."""


Op = Conv | PReLU | Affine | Tanh | Silu | Sigmoid | Shuffle | Nearest | Unshuffle | Add | Product | Concat

#: What treats every value alone, channel by channel, and therefore commutes with a shuffle of pixels.
ELEMENTWISE = (PReLU, Affine, Tanh, Silu, Sigmoid)


@dataclass
class Node:
    """One operation of the graph; `name` is the Keras layer that it came from."""

    op: Op
    inputs: list[str]
    output: str
    name: str


@dataclass
class Graph:
    """Nodes in the order in which they can be computed; LR picture in, SR picture out."""

    nodes: list[Node] = field(default_factory=list)
    input: str = "lr"
    output: str = "sr"
    channels: int = 3

    def producer(self, tensor: str) -> Node | None:
        """Return the node that makes `tensor`, or None for the input."""
        return next((node for node in self.nodes if node.output == tensor), None)

    def uses(self, tensor: str) -> int:
        """Return how many nodes read `tensor`, the graph's output counted as one reader."""
        return sum(node.inputs.count(tensor) for node in self.nodes) + (tensor == self.output)
