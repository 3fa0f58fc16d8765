"""Kill a training run at random moments and resume it: does it end with the weights of one never killed?

    python benchmarks/kill_resume.py --kills 30

Trains a tiny srgan_mse on generated pictures by `keras-sr train`, sends SIGKILL to it at random moments
(during start, steps and checkpoints alike), starts the same command again, and in the end compares every
array of the last checkpoint with that of an undisturbed run.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=400, help="each of 2 steps, with a checkpoint after it")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    kills, whole, same = kill_and_resume(arguments.kills, arguments.epochs, arguments.seed)
    print(f"{kills} kills, {whole} arrays in the checkpoint, all equal bit for bit: {same}")
    sys.exit(0 if same and kills == arguments.kills else 1)


def kill_and_resume(kills: int, epochs: int, seed: int = 0) -> tuple[int, int, bool]:
    """Return the kills, how many arrays the checkpoint has, and whether all are the same."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_pictures(folder / "photos")
        done = disturbed(folder, kills, epochs, random.Random(seed))
        run(folder, "undisturbed", epochs).wait()
        a, b = (dict(np.load(folder / name / "state.npz")) for name in ("disturbed", "undisturbed"))
        # The log's times differ between any two runs.
        a.pop("meta.json"), b.pop("meta.json")
        same = a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)
        return done, len(a), same


def disturbed(folder: Path, kills: int, epochs: int, rng: random.Random) -> int:
    """Run with kills until they are used up, then to the end; return how many hit a living run."""
    started = time.perf_counter()
    first = run(folder, "disturbed", epochs)
    while not (folder / "disturbed" / "state.npz").exists():
        if first.poll() is not None:
            raise SystemExit("the run ended before its first checkpoint")
        time.sleep(0.05)
    ready = time.perf_counter() - started
    first.kill()
    first.wait()
    done = 1
    while done < kills:
        process = run(folder, "disturbed", epochs)
        try:
            # From the middle of the start to well after the first new checkpoint.
            process.wait(timeout=rng.uniform(0.5 * ready, 1.4 * ready))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            done += 1
    run(folder, "disturbed", epochs).wait()
    return done


def run(folder: Path, name: str, epochs: int) -> subprocess.Popen:
    command = [
        sys.executable, "-m", "keras_sr", "train", "srgan_mse", "--smoke",
        "--data", str(folder / "photos"), "--out", str(folder / name),
        "--set", f"steps={2 * epochs}", "--set", "steps_per_epoch=2",
    ]  # fmt: skip
    environment = {**os.environ, "KERAS_SR_CACHE": str(folder / "cache")}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write_pictures(folder: Path) -> None:
    from PIL import Image

    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(4):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        coarse.resize((128, 96), Image.Resampling.BICUBIC).save(folder / f"{i}.png")


if __name__ == "__main__":
    main()
