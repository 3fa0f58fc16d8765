"""One GAN step on every backend from the same weights and batch: how far apart are the updated weights?

    python benchmarks/gan_step.py

Builds the networks of the recipe srgan_mse (the paper's discriminator with batch norm; fewer features and
blocks, so that it takes seconds), gives every backend the same random weights and crops, makes one step
with plain gradient descent, and compares every weight of generator and discriminator.
The difference is relative to the largest update of that variable.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

BACKENDS = ("tensorflow", "jax", "torch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", default=BACKENDS)
    parser.add_argument("--json", type=Path, help="write the differences here")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        one_step(Path(arguments.worker))
        return
    differences = compare(list(arguments.backends))
    print(f"{'backend':12} {'largest relative difference':28} variable")
    for backend, (value, name) in differences.items():
        print(f"{backend:12} {value:<28.2e} {name}")
    if arguments.json:
        arguments.json.write_text(json.dumps(differences, indent=1) + "\n")


def compare(backends: list[str]) -> dict[str, tuple[float, str]]:
    """Return, for every backend but the first, the largest relative difference and where it is."""
    with tempfile.TemporaryDirectory() as folder:
        updates = {}
        for backend in backends:
            file = Path(folder) / f"{backend}.npz"
            command = [sys.executable, __file__, "--worker", str(file)]
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
            updates[backend] = dict(np.load(file))
    reference = updates.pop(backends[0])
    return {backend: largest(reference, update) for backend, update in updates.items()}


def largest(reference: dict, update: dict) -> tuple[float, str]:
    return max(
        (float(np.abs(update[key] - reference[key]).max() / np.abs(reference[key]).max()), key)
        for key in reference
    )


def one_step(file: Path) -> None:
    """Make the step on the backend of this process and write what each variable moved by."""
    import keras

    from keras_sr.recipes import get
    from keras_sr.training.build import build_model
    from keras_sr.weights import store

    recipe = get(
        "srgan_mse",
        overrides=["features=16", "blocks=3", "discriminator_features=16", "crop=48", "batch_size=4",
                   "adversarial=0.1"],
    )  # fmt: skip
    model = build_model(recipe)
    rng = np.random.default_rng(0)
    networks = {"generator": model.generator, "discriminator": model.discriminator}
    for network in networks.values():
        network.set_weights([initial(rng, v) for v in network.variables])
    optimizer = model.two_optimizers(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0))
    model.compile(optimizer, jit_compile="auto" if keras.config.backend() == "jax" else False)
    before = arrays(networks, store)
    lr, hr = rng.random((4, 12, 12, 3), "float32"), rng.random((4, 48, 48, 3), "float32")
    model.train_on_batch(lr, hr)
    after = arrays(networks, store)
    # The convolutions before a batch norm have updates of pure rounding where the gradient is exactly 0.
    np.savez(file, **{k: after[k] - before[k] for k in after if np.abs(after[k] - before[k]).max() > 1e-7})


def initial(rng: np.random.Generator, variable: object) -> np.ndarray:
    """Return random values of a size that keeps signals alive: He for kernels, near 1 or 0 for the rest."""
    shape = tuple(variable.shape)
    if len(shape) > 1:
        return (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))).astype("float32")
    base = 1.0 if variable.name in ("gamma", "moving_variance") else 0.0
    return (base + 0.1 * rng.random(shape)).astype("float32")


def arrays(networks: dict, store: object) -> dict[str, np.ndarray]:
    return {
        f"{name}/{key}": array
        for name, network in networks.items()
        for key, array in store.network_arrays(network).items()
    }


if __name__ == "__main__":
    main()
