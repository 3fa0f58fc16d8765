"""The gradient that SiLU has in half precision on TensorFlow."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import ops

from keras_sr.models import build_generator
from keras_sr.recipes import get
from keras_sr.training.build import build_model
from keras_sr.training.half_silu import quicken, silu
from keras_sr.weights import store

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="others fuse it")

CHAIN = {"generator": "chain", "scale": 2, "features": 16, "blocks": 1}


def test_the_gradient_is_that_of_silu_to_the_last_bit_of_bfloat16():
    x = np.linspace(-20, 20, 4001, dtype="float32")
    narrow = tf.cast(x, tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(narrow)
        y = silu(narrow)
    got = ops.convert_to_numpy(ops.cast(tape.gradient(y, narrow, 3 * tf.ones_like(narrow)), "float32"))
    exact = ops.convert_to_numpy(ops.cast(narrow, "float32")).astype("float64")
    sigmoid = 1 / (1 + np.exp(-exact))
    expected = 3 * sigmoid * (1 + exact * (1 - sigmoid))
    assert np.abs(got - expected).max() < 3 * 2**-8
    np.testing.assert_allclose(got, expected, rtol=2**-8, atol=1e-6)
    assert y.dtype == tf.bfloat16
    np.testing.assert_array_equal(ops.cast(y, "float32"), ops.cast(tf.nn.silu(narrow), "float32"))


def test_runs_in_half_precision_have_it_and_others_do_not():
    settings = ["generator=chain", "activation=silu", "features=16", "blocks=1", "crop=32", "batch_size=1"]
    for precision, expected in (("mixed_bfloat16", silu), ("float32", keras.activations.silu)):
        model = build_model(get("compact", overrides=[*settings, f"precision={precision}"]))
        found = {layer.activation for layer in model.generator.layers if "silu" in layer.name}
        assert found == {expected}


def test_what_is_saved_knows_nothing_of_it(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = build_generator(CHAIN)
    finally:
        keras.config.set_dtype_policy("float32")
    lr = np.random.default_rng(0).random((1, 8, 8, 3), "float32")
    before = ops.convert_to_numpy(network(lr))
    quicken(network)
    np.testing.assert_array_equal(ops.convert_to_numpy(network(lr)), before)
    store.save(tmp_path / "a.npz", store.network_arrays(network), {"recipe": CHAIN})
    assert set(store.read(tmp_path / "a.npz")[0]) == set(store.network_arrays(build_generator(CHAIN)))
