"""Plans written without Keras, and the graphs made of them."""

import numpy as np
import pytest

from keras_sr.errors import WeightsError
from keras_sr.graphs import analyse
from keras_sr.graphs.compute import compute
from keras_sr.graphs.facts import simplify
from keras_sr.graphs.plan import Step, as_json, assemble, from_json
from keras_sr.graphs.plans import plan_of

RRDB = {"generator": "rrdb", "features": 4, "blocks": 2, "growth": 2, "bands": 3, "unshuffle": 1, "scale": 4}
COMPACT = {"generator": "compact", "features": 4, "blocks": 2, "activation": "prelu", "bands": 3, "scale": 4}
SPAN = {"generator": "span", "features": 4, "blocks": 2, "mean_shift": True, "scale": 4}
NETWORKS = [
    RRDB,
    {**RRDB, "scale": 3},
    {**RRDB, "scale": 8, "bands": 1},
    {**RRDB, "scale": 2, "unshuffle": 2},
    {**RRDB, "scale": 1, "unshuffle": 4, "bands": 4},
    COMPACT,
    {**COMPACT, "scale": 1, "activation": "relu"},
    {**COMPACT, "scale": 2, "activation": "leakyrelu", "bands": 1},
    SPAN,
    {**SPAN, "scale": 1, "mean_shift": False},
]


@pytest.fixture
def network(request):
    """A Keras model with a value that no default hides behind in every weight."""
    pytest.importorskip("keras")
    from keras_sr.models import build_generator

    model, rng = build_generator(request.param), np.random.default_rng(0)
    model.set_weights([w + rng.normal(0, 0.2, w.shape).astype(w.dtype) for w in model.get_weights()])
    return request.param, model


@pytest.mark.parametrize("network", NETWORKS, indirect=True, ids=str)
def test_a_plan_without_keras_is_that_of_the_keras_model(network):
    from keras_sr.graphs.layers import read_plan

    values, model = network

    def plain(steps):
        # Keras reads the branches of a sum in another order than they were written in.
        return {step.output: (step.op, step.layer, step.inputs, step.values) for step in steps}

    ours, theirs = plain(plan_of(values)), plain(read_plan(model))
    assert ours.keys() == theirs.keys()
    for name, (op, layer, inputs, settings) in ours.items():
        assert (op, layer, inputs) == theirs[name][:3]
        assert settings.keys() == theirs[name][3].keys()
        for key, value in settings.items():
            np.testing.assert_allclose(value, theirs[name][3][key], rtol=1e-6)


@pytest.mark.parametrize("network", NETWORKS, indirect=True, ids=str)
def test_its_graph_computes_what_keras_computes(network):
    from keras import ops

    from keras_sr.weights.store import network_arrays

    values, model = network
    graph = assemble(plan_of(values), network_arrays(model), values.get("bands", 3))
    x = np.random.default_rng(1).random((8, 12, graph.channels)).astype(np.float32)
    expected = ops.convert_to_numpy(model(x[None]))[0]
    assert expected.shape[0] == 8 * analyse.scale(graph) == 8 * values["scale"]
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(compute(graph, x), expected, atol=2e-5 * scale)
    simplify(graph)
    np.testing.assert_allclose(compute(graph, x), expected, atol=2e-5 * scale)


@pytest.mark.parametrize("values", NETWORKS, ids=str)
def test_a_plan_survives_json(values):
    import json

    plan = plan_of(values)
    assert from_json(json.loads(json.dumps(as_json(plan)))) == plan


def test_the_receptive_field_of_an_unshuffled_network_covers_what_it_can_see():
    values = {**RRDB, "blocks": 1, "scale": 2, "unshuffle": 2}
    arrays = random_arrays(values)
    graph = assemble(plan_of(values), arrays, 3)
    field = analyse.receptive_field(graph)
    assert analyse.multiple(graph) == 2
    side = 2 * (field // 2 + 4)
    x = np.random.default_rng(0).random((2 * side, 2 * side, 3))
    base = compute(graph, x)
    seen = []
    # All pixels of one unshuffled block in the middle.
    for row in (side, side + 1):
        changed = x.copy()
        changed[row, side] += 1
        rows = np.flatnonzero(np.abs(compute(graph, changed) - base).max((1, 2)) > 0) // 2
        seen += [row - rows.min(), rows.max() - row]
    assert max(seen) <= field <= max(seen) + 1


def random_arrays(values):
    """Dense weights for a plan, of the shapes that it needs."""
    rng, arrays, channels = np.random.default_rng(0), {}, {"lr": values["bands"]}
    wide = {"hr_conv": 4, "trunk_conv": 4, "head_conv": 4, "up1_conv": 4, "up2_conv": 4, "tail_conv": 3}
    for step in plan_of(values):
        inputs = [channels[name] for name in step.inputs]
        made = {"concat": sum(inputs), "unshuffle": inputs[0] * step.values.get("factor", 1) ** 2}
        if step.op == "conv":
            outputs = wide.get(step.layer, 4 if step.layer.endswith("5") else 2)
            arrays[f"{step.layer}/kernel"] = rng.uniform(0.1, 1, (3, 3, inputs[0], outputs))
            arrays[f"{step.layer}/bias"] = rng.uniform(0.1, 1, outputs)
            made["conv"] = outputs
        channels[step.output] = made.get(step.op, inputs[0])
    return arrays


GOOD = {"a/kernel": np.zeros((3, 3, 3, 12), np.float32), "a/bias": np.zeros(12, np.float32)}


@pytest.mark.parametrize(
    ("plan", "arrays", "words"),
    [
        ([Step("attention", "a", ["lr"], "a")], GOOD, "attention"),
        ([Step("conv", "b", ["lr"], "a")], GOOD, "b/kernel"),
        ([Step("conv", "a", ["x"], "a")], GOOD, "reads what no layer makes"),
        ([Step("shuffle", "a", ["lr"], "a")], GOOD, "factor"),
        ([], GOOD, "computes nothing"),
    ],
)
def test_a_plan_that_does_not_fit_its_weights_is_refused(plan, arrays, words):
    with pytest.raises(WeightsError, match=words):
        assemble(plan, arrays)


@pytest.mark.parametrize(
    "steps", [3, [[]], [["conv", "a", "lr", "a", {}]], [["conv", "a", ["lr"], "a"]], "ab"]
)
def test_a_damaged_plan_is_refused(steps):
    with pytest.raises(WeightsError, match="plan"):
        from_json(steps)
