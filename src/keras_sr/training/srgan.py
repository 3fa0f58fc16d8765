"""The GAN step as one loss and two optimizers, the same code on jax, tensorflow and torch."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_sr.errors import TrainingError
from keras_sr.losses.adversarial import R1_SIGMA, approximate_r1
from keras_sr.training.model import SuperResolution
from keras_sr.types import Tensor


class SRGAN(SuperResolution):
    """Trains a generator and a discriminator together (Ledig et al. 2017, arXiv 1609.04802, eq. 2, 3, 6).

    One loss holds the terms of both. The discriminator judges SR with its variables held constant, so the
    adversarial gradient passes through it and never into it; it learns from SR with the gradient stopped,
    so nothing of its loss reaches the generator. Both are updated from the same weights at the same moment
    (the paper alternates with k = 1; see docs/decisions/).

    Args:
        generator: LR to SR, as in `SuperResolution`.
        ema_generator: As in `SuperResolution`.
        discriminator: Images (N, H, W, 3) in [0, 1] to logits (N, 1).
        terms: As in `SuperResolution`.
        adversarial_weight: Weight of the generator's adversarial term (the paper's 1e-3, equation 3).
        adversarial_loss: The pair (generator's term, discriminator's term) from `losses.ADVERSARIAL`.
        label_smoothing: One-sided label smoothing of the discriminator's targets for HR.
        r1: Weight of the gradient penalty at HR images; 0 leaves it out.
        seed: Seed of the penalty's noise.
    """

    def __init__(
        self,
        generator: keras.Model,
        ema_generator: keras.Model | None,
        discriminator: keras.Model,
        terms: dict[str, tuple[float, Callable]],
        adversarial_weight: float,
        adversarial_loss: tuple[Callable, Callable],
        label_smoothing: float = 0.0,
        r1: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.r1 = r1  # term_names() reads it while the base class is built
        super().__init__(generator, ema_generator, terms, **kwargs)
        self.discriminator = discriminator
        self.adversarial_weight, self.label_smoothing = adversarial_weight, label_smoothing
        self.generator_term, self.discriminator_term = adversarial_loss
        self.noise_seed = keras.random.SeedGenerator(seed)

    def term_names(self) -> list[str]:
        """Return the names of everything that is logged apart from the total."""
        gan = ["adversarial", "discriminator", "d_hr", "d_sr", *(["r1"] if self.r1 else [])]
        return [*super().term_names(), *gan]

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Return the sum of the generator's and the discriminator's losses; see the base class.

        The log also shows what the discriminator believes: `d_hr` and `d_sr`, its mean probabilities for
        HR and SR. Both near 0.5 is a fair game; 1 and 0 means that the discriminator has won.
        """
        # Cast because under mixed precision tensorflow will not mix float16 SR with float32 HR.
        sr, hr = ops.cast(y_pred, "float32"), ops.cast(ops.convert_to_tensor(y), "float32")
        judged = call_constant(self.discriminator, sr, training=training)
        real = self.discriminator(hr, training=training)
        fake = self.discriminator(ops.stop_gradient(sr), training=training)

        values = self.content_terms(x, sr, hr)
        values["adversarial"] = (
            self.adversarial_weight,
            self.generator_term(ops.stop_gradient(real), judged),
        )
        values["discriminator"] = (1.0, self.discriminator_term(real, fake, self.label_smoothing))
        values["d_hr"] = (0.0, ops.mean(ops.sigmoid(ops.stop_gradient(real))))
        values["d_sr"] = (0.0, ops.mean(ops.sigmoid(ops.stop_gradient(fake))))
        if self.r1:
            values["r1"] = (self.r1, self.gradient_penalty(hr, real, training))
        total = self.weigh(values)
        if training:
            self.update_average()
        return total

    def gradient_penalty(self, hr: Tensor, real: Tensor, training: bool) -> Tensor:
        """Return the approximate R1 penalty at HR images."""
        noise = keras.random.normal(ops.shape(hr), stddev=R1_SIGMA, seed=self.noise_seed)
        return approximate_r1(lambda image: self.discriminator(image, training=training), hr, real, noise)

    def two_optimizers(
        self, generator: keras.optimizers.Optimizer, discriminator: keras.optimizers.Optimizer
    ) -> keras.optimizers.Optimizer:
        """Return one optimizer that gives each variable to its own, and build it.

        Variables are told apart by identity: those of a functional sub-model carry no prefix in their path,
        so a pattern such as "discriminator/.*" would match nothing and say nothing.

        Raises:
            TrainingError: One of the two would own no variable.
        """
        owned = {id(v) for v in self.discriminator.trainable_variables}
        both = keras.optimizers.MultiOptimizer(lambda v: discriminator if id(v) in owned else generator)
        both.build(self.trainable_variables)
        if len(both.optimizers) != 2:
            raise TrainingError("a GAN step needs variables in the generator and in the discriminator")
        return both


def call_constant(model: keras.Model, x: Tensor, **kwargs: Any) -> Tensor:
    """Call `model` with its variables held constant: gradients pass through it, never into it.

    What the call would do to the model's state (batch norm's statistics) is dropped.
    """
    outputs, *_ = model.stateless_call(
        [ops.stop_gradient(v.value) for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
        x,
        **kwargs,
    )
    return outputs
