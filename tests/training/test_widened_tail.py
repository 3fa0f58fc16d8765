"""SRResNet's last layers before the last pixel shuffle, as training computes them on TensorFlow."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import ops

from keras_sr.graphs import rewrite
from keras_sr.graphs.graph import Conv
from keras_sr.graphs.layers import as_meta
from keras_sr.models import build_generator
from keras_sr.recipes import get
from keras_sr.training.build import build_model
from keras_sr.training.widened_tail import widen_tail, widened
from keras_sr.weights import store

SRRESNET = {"generator": "srresnet", "features": 8, "blocks": 1, "normalization": "batch"}
tensorflow_alone = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="others: unmeasured")


def uneven(network):
    """Give a network slopes, biases and statistics that are neither all alike nor 0."""
    draw = np.random.default_rng(3)
    for variable in network.variables:
        variable.assign(ops.convert_to_numpy(variable) + draw.uniform(-0.2, 0.2, variable.shape))
    return network


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_the_kernel_is_the_one_that_networks_enlarge_with(size, scale):
    kernel = np.random.default_rng(0).random((size, size, 5, 3), "float32")
    expected = rewrite.widened(Conv(kernel, np.zeros(3, "float32"), (size // 2, size // 2)), scale).kernel
    found = ops.convert_to_numpy(widened(ops.convert_to_tensor(kernel), scale))
    np.testing.assert_array_equal(found, expected)


def widens(network):
    """Whether the network computes its tail in the other order."""
    return "call" in vars(network)


@tensorflow_alone
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_makes_the_same_picture_and_the_same_gradients(scale):
    import tensorflow as tf

    network = uneven(build_generator({**SRRESNET, "scale": scale}))
    draw = np.random.default_rng(1)
    lr = draw.random((2, 7, 11, 3), "float32")
    weights = draw.normal(size=(2, 7 * scale, 11 * scale, 3)).astype("float32")

    def picture_and_gradients():
        with tf.GradientTape() as tape:
            sr = network(lr, training=False)
            loss = ops.sum(weights * sr)
        wanted = [variable.value for variable in network.trainable_variables]
        return [ops.convert_to_numpy(sr), *map(ops.convert_to_numpy, tape.gradient(loss, wanted))]

    usual = picture_and_gradients()
    widen_tail(network)
    assert widens(network)
    for one, other in zip(usual, picture_and_gradients(), strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(other, one, atol=2e-5 * np.abs(one).max())


@tensorflow_alone
def test_a_step_runs_the_wide_convolution_and_not_the_usual_one():
    import tensorflow as tf

    def tails(network):
        step = tf.function(lambda lr: network(lr, training=True))
        graph = step.get_concrete_function(tf.zeros((1, 8, 8, 3))).graph
        kernels = {tuple(op.inputs[1].shape) for op in graph.get_operations() if op.type == "Conv2D"}
        return kernels & {(9, 9, 8, 3), (5, 5, 32, 12)}

    assert tails(build_generator({**SRRESNET, "scale": 4})) == {(9, 9, 8, 3)}
    assert tails(build_model(get("srresnet_mse", smoke=True)).generator) == {(5, 5, 32, 12)}


@tensorflow_alone
def test_what_is_read_and_saved_of_a_network_knows_nothing_of_it(tmp_path):
    network = build_generator({**SRRESNET, "scale": 2})
    before, plan = store.network_arrays(network), as_meta(network)
    widen_tail(network)
    assert store.network_arrays(network).keys() == before.keys()
    assert as_meta(network) == plan
    lr = np.random.default_rng(0).random((1, 8, 8, 3), "float32")
    network.save(tmp_path / "a.keras")
    again = keras.saving.load_model(tmp_path / "a.keras")
    assert not widens(again)
    np.testing.assert_allclose(again.predict(lr, verbose=0), network.predict(lr, verbose=0), atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{"generator": "compact"}, {"generator": "chain"}, {"upsampler": "upsampling2d"}],
    ids=lambda changes: next(iter(changes.values())),
)
def test_other_networks_are_left_alone(changes):
    network = build_generator({**SRRESNET, "scale": 2, **changes})
    widen_tail(network)
    assert not widens(network)


def test_a_network_of_the_other_layout_is_left_alone():
    network = build_generator({**SRRESNET, "scale": 2}, "channels_first")
    widen_tail(network)
    assert not widens(network)
