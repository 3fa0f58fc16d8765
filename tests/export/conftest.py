import numpy as np
import pytest


@pytest.fixture(scope="session")
def randomize():
    """Give every weight of a model a random value, batch norm's statistics and PReLU's slopes included."""
    pytest.importorskip("keras")

    def fill(model, seed=0):
        rng = np.random.default_rng(seed)
        for layer in model.layers:
            for variable in layer.weights:
                shape = tuple(variable.shape)
                if "variance" in variable.name or "gamma" in variable.name:
                    values = rng.uniform(0.5, 1.5, shape)
                elif len(shape) == 4:
                    values = rng.normal(0, np.prod(shape[:3]) ** -0.5, shape)
                else:
                    values = rng.normal(0, 0.3, shape)
                variable.assign(values.astype(np.float32))
        return model

    return fill


@pytest.fixture(scope="session")
def compute():
    """Compute a `Graph` in float64 by scipy and numpy: slow, plain, and not by any engine."""
    signal = pytest.importorskip("scipy.signal")
    from keras_sr.graphs.graph import Add, Affine, Conv, Nearest, PReLU, Shuffle, Tanh

    def convolve(x, op):
        size = op.kernel.shape[:2]
        pad = [(before, n - 1 - before) for before, n in zip(op.before, size, strict=True)]
        x = np.pad(x, [*pad, (0, 0)])
        out = [
            sum(signal.correlate2d(x[..., i], op.kernel[..., i, o], "valid") for i in range(x.shape[2]))
            for o in range(op.kernel.shape[3])
        ]
        return np.stack(out, axis=-1) + op.bias

    def apply(op, x, *others):
        match op:
            case Conv():
                return convolve(x, op)
            case PReLU(slope):
                return np.where(x > 0, x, slope * x)
            case Affine(scale, offset):
                return x * scale + offset
            case Tanh():
                return np.tanh(x)
            case Shuffle(s):
                h, w, c = x.shape
                x = x.reshape(h, w, s, s, c // s**2).transpose(0, 2, 1, 3, 4)
                return x.reshape(h * s, w * s, c // s**2)
            case Nearest(s):
                return x.repeat(s, axis=0).repeat(s, axis=1)
            case Add():
                return sum(others, x)

    def run(graph, x):
        tensors = {graph.input: x}
        for node in graph.nodes:
            tensors[node.output] = apply(node.op, *[tensors[name] for name in node.inputs])
        return tensors[graph.output]

    return run
