"""Muon: what it does to a kernel, against numpy's singular values; the rest against Keras' Adam."""

from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.errors import RecipeError
from keras_sr.recipes import get
from keras_sr.training.build import build_model
from keras_sr.training.fit import fit
from keras_sr.training.muon import ADAM_RATIO, RGB_RATIO, Muon, orthogonalize


def to_numpy(x):
    return np.asarray(keras.ops.convert_to_numpy(x))


@pytest.mark.parametrize("shape", [(216, 24), (27, 64), (5, 5), (3, 40)])
def test_orthogonalize_keeps_the_directions_and_evens_their_sizes(shape):
    """Against the singular value decomposition of numpy, for tall, square and wide matrices."""
    matrix = np.random.default_rng(1).normal(size=shape).astype("float32")
    u, _, vt = np.linalg.svd(matrix, full_matrices=False)
    inside = u.T @ to_numpy(orthogonalize(keras.ops.convert_to_tensor(matrix))) @ vt.T
    assert np.abs(inside - np.diag(np.diag(inside))).max() < 1e-3
    assert 0.65 < np.diag(inside).min() <= np.diag(inside).max() < 1.25


def test_orthogonalize_forgets_the_size_of_a_gradient():
    matrix = np.random.default_rng(2).normal(size=(9, 4)).astype("float32")
    a, b = (to_numpy(orthogonalize(keras.ops.convert_to_tensor(matrix * k))) for k in (1e-3, 1e3))
    np.testing.assert_allclose(a, b, atol=2e-3)
    assert not to_numpy(orthogonalize(keras.ops.zeros((9, 4)))).any()


def test_a_kernel_follows_the_orthogonal_momentum_of_nesterovs_form():
    rng = np.random.default_rng(3)
    start, gradients = rng.normal(size=(3, 3, 2, 4)), rng.normal(size=(3, 3, 3, 2, 4))
    kernel = keras.Variable(start.astype("float32"))
    optimizer = Muon(0.01, momentum=0.9)
    optimizer.build([kernel])
    want, momentum = start.reshape(18, 4), 0.0
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))], [kernel])
        momentum = 0.9 * momentum + gradient.reshape(18, 4)
        ahead = 0.9 * momentum + gradient.reshape(18, 4)
        step = to_numpy(orthogonalize(keras.ops.convert_to_tensor(ahead.astype("float32"))))
        want = want - 0.01 * np.sqrt(4 / 18) * step
    np.testing.assert_allclose(to_numpy(kernel).reshape(18, 4), want, atol=1e-5)


def test_weight_decay_takes_its_share_of_kernels_and_of_nothing_else():
    rng = np.random.default_rng(5)
    kernel = keras.Variable(rng.normal(size=(3, 3, 2, 4)).astype("float32"))
    bias, start = keras.Variable(np.ones(4, "float32")), to_numpy(kernel)
    optimizer = Muon(0.1, weight_decay=0.5)
    optimizer.build([kernel, bias])
    optimizer.apply([keras.ops.zeros((3, 3, 2, 4)), keras.ops.zeros(4)], [kernel, bias])
    np.testing.assert_allclose(to_numpy(kernel), start * (1 - 0.1 * 0.5), rtol=1e-6)
    np.testing.assert_array_equal(to_numpy(bias), 1)
    assert Muon.from_config(optimizer.get_config()).kernel_decay == 0.5


def test_weight_decay_holds_kernels_that_otherwise_grow_without_an_end():
    """Of a gradient that is noise all steps are of one size: the kernel walks away, or is held."""
    sizes = {}
    for decay in (0.0, 2.0):
        rng = np.random.default_rng(6)
        kernel = keras.Variable(np.zeros((3, 3, 4, 4), "float32"))
        optimizer = Muon(0.05, weight_decay=decay)
        optimizer.build([kernel])
        norms = []
        for _ in range(200):
            noise = rng.normal(size=(3, 3, 4, 4)).astype("float32")
            optimizer.apply([keras.ops.convert_to_tensor(noise)], [kernel])
            norms.append(np.linalg.norm(to_numpy(kernel)))
        sizes[decay] = norms[99], norms[-1]
    assert sizes[0.0][1] > 1.2 * sizes[0.0][0]
    assert sizes[2.0][1] < 1.2 * sizes[2.0][0] < 0.8 * sizes[0.0][0]


def test_a_step_changes_a_layers_output_by_at_most_its_rate():
    """The spectral condition (arXiv 2310.17813): RMS out over RMS in, for kernels of any shape."""
    rng = np.random.default_rng(4)
    for shape in [(3, 3, 64, 64), (9, 9, 3, 64), (9, 9, 64, 3), (3, 3, 24, 48)]:
        kernel = keras.Variable(np.zeros(shape, "float32"))
        optimizer = Muon(1.0)
        optimizer.build([kernel])
        optimizer.apply([keras.ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))], [kernel])
        fan_in, fan_out = np.prod(shape[:3]), shape[3]
        largest = np.linalg.norm(to_numpy(kernel).reshape(fan_in, fan_out), ord=2)
        pace = RGB_RATIO if shape[2] == 3 else 1
        assert 0.6 * pace < largest * np.sqrt(fan_in / fan_out) < 1.25 * pace


def test_what_is_no_kernel_has_adam_at_its_ratio():
    gradient = keras.ops.convert_to_tensor(np.array([0.3, -2.0], "float32"))
    one, two = keras.Variable([1.0, 2.0]), keras.Variable([1.0, 2.0])
    for variable, optimizer in ((one, Muon(0.1)), (two, keras.optimizers.Adam(0.1 * ADAM_RATIO))):
        optimizer.build([variable])
        for _ in range(3):
            optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(to_numpy(one), to_numpy(two), rtol=1e-6)


@pytest.mark.parametrize(
    ("setting", "network"), [("optimizer", "generator"), ("discriminator_optimizer", "discriminator")]
)
def test_generator_and_discriminator_have_optimizers_of_their_own(setting, network):
    model = build_model(get("srgan_mse", smoke=True, overrides=[f"{setting}=muon"]))
    owners = {type(o): o for o in model.optimizer.optimizers}
    assert len(owners) == 2
    held = {id(v) for v in getattr(model, network).trainable_variables}
    for owner in owners.values():
        owns = [id(v) in held for v in owner._trainable_variables]
        assert all(owns) if isinstance(owner, Muon) else not any(owns)


@pytest.mark.parametrize("name", ["compact", "srgan_mse"])
def test_a_resumed_run_is_the_uninterrupted_one(name, batches, tmp_path):
    settings = ["optimizer=muon", "discriminator_optimizer=muon", "warmup_steps=2", "schedule=constant"]
    recipe = get(name, smoke=True, overrides=settings)
    whole = fit(recipe, batches(recipe), tmp_path / "whole", progress=False)
    fit(replace(recipe, steps=2), batches(recipe), tmp_path / "parts", progress=False)
    parts = fit(recipe, batches(recipe), tmp_path / "parts", progress=False)
    assert [row["loss"] for row in whole.rows] == [row["loss"] for row in parts.rows]
    for a, b in zip(whole.generator.variables, parts.generator.variables, strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))


def test_an_unknown_optimizer_is_refused_with_the_known_ones():
    with pytest.raises(RecipeError, match="adam, muon"):
        get("compact", overrides=["optimizer=moun"])
