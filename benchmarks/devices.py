"""One run on one device and the same on two: how far do losses and weights come apart?

    python benchmarks/devices.py            # two virtual devices of a processor, 100 steps of three recipes
    python benchmarks/devices.py srgan_mse --float64
    python benchmarks/devices.py --small --float64      # the GAN step of small networks, in seconds

Four runs of each recipe, the same seed and batches: one device; two devices; two devices until the middle,
then one; and, to tell what such figures are worth, one device whose batches have their rows in another order,
which is the same sum rounded otherwise. Prints a table of relative differences. `--folder` keeps the runs:
what was finished or interrupted there is not done again. In float64 (a copy of the package that says float64
wherever it says float32) rounding is a billionth of float32's: what then comes apart is no rounding.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"

import keras
import numpy as np

from keras_sr import recipes
from keras_sr.losses import ADVERSARIAL, PIXEL
from keras_sr.training.devices import spread
from keras_sr.training.fit import fit
from keras_sr.training.srgan import SRGAN
from keras_sr.weights import store

#: What is computed in; float64 in the process that has the package so.
PRECISION = os.environ.get("KERAS_SR_PRECISION", "float32")


class Noise(keras.utils.PyDataset):
    """Batches that are a function of the step: smooth random HR, LR by averaging."""

    def __init__(self, start, steps, recipe, order=1):
        super().__init__()
        self.start, self.steps, self.recipe, self.order = start, steps, recipe, order

    def __len__(self):
        return self.steps

    def __getitem__(self, i):
        small, n = self.recipe.crop // self.recipe.scale, self.recipe.batch_size
        lr = np.random.default_rng([7, self.start + i]).random((n, small, small, 3), PRECISION)
        lr = lr[:: self.order]
        return lr, lr.repeat(self.recipe.scale, axis=1).repeat(self.recipe.scale, axis=2)


class Losses(keras.callbacks.Callback):
    """Keeps the losses of all steps with all of their digits: a run's log has six."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        row = {"step": epoch + 1, **{key: float(value) for key, value in logs.items()}}
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def rows(self):
        """Return one row a step."""
        by_step = {row["step"]: row for row in map(json.loads, self.path.read_text().splitlines())}
        return [by_step[step] for step in sorted(by_step)]


def weights(result):
    return np.concatenate([a.ravel() for a in store.network_arrays(result.generator).values()])


def four_runs(recipe, folder):
    """Return what the four runs end with, by their names."""

    def batches(start, count):
        return Noise(start, count, recipe)

    def reversed_rows(start, count):
        return Noise(start, count, recipe, -1)

    def half(start, count):
        if start >= recipe.steps // 2:  # between two epochs: inside one, Ctrl-C is waited for
            raise KeyboardInterrupt
        return batches(start, count)

    def run(make, kind, devices):
        losses = Losses(folder / f"{kind}.losses.jsonl")
        result = fit(recipe, make, folder / kind, progress=False, devices=devices, callbacks=[losses])
        return losses.rows(), weights(result)

    yield "one", run(batches, "one", 1)
    yield "one, rows reversed", run(reversed_rows, "reversed", 1)
    yield "two", run(batches, "two", 2)
    with suppress(KeyboardInterrupt):
        run(half, "both", 2)
    yield "two, then one", run(batches, "both", 1)


def relative(a, b):
    return abs(a - b) / abs(b) if b else abs(a - b)


def compare(name, steps, settings, folder):
    """Print how far losses, at some steps, and weights are from those of one device."""
    recipe = recipes.get(
        name, overrides=[f"steps={steps}", "steps_per_epoch=1", f"precision={PRECISION}", *settings]
    )
    shown = [step for step in (1, 10, 50, 100) if step <= steps]
    print(f"{name}, {steps} steps, batches of {recipe.batch_size}, crops of {recipe.crop}")
    print(f"| run | loss | {' | '.join(f'step {step}' for step in shown)} | largest of all |")
    place = Path(folder) / name
    place.mkdir(parents=True, exist_ok=True)
    found = four_runs(recipe, place)
    _, (one, before) = next(found)
    for kind, (rows, after) in found:
        for key in sorted(set(one[0]) - {"step"}):
            apart = [relative(b[key], a[key]) for a, b in zip(one, rows, strict=True)]
            cells = " | ".join(f"{value:.1e}" for value in [*(apart[step - 1] for step in shown), max(apart)])
            print(f"| {kind} | {key} | {cells} |")
        size = np.linalg.norm(after - before) / np.linalg.norm(before)
        print(
            f"| {kind} | weights: norm {size:.1e}, largest {np.abs(after - before).max():.1e} |", flush=True
        )


def small_gan(loss):
    """Return a GAN with batch norm in both networks, and all terms of its step."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    lr = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same")(lr))
    x = layers.PReLU(shared_axes=[1, 2])(x)
    generator = keras.Model(lr, layers.Conv2D(3, 3, padding="same", name="sr")(x))
    image = x = keras.Input((8, 8, 3))
    for _ in range(2):
        x = layers.BatchNormalization()(layers.Conv2D(6, 3, strides=2, padding="same")(x))
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    judge = keras.Model(image, layers.Dense(1, name="logits")(layers.Flatten()(x)))
    terms = {"mse": (1.0, PIXEL["mse"])}
    model = SRGAN(generator, None, judge, terms, 0.1, ADVERSARIAL[loss], r1=0.1)
    adam = [keras.optimizers.Adam(1e-3) for _ in range(2)]
    model.compile(optimizer=model.two_optimizers(*adam), jit_compile="auto")
    return model


def small_steps(loss, devices):
    """Return the logs of ten steps of the small GAN, and its weights with their names."""
    with spread(devices, 4):
        model, rng = small_gan(loss), np.random.default_rng(1)
        rows = []
        for _ in range(10):
            lr, hr = (rng.random((4, 8, 8, 3), PRECISION) for _ in range(2))
            rows.append(model.train_on_batch(lr, hr, return_dict=True))
        variables = [*model.generator.variables, *model.discriminator.variables]
        return rows, [(variable.path, np.asarray(variable.value)) for variable in variables]


def compare_small(loss):
    """Print how far ten steps on two devices come apart from those on one."""
    (one, before), (two, after) = (small_steps(loss, devices) for devices in (1, 2))
    pairs = [(abs(a[key]), abs(a[key] - b[key]), key) for a, b in zip(one, two, strict=True) for key in a]
    losses = max((float(apart / size), key) for size, apart, key in pairs)
    weights = max((float(np.abs(a - b).max()), name) for (name, a), (_, b) in zip(before, after, strict=True))
    print(
        f"small GAN, {loss}, {PRECISION}: losses apart by {losses[0]:.1e} (relative, {losses[1]}), "
        f"weights by {weights[0]:.1e} ({weights[1]})",
        flush=True,
    )


def in_float64(arguments):
    """Run this file with a copy of the package that says float64 wherever it says float32."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "keras_sr"
        shutil.copytree(Path(find_spec("keras_sr").origin).parent, copy)
        for file in copy.rglob("*.py"):
            file.write_text(file.read_text("utf-8").replace("float32", "float64"), "utf-8")
        paths = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        environment = {
            **os.environ,
            "KERAS_SR_PRECISION": "float64",
            "JAX_ENABLE_X64": "1",
            "PYTHONPATH": paths,
        }
        return subprocess.run([sys.executable, __file__, *arguments], env=environment, check=False).returncode


def widen(module):
    """Let float64 and float32 make float64: Keras says float32, in batch norm and in means."""
    before = module.result_type
    module.result_type = lambda *kinds: "float64" if "float64" in map(str, kinds) else before(*kinds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=["compact", "srresnet_mse", "srgan_vgg54"])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--float64", action="store_true")
    parser.add_argument("--small", action="store_true", help="the GAN step of small networks")
    parser.add_argument("--folder", help="where runs are kept, for another day")
    options = parser.parse_args()
    if options.float64 and PRECISION == "float32":
        return in_float64(sys.argv[1:])
    if PRECISION == "float64":
        keras.config.set_floatx(PRECISION)
        widen(keras.src.backend)
        widen(keras.src.backend.common.dtypes)
        keras.config.set_dtype_policy(PRECISION)
    if options.small:
        for loss in ("bce", "relativistic"):
            compare_small(loss)
        return 0
    with tempfile.TemporaryDirectory() as place:
        for name in options.recipes:
            compare(name, options.steps, options.settings, options.folder or place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
