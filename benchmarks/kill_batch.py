"""Kill a batch at random moments and start it again: no half file, and in the end every result.

    python benchmarks/kill_batch.py
    python benchmarks/kill_batch.py --kills 200 --seed 1

A dozen pictures in several formats go through `keras-sr upscale`. After SIGKILL every result that has its
name must be the result of an undisturbed run, byte for byte; then the same command with --skip-existing
(or --resume) must finish the rest. Hidden `.part` files that kills leave behind are counted, and how many of
them are still there after the restart.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

#: Endings of the pictures, which are those of the results.
SUFFIXES = (".png", ".jpg", ".tif", ".webp") * 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=160, help="of the pictures, in pixels")
    parser.add_argument("--restart", choices=("skip-existing", "resume"), default="skip-existing")
    parser.add_argument("--network", default="compact_x4", help="name or .onnx file")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "kill_batch.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = kill_and_restart(Path(folder), options)
    print(
        f"{counts['kills']} kills ({counts['before the first result']} before the first result, "
        f"{counts['in vain']} more came too late): {counts['whole']} results whole, {counts['half']} half, "
        f"{counts['unfinished']} of {options.kills} restarts did not finish"
    )
    print(f"  .part files: {counts['part']} left by kills, {counts['part after restart']} after the restart")
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps({"restart": options.restart, **counts}, indent=1) + "\n")
    sys.exit(1 if counts["half"] or counts["unfinished"] or counts["kills"] < options.kills else 0)


def kill_and_restart(folder: Path, options: argparse.Namespace) -> Counter:
    """Kill that many living batches, restart each, and count what was found."""
    write_pictures(folder / "in", options.side)
    rng, counts, kills = random.Random(options.seed), Counter(), options.kills
    how = ("-n", options.network, f"--{options.restart}")
    first, whole = undisturbed(folder, how)
    reference = contents(folder / "reference")
    if len(reference) != len(SUFFIXES):
        raise SystemExit(f"the undisturbed run made {len(reference)} of {len(SUFFIXES)} results")
    out = folder / "out"
    while counts["kills"] < kills and counts["in vain"] < 5 * kills:
        shutil.rmtree(out, ignore_errors=True)
        process = start(folder, out, how)
        # From a little before the first result to the end.
        moment = rng.uniform(0.8 * first, whole)
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
        if code == 0:
            counts["in vain"] += 1
            continue
        if code != -signal.SIGKILL:
            raise SystemExit(f"the batch ended by itself, with code {code}")
        counts["kills"] += 1
        left = contents(out)
        counts["before the first result"] += not left
        check(left, reference, counts)
        counts["part"] += parts(out)
        code = start(folder, out, how).wait()
        counts["part after restart"] += parts(out)
        counts["unfinished"] += code != 0 or contents(out) != reference
    return counts


def check(left: dict[str, bytes], reference: dict[str, bytes], counts: Counter) -> None:
    """Count which of the files that a kill left are whole: readable, and what an undisturbed run gives."""
    from keras_sr.errors import PictureError
    from keras_sr.images.picture import read

    for name, data in left.items():
        try:
            read(data)
            same = data == reference.get(name)
        except PictureError:
            same = False
        counts["whole" if same else "half"] += 1
        if not same:
            print(f"  half: {name}, {len(data)} of {len(reference.get(name, b''))} bytes")


def undisturbed(folder: Path, how: tuple[str, ...]) -> tuple[float, float]:
    """Make the reference; return the seconds to its first result and to its end."""
    started = time.perf_counter()
    process = start(folder, folder / "reference", how)
    first = 0.0
    while process.poll() is None:
        if not first and contents(folder / "reference"):
            first = time.perf_counter() - started
        time.sleep(0.005)
    whole = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"the undisturbed run ended with code {process.returncode}")
    return first, whole


def start(folder: Path, out: Path, how: tuple[str, ...]) -> subprocess.Popen:
    command = ["upscale", folder / "in", "-o", out, *how]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "keras_sr", *map(str, command)], **silent)


def contents(out: Path) -> dict[str, bytes]:
    """Return the results in a folder by name; hidden files are none."""
    found = sorted(out.iterdir()) if out.is_dir() else []
    return {path.name: path.read_bytes() for path in found if path.suffix.lower() in SUFFIXES}


def parts(out: Path) -> int:
    return sum(path.suffix == ".part" for path in out.iterdir()) if out.is_dir() else 0


def write_pictures(folder: Path, side: int) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, suffix in enumerate(SUFFIXES):
        coarse = Image.fromarray(rng.integers(0, 256, (side // 4, side // 4, 3), np.uint8))
        picture = coarse.resize((side, side + number), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:02d}{suffix}", quality=95)


if __name__ == "__main__":
    main()
