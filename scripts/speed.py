"""Measure how long every shipped network takes for a megapixel, in one run, and write it into the passports.

    python scripts/speed.py

All networks and precisions take turns on pictures of one size, so that a noisy machine is noisy for all of
them; what is written is the median of the rounds. Tiles and threads are those of `keras-sr upscale`; reading
and writing files is not counted.
"""

import argparse
import json
import statistics
import time
from dataclasses import asdict, replace

import numpy as np

from keras_sr import upscale
from keras_sr.files import atomic_write
from keras_sr.images.resize import imresize
from keras_sr.inference.engines import open_engine, precisions
from keras_sr.weights import registry

#: Megapixels that are made, whatever the scale.
MEGAPIXELS = 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    ways = [(name, precision) for name in registry.names() for precision in precisions("openvino")]
    engines = {
        way: open_engine(registry.weights_path(way[0]), engine="openvino", precision=way[1]) for way in ways
    }
    pictures = {engine.scale: picture(engine.scale) for engine in engines.values()}
    seconds: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, engine in engines.items():
            start = time.perf_counter()
            upscale(pictures[engine.scale], engine)
            if number:  # the first warms up
                seconds[way].append((time.perf_counter() - start) / MEGAPIXELS)
    for name in registry.names():
        medians = {p: round(statistics.median(seconds[name, p]), 4) for n, p in ways if n == name}
        print(f"{name:16} " + "  ".join(f"{p} {value:.3f} s/MP" for p, value in medians.items()))
        passport = replace(registry.passport(name), seconds_per_megapixel=medians)
        with atomic_write(registry.FILES / f"{name}.json", "w") as file:
            json.dump(asdict(passport), file, indent=1)
            file.write("\n")


def picture(scale: int) -> np.ndarray:
    """Return an LR picture that becomes `MEGAPIXELS` large: coarse noise, made smooth."""
    height = round((MEGAPIXELS * 1e6 * 2 / 3) ** 0.5 / scale)
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8, height * 3 // 16, 3), np.uint8)
    return imresize(coarse, size=(height, height * 3 // 2))


if __name__ == "__main__":
    main()
