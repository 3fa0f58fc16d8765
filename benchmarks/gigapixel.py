"""A picture larger than memory: one gigapixel from and to a tiled TIFF, with what is resident over time.

    python benchmarks/gigapixel.py                  # 7906x7906 to 31624x31624, some 4 GB on the disk
    python benchmarks/gigapixel.py --side 2000 --name compact_x4

Runs the command in a process of its own and looks at its resident memory twice a second; then compares places
of the result, picked at random, with the network run on the same place by itself.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from keras_sr import upscale
from keras_sr.images.picture import import_vips
from keras_sr.inference import open_engine
from keras_sr.weights import registry

RESULTS = Path(__file__).parent / "results" / "gigapixel.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=7906, help="of the LR picture")
    parser.add_argument("--name", default=registry.DEFAULT)
    parser.add_argument("--folder", type=Path, help="for the files; a temporary one when not given")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        lr, sr = Path(folder) / "lr.tif", Path(folder) / "sr.tif"
        make(lr, arguments.side)
        seconds, code, resident = watch(
            [sys.executable, "-m", "keras_sr", "upscale", str(lr), "-o", str(sr), "-n", arguments.name]
        )
        if code:
            sys.exit(f"the command failed with exit code {code}")
        scale = registry.passport(arguments.name).scale
        result = {
            "network": arguments.name,
            "lr": [arguments.side, arguments.side],
            "megapixels": round((arguments.side * scale) ** 2 / 1e6, 1),
            "seconds": round(seconds, 1),
            "peak_resident_mb": max(mb for _, mb in resident),
            "file_mb": sr.stat().st_size >> 20,
            "largest_difference": check(lr, sr, arguments.name, scale),
            "resident_mb": thinned(resident, 60),
        }
    print(json.dumps({key: value for key, value in result.items() if key != "resident_mb"}, indent=1))
    for second, mb in result["resident_mb"]:
        print(f"{second:7.1f} s {mb:5d} MB {'#' * (mb // 16)}")
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


def make(path: Path, side: int) -> None:
    """Write a tiled TIFF of soft random shapes in colour, with fine noise on them."""
    vips = import_vips()
    bands = [vips.Image.perlin(side, side, cell_size=size, uchar=True, seed=size) for size in (64, 48, 32)]
    noise = vips.Image.gaussnoise(side, side, mean=0, sigma=6, seed=1)
    image = (bands[0].bandjoin(bands[1:]) + noise).cast("uchar").copy(interpretation="srgb")
    image.tiffsave(str(path), tile=True, compression="deflate", predictor="horizontal")


def watch(command: list[str]) -> tuple[float, int, list[tuple[float, int]]]:
    """Run a command; return its time, its exit code, and (second, resident MB) over time."""
    start, resident = time.perf_counter(), []
    process = subprocess.Popen(command)
    while process.poll() is None:
        resident.append((round(time.perf_counter() - start, 1), resident_mb(process.pid)))
        time.sleep(0.5)
    return time.perf_counter() - start, process.returncode, resident


def resident_mb(pid: int) -> int:
    """Return the resident memory of a process now; 0 when it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("VmRSS")), 0)


def check(lr: Path, sr: Path, name: str, scale: int) -> int:
    """Return the largest difference, in levels, at twenty places that were enlarged by themselves."""
    vips, rng = import_vips(), np.random.default_rng(0)
    small, large = vips.Image.tiffload(str(lr)), vips.Image.tiffload(str(sr))
    engine = open_engine(registry.weights_path(name), precision="auto")
    margin, side, worst = engine.receptive_field, 64, 0
    for _ in range(20):
        left, top = (int(rng.integers(0, size - side - 2 * margin)) for size in (small.width, small.height))
        window = small.crop(left, top, side + 2 * margin, side + 2 * margin).numpy()
        inside = slice(margin * scale, (margin + side) * scale)
        expected = upscale(window, engine)[inside, inside].astype(int)
        found = large.crop(
            (left + margin) * scale, (top + margin) * scale, side * scale, side * scale
        ).numpy()
        worst = max(worst, int(np.abs(found - expected).max()))
    return worst


def thinned(rows: list, count: int) -> list:
    """Return about `count` of the rows, evenly."""
    return rows[:: max(1, len(rows) // count)]


if __name__ == "__main__":
    main()
