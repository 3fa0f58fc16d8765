"""Draw the strip of README and of the first page of the site: bicubic, some networks, the truth.

    python scripts/strip.py lite_x4 srgan_vgg54
    python scripts/strip.py photo_x4 runs/mine/generator.onnx --photograph astronaut --top 60 --left 176

The photograph comes with scikit-image and may be shown; the networks are those of `keras-sr weights`, or
exported files.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from keras_sr import upscale
from keras_sr.files import atomic_write
from keras_sr.images.resize import imresize
from keras_sr.images.sheet import nearest, sheet
from keras_sr.inference.engines import open_engine
from keras_sr.lessons.pictures import BENCHMARK, sample
from keras_sr.weights import registry

STRIP = Path(__file__).parents[1] / "docs" / "images" / "strip.jpg"
#: HR pixels on a side of the crop, and how many pixels of the strip each of them is: panels of 208 pixels, so
#: that four fit a page that is 900 wide.
SIDE, ZOOM = 104, 2
#: Of the JPEG: high enough that no block in the strip is taken for something that a network drew.
QUALITY = 92


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+", help="names of `keras-sr weights`, or exported files; x4")
    parser.add_argument("--photograph", choices=BENCHMARK, default="chelsea")
    parser.add_argument("--top", type=int, default=84, help="of the crop, in HR pixels")
    parser.add_argument("--left", type=int, default=128, help="of the crop, in HR pixels")
    parser.add_argument("--out", type=Path, default=STRIP)
    options = parser.parse_args(arguments)
    picture = strip(options.networks, sample(options.photograph), options.top, options.left)
    with atomic_write(options.out, "wb") as file:
        Image.fromarray(picture).save(file, "JPEG", quality=QUALITY, subsampling=0)
    print(
        f"{options.out}: {picture.shape[1]} x {picture.shape[0]}, {options.out.stat().st_size / 1000:.0f} kB"
    )


def strip(networks: list[str], hr: np.ndarray, top: int, left: int) -> np.ndarray:
    """Return bicubic | networks | truth of one place of a photograph; uint8 RGB."""
    lr = imresize(hr, 1 / 4)
    panels = [("bicubic", imresize(lr, 4))]
    panels += [(Path(name).stem, upscale(lr, open_engine(file_of(name)))) for name in networks]
    panels.append(("truth", hr))
    part = (slice(top, top + SIDE), slice(left, left + SIDE))
    return sheet([(name, nearest(pixels[part], SIDE * ZOOM, SIDE * ZOOM)) for name, pixels in panels])


def file_of(network: str) -> Path:
    """Return the exported file of a network that ships, or the path itself."""
    return registry.weights_path(network) if network in registry.names() else Path(network)


if __name__ == "__main__":
    main()
