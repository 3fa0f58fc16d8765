"""One run on one device and the same on two: how far do losses and weights come apart?

    python benchmarks/devices.py            # two virtual devices of a processor, 100 steps of three recipes

Three runs of each recipe, the same seed and batches: one device; two devices; two devices until the middle,
then one. Prints the largest differences, float32.
"""

import argparse
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"

import keras
import numpy as np

from keras_sr import recipes
from keras_sr.training.fit import fit
from keras_sr.weights import store


class Noise(keras.utils.PyDataset):
    """Batches that are a function of the step: smooth random HR, LR by averaging."""

    def __init__(self, start, steps, recipe):
        super().__init__()
        self.start, self.steps, self.recipe = start, steps, recipe

    def __len__(self):
        return self.steps

    def __getitem__(self, i):
        small, n = self.recipe.crop // self.recipe.scale, self.recipe.batch_size
        lr = np.random.default_rng([7, self.start + i]).random((n, small, small, 3), "float32")
        return lr, lr.repeat(self.recipe.scale, axis=1).repeat(self.recipe.scale, axis=2)


def weights(result):
    return np.concatenate([a.ravel() for a in store.network_arrays(result.generator).values()])


def compare(name, steps, settings):
    recipe = recipes.get(
        name, overrides=[f"steps={steps}", "steps_per_epoch=5", "precision=float32", *settings]
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=["compact", "srresnet_mse", "srgan_vgg54"])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    options = parser.parse_args()
    for name in options.recipes:
        compare(name, options.steps, options.settings)


if __name__ == "__main__":
    sys.exit(main())
