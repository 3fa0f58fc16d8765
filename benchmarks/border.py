"""What stands around a picture when a network sees it: what each costs in dB, in time, and on plain white.

    python benchmarks/border.py lite_x4 srgan_vgg54 --set Set5 --set BSD100 --first 20

A line for each: nothing, which a network takes for black, and 4, 8 and 16 LR pixels of the mirror image.
White is the least pixel that becomes of plain white. Times are ratios to no frame, medians of runs that
alternate.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from keras_sr import upscale
from keras_sr.evaluation.score import score
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.inference import open_engine
from keras_sr.weights import registry

FRAMES = (0, 4, 8, 16)
#: LR sizes that are timed.
SIZES = ((128, 128), (320, 480), (640, 960))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", help="such as lite_x4")
    parser.add_argument("--set", type=Path, action="append", default=[], help="benchmark folder")
    parser.add_argument("--first", type=int, help="only so many pictures of each set")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    for name in arguments.names:
        engine = open_engine(registry.weights_path(name))
        times = {size: timed(engine, size, arguments.repeats) for size in SIZES}
        for frame in FRAMES:
            engine.frame = frame
            figures = [
                f"{folder.name} {decibels(engine, folder, arguments.first):.3f}" for folder in arguments.set
            ]
            white = upscale(np.full((40, 40, 3), 255, np.uint8), engine)
            ratios = [f"{w}x{h} {times[h, w][frame] / times[h, w][0]:.2f}" for h, w in SIZES]
            print(f"{name}  frame {frame:2d}", *figures, f"white {white.min()}", "time", *ratios, sep="  ")


def decibels(engine, folder: Path, first: int | None) -> float:
    """Return the PSNR of a set by the papers' protocol."""
    pairs = find_pairs(folder, engine.scale)[:first]
    return score(lambda lr: upscale(lr, engine), pairs, engine.scale).psnr


def timed(engine, size: tuple[int, int], repeats: int) -> dict[int, float]:
    """Return the median seconds of a picture with each frame."""
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    seconds = {frame: [] for frame in FRAMES}
    for _ in range(repeats):
        for frame in FRAMES:
            engine.frame = frame
            began = time.perf_counter()
            upscale(picture, engine)
            seconds[frame].append(time.perf_counter() - began)
    return {frame: statistics.median(values) for frame, values in seconds.items()}


if __name__ == "__main__":
    main()
