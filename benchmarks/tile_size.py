"""Speed of one network by the size of a tile, margins included and not: where the cache ends.

python benchmarks/tile_size.py --name compact_x4 --precision f32
"""

import argparse
import time

import numpy as np

from keras_sr.inference import open_engine
from keras_sr.weights import registry

SIDES = (64, 96, 128, 192, 256, 384, 512, 768, 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default=registry.DEFAULT)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    engine = open_engine(registry.weights_path(arguments.name), precision=arguments.precision)
    rng = np.random.default_rng(0)
    pictures = {side: rng.random((1, side, side, 3), np.float32) for side in SIDES}
    rates: dict[int, list[float]] = {side: [] for side in SIDES}
    for counted in range(arguments.rounds + 1):
        for side, picture in pictures.items():
            # As many runs as make about one picture of 512x512.
            runs = max(1, 512**2 // side**2)
            start = time.perf_counter()
            for _ in range(runs):
                engine.run(picture)
            rate = runs * side**2 * engine.scale**2 / 1e6 / (time.perf_counter() - start)
            if counted:
                rates[side].append(rate)
    slowest = float(np.median(rates[SIDES[-1]]))
    print("side  of all pixels  of those that are kept   (speed; 1 = all pixels of the largest)")
    for side in SIDES:
        speed = float(np.median(rates[side])) / slowest
        kept = max(0, side - 2 * engine.receptive_field) ** 2 / side**2
        print(f"{side:4d}  {speed:13.2f}  {speed * kept:22.2f}")


if __name__ == "__main__":
    main()
