"""How long `keras-sr upscale` takes for one small picture, as a whole process, and where the time goes.

    python benchmarks/cold_start.py
    python benchmarks/cold_start.py --runs 31 --imports

Wall time is from starting the process to its end, memory its peak. The shares come from a driver that takes
the same steps inside one process; the interpreter's start is counted from outside. `--imports` lists which
packages the command imports, and what each of them costs by itself (`python -X importtime`).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

#: Aims: median seconds, MB.
SECONDS, MEGABYTES = 0.7, 300

STEPS = (
    *("interpreter", "import command", "import openvino", "import pyvips"),
    *("load", "compile", "read", "run", "write", "end"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--size", type=int, default=64, help="side of the picture")
    parser.add_argument("--network", default="compact_x4")
    parser.add_argument("--imports", action="store_true", help="list the packages by what they cost")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "cold_start.json")
    parser.add_argument("--driver", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.driver:
        driver(*options.driver)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_picture(folder / "lr.png", options.size)
        result = measure(folder, options.network, options.runs)
        if options.imports:
            result["imports_ms"] = imports(folder, options.network)
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps({**facts(), **options_of(options), **result}, indent=1) + "\n")


def options_of(options: argparse.Namespace) -> dict:
    return {"network": options.network, "size": options.size, "runs": options.runs}


def facts() -> dict:
    from keras_sr.evaluation.machine import describe

    return {**describe(None), "load_at_end": round(os.getloadavg()[0], 2)}


def write_picture(path: Path, side: int) -> None:
    """Write a picture in a process of its own: this one stays small, as children begin with its peak."""
    code = f"""
import numpy as np
from PIL import Image
coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
Image.fromarray(coarse).resize(({side}, {side}), Image.Resampling.BICUBIC).save({str(path)!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def command(folder: Path, network: str) -> list[str]:
    target = str(folder / "sr.png")
    return ["-m", "keras_sr", "upscale", str(folder / "lr.png"), "-o", target, "-n", network]


def measure(folder: Path, network: str, runs: int) -> dict:
    """Run the command and the driver in turn; print and return medians."""
    seconds, megabytes, steps = [], [], []
    for turn in range(runs + 1):
        whole = run([sys.executable, *command(folder, network)])
        drive = run([sys.executable, __file__, "--driver", str(folder / "lr.png"), str(folder), network])
        if turn:  # the first round fills the caches of the disk
            seconds.append(whole["seconds"])
            megabytes.append(whole["megabytes"])
            steps.append(durations(drive))
    shares = {step: statistics.median(taken[step] for taken in steps) for step in STEPS}
    median, peak = statistics.median(seconds), max(megabytes)
    print(
        f"whole command, {runs} runs: median {median:.3f} s, lowest {min(seconds):.3f} s, peak {peak:.0f} MB"
    )
    for word, value, most in (("median", median, SECONDS), ("peak", peak, MEGABYTES)):
        print(f"  {word}: {'reached' if value < most else 'MISSED'} (under {most} wanted)")
    total = sum(shares.values())
    print(f"\nthe same steps in a driver, {total:.3f} s:")
    for step, value in shares.items():
        print(f"  {step:16}{value * 1000:8.0f} ms{100 * value / total:6.0f} %")
    return {
        "median_seconds": median,
        "lowest_seconds": min(seconds),
        "all_seconds": seconds,
        "peak_megabytes": peak,
        "median_megabytes": statistics.median(megabytes),
        "steps_seconds": shares,
    }


def run(arguments: list[str]) -> dict:
    """Run a process; return when it began and ended, its seconds, peak memory and what it printed."""
    began = time.monotonic()
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.stdout.read().decode() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} failed: {said[-1000:]}")
    return {
        "began": began,
        "ended": ended,
        "seconds": ended - began,
        "megabytes": usage.ru_maxrss * 1024 / 1e6,
        "said": said,
    }


def durations(drive: dict) -> dict[str, float]:
    """Return the seconds of each step, from the driver's marks and from outside."""
    marks = json.loads(drive["said"].splitlines()[-1])
    times = [drive["began"], *(marks[step] for step in STEPS[:-1]), drive["ended"]]
    return {step: after - before for step, (before, after) in zip(STEPS, pairwise(times), strict=True)}


def driver(source: str, folder: str, network: str) -> None:
    """Take the steps of `keras-sr upscale`, and print when each was done (the system's monotonic clock)."""
    marks = {"interpreter": time.monotonic()}

    def done(step: str) -> None:
        marks[step] = time.monotonic()

    from keras_sr.cli import app  # noqa: F401
    from keras_sr.inference import engines
    from keras_sr.inference.enlarge import MEMORY, enlarge
    from keras_sr.tasks.networks import network_file

    done("import command")
    openvino = engines.import_openvino()
    done("import openvino")
    from keras_sr.images import picture as pictures

    pictures.import_vips()
    done("import pyvips")
    file = network_file(network)
    compile_model = openvino.Core.compile_model

    def compiling(*arguments, **options):
        done("load")
        return compile_model(*arguments, **options)

    openvino.Core.compile_model = compiling
    engine = engines.open_engine(file)
    done("compile")
    picture = pictures.read(Path(source))
    done("read")
    larger = enlarge(picture, engine, memory=MEMORY)
    done("run")
    pictures.write(Path(folder) / "driven.png", larger)
    done("write")
    print(json.dumps(marks), flush=True)


def imports(folder: Path, network: str) -> dict[str, float]:
    """Print and return the milliseconds that importing each package takes by itself, in one run."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command(folder, network)], capture_output=True, text=True
    )
    own: dict[str, float] = defaultdict(float)
    for line in done.stderr.splitlines():
        if line.startswith("import time:") and "imported package" not in line:
            microseconds, _, name = line.removeprefix("import time:").split("|")
            own[package(name.strip())] += int(microseconds) / 1000
    print("\nimports, ms of each package by itself:")
    ranked = dict(sorted(own.items(), key=lambda item: -item[1])[:20])
    for name, milliseconds in ranked.items():
        print(f"  {name:28}{milliseconds:8.1f}")
    return ranked


def package(name: str) -> str:
    """Return the package that a module is counted with: two levels for our own."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "keras_sr" else parts[0]


if __name__ == "__main__":
    main()
