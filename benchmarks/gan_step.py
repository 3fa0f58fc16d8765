"""One GAN step on every backend from the same weights and batch: how far apart are the updated weights?

    python benchmarks/gan_step.py

Builds the networks of the recipe srgan_mse (batch norm in both; few features and blocks, so that it takes
seconds), gives every backend the same random weights and crops, makes one step with plain gradient descent,
and compares every weight of generator and discriminator. The difference is relative to the largest update of
that variable. Several draws are made, because an activation that lies within rounding of a ReLU's kink may
fall on either side of it: its channel then differs by a thousandth, and so does everything before it.
The larger the networks, the likelier that is.
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
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the differences here")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        for draw in range(arguments.draws):
            np.savez(Path(arguments.worker) / f"{draw}.npz", **one_step(draw))
        return
    rows = compare(list(arguments.backends), arguments.draws)
    print(f"{'draw':5} {'against ' + arguments.backends[0]:20} {'largest relative difference':28} variable")
    for row in rows:
        print(f"{row['draw']:<5} {row['backend']:20} {row['difference']:<28.2e} {row['variable']}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


def compare(backends: list[str], draws: int) -> list[dict]:
    """Return a row with the largest relative difference for every draw and every backend but the first."""
    with tempfile.TemporaryDirectory() as folder:
        for backend in backends:
            (Path(folder) / backend).mkdir()
            command = [
                sys.executable,
                __file__,
                "--draws",
                str(draws),
                "--worker",
                str(Path(folder) / backend),
            ]
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
        rows = []
        for draw in range(draws):
            reference, *others = (dict(np.load(Path(folder) / b / f"{draw}.npz")) for b in backends)
            for backend, update in zip(backends[1:], others, strict=True):
                difference, variable = largest(reference, update)
                rows.append(
                    {"draw": draw, "backend": backend, "difference": difference, "variable": variable}
                )
        return rows


def largest(reference: dict, update: dict) -> tuple[float, str]:
    return max(
        (float(np.abs(update[key] - reference[key]).max() / np.abs(reference[key]).max()), key)
        for key in reference
    )


def one_step(seed: int) -> dict[str, np.ndarray]:
    """Make the step on the backend of this process and return what each variable moved by."""
    import keras

    from keras_sr.recipes import get
    from keras_sr.training.build import build_model
    from keras_sr.weights import store

    recipe = get(
        "srgan_mse",
        overrides=["features=8", "blocks=2", "discriminator_features=8", "crop=32", "batch_size=2",
                   "adversarial=0.1"],
    )  # fmt: skip
    model = build_model(recipe)
    rng = np.random.default_rng(seed)
    networks = {"generator": model.generator, "discriminator": model.discriminator}
    for network in networks.values():
        network.set_weights([initial(rng, v) for v in network.variables])
    optimizer = model.two_optimizers(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0))
    model.compile(optimizer, jit_compile="auto" if keras.config.backend() == "jax" else False)
    before = arrays(networks, store)
    lr, hr = rng.random((2, 8, 8, 3), "float32"), rng.random((2, 32, 32, 3), "float32")
    model.train_on_batch(lr, hr)
    after = arrays(networks, store)
    # Where the gradient is 0 in exact arithmetic, the update is rounding alone.
    return {k: after[k] - before[k] for k in after if np.abs(after[k] - before[k]).max() > 1e-7}


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
