import numpy as np
import pytest

from keras_sr.inference import open_engine
from keras_sr.inference.engines import ENGINES


@pytest.fixture(scope="session")
def network_file(tmp_path_factory):
    """A small random network in an exported file: x2, receptive field 4, frame 3, SR a little off the LR."""
    pytest.importorskip("onnx")
    from keras_sr.graphs.graph import Add, Conv, Graph, Nearest, Node, PReLU, Shuffle
    from keras_sr.graphs.onnx_file import to_bytes

    rng = np.random.default_rng(0)

    def conv(size, channels, outputs):
        kernel = rng.normal(0, 0.5 * (size**2 * channels) ** -0.5, (size, size, channels, outputs))
        return Conv(kernel, rng.normal(0, 0.1, outputs), ((size - 1) // 2,) * 2)

    graph = Graph(
        [
            Node(conv(3, 3, 8), ["lr"], "a", "a"),
            Node(PReLU(rng.uniform(0, 0.5, 8)), ["a"], "b", "b"),
            Node(conv(5, 8, 12), ["b"], "c", "c"),
            Node(Shuffle(2), ["c"], "d", "d"),
            Node(conv(3, 3, 3), ["d"], "e", "e"),
            Node(Nearest(2), ["lr"], "f", "f"),
            Node(Add(), ["e", "f"], "sr", "sr"),
        ]
    )
    facts = {"name": "random", "scale": "2", "receptive_field": "4", "bytes_per_pixel": "1000", "frame": "3"}
    path = tmp_path_factory.mktemp("network") / "random.onnx"
    path.write_bytes(to_bytes(graph, facts))
    return path


@pytest.fixture(scope="session", params=ENGINES)
def engine(request, network_file):
    """That network on each engine that is installed."""
    pytest.importorskip(request.param)
    return open_engine(network_file, engine=request.param)
