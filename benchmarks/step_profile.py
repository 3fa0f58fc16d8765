"""Where a training step spends its time, and what single changes to it are worth.

    python benchmarks/step_profile.py srresnet_mse lite compact --set precision=mixed_bfloat16
    python benchmarks/step_profile.py srgan_vgg54 --rounds 5

The parts of a step are compiled one after the other, each with all before it: forward, loss, gradients, the
whole step. A part's share is what it adds. Beside it stands the step with one thing changed, as a ratio.
All take turns, one round each; figures are medians of the ratios inside a round. Runs on TensorFlow, the
backend that trains fastest on processors; crops are noise, which costs what photographs cost.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
import tensorflow as tf

from keras_sr.recipes import get
from keras_sr.training import build
from keras_sr.training.build import build_model
from keras_sr.training.recipe import Recipe, override

RESULTS = Path(__file__).parent / "results" / "step_profile.json"

#: What a step is tried with, one at a time, by what is set in the recipe.
CHANGES = {
    "float32": ["precision=float32"],
    "bfloat16": ["precision=mixed_bfloat16"],
    "Adam": ["optimizer=adam", "discriminator_optimizer=adam"],
    "no average of the weights": ["ema=0"],
    "8 steps a call": ["steps_per_call=8"],
}

#: And a chain with these, too.
ACTIVATIONS = {
    "SiLU": ["activation=silu"],
    "PReLU": ["activation=prelu"],
    "leaky ReLU": ["activation=leakyrelu"],
}

#: The parts of a step, in order.
PARTS = ("forward", "loss", "gradients", "optimizer and average")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="FIELD=VALUE")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    tables = [profile(name, options.settings, options.rounds) for name in options.recipes]
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(tables, indent=1) + "\n")


def profile(name: str, settings: list[str], rounds: int) -> dict[str, Any]:
    """Time the parts of a recipe's step and its changes; print and return them."""
    recipe = get(name, overrides=settings)
    contenders = parts(recipe)
    tried = CHANGES | (ACTIVATIONS if recipe.generator == "chain" else {})
    changes = {what: override(recipe, change) for what, change in tried.items()}
    changes["crops half as wide, four times as many"] = replace(
        recipe, crop=recipe.crop // 2, batch_size=4 * recipe.batch_size
    )
    contenders |= {what: step(changed) for what, changed in changes.items() if changed != recipe}
    if recipe.generator == "chain":
        # What `training.half_silu` is worth.
        with patch.object(build, "quicken", lambda network: None):
            contenders["SiLU, TensorFlow's gradient"] = step(override(recipe, ACTIVATIONS["SiLU"]))
    if recipe.generator == "srresnet":
        # What `training.widened_tail` is worth.
        with patch.object(build, "widen_tail", lambda network: None):
            contenders["last layers after the shuffle"] = step(recipe)
    seconds: dict[str, list[float]] = {each: [] for each in contenders}
    for number in range(rounds + 1):
        for each, (work, count) in contenders.items():
            began = time.perf_counter()
            work()
            if number:  # the first round compiles
                seconds[each].append((time.perf_counter() - began) / count)
    whole = seconds[PARTS[-1]]
    ends = {
        each: statistics.median(one / base for one, base in zip(times, whole, strict=True))
        for each, times in seconds.items()
    }
    before = (0.0, *(ends[part] for part in PARTS))
    shares = {part: ends[part] - start for part, start in zip(PARTS, before, strict=False)}
    print(f"{name}, {recipe.precision}: {statistics.median(whole):.3f} s a step")
    for part, share in shares.items():
        print(f"  {part:42} {share:6.1%}")
    ratios = {each: ends[each] for each in seconds if each not in PARTS}
    for change, ratio in ratios.items():
        print(f"  {change:42} {ratio:6.2f} times", flush=True)
    return {"recipe": name, "precision": recipe.precision, "shares": shares, "changes": ratios}


#: What is timed, and how many steps it makes.
Contender = tuple[Callable[[], Any], int]


def parts(recipe: Recipe) -> dict[str, Contender]:
    """Return the parts of a step, each with those before it; the last is all of it."""
    model = build_model(replace(recipe, ema=0.0))
    lr, hr = crops(recipe)

    def loss() -> tf.Tensor:
        return model.compute_loss(lr, hr, model(lr, training=True))

    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            value = loss()
        return tape.gradient(value, model.trainable_variables)

    begun = (tf.function(lambda: model(lr, training=True)), tf.function(loss), tf.function(gradients))
    return {part: (work, 1) for part, work in zip(PARTS, begun, strict=False)} | {PARTS[-1]: step(recipe)}


def step(recipe: Recipe) -> Contender:
    """Return the whole step, as `fit` makes it."""
    model = build_model(recipe)
    batches = iter(tf.data.Dataset.from_tensors(crops(recipe)).repeat())
    model.make_train_function()
    return lambda: model.train_function(batches)["loss"].numpy(), recipe.steps_per_call


def crops(recipe: Recipe) -> tuple[tf.Tensor, tf.Tensor]:
    """Return a batch of noise: LR and HR."""
    rng = np.random.default_rng(0)
    sides = recipe.crop // recipe.scale, recipe.crop
    lr, hr = (rng.random((recipe.batch_size, side, side, 3), "float32") for side in sides)
    return tf.constant(lr), tf.constant(hr)


if __name__ == "__main__":
    main()
