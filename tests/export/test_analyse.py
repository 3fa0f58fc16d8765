import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.graphs import analyse
from keras_sr.graphs.graph import Add, Conv, Graph, Nearest, Node, PReLU, Shuffle


def random_network(scales, sizes, skip, seed=0):
    """A chain of convolutions and enlargements, all weights positive, so that nothing cancels out."""
    rng = np.random.default_rng(seed)
    graph = Graph(channels=1)
    tensor = graph.input

    def add(op, *inputs):
        nonlocal tensor
        graph.nodes.append(Node(op, list(inputs or [tensor]), f"t{len(graph.nodes)}", f"n{len(graph.nodes)}"))
        tensor = graph.nodes[-1].output

    for number, size in enumerate(sizes):
        scale = scales[number] if number < len(scales) else 1
        outputs = scale**2 if number % 2 else 1
        kernel = rng.uniform(0.1, 1, (*size, 1, outputs))
        add(Conv(kernel, np.zeros(outputs), tuple((n - 1) // 2 for n in size)))
        before = tensor
        if skip and outputs == 1:
            add(PReLU(np.float64(0.5)))
            add(Add(), before, tensor)
        if scale > 1:
            add(Shuffle(scale) if outputs > 1 else Nearest(scale))
    graph.output = tensor
    return graph


def measured(compute, graph):
    """How far a change of one LR pixel is felt, in LR pixels, found by changing it."""
    size, scale, reach = 41, analyse.scale(graph), 0
    x = np.zeros((size, size, 1))
    rest = compute(graph, x)
    x[size // 2, size // 2] = 1.0
    rows, columns = np.nonzero((compute(graph, x) != rest).any(axis=2))
    for places in (rows, columns):
        reach = max(reach, *(abs(places // scale - size // 2)))
    return reach


@settings(deadline=None, max_examples=30)
@given(
    scales=st.lists(st.integers(1, 3), max_size=2),
    sizes=st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=4),
    skip=st.booleans(),
)
def test_receptive_field_is_exactly_as_far_as_one_pixel_is_felt(compute, scales, sizes, skip):
    graph = random_network(scales, sizes, skip)
    assert analyse.receptive_field(graph) == measured(compute, graph)


def test_receptive_field_of_srresnet():
    pytest.importorskip("keras")
    from keras_sr.export import receptive_field
    from keras_sr.models import compact, srresnet

    # 4 (9x9) + 33 (3x3 at LR size) + 1 (up1) + at HR size: 1 of 2 (up2) and 4 of 4 (9x9), rounded outwards.
    assert receptive_field(srresnet(4)) == 40
    assert receptive_field(compact(4, blocks=6)) == 8  # a pixel a convolution


def test_receptive_field_of_a_keras_model_by_perturbation(randomize):
    pytest.importorskip("keras")
    from keras_sr.export import keras_engine, receptive_field
    from keras_sr.models import srresnet

    model = randomize(srresnet(2, features=4, blocks=1))
    engine, size = keras_engine(model), 41
    x = np.random.default_rng(0).random((1, size, size, 3), np.float32)
    rest = engine.run(x)
    x[0, size // 2, size // 2] += 100.0  # far away the change is small, and float32 must still see it
    felt = np.abs(engine.run(x) - rest).max(axis=(0, 3)) > 1e-5
    reach = max(abs(place // 2 - size // 2).max() for place in np.nonzero(felt))
    assert reach == receptive_field(model)


def test_memory_counts_what_lives_at_the_worst_moment():
    conv = Conv(np.ones((3, 3, 3, 12)), np.zeros(12), (1, 1))
    graph = Graph([Node(conv, ["lr"], "a", "a"), Node(Shuffle(2), ["a"], "sr", "sr")])
    assert analyse.scale(graph) == 2
    # 12 values before the shuffle, 12 after it, and the output (3 x 2 x 2) three times more.
    assert analyse.bytes_per_pixel(graph) == 4 * (12 + 12 + 36)
