"""PSNR and SSIM of a benchmark set, against a plain loop over scikit-image's functions.

    python benchmarks/metrics.py --data BSD100/

The bicubic pictures are made beforehand, so metrics alone are timed. The contenders take turns, one round
each; ratios are medians of the ratios inside a round, against the first row. They must agree, or nothing
is printed.
"""

import argparse
import json
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from keras_sr.evaluation.protocol import PROTOCOLS
from keras_sr.evaluation.score import load, measure
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.images.resize import imresize
from keras_sr.metrics import psnr, ssim

SCALE = 4


def scikit_image(sr, hr):
    a, b = (rgb2ycbcr(x)[SCALE:-SCALE, SCALE:-SCALE, 0] for x in (sr, hr))
    _, full = structural_similarity(
        b, a, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return peak_signal_noise_ratio(b, a, data_range=255), full[5:-5, 5:-5].mean()


CONTENDERS = {
    "scikit-image": scikit_image,
    "keras_sr.metrics, two functions": lambda sr, hr: (
        psnr(sr, hr, crop_border=SCALE),
        ssim(sr, hr, crop_border=SCALE),
    ),
    "keras_sr benchmark and callback": lambda sr, hr: measure(sr, hr, SCALE, PROTOCOLS["paper"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    pictures = [load(pair, SCALE) for pair in find_pairs(arguments.data, SCALE)]
    pictures = [(imresize(lr, SCALE), hr) for lr, hr in pictures]
    seconds = {name: [] for name in CONTENDERS}
    means = {}
    for _ in range(arguments.rounds):
        for name, contender in CONTENDERS.items():
            start = time.perf_counter()
            means[name] = np.mean([contender(sr, hr) for sr, hr in pictures], axis=0)
            seconds[name].append(time.perf_counter() - start)
    first = next(iter(CONTENDERS))
    for name, mean in means.items():
        if not np.allclose(mean, means[first], atol=1e-9, rtol=0):
            raise SystemExit(f"{name} gives {mean}, {first} gives {means[first]}")
    rows = [
        {
            "name": name,
            "milliseconds a picture": round(1e3 * statistics.median(times) / len(pictures), 2),
            "speed": round(statistics.median(a / b for a, b in zip(seconds[first], times, strict=True)), 2),
        }
        for name, times in seconds.items()
    ]
    psnr_mean, ssim_mean = means[first]
    print(f"{arguments.data.name}, {len(pictures)} pictures: all give {psnr_mean:.4f} dB / {ssim_mean:.4f}")
    print("| | ms a picture | speed |\n|---|---|---|")
    for row in rows:
        print(f"| {row['name']} | {row['milliseconds a picture']} | {row['speed']} |")
    if arguments.json:
        versions = {name: version(name) for name in ("numpy", "scikit-image")}
        facts = {"set": arguments.data.name, "rounds": arguments.rounds, "processor": platform.machine()}
        arguments.json.write_text(json.dumps({**facts, "versions": versions, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
