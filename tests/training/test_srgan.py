"""The GAN step: what reaches the generator, what reaches the discriminator, and that nothing else does."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import ops

from keras_sr.errors import TrainingError
from keras_sr.losses import ADVERSARIAL, mse
from keras_sr.models import discriminator, srresnet
from keras_sr.training.srgan import SRGAN, call_constant

WEIGHT = 0.1


def numpy(x):
    return ops.convert_to_numpy(x).copy()


def weights(network):
    return [numpy(v) for v in network.trainable_variables]


def networks():
    keras.utils.set_random_seed(1)
    build = {"features": 4, "blocks": 1}
    return srresnet(4, **build), srresnet(4, **build), discriminator(16, features=8)


def gan(weight=WEIGHT, optimizer=lambda rate: keras.optimizers.SGD(rate), **kwargs):
    generator, average, judge = networks()
    model = SRGAN(generator, average, judge, {"mse": (1.0, mse)}, weight, ADVERSARIAL["bce"], **kwargs)
    # jit off: torch and tensorflow need no compiler for a test, and jax ignores it.
    model.compile(
        model.two_optimizers(optimizer(1.0), optimizer(0.5)),
        jit_compile="auto" if keras.config.backend() == "jax" else False,
    )
    return model


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.random((4, 4, 4, 3), "float32"), rng.random((4, 16, 16, 3), "float32")


def step(model, batch):
    """One SGD step; return what it took off the generator's and the discriminator's weights."""
    before_g, before_d = weights(model.generator), weights(model.discriminator)
    model.train_on_batch(*batch)
    return (
        [a - b for a, b in zip(before_g, weights(model.generator), strict=True)],
        [(a - b) / 0.5 for a, b in zip(before_d, weights(model.discriminator), strict=True)],
    )


def largest(a, b=None):
    return max(float(np.abs(x - (0 if b is None else y)).max()) for x, y in zip(a, b or a, strict=True))


class Alone(keras.Model):
    """A reference that needs no trick: Keras' own `trainable` decides what one loss updates."""

    def __init__(self, trained, loss):
        super().__init__()
        self.trained, self.loss_of = trained, loss

    def call(self, x, training=None):
        return x

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.loss_of(x, y)


def reference_step(trained, frozen, loss, batch):
    for network in frozen:
        network.trainable = False
    model = Alone([*trained, *frozen], loss)
    model.compile(keras.optimizers.SGD(1.0), jit_compile="auto" if keras.config.backend() == "jax" else False)
    before = weights(trained[0])
    model.train_on_batch(*batch)
    return [a - b for a, b in zip(before, weights(trained[0]), strict=True)]


def test_the_discriminators_update_is_that_of_its_loss_alone(batch):
    _, got = step(gan(), batch)
    generator, _, judge = networks()
    sr = numpy(generator(batch[0], training=True))

    def loss(x, y):
        real, fake = judge(y, training=True), judge(ops.convert_to_tensor(sr), training=True)
        return ADVERSARIAL["bce"][1](real, fake)

    expected = reference_step([judge], [], loss, batch)
    assert largest(got, expected) <= 1e-4 * largest(expected)


def test_the_generators_update_is_that_of_both_terms_through_a_frozen_discriminator(batch):
    # Without batch norm in the discriminator: frozen by `trainable`, it would use its moving statistics.
    def build():
        generator, average, _ = networks()
        keras.utils.set_random_seed(2)
        return generator, average, discriminator(16, features=8, normalization="none")

    generator, average, judge = build()
    model = SRGAN(generator, average, judge, {"mse": (1.0, mse)}, WEIGHT, ADVERSARIAL["bce"])
    model.compile(
        model.two_optimizers(keras.optimizers.SGD(1.0), keras.optimizers.SGD(0.5)),
        jit_compile="auto" if keras.config.backend() == "jax" else False,
    )
    got, _ = step(model, batch)

    generator, _, judge = build()

    def loss(x, y):
        sr = generator(x, training=True)
        judged = judge(sr, training=True)
        return mse(sr, y) + WEIGHT * ADVERSARIAL["bce"][0](judged, judged)

    expected = reference_step([generator], [judge], loss, batch)
    assert largest(got, expected) <= 1e-4 * largest(expected)


def test_the_adversarial_weight_changes_the_generators_gradient_and_nothing_of_the_discriminators(batch):
    """neosr's adversarial term was logged and dead: its gradient never reached the generator."""
    weak_g, weak_d = step(gan(weight=0.0), batch)
    strong_g, strong_d = step(gan(weight=1.0), batch)
    assert largest(strong_g, weak_g) > 1e-3 * largest(weak_g)
    assert largest(strong_d, weak_d) == 0


def test_the_discriminators_loss_changes_nothing_of_the_generators_gradient(batch):
    plain_g, plain_d = step(gan(), batch)
    smooth_g, smooth_d = step(gan(label_smoothing=0.3), batch)
    assert largest(smooth_d, plain_d) > 1e-3 * largest(plain_d)
    assert largest(smooth_g, plain_g) == 0


def test_the_gradient_penalty_reaches_the_discriminator_alone(batch):
    plain_g, plain_d = step(gan(), batch)
    model = gan(r1=10.0)
    with_g, with_d = step(model, batch)
    assert largest(with_d, plain_d) > 1e-3 * largest(plain_d)
    assert largest(with_g, plain_g) == 0
    assert float(model.trackers["r1"].result()) > 0


def test_each_optimizer_owns_its_variables_counts_its_steps_and_has_its_own_rate(batch):
    model = gan(optimizer=lambda rate: keras.optimizers.Adam(rate * 1e-3))
    first, second = model.optimizer.optimizers
    counts = sorted(len(opt._trainable_variables) for opt in (first, second))
    expected = sorted(len(n.trainable_variables) for n in (model.generator, model.discriminator))
    assert counts == expected
    model.train_on_batch(*batch)
    model.train_on_batch(*batch)
    assert [int(numpy(opt.iterations)) for opt in (first, second)] == [2, 2]
    assert {round(float(numpy(opt.learning_rate)), 6) for opt in (first, second)} == {1e-3, 5e-4}


def test_optimizers_chosen_by_a_pattern_would_own_nothing():
    """The trap that `two_optimizers` avoids: a sub-model's variables carry no prefix."""
    judge = networks()[2]
    pattern = keras.optimizers.OptimizerMap(
        keras.optimizers.SGD(), {"discriminator/.*": keras.optimizers.SGD()}
    )
    assert all(pattern(v) is pattern.default_optimizer for v in judge.trainable_variables)


def test_a_discriminator_without_weights_is_refused():
    generator, average, judge = networks()
    judge.trainable = False
    model = SRGAN(generator, average, judge, {"mse": (1.0, mse)}, WEIGHT, ADVERSARIAL["bce"])
    with pytest.raises(TrainingError, match="needs variables"):
        model.two_optimizers(keras.optimizers.SGD(), keras.optimizers.SGD())


def test_the_discriminators_batch_norm_moves_but_not_by_the_generators_term(batch):
    model = gan()
    before = [numpy(v) for v in model.discriminator.non_trainable_variables]
    call_constant(model.discriminator, ops.convert_to_tensor(batch[1]), training=True)
    assert largest(before, [numpy(v) for v in model.discriminator.non_trainable_variables]) == 0
    model.train_on_batch(*batch)
    assert largest(before, [numpy(v) for v in model.discriminator.non_trainable_variables]) > 0


@pytest.mark.parametrize("loss", list(ADVERSARIAL))
def test_every_adversarial_loss_trains(loss, batch):
    generator, average, judge = networks()
    model = SRGAN(generator, average, judge, {"mse": (1.0, mse)}, WEIGHT, ADVERSARIAL[loss])
    model.compile(
        model.two_optimizers(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)),
        jit_compile="auto" if keras.config.backend() == "jax" else False,
    )
    logs = model.train_on_batch(*batch, return_dict=True)
    assert set(logs) == {"loss", "mse", "adversarial", "discriminator", "d_hr", "d_sr"}
    total = logs["mse"] + WEIGHT * logs["adversarial"] + logs["discriminator"]
    assert float(logs["loss"]) == pytest.approx(float(total), rel=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains(policy, batch):
    keras.config.set_dtype_policy(policy)
    try:
        generator, _, judge = networks()
    finally:
        keras.config.set_dtype_policy("float32")
    average = networks()[1]
    model = SRGAN(generator, average, judge, {"mse": (1.0, mse)}, WEIGHT, ADVERSARIAL["bce"])
    optimizer = model.two_optimizers(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    model.compile(optimizer, jit_compile="auto" if keras.config.backend() == "jax" else False)
    before = weights(model.generator)
    logs = model.train_on_batch(*batch, return_dict=True)
    assert np.isfinite([float(v) for v in logs.values()]).all()
    assert largest(before, weights(model.generator)) > 0


def test_evaluation_moves_nothing(batch):
    model = gan()
    networks_of = [model.generator, model.ema_generator, model.discriminator]
    before = [numpy(v) for network in networks_of for v in network.variables]
    model.test_on_batch(*batch)
    after = [numpy(v) for network in networks_of for v in network.variables]
    assert largest(before, after) == 0


def test_the_average_is_that_of_the_weights_before_each_step(batch):
    model = gan(ema=0.5)
    expected = [numpy(v) for v in model.generator.variables]
    for t in range(3):
        decay = min(0.5, (1 + t) / (10 + t))
        # The forward pass updates batch norm's statistics before the average reads them.
        trainable = {id(v) for v in model.generator.trainable_variables}
        now = [numpy(v) for v in model.generator.variables]
        model.train_on_batch(*batch)
        after = [numpy(v) for v in model.generator.variables]
        read = [
            a if id(v) in trainable else b
            for v, a, b in zip(model.generator.variables, now, after, strict=True)
        ]
        expected = [decay * e + (1 - decay) * r for e, r in zip(expected, read, strict=True)]
    got = [numpy(v) for v in model.ema_generator.variables]
    assert largest(got, expected) <= 1e-5 * max(1.0, largest(expected))
    assert largest(got, [numpy(v) for v in model.generator.variables]) > 1e-4
