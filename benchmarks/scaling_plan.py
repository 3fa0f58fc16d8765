"""What a great many photographs cost, on how many workers, and where the store becomes the limit.

    python benchmarks/scaling_plan.py measure     # seconds of one core, bytes; into results/scaling_plan.json
    python benchmarks/scaling_plan.py             # a million photographs on 1, 16 and 256 workers
    python benchmarks/scaling_plan.py --network lite_x4 --store 2000 --hours-between-deaths 8 --price 0.05

The first pins itself to one core and takes a photograph of `--megapixels` through reading and writing, and
one megapixel through each network; it also starts the command as a worker is started. The second simulates
workers of one core each: while one picture is enlarged the next is fetched and the last is put, as in
`tasks.batch.run`. The store hands out so many bytes a second in all, and so many to one worker; workers die
now and then, lose what they have and start again; some pictures are broken and cost their reading.
Bandwidths, deaths and prices are yours to give: what is taken without them is nobody's measurement.
"""

import argparse
import heapq
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "scaling_plan.json"


@dataclass(frozen=True)
class Costs:
    """Of one picture: seconds of a core, and bytes of its files."""

    read: float
    network: float
    write: float
    bytes_in: float
    bytes_out: float

    @property
    def core(self) -> float:
        """Seconds of a core."""
        return self.read + self.network + self.write


@dataclass(frozen=True)
class Store:
    """Bytes a second in all and to one worker, and seconds until the first byte."""

    total: float = float("inf")
    stream: float = float("inf")
    latency: float = 0.0

    def limit(self, costs: Costs) -> float:
        """Return the number of workers that use up what the store gives in all."""
        return self.total * costs.core / (costs.bytes_in + costs.bytes_out)


@dataclass(frozen=True)
class Failures:
    """Seconds between two deaths of one worker, those of a start, and the share of broken pictures."""

    between: float = float("inf")
    start: float = 0.0
    broken: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """Seconds until all is done, seconds that cores computed, bytes that went through the store, deaths."""

    seconds: float
    core: float
    bytes: float
    deaths: int


class _Worker:
    """A worker: when it is free to compute, when its last put has ended, when it dies."""

    def __init__(self, death: float) -> None:
        self.free = self.put_ended = 0.0
        self.death = death


class _Simulation:
    """See `simulate`."""

    def __init__(self, workers: int, costs: Costs, store: Store, failures: Failures, seed: int) -> None:
        self.costs, self.store, self.failures = costs, store, failures
        self.rng = np.random.default_rng(seed)
        self.workers = [_Worker(self._life(0.0)) for _ in range(workers)]
        self.store_free = self.core = self.bytes = self.end = 0.0
        self.deaths = self.number = 0
        #: (time, number, what, worker): "fetch" begins a picture, "ready" has it, "put" begins to write it.
        self.events: list[tuple[float, int, str, _Worker]] = []

    def at(self, when: float, what: str, worker: _Worker) -> None:
        """Let something happen."""
        self.number += 1
        heapq.heappush(self.events, (when, self.number, what, worker))

    def _life(self, now: float) -> float:
        between = self.failures.between
        return now + (self.rng.exponential(between) if np.isfinite(between) else between)

    def _moved(self, now: float, size: float) -> float:
        """Return when bytes that are asked for now have gone through the store, behind all others."""
        self.store_free = max(self.store_free, now) + size / self.store.total
        self.bytes += size
        return max(self.store_free, now + size / self.store.stream) + self.store.latency

    def run(self, pictures: int) -> Outcome:
        """Do all pictures."""
        left = pictures
        for worker in self.workers:
            self.at(self.failures.start, "fetch", worker)
        while self.events:
            now, _, what, worker = heapq.heappop(self.events)
            if what == "fetch" and left:
                left -= 1
                self.at(self._moved(now, self.costs.bytes_in), "ready", worker)
            elif what == "ready" and now < worker.free:
                self.at(worker.free, "ready", worker)
            elif what == "ready":
                left += self._computed(now, worker)
            elif what == "put":
                worker.put_ended = self._moved(now, self.costs.bytes_out)
                self.end = max(self.end, worker.put_ended)
        return Outcome(self.end, self.core, self.bytes, self.deaths)

    def _computed(self, begin: float, worker: _Worker) -> int:
        """Compute a picture that is there; return how many pictures have to be done again."""
        broken = self.rng.random() < self.failures.broken
        needed = self.costs.read if broken else self.costs.core
        if worker.death < begin + needed:
            self.core += max(0.0, worker.death - begin)
            self.deaths += 1
            worker.free = max(begin, worker.death) + self.failures.start
            worker.death = self._life(worker.free)
            self.at(worker.free, "fetch", worker)
            return 1
        self.core += needed
        end = begin + needed
        self.end = max(self.end, end)
        # The next picture comes while this one is made; the last has to be put before this one is.
        self.at(begin, "fetch", worker)
        worker.free = end if broken else max(end, worker.put_ended)
        if not broken:
            self.at(worker.free, "put", worker)
        return 0


def simulate(
    pictures: int,
    workers: int,
    costs: Costs,
    store: Store | None = None,
    failures: Failures | None = None,
    seed: int = 0,
) -> Outcome:
    """Return what a batch takes on workers of one core each."""
    return _Simulation(workers, costs, store or Store(), failures or Failures(), seed).run(pictures)


# === What one picture costs ===


def measure(megapixels: float, networks: list[str], rounds: int) -> dict:
    """Return seconds of one core and bytes of one photograph, JPEG to JPEG."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from large_photographs import photograph

    import keras_sr
    from keras_sr.images import picture as pictures

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photograph(folder / "in.jpg", megapixels)
        photograph(folder / "one.png", 1)
        photograph(folder / "large.tif", 16 * megapixels)
        large = pictures.read(folder / "large.tif", max_pixels=None)
        found: dict = {"megapixels": megapixels, "processor": _processor(), "networks": {}}
        found["read"] = _seconds(lambda: pictures.read(folder / "in.jpg"), rounds)
        found["write"] = _seconds(lambda: pictures.write(folder / "out.jpg", large), rounds)
        found["bytes_in"] = (folder / "in.jpg").stat().st_size
        found["bytes_out"] = (folder / "out.jpg").stat().st_size
        for each in networks:
            network = keras_sr.open_network(each, engine="openvino", precision="f32", threads=1)
            pixels = pictures.read(folder / "one.png").pixels
            keras_sr.upscale(pixels[:64, :64], network)
            count = rounds if each != networks[-1] else 1
            found["networks"][each] = _seconds(lambda: keras_sr.upscale(pixels, network), count)  # noqa: B023
        photograph(folder / "small.png", 0.01)
        command = [sys.executable, "-m", "keras_sr", "upscale", folder / "small.png", "-n", networks[0]]
        more = ["--threads", "1", "-o", folder / "small_x4.png"]
        found["start"] = _seconds(lambda: subprocess.run([*command, *more], check=True), rounds)
    return found


def _seconds(work, rounds: int) -> float:
    """Return the least of some runs, in seconds of the processor: what others do only adds to them."""
    spent = []
    for _ in range(rounds):
        begin = _used()
        work()
        spent.append(_used() - begin)
    return min(spent)


def _used() -> float:
    """Return the processor's seconds of this process and of those that it has ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return "unknown"


# === The plan ===


def costs_of(found: dict, network: str, megapixels: float) -> Costs:
    """Return what one picture costs, from what was measured of one of perhaps another size."""
    larger = megapixels / found["megapixels"]
    return Costs(
        found["read"] * larger,
        found["networks"][network] * megapixels,
        found["write"] * larger,
        found["bytes_in"] * larger,
        found["bytes_out"] * larger,
    )


def plan(found: dict, options: argparse.Namespace) -> None:
    """Print what the pictures cost."""
    costs = costs_of(found, options.network, options.megapixels)
    store = Store(options.store * 1e6, options.stream * 1e6, options.latency)
    failures = Failures(options.hours_between_deaths * 3600, found["start"], options.broken)
    per_core_hour = options.megapixels * 3600 / costs.core
    print(
        f"{options.network}, photographs of {options.megapixels:g} MP, JPEG to JPEG, on {found['processor']}"
    )
    print(
        f"a picture: read {costs.read:.2f} s, network {costs.network:.1f} s, write {costs.write:.2f} s of a "
        f"core; {costs.bytes_in / 1e6:.1f} MB in, {costs.bytes_out / 1e6:.1f} MB out"
    )
    thousand = 1000 * costs.core / 3600
    price = f", {thousand * options.price:.2f} at {options.price:g} a core-hour" if options.price else ""
    print(f"a thousand: {thousand:.2f} core-hours{price}; {per_core_hour:,.0f} LR megapixels a core-hour")
    print(f"{options.store:g} MB/s of the store are used up by {store.limit(costs):,.0f} workers")
    print("| workers | days | pictures an hour | cores at work | store, MB/s | deaths |")
    print("|---|---|---|---|---|---|")
    for workers in options.workers:
        out = simulate(options.pictures, workers, costs, store, failures)
        hours, speed = out.seconds / 3600, out.bytes / out.seconds / 1e6
        print(
            f"| {workers} | {hours / 24:.2f} | {options.pictures / hours:,.0f} | "
            f"{out.core / out.seconds / workers:.0%} | {speed:,.1f} | {out.deaths:,} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["plan", "measure"], default="plan")
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 16, 256])
    parser.add_argument("--network", default="compact_x4")
    parser.add_argument("--networks", nargs="+", default=["compact_x4", "lite_x4", "srgan_vgg54"])
    parser.add_argument("--store", type=float, default=1000, help="MB/s in all")
    parser.add_argument("--stream", type=float, default=50, help="MB/s to one worker")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds until the first byte")
    parser.add_argument("--hours-between-deaths", type=float, default=24, help="of one worker")
    parser.add_argument("--broken", type=float, default=0.001, help="share of pictures")
    parser.add_argument("--price", type=float, default=0, help="of a core-hour")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.what == "measure":
        found = measure(options.megapixels, options.networks, options.rounds)
        options.json.parent.mkdir(exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found, indent=1))
        return
    plan(json.loads(options.json.read_text()), options)


if __name__ == "__main__":
    main()
