"""How much noise a network leaves on plain grey, with and without a JPEG behind it: what `--denoise` turns.

    python benchmarks/noise_left.py photo_x4 photo_grain_x4 srgan_vgg54
    python benchmarks/noise_left.py photo_x4 --denoise 0 0.5 1

NETWORK is whatever `-n` takes. Grey of level 128 is given noise and, in some columns, stored as JPEG. A cell
has the standard deviation in levels of SR, and that of SR shrunk back to the size of LR by MATLAB's bicubic
kernel: the second is to be compared with LR's own, in the first row, since enlarging alone smooths nothing.
"""

import argparse
import io

import numpy as np
from PIL import Image

import keras_sr
from keras_sr.images.resize import imresize
from keras_sr.tasks.networks import Network
from keras_sr.types import Json

SIDE = 96
#: name: (sigma, whether all bands have the same, quality of JPEG or None).
KINDS: dict[str, tuple[float, bool, int | None]] = {
    "colour 3": (3, False, None),
    "colour 6": (6, False, None),
    "colour 10": (10, False, None),
    "grey 6": (6, True, None),
    "colour 6, JPEG 80": (6, False, 80),
    "colour 10, JPEG 60": (10, False, 60),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument("--denoise", type=float, nargs="+", default=[None])
    options = parser.parse_args()
    pictures = {name: noisy(*kind) for name, kind in KINDS.items()}
    print(f"| levels | {' | '.join(pictures)} |\n|---|{'---|' * len(pictures)}")
    print(f"| LR | {' | '.join(f'{inner(lr, 8).std():.2f}' for lr in pictures.values())} |")
    for name in options.networks:
        for share in options.denoise:
            more: Json = {} if share is None else {"denoise": share}
            network = keras_sr.open_network(name, precision="f32", **more)
            cells = [left(lr, network) for lr in pictures.values()]
            print(f"| {network.name} | {' | '.join(cells)} |", flush=True)


def noisy(sigma: float, grey: bool, quality: int | None) -> np.ndarray:
    """Return plain grey with Gaussian noise, uint8 (SIDE, SIDE, 3)."""
    noise = np.random.default_rng(0).normal(0, sigma, (SIDE, SIDE, 1 if grey else 3))
    pixels = np.rint(128 + noise + np.zeros(3)).clip(0, 255).astype(np.uint8)
    if quality is None:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def left(lr: np.ndarray, network: Network) -> str:
    """Return the levels of noise in SR, and in SR shrunk back."""
    sr = keras_sr.upscale(lr, network)
    back = imresize(sr.astype(np.float64), 1 / network.scale)
    return f"{inner(sr, 8 * network.scale).std():.2f}, {inner(back, 8).std():.2f}"


def inner(pixels: np.ndarray, border: int) -> np.ndarray:
    """Return a picture without its border."""
    return pixels[border:-border, border:-border].astype(np.float64)


if __name__ == "__main__":
    main()
