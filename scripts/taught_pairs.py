"""Make pairs of LR and HR whose HR is what a stronger network makes of LR: HR without noise.

    python scripts/taught_pairs.py photos/ --network rlfn_x4.onnx --scale 4 --out pairs/
    keras-sr train lite --data pairs/

HR of a photograph holds noise that no network can tell from LR; a stronger network's SR holds what can be
told. `--set teacher=...` runs the teacher at every step; here it runs once for each photograph, and may be
any network that `keras-sr upscale` runs, ONNX files too, of this scale or of a larger one, whose SR is then
shrunk. What is there already is not made again. `--charts 24` adds pictures of plain colours, whose HR is the
truth: photographs have no pure green, and a network that never saw one may make anything of it.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from keras_sr import open_network, upscale
from keras_sr.data.fast_imresize import shrink
from keras_sr.data.listing import relative_paths
from keras_sr.errors import KerasSRError, PictureError
from keras_sr.files import atomic_write
from keras_sr.images.plain import read_rgb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--network", required=True, help="what `keras-sr upscale -n` takes")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--side", type=int, default=0, help="take the middle of each, this many pixels wide")
    parser.add_argument("--charts", type=int, default=0, help="how many pictures of plain colours to add")
    options = parser.parse_args()
    try:
        network = open_network(options.network, precision="f32")
        if network.scale < options.scale:
            raise SystemExit(f"{options.network} enlarges x{network.scale}: x{options.scale} needs as much")
        photos = relative_paths(options.photos)
    except KerasSRError as problem:
        raise SystemExit(str(problem)) from None
    broken = 0
    for number, name in enumerate(photos, 1):
        # A folder is flat afterwards, and a.jpg is not a.png.
        pair = Pair(options.out, re.sub(r"[/.]", "_", name), options.scale)
        if pair.hr.exists():
            continue
        try:
            lr = shrink(middle(read_rgb(options.photos / name), options.side, options.scale), options.scale)
            pair.write(lr, upscale(lr, network, scale=options.scale))
        except PictureError as problem:
            broken += 1
            print(f"{name} is left out: {problem}", file=sys.stderr)
        else:
            print(f"{number} of {len(photos)}: {name}", flush=True)
    for number in range(options.charts):
        hr = chart(number, 160 * options.scale)
        Pair(options.out, f"chart{number:02d}", options.scale).write(shrink(hr, options.scale), hr)
    raise SystemExit(1 if broken else 0)


class Pair:
    """The two files of a pair."""

    def __init__(self, folder: Path, name: str, scale: int) -> None:
        self.hr, self.lr = folder / "HR" / f"{name}.png", folder / "LR" / f"{name}x{scale}.png"

    def write(self, lr: np.ndarray, hr: np.ndarray) -> None:
        """Write both, HR last: what has an HR is whole."""
        for path, pixels in ((self.lr, lr), (self.hr, hr)):
            with atomic_write(path) as file:
                Image.fromarray(pixels).save(file, "PNG", compress_level=1)


def chart(seed: int, side: int) -> np.ndarray:
    """Return a picture (side, side, 3) of thirty overlapping rectangles, each of nothing, half and full."""
    random = np.random.default_rng(seed)
    picture = np.zeros((side, side, 3), np.uint8)
    for _ in range(30):
        top, left = random.integers(-side // 8, side, 2)
        height, width = random.integers(side // 8, side // 2, 2)
        colour = random.choice([0, 128, 255], 3)
        picture[max(top, 0) : top + height, max(left, 0) : left + width] = colour
    return picture


def middle(picture: np.ndarray, side: int, scale: int) -> np.ndarray:
    """Return the middle of a picture: sides at most `side` (0: any), and multiples of the scale."""
    rows, columns = (min(n, side or n) // scale * scale for n in picture.shape[:2])
    top, left = (picture.shape[0] - rows) // 2, (picture.shape[1] - columns) // 2
    return np.ascontiguousarray(picture[top : top + rows, left : left + columns])


if __name__ == "__main__":
    main()
