"""One run on one device and the same on two: how far do losses and weights come apart?

    python benchmarks/devices.py            # two virtual devices of a processor, 100 steps of three recipes
    python benchmarks/devices.py srgan_mse --float64
    python benchmarks/devices.py --small --float64      # the GAN step of small networks, in seconds

Three runs of each recipe, the same seed and batches: one device; two devices; two devices until the middle,
then one. Prints the largest differences. In float64 (a copy of the package that says float64 wherever it says
float32) rounding is a billionth of float32's: what then comes apart is no rounding.
"""

import argparse
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

    def __init__(self, start, steps, recipe):
        super().__init__()
        self.start, self.steps, self.recipe = start, steps, recipe

    def __len__(self):
        return self.steps

    def __getitem__(self, i):
        small, n = self.recipe.crop // self.recipe.scale, self.recipe.batch_size
        lr = np.random.default_rng([7, self.start + i]).random((n, small, small, 3), PRECISION)
        return lr, lr.repeat(self.recipe.scale, axis=1).repeat(self.recipe.scale, axis=2)


def weights(result):
    return np.concatenate([a.ravel() for a in store.network_arrays(result.generator).values()])


def compare(name, steps, settings):
    recipe = recipes.get(
        name, overrides=[f"steps={steps}", "steps_per_epoch=5", f"precision={PRECISION}", *settings]
    )

    def batches(start, count):
        return Noise(start, count, recipe)

    def half(start, count):
        if start >= steps // 2:  # between two epochs: inside one, Ctrl-C is waited for
            raise KeyboardInterrupt
        return batches(start, count)

    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for kind, devices in (("one", 1), ("two", 2)):
            runs[kind] = fit(recipe, batches, Path(folder) / kind, progress=False, devices=devices)
        with suppress(KeyboardInterrupt):
            fit(recipe, half, Path(folder) / "both", progress=False, devices=2)
        runs["two, then one"] = fit(recipe, batches, Path(folder) / "both", progress=False, devices=1)
    one = runs.pop("one")
    losses = np.array([row["loss"] for row in one.rows])
    for kind, run in runs.items():
        apart = np.abs(np.array([row["loss"] for row in run.rows]) - losses)
        difference = np.abs(weights(run) - weights(one))
        print(
            f"{name}, {kind}: {len(losses)} steps, loss {losses[0]:.4f} to {losses[-1]:.4f}, apart by "
            f"{apart.max():.1e} (relative {np.max(apart / np.abs(losses)):.1e}); "
            f"weights by {difference.max():.1e}, mean {difference.mean():.1e}",
            flush=True,
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
    for name in options.recipes:
        compare(name, options.steps, options.settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
