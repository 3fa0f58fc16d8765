"""Make the weights of LPIPS from the authors' package, once, into the cache folder.

    python -m pip install lpips torch torchvision
    python -m keras_sr.metrics.lpips_weights alex        # or vgg

The package downloads the backbone (torchvision's ImageNet weights) and brings the heads of version 0.1.
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
    parser = argparse.ArgumentParser(prog="python -m keras_sr.metrics.lpips_weights", description=__doc__)
    parser.add_argument("net", choices=sorted(NETWORKS))
    parser.add_argument("--out", type=Path, help="file; lpips_NET.npz in the cache folder when not given")
    chosen = parser.parse_args(arguments)
    try:
        package = importlib.import_module("lpips")
    # Not there, or of releases that do not fit to each other: then torchvision cannot find its operators.
    except (ImportError, RuntimeError) as error:
        raise WeightsError(
            f"{error}: pip install lpips torch torchvision, of releases that fit to each other"
        ) from error
    arrays: dict[str, Any] = convert_lpips(package.LPIPS(net=chosen.net, verbose=False), chosen.net)
    out = chosen.out or cache_folder() / f"lpips_{chosen.net}.npz"
    with atomic_write(out) as file:
        np.savez(file, **arrays)
    sys.stdout.write(f"{out}\n")


def convert_lpips(model: Any, net: str) -> dict[str, np.ndarray]:
    """Return the arrays of the authors' module by our names: kernels (k, k, in, out), biases, heads."""
    state = {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()}
    backbone, convs = NETWORKS[net]
    layers = [
        key.removesuffix(".weight") for key in state if key.startswith("net.") and key.endswith(".weight")
    ]
    # net.slice2.3: numbered in the order they run in, over all slices.
    layers.sort(key=lambda name: int(name.split(".")[2]))
    arrays: dict[str, np.ndarray] = {}
    for i, layer in enumerate(layers):
        arrays[f"{backbone}.Conv_{i}.kernel"] = state[f"{layer}.weight"].transpose(2, 3, 1, 0)
        arrays[f"{backbone}.Conv_{i}.bias"] = state[f"{layer}.bias"]
    for i in range(sum(conv.tapped for conv in convs)):
        arrays[f"NetLinLayer_{i}.Conv_0.kernel"] = state[f"lin{i}.model.1.weight"].transpose(2, 3, 1, 0)
    return arrays


if __name__ == "__main__":
    try:
        main()
    except WeightsError as error:
        raise SystemExit(str(error)) from None
