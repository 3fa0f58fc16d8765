"""What a graph computes, by numpy: for a look at a small picture where there is no engine."""

import numpy as np

from keras_sr.graphs.graph import (
    Add,
    Affine,
    Concat,
    Conv,
    Graph,
    Nearest,
    Op,
    PReLU,
    Product,
    Shuffle,
    Sigmoid,
    Silu,
    Tanh,
    Unshuffle,
)


def compute(graph: Graph, picture: np.ndarray) -> np.ndarray:
    """Return SR (H * scale, W * scale, C) of LR (H, W, C); meant for small pictures."""
    made = {graph.input: picture}
    for node in graph.nodes:
        made[node.output] = _apply(node.op, [made[tensor] for tensor in node.inputs])
    return made[graph.output]


def _apply(op: Op, inputs: list[np.ndarray]) -> np.ndarray:
    x = inputs[0]
    match op:
        case Conv():
            return _convolved(x, op)
        case PReLU(slope):
            return np.where(x > 0, x, slope * x)
        case Affine(scale, offset):
            return x * scale + offset
        case Tanh():
            return np.tanh(x)
        case Sigmoid():
            return _sigmoid(x)
        case Silu():
            return x * _sigmoid(x)
        case Shuffle(scale):
            h, w, c = x.shape
            x = x.reshape(h, w, scale, scale, -1).transpose(0, 2, 1, 3, 4)
            return x.reshape(h * scale, w * scale, c // scale**2)
        case Unshuffle(factor):
            h, w, c = x.shape
            x = x.reshape(h // factor, factor, w // factor, factor, c).transpose(0, 2, 1, 3, 4)
            return x.reshape(h // factor, w // factor, c * factor**2)
        case Nearest(scale):
            return x.repeat(scale, axis=0).repeat(scale, axis=1)
        case Add():
            return sum(inputs[1:], x)
        case Product():
            return np.prod(inputs, axis=0)
        case Concat():
            return np.concatenate(inputs, axis=-1)


def _convolved(x: np.ndarray, op: Conv) -> np.ndarray:
    h, w, _ = x.shape
    rows, columns = op.kernel.shape[:2]
    around = [(before, size - 1 - before) for before, size in zip(op.before, (rows, columns), strict=True)]
    padded = np.pad(x, [*around, (0, 0)])
    taps = ((i, j) for i in range(rows) for j in range(columns))
    return sum((padded[i : i + h, j : j + w] @ op.kernel[i, j] for i, j in taps), op.bias)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # exp of a large number would overflow; tanh does not.
    return 0.5 * (1 + np.tanh(0.5 * x))
