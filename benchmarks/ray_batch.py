"""Three hundred pictures, some broken and some large, on Ray: one worker, two, and two that are killed.

    python benchmarks/ray_batch.py [--pictures 300] [--turns 3] [--kill 5] [--network srgan_vgg54]

Workers have one thread each for the network; reading and writing have theirs, so that one worker alone uses
more than one core where the network is small. Turns of one and two workers alternate, and the ratio is that
of the medians of the seconds from the first picture's beginning to the last row, since the start of Ray and
of actors is the machine's. `--kill 0` leaves the killing out.
Results are compared byte by byte with those of one process without Ray. Prints the peak of the object store
and the largest resident memory of a worker.
"""

import argparse
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")

import numpy as np
from PIL import Image

import keras_sr
from keras_sr.tasks.cluster.loopback import start_here
from keras_sr.tasks.cluster.settings import Cluster

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tasks"))

from ray_workers import workers


def make(folder, count):
    """Write pictures of 24 to 56 pixels, some of 150, some of 320, every thirtieth broken."""
    rng = np.random.default_rng(0)
    for k in range(count):
        path = folder / f"{k % 7}" / f"{k:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if k % 30 == 17:
            path.write_bytes(b"no picture")
            continue
        side = 320 if k % 100 == 50 else 150 if k % 50 == 3 else int(rng.integers(24, 57))
        small = Image.fromarray(rng.integers(0, 255, (max(4, side // 8), side // 8, 3), np.uint8))
        small.resize((side, side), Image.Resampling.BICUBIC).save(path)


class Watcher(threading.Thread):
    """Looks at the object store and at workers twice a second, and kills one now and then."""

    def __init__(self, kill_every=0.0):
        super().__init__(daemon=True)
        self.kill_every, self.done = kill_every, threading.Event()
        self.store = self.resident = self.kills = self.rows = self.rows_then = 0
        self.rng, self.killed = random.Random(0), time.monotonic()

    def run(self):
        while not self.done.wait(0.5):
            self.store = max(self.store, store_bytes())
            found = workers()
            self.resident = max([self.resident, *map(resident, found)])
            due = self.kill_every and time.monotonic() - self.killed > self.kill_every
            # Where workers start more slowly than they are killed, nothing would ever be done.
            if due and found and self.rows > self.rows_then:
                self.rows_then = self.rows
                os.kill(self.rng.choice(found), signal.SIGKILL)
                self.kills, self.killed = self.kills + 1, time.monotonic()


def store_bytes():
    """Return how many bytes lie in the object store of this machine."""
    import ray
    from ray._private.internal_api import node_stats

    node = ray.nodes()[0]
    try:
        stats = node_stats(node["NodeManagerAddress"], node["NodeManagerPort"])
    except Exception:
        return 0
    return stats.store_stats.object_store_bytes_used


def resident(process):
    """Return the resident bytes of a process."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("VmRSS")), 0)


def contents(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and not p.name.startswith(".")
    }


def turn(source, output, network, workers, kill=0.0):
    """Return (seconds from the first picture's beginning to the last row, rows, watcher)."""
    watcher = Watcher(kill)
    watcher.start()
    rows, ended = [], 0.0
    for row in keras_sr.upscale_files(
        source, output, network, recursive=True, cluster=Cluster("local", 1, (workers, workers))
    ):
        ended = time.time()
        rows.append(row)
        watcher.rows = len(rows)
    watcher.done.set()
    watcher.join()
    began = min(row.job.target.stat().st_mtime - row.seconds for row in rows if row.seconds)
    return ended - began, rows, watcher


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--kill", type=float, default=5.0, help="Seconds between two kills.")
    parser.add_argument("--network", default="srgan_vgg54")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder / "in", options.pictures)
        network = keras_sr.open_network(options.network, engine="openvino", precision="f32", threads=1)
        begin = time.perf_counter()
        list(keras_sr.upscale_files(folder / "in", folder / "one", network, recursive=True))
        print(f"without Ray, one thread: {time.perf_counter() - begin:.1f} s", flush=True)
        expected = contents(folder / "one")
        start_here(num_cpus=2)
        peaks = killed(folder, network, options, expected) if options.kill else [0, 0]
        seconds = {1: [], 2: []}
        for number in range(options.turns):
            for workers in (1, 2):
                output = folder / f"{workers}-{number}"
                spent, rows, watcher = turn(folder / "in", output, network, workers)
                seconds[workers].append(spent)
                peaks = [max(pair) for pair in zip(peaks, (watcher.store, watcher.resident), strict=True)]
                same = contents(output) == expected
                print(f"{workers} workers: {spent:.1f} s, {len(rows)} rows, same bytes: {same}", flush=True)
            ratio = statistics.median(seconds[1]) / statistics.median(seconds[2])
            print(f"two workers are {ratio:.2f} times one (load {os.getloadavg()[0]:.1f})", flush=True)
        print(f"object store's peak {peaks[0] / 1e6:.2f} MB, a worker's memory {peaks[1] / 1e6:.0f} MB")


def killed(folder, network, options, expected):
    """Do the batch while workers are killed, say what became of it, and return the peaks of memory."""
    output = folder / "killed"
    spent, rows, watcher = turn(folder / "in", output, network, 2, options.kill)
    names = [row.job.given for row in rows]
    print(
        f"killed {watcher.kills} times: {spent:.1f} s, {len(rows)} rows, none twice: "
        f"{len(set(names)) == len(names) == options.pictures}, same bytes: {contents(output) == expected}, "
        f"half-written: {len(list(output.rglob('*.part')))}, "
        f"failed: {sum(row.status == 'failed' for row in rows)}, object store's peak "
        f"{watcher.store / 1e6:.2f} MB, a worker's memory {watcher.resident / 1e6:.0f} MB",
        flush=True,
    )
    for row in rows:
        if "given up" in row.reason:
            print(row.reason)
    return watcher.store, watcher.resident


if __name__ == "__main__":
    main()
