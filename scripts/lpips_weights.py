"""Make the weights of LPIPS for keras-sr from the authors' package, once, into the cache folder.

    python -m pip install lpips torch torchvision
    python scripts/lpips_weights.py alex        # or vgg

The package downloads the backbone (torchvision's ImageNet weights) and brings the heads of version 0.1.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.files import atomic_write
from keras_sr.metrics.files import cache_folder
from keras_sr.metrics.lpips import NETWORKS


def main() -> None:
    """Convert and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net", choices=sorted(NETWORKS))
    parser.add_argument("--out", type=Path, help="file; lpips_NET.npz in the cache folder when not given")
    arguments = parser.parse_args()
    import lpips

    arrays = convert(lpips.LPIPS(net=arguments.net, verbose=False), arguments.net)
    out = arguments.out or cache_folder() / f"lpips_{arguments.net}.npz"
    with atomic_write(out) as file:
        np.savez(file, **arrays)
    print(out)


def convert(model: Any, net: str) -> dict[str, np.ndarray]:
    """Return the arrays of the authors' module by our names: kernels (k, k, in, out), biases, heads."""
    state = {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()}
    backbone, convs = NETWORKS[net]
    # Layers of the backbone are numbered in the order they run in, over all slices.
    numbers = sorted(
        int(key.split(".")[2]) for key in state if key.startswith("net.") and key.endswith(".weight")
    )
    places = {
        int(key.split(".")[2]): key.removesuffix(".weight")
        for key in state
        if key.startswith("net.") and key.endswith(".weight")
    }
    arrays: dict[str, np.ndarray] = {}
    for i, number in enumerate(numbers):
        kernel = state[f"{places[number]}.weight"]
        arrays[f"{backbone}.Conv_{i}.kernel"] = kernel.transpose(2, 3, 1, 0)
        arrays[f"{backbone}.Conv_{i}.bias"] = state[f"{places[number]}.bias"]
    for i in range(sum(conv.tapped for conv in convs)):
        arrays[f"NetLinLayer_{i}.Conv_0.kernel"] = state[f"lin{i}.model.1.weight"].transpose(2, 3, 1, 0)
    return arrays


if __name__ == "__main__":
    main()
