"""From a recipe to a compiled model: networks, loss terms, optimizers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import keras

from keras_sr.errors import RecipeError, unknown
from keras_sr.losses import ADVERSARIAL, PIXEL, ContentLoss, StyleLoss, consistency, luma
from keras_sr.models import DISCRIMINATORS, build_generator, vgg19_features
from keras_sr.training.half_silu import quicken
from keras_sr.training.model import SuperResolution
from keras_sr.training.muon import Muon
from keras_sr.training.rate import Adam
from keras_sr.training.recipe import Recipe
from keras_sr.training.schedule import Schedule
from keras_sr.training.shrink import bicubic_shrinker
from keras_sr.training.srgan import SRGAN
from keras_sr.training.widened_tail import widen_tail
from keras_sr.weights.load import load

#: What a recipe's `optimizer` may be.
_OPTIMIZERS = {"adam": Adam, "muon": Muon}


def build_model(recipe: Recipe, data_format: str = "channels_last") -> SuperResolution:
    """Build and compile everything that a recipe trains; weights are a function of its seed.

    Raises:
        RecipeError: A part of it has an unknown name, or does not run on this backend.
    """
    if recipe.steps_per_call > 1 and keras.config.backend() == "torch":
        raise RecipeError(f"steps_per_call must be 1 on torch, not {recipe.steps_per_call}")
    keras.utils.set_random_seed(recipe.seed)
    with dtype_policy(recipe.precision):
        generator = build_generator(vars(recipe), data_format)
        quicken(generator)
        widen_tail(generator)
        terms, frozen = _loss_terms(recipe, recipe.terms(), data_format)
        taught, watching = _loss_terms(recipe, recipe.taught(), data_format)
        teacher = _build_teacher(recipe, data_format) if recipe.teacher else None
        judge = _build_discriminator(recipe, data_format) if recipe.is_gan else None
    average = build_generator(vars(recipe), data_format) if recipe.ema else None
    shared = {"terms": terms, "ema": recipe.ema, "frozen": frozen + watching}
    shared |= {"teacher": teacher, "taught": taught, "data_format": data_format}
    if recipe.teacher_sees == "clean":
        shared["shrink"] = bicubic_shrinker(recipe.crop, recipe.scale, data_format)
    if judge is None:
        model = SuperResolution(generator, average, **shared)
        optimizer = _optimizer_of(recipe)
    else:
        if recipe.adversarial_loss not in ADVERSARIAL:
            raise RecipeError(unknown("adversarial_loss", recipe.adversarial_loss, list(ADVERSARIAL)))
        model = SRGAN(
            generator,
            average,
            judge,
            adversarial_weight=recipe.adversarial,
            adversarial_loss=ADVERSARIAL[recipe.adversarial_loss],
            label_smoothing=recipe.label_smoothing,
            r1=recipe.r1,
            seed=recipe.seed,
            **shared,
        )
        judges = replace(
            recipe,
            optimizer=recipe.discriminator_optimizer,
            learning_rate=recipe.discriminator_learning_rate,
        )
        optimizer = model.two_optimizers(_optimizer_of(recipe), _optimizer_of(judges))
    if recipe.precision == "mixed_float16":
        # Gradients below 6e-8 are zero in float16: the loss is scaled up for them, and they are scaled back.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    # XLA slows these networks down on processors (benchmarks/training_step.py); jax has nothing else.
    jit: Any = "auto" if keras.config.backend() == "jax" else False
    model.compile(optimizer=optimizer, jit_compile=jit, steps_per_execution=recipe.steps_per_call)
    return model


def _build_discriminator(recipe: Recipe, data_format: str) -> keras.Model:
    """Build the recipe's discriminator for its crop size."""
    return DISCRIMINATORS[recipe.discriminator](
        recipe.crop,
        features=recipe.discriminator_features,
        normalization=recipe.discriminator_normalization,
        data_format=data_format,
    )


def _build_teacher(recipe: Recipe, data_format: str) -> keras.Model:
    """Load the recipe's teacher, in the recipe's precision.

    Raises:
        RecipeError: It enlarges by another factor, or does not take RGB.
        WeightsError: There is no such network.
    """
    teacher = load(recipe.teacher, data_format=data_format)
    side, bands = recipe.crop // recipe.scale, (-1 if data_format == "channels_last" else 1)
    if teacher.input_shape[bands] != 3:
        raise RecipeError(
            f"the teacher {recipe.teacher} takes {teacher.input_shape[bands]} bands: expected 3"
        )
    shape = (1, side, side, 3) if data_format == "channels_last" else (1, 3, side, side)
    scale = teacher(keras.ops.zeros(shape), training=False).shape[2] / side
    if scale != recipe.scale:
        raise RecipeError(
            f"the teacher {recipe.teacher} enlarges x{scale:g}: expected x{recipe.scale}; take another, or "
            f"scale={scale:g}"
        )
    return teacher


def _loss_terms(
    recipe: Recipe, weights: dict[str, float], data_format: str
) -> tuple[dict, list[keras.Model]]:
    """Return terms as name: (weight, function), and the frozen networks that they use."""
    terms, frozen = {}, []
    for name, weight in weights.items():
        if name in PIXEL:
            terms[name] = (weight, PIXEL[name])
            continue
        if name == "luma":
            terms[name] = (weight, partial(luma, data_format=data_format))
            continue
        if name == "consistency":
            terms[name] = (weight, partial(consistency, scale=recipe.scale, data_format=data_format))
            continue
        if name not in ("content", "style"):
            raise RecipeError(unknown("own_loss", name, list(PIXEL)))
        layers = recipe.content_layers if name == "content" else recipe.style_layers
        before = name == "content" and recipe.content_before_activation
        features = vgg19_features(
            layers, weights=recipe.vgg_weights, before_activation=before, data_format=data_format
        )
        frozen.append(features)
        if name == "content":
            term = ContentLoss(features, weights=recipe.content_weights, distance=recipe.content_distance)
        else:
            term = StyleLoss(features, data_format)
        terms[name] = (weight, term)
    return terms, frozen


def _optimizer_of(recipe: Recipe) -> keras.optimizers.Optimizer:
    """Return the recipe's optimizer."""
    schedule: Any = Schedule(recipe.learning_rate, recipe.schedule, recipe.steps, recipe.warmup_steps)
    return _OPTIMIZERS[recipe.optimizer](
        schedule,
        beta_1=recipe.beta_1,
        beta_2=recipe.beta_2,
        weight_decay=recipe.weight_decay or None,
        global_clipnorm=recipe.clip_norm or None,
    )


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers in a precision, and set the global one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
