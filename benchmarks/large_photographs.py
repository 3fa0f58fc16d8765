"""Time and memory of large photographs through `keras-sr upscale -n compact_x4`, stage by stage.

    python benchmarks/large_photographs.py --megapixels 1 12 --formats jpg png --options="--report REPORT"

One line a run: wall seconds, the share of them that the network had, the peak of resident memory, and how far
that is above `--max-memory`. Photographs are made here: smooth waves, edges and noise.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from keras_sr.images.picture import Picture, write


def photograph(path: Path, megapixels: float, seed: int = 0) -> None:
    """Write a picture of 4:3 that compresses like a photograph."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    rng = np.random.default_rng(seed)
    yy, xx = np.arange(height)[:, None], np.arange(width)[None]
    grey = 128 + 60 * np.sin(xx / 37 + seed) * np.cos(yy / 53) + 40 * ((xx // 90 + yy // 70) % 2)
    out = np.empty((height, width, 3), np.uint8)
    for band in range(3):
        noise = rng.normal(0, 4, (height, width)).astype(np.float32)
        out[..., band] = np.clip(grey + 10 * band + noise, 0, 255)
    write(path, Picture(out))


def run(folder: Path, options: list[str], suffix: str, memory: int, source: str) -> dict:
    """Enlarge a folder in a process of its own; return seconds, peak and the network's seconds."""
    output = Path(tempfile.mkdtemp(dir=folder))
    command = [sys.executable, "-m", "keras_sr", "upscale", folder / "in", "-o", output / "out"]
    command += ["-n", "compact_x4", "--ext", suffix, *options]
    command += ["--max-memory", memory] if memory else []
    command = [part if part != "REPORT" else str(output / "report.json") for part in map(str, command)]
    wrapped = [sys.executable, "-c", WATCH, *command]
    start = time.perf_counter()
    done = subprocess.run(wrapped, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    network = sum(float(found) for found in re.findall(r" in ([\d.]+) s \(", done.stderr))
    peak = int(re.findall(r"PEAK (\d+)", done.stderr)[-1]) / 1024
    files = {path.suffix for path in (output / "out").glob("*")}
    subprocess.run(["rm", "-rf", output], check=False)
    return {"source": source, "to": suffix, "options": " ".join(options), "wall": wall, "network": network,
            "peak_mb": peak, "max_memory": memory, "rc": done.returncode, "wrote": sorted(files)}  # fmt: skip


#: Runs a command and says the peak of its resident memory, in kB.
WATCH = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print("PEAK", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
raise SystemExit(done.returncode)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12])
    parser.add_argument("--formats", nargs="+", default=["jpg"])
    parser.add_argument("--options", default=";--report REPORT;--map;--compare", help="with ; between runs")
    parser.add_argument("--max-memory", type=int, default=512)
    parser.add_argument("--count", type=int, default=1, help="photographs a batch")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "large.json")
    options = parser.parse_args()
    rows = []
    for megapixels in options.megapixels:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "in").mkdir()
            for number in range(options.count):
                photograph(folder / "in" / f"{number}.jpg", megapixels, number)
            for suffix in options.formats:
                for more in options.options.split(";"):
                    row = run(folder, more.split(), suffix, options.max_memory, f"{megapixels:g} MP")
                    rows.append(row)
                    share = row["network"] / row["wall"]
                    over = row["peak_mb"] - options.max_memory
                    print(
                        f"{row['source']:>7} to {suffix:5} {more:17} {row['wall']:7.1f} s, "
                        f"network {share:4.0%}, "
                        f"peak {row['peak_mb']:6.0f} MB ({over:+.0f}), rc {row['rc']} {row['wrote']}",
                        flush=True,
                    )
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
