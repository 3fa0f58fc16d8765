import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.graphs.graph import Add, Affine, Conv, Graph, Node, PReLU, Shuffle, Tanh
from keras_sr.graphs.rewrite import (
    apply_rules,
    convolve_before_shuffle,
    fold_affine,
    move_before_shuffle,
    widened,
)

RULES = [fold_affine, move_before_shuffle, convolve_before_shuffle]


def conv(rng, size, channels, outputs):
    before = ((size[0] - 1) // 2, (size[1] - 1) // 2)
    return Conv(rng.normal(size=(*size, channels, outputs)), rng.normal(size=outputs), before)


def chain(*ops, channels=3):
    nodes = [Node(op, [str(i)], str(i + 1), f"layer{i}") for i, op in enumerate(ops)]
    return Graph(nodes, input="0", output=str(len(ops)), channels=channels)


def kinds(graph):
    return [type(node.op).__name__ for node in graph.nodes]


@settings(deadline=None, max_examples=40)
@given(
    scale=st.integers(1, 4),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    channels=st.integers(1, 3),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_convolution_after_a_shuffle_equals_the_wide_one_before(
    compute, scale, size, channels, height, width, seed
):
    # Even kernels too, and pictures smaller than the kernel: the zeros around the picture must agree.
    rng = np.random.default_rng(seed)
    after = conv(rng, size, channels, 2)
    x = rng.normal(size=(height, width, channels * scale**2))
    expected = compute(chain(Shuffle(scale), after), x)
    np.testing.assert_allclose(compute(chain(widened(after, scale), Shuffle(scale)), x), expected, atol=1e-12)


def test_the_last_layer_of_srresnet_becomes_5x5_from_256_to_12():
    wide = widened(conv(np.random.default_rng(0), (9, 9), 64, 3), 2)
    assert wide.kernel.shape == (5, 5, 256, 12)
    assert wide.before == (2, 2)


def test_all_rules_together_change_nothing_but_the_order(compute):
    rng = np.random.default_rng(0)
    graph = chain(
        conv(rng, (3, 3), 3, 8),
        Affine(rng.normal(size=8), rng.normal(size=8)),
        PReLU(rng.normal(size=8)),
        conv(rng, (3, 3), 8, 16),
        Shuffle(2),
        PReLU(rng.normal(size=4)),
        conv(rng, (9, 9), 4, 3),
        Tanh(),
        Affine(np.float64(0.5), np.float64(0.5)),
    )
    x = rng.normal(size=(7, 6, 3))
    expected = compute(graph, x)
    apply_rules(graph, RULES)
    assert kinds(graph) == ["Conv", "PReLU", "Conv", "PReLU", "Conv", "Tanh", "Affine", "Shuffle"]
    np.testing.assert_allclose(compute(graph, x), expected, atol=1e-12)


def test_an_affine_behind_a_shuffle_is_folded_into_the_convolution_before_it(compute):
    rng = np.random.default_rng(1)
    graph = chain(conv(rng, (3, 3), 3, 12), Shuffle(2), Affine(rng.normal(size=3), rng.normal(size=3)))
    x = rng.normal(size=(4, 5, 3))
    expected = compute(graph, x)
    apply_rules(graph, RULES)
    assert kinds(graph) == ["Conv", "Shuffle"]
    np.testing.assert_allclose(compute(graph, x), expected, atol=1e-12)


def test_an_affine_in_front_of_a_convolution_stays():
    # Folded, it would also shift the zeros that the convolution puts around the picture.
    graph = chain(Affine(np.float64(2), np.float64(-1)), conv(np.random.default_rng(0), (3, 3), 3, 3))
    apply_rules(graph, RULES)
    assert kinds(graph) == ["Affine", "Conv"]


@pytest.mark.parametrize("rule", RULES)
def test_what_another_layer_reads_too_is_left_alone(rule):
    rng = np.random.default_rng(0)
    first = Shuffle(2) if rule is not fold_affine else conv(rng, (3, 3), 12, 3)
    second = conv(rng, (9, 9), 3, 3) if rule is convolve_before_shuffle else Affine(np.ones(3), np.ones(3))
    graph = chain(first, second, Add(), channels=12)
    assert rule(copy.deepcopy(graph))
    graph.nodes[2].inputs = ["1", "2"]
    assert not rule(graph)


def test_small_kernels_with_many_outputs_stay_behind_the_shuffle():
    # A 3x3 that fills the vectors already would only multiply its work.
    graph = chain(Shuffle(2), conv(np.random.default_rng(0), (3, 3), 4, 64), channels=16)
    assert not convolve_before_shuffle(graph)
