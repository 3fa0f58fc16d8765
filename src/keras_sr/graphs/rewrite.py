"""Rewrites that leave the network's function as it is and make it faster.

Three exact ones, applied until none fits:

- an affine layer (batch norm, Rescaling) after a convolution becomes part of its weights;
- what works value by value (PReLU, affine, tanh) moves in front of a pixel shuffle, where engines
  fuse it into the convolution;
- pixel shuffle, then a convolution with few outputs, becomes a convolution with scale^2 times as many
  outputs and a smaller kernel, then a pixel shuffle. SRResNet's last layer, 9x9 from 64 to 3 at the
  full size, turns into 5x5 from 256 to 12 at half of it: 1.23 times the arithmetic, but 12 outputs
  fill the processor's vectors where 3 leave them empty, and the whole network runs 1.4 to 1.6 times
  faster (docs/decisions/0001-engines-and-export.md).
"""

from collections import Counter
from collections.abc import Callable

import numpy as np

from keras_sr.graphs.graph import ELEMENTWISE, Affine, Conv, Graph, Node, Op, PReLU, Shuffle

#: Values in the widest vector of the processors that matter (AVX-512, float32).
_LANES = 16


def apply_rules(graph: Graph, rules: list[Callable[[Graph], bool]]) -> None:
    """Apply the rules to the graph, in place, until none of them finds anything."""
    while any(rule(graph) for rule in rules):
        pass


def fold_affine(graph: Graph) -> bool:
    """Fold one affine layer into the convolution before it; say whether there was one."""
    before_of = _only_readers(graph)
    for node in graph.nodes:
        before = before_of(node)
        if before and isinstance(node.op, Affine) and isinstance(before.op, Conv):
            before.op = _folded(before.op, node.op)
            before.output = node.output
            graph.nodes.remove(node)
            return True
    return False


def move_before_shuffle(graph: Graph) -> bool:
    """Swap one pixel shuffle with the elementwise layer after it; say whether there was one."""
    before_of = _only_readers(graph)
    for node in graph.nodes:
        before = before_of(node)
        if before and isinstance(node.op, ELEMENTWISE) and isinstance(before.op, Shuffle):
            node.op, before.op = before.op, _tiled(node.op, before.op.scale**2)
            node.name, before.name = before.name, node.name
            return True
    return False


def convolve_before_shuffle(graph: Graph) -> bool:
    """Swap one pixel shuffle with the convolution after it where that pays; say whether there was one."""
    before_of = _only_readers(graph)
    for node in graph.nodes:
        before = before_of(node)
        if before and isinstance(node.op, Conv) and isinstance(before.op, Shuffle):
            wide = widened(node.op, before.op.scale)
            if work(wide) < before.op.scale**2 * work(node.op):
                node.op, before.op = before.op, wide
                node.name, before.name = before.name, node.name
                return True
    return False


def _only_readers(graph: Graph) -> Callable[[Node], Node | None]:
    """Return what finds the node before a node if there is one and nothing else reads what it makes."""
    # Looked up once: a network of a thousand nodes would be searched a million times.
    made = {node.output: node for node in graph.nodes}
    uses = Counter(tensor for node in graph.nodes for tensor in node.inputs)
    uses[graph.output] += 1
    return lambda node: made.get(node.inputs[0]) if uses[node.inputs[0]] == 1 else None


def _folded(conv: Conv, affine: Affine) -> Conv:
    """Return one convolution that equals `conv`, then `affine`."""
    return Conv(conv.kernel * affine.scale, conv.bias * affine.scale + affine.offset, conv.before)


def _tiled(op: Op, times: int) -> Op:
    """Return an elementwise op for the channels before a pixel shuffle instead of those after it."""

    def repeat(value: np.ndarray) -> np.ndarray:
        return np.tile(value, times) if np.ndim(value) else value

    match op:
        case PReLU(slope):
            return PReLU(repeat(slope))
        case Affine(scale, offset):
            return Affine(repeat(scale), repeat(offset))
        case _:
            return op


def widened(conv: Conv, scale: int) -> Conv:
    """Return the convolution that, before a pixel shuffle, equals `conv` after it.

    SR row scale * i + a reads the rows scale * i + a + u - before, u along the kernel. Such a row lies
    in LR row i + (a + u - before) // scale, at place (a + u - before) % scale of the shuffle.
    Zero padding agrees: a row outside of one picture is a row outside of the other.
    """
    height, width, channels, outputs = conv.kernel.shape
    top, left = (-((0 - before) // scale) for before in conv.before)
    rows, columns = (
        (scale - 1 + size - 1 - before) // scale + reach + 1
        for size, before, reach in zip((height, width), conv.before, (top, left), strict=True)
    )
    kernel = np.zeros((rows, columns, scale, scale, channels, scale, scale, outputs))
    for a in range(scale):
        for b in range(scale):
            for u in range(height):
                for v in range(width):
                    row, y = divmod(a + u - conv.before[0], scale)
                    column, x = divmod(b + v - conv.before[1], scale)
                    kernel[row + top, column + left, y, x, :, a, b, :] = conv.kernel[u, v]
    kernel = kernel.reshape(rows, columns, scale**2 * channels, scale**2 * outputs)
    return Conv(kernel, np.tile(conv.bias, scale**2), (top, left))


def work(conv: Conv) -> int:
    """Return the vector operations of a convolution per pixel, outputs rounded up to whole vectors."""
    height, width, channels, outputs = conv.kernel.shape
    return height * width * channels * -(-outputs // _LANES)
