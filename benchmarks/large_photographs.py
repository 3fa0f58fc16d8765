"""Memory and time of large photographs, by stage, in a process of its own for each size and format.

    python benchmarks/large_photographs.py --megapixels 1 12 --formats jpg png tif webp
    python benchmarks/large_photographs.py --megapixels 12 --command --options ";--report REPORT;--map"

The first goes through reading, the network, writing, `--report`, `--map`, `--compare` and `--width` one by
one, and says of each its seconds and the peak of resident memory; what does not fit into `--max-memory` is
refused, which is a line, too. The second runs the command as people do. `--network nearest` stands for any
network where only the rest is of interest. The bound is `--max-memory` and 300 MB. Linux only.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import KerasSRError
from keras_sr.images import picture as pictures
from keras_sr.images.storage import Storage, release
from keras_sr.inference.engines import FromFacts, NetworkFacts

#: Megabytes above `--max-memory` that a process may have: Python, the engine, buffers.
ALLOWED = 300

RESULTS = Path(__file__).parent / "results" / "large_photographs.json"


class Nearest(FromFacts):
    """A network that repeats pixels: what remains is the cost of all the rest."""

    facts = NetworkFacts("nearest", 4, 1, 200, 0)

    def run(self, batch: np.ndarray) -> np.ndarray:
        return batch.repeat(4, axis=1).repeat(4, axis=2)


def photograph(path: Path, megapixels: float, seed: int = 0) -> None:
    """Write a picture of 4:3 that compresses like a photograph: waves, edges, noise."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 4, (256, width)).astype(np.float32)
    pixels = Storage(0, path.parent).empty((height, width, 3), np.uint8)
    xx = np.arange(width, dtype=np.float32)
    for top in range(0, height, 256):
        yy = np.arange(top, min(top + 256, height), dtype=np.float32)[:, None]
        grey = 128 + 60 * np.sin(xx / 37 + seed) * np.cos(yy / 53) + 40 * ((xx // 90 + yy // 70) % 2)
        grey += np.roll(noise, int(rng.integers(width)), 1)[: len(yy)]
        pixels[top : top + len(yy)] = np.clip(grey[..., None] + (0, 10, 20), 0, 255)
        release(pixels)
    pictures.write(path, pictures.Picture(pixels))


# === Stage by stage ===


def stages(folder: Path, suffix: str, network: str, memory: int, *without: str) -> None:
    """Go through the stages for the photograph in a folder; print a line of JSON for each."""
    from keras_sr.tasks.batch import extras, run
    from keras_sr.tasks.batch.room import file_settings
    from keras_sr.tasks.batch.size import Size
    from keras_sr.tasks.networks import open_network

    engine = Nearest() if network == "nearest" else open_network(network)
    source, target = folder / f"in.{suffix}", folder / f"out.{suffix}"
    settings = file_settings(Size(), target, engine, max_memory=memory)
    storage = settings.storage
    told = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        if name in without:
            return None
        Path("/proc/self/clear_refs").write_text("5")
        start, result, refused = time.perf_counter(), None, ""
        try:
            result = work()
        except KerasSRError as error:
            refused = str(error)
        told[name] = result is not None
        seconds = time.perf_counter() - start
        print(
            json.dumps({"stage": name, "seconds": seconds, "peak_mb": resident_peak(), "refused": refused}),
            flush=True,
        )
        return result

    stage("start", lambda: engine.run(np.zeros((1, 8, 8, 3), np.float32)))
    picture = stage("read", lambda: pictures.read(source, storage=storage, max_pixels=None))
    if picture is None:
        return
    made = [stage("network", lambda: run.resized(picture, engine, settings))]
    stage("write", lambda: pictures.write(target, made[0], storage=storage))
    stage("report", lambda: run._consistency(made[0], picture, storage) or 0)
    width = picture.pixels.shape[1] * engine.scale * 3 // 4
    made.clear()
    if told["write"]:
        stage("map", lambda: extras.write_map(source, target, storage))
        stage("compare", lambda: extras.write_sheet(source, target, storage))
    by_width = file_settings(Size(width=width), target, engine, max_memory=memory)
    stage("width", lambda: run.resized(picture, engine, by_width))


def resident_peak() -> int:
    """Return the peak of this process's resident memory since it was last asked to forget it, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) >> 10 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def by_stages(options: argparse.Namespace, megapixels: float, folder: Path) -> list[dict]:
    """Run the stages for each format; the network runs for the first, `nearest` for the others."""
    rows, first = [], options.network
    photograph(folder / "in.tif", megapixels)
    for suffix in options.formats:
        source = folder / f"in.{suffix}"
        if suffix != "tif":
            try:
                whole = pictures.read(folder / "in.tif", storage=Storage(0, folder), max_pixels=None)
                pictures.write(source, whole)
            except KerasSRError as error:
                print(f"{megapixels:6g} MP {suffix:5} {error}")
                continue
        code = [sys.executable, __file__, "--child", str(folder), suffix, first, str(options.max_memory)]
        code += options.without
        done = subprocess.run(code, capture_output=True, text=True, timeout=options.patience, check=False)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode:
            found.append({"stage": "failed", "seconds": 0, "peak_mb": 0, "refused": done.stderr[-300:]})
        for row in found:
            rows.append({"megapixels": megapixels, "format": suffix, "network": first, **row})
            over = row["peak_mb"] - options.max_memory
            print(
                f"{megapixels:6g} MP {suffix:5} {first:10} {row['stage']:10} {row['seconds']:7.1f} s, "
                f"peak {row['peak_mb']:5d} MB ({over:+d}) {row['refused'][:120]}",
                flush=True,
            )
        first = "nearest"
    return rows


# === The command ===


def run_command(folder: Path, more: list[str], suffix: str, options: argparse.Namespace) -> dict:
    """Enlarge a folder in a process of its own; return seconds, peak and the network's seconds."""
    output = Path(tempfile.mkdtemp(dir=folder))
    command = [sys.executable, "-m", "keras_sr", "upscale", folder / "in", "-o", output / "out"]
    command += ["-n", options.network, "--ext", suffix, "--max-memory", options.max_memory, "--yes", *more]
    command = [part if part != "REPORT" else str(output / "report.json") for part in map(str, command)]
    wrapped = [sys.executable, "-c", WATCH, str(options.patience), *command]
    start = time.perf_counter()
    done = subprocess.run(wrapped, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    network = sum(float(found) for found in re.findall(r" in ([\d.]+) s \(", done.stderr))
    peak = int(re.findall(r"PEAK (\d+)", done.stderr)[-1]) >> 10
    subprocess.run(["rm", "-rf", output], check=False)
    refused = "" if done.returncode == 0 else done.stderr.strip().splitlines()[0]
    return {"format": suffix, "options": " ".join(more), "wall": wall, "network_share": network / wall,
            "peak_mb": peak, "rc": done.returncode, "refused": refused}  # fmt: skip


#: Runs a command for so many seconds at most (124 tells that they were over) and says the peak of its
#: resident memory, in kB.
WATCH = """
import resource, subprocess, sys
try:
    code = subprocess.run(sys.argv[2:], timeout=float(sys.argv[1])).returncode
except subprocess.TimeoutExpired:
    code = 124
print("PEAK", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
raise SystemExit(code)
"""


def by_command(options: argparse.Namespace, megapixels: float, folder: Path) -> list[dict]:
    """Run the command for each format and each set of options."""
    rows = []
    for suffix in options.formats:
        (folder / "in").mkdir(exist_ok=True)
        for number in range(options.count):
            photograph(folder / "in" / f"{number}.{suffix}", megapixels, number)
        for more in options.options.split(";"):
            row = {"megapixels": megapixels, **run_command(folder, more.split(), suffix, options)}
            rows.append(row)
            print(
                f"{megapixels:6g} MP {suffix:5} {more:17} {row['wall']:7.1f} s, network "
                f"{row['network_share']:4.0%}, peak {row['peak_mb']:6d} MB "
                f"({row['peak_mb'] - options.max_memory:+d}), rc {row['rc']} {row['refused'][:110]}",
                flush=True,
            )
        subprocess.run(["rm", "-rf", folder / "in"], check=False)
    return rows


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        stages(Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]), *sys.argv[6:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12])
    parser.add_argument("--formats", nargs="+", default=["jpg", "png", "tif", "webp"])
    parser.add_argument("--network", default="compact_x4")
    parser.add_argument("--without", nargs="+", default=[], help="stages to leave out")
    parser.add_argument("--max-memory", type=int, default=512)
    parser.add_argument("--command", action="store_true", help="run the command instead of its stages")
    parser.add_argument("--options", default=";--report REPORT;--map;--compare", help="with ; between runs")
    parser.add_argument("--count", type=int, default=1, help="photographs a batch, with --command")
    parser.add_argument("--patience", type=int, default=900, help="seconds for a size and format, or command")
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = []
    for megapixels in options.megapixels:
        with tempfile.TemporaryDirectory() as name:
            rows += (by_command if options.command else by_stages)(options, megapixels, Path(name))
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=1) + "\n")
    raise SystemExit(any(row["peak_mb"] > options.max_memory + ALLOWED for row in rows))


if __name__ == "__main__":
    main()
