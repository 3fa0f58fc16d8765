"""Make the weights of DISTS from its authors' package, once, into the cache folder.

    python -m pip install DISTS-pytorch torch torchvision
    python -m keras_sr.metrics.dists_weights

torchvision downloads VGG16's ImageNet weights; the package brings the weights of the layers.
"""

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.files import atomic_write
from keras_sr.metrics.lpips import NETWORKS
from keras_sr.metrics.weights import cache_folder


def main(arguments: list[str] | None = None) -> None:
    """Convert, write, and print the path of the file.

    Raises:
        WeightsError: The authors' package is not installed, or not in working order.
    """
    parser = argparse.ArgumentParser(prog="python -m keras_sr.metrics.dists_weights", description=__doc__)
    parser.add_argument("--out", type=Path, help="file; dists.npz in the cache folder when not given")
    chosen = parser.parse_args(arguments)
    try:
        package = importlib.import_module("DISTS_pytorch")
    # Not there, or of releases that do not fit to each other: then torchvision cannot find its operators.
    except (ImportError, RuntimeError) as error:
        raise WeightsError(
            f"{error}: pip install DISTS-pytorch torch torchvision, of releases that fit to each other"
        ) from error
    arrays: dict[str, Any] = convert_dists(package.DISTS())
    out = chosen.out or cache_folder() / "dists.npz"
    with atomic_write(out) as file:
        np.savez(file, **arrays)
    sys.stdout.write(f"{out}\n")


def convert_dists(model: Any) -> dict[str, np.ndarray]:
    """Return the arrays of the authors' module by our names: kernels (k, k, in, out), biases, alpha, beta."""
    state = {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()}
    # stage3.12: numbered in the order they run in, over all stages.
    layers = [key.removesuffix(".weight") for key in state if key.endswith(".weight")]
    layers.sort(key=lambda name: int(name.split(".")[1]))
    backbone = NETWORKS["vgg"][0]
    arrays = {name: state[name].reshape(-1) for name in ("alpha", "beta")}
    for i, layer in enumerate(layers):
        arrays[f"{backbone}.Conv_{i}.kernel"] = state[f"{layer}.weight"].transpose(2, 3, 1, 0)
        arrays[f"{backbone}.Conv_{i}.bias"] = state[f"{layer}.bias"]
    return arrays


if __name__ == "__main__":
    try:
        main()
    except WeightsError as error:
        raise SystemExit(str(error)) from None
