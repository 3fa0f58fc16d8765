"""`keras-sr serve` under load, killed, and against the command.

    python benchmarks/serve.py load --minutes 30      # 4 clients, a third of their pictures broken
    python benchmarks/serve.py kills --times 200      # killed at a random moment in the middle of jobs
    python benchmarks/serve.py throughput             # the same folder by the command and by the service
    python benchmarks/serve.py start                  # seconds until the page can be used, memory

All on loopback, in temporary folders, with at most four clients. Needs the extras web and dev.
"""

import argparse
import hashlib
import io
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "server"))

from serving import Served, command, encoded, photograph

NETWORK = "lite_x4"


def memory(process):
    """Return the resident memory of a server and its children, in MB: a page that both use counts twice."""
    total = 0
    for pid in (process.process.pid, *process.children()):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            total += int(status.partition("VmRSS:")[2].split()[0])
        except (OSError, ValueError, IndexError):
            continue
    return total / 1024


def whole_pictures(folder):
    """Return pictures with what the command makes of them: {name: (bytes, SHA-256 of the result)}."""
    made = {}
    for number in range(6):
        suffix = (".png", ".jpg")[number % 2]
        data = encoded(photograph(120 + 40 * number, 160 + 30 * number, number), suffix)
        place = folder / str(number)
        place.mkdir()
        result = command(place, f"{number}{suffix}", data, "-n", NETWORK)[1]
        made[f"{number}{suffix}"] = (data, hashlib.sha256(result).hexdigest())
    return made


def broken_pictures():
    """Return pictures that must be refused or fail: {name: bytes}."""
    photo = encoded(photograph(200, 200), ".jpg")
    bomb = io.BytesIO()
    Image.new("1", (40_000, 40_000)).save(bomb, "PNG")
    return {
        "text.png": b"hello" * 100,
        "empty.png": b"",
        "half.jpg": photo[: len(photo) // 2],
        "bomb.png": bomb.getvalue(),
        "noise.jpg": np.random.default_rng(0).bytes(50_000),
    }


class Count:
    """What became of requests."""

    def __init__(self):
        self.lock = threading.Lock()
        self.right = self.wrong = self.lost = self.refused = self.waited = 0
        self.faults = []

    def add(self, what):
        with self.lock:
            setattr(self, what, getattr(self, what) + 1)

    def fault(self, name, answer):
        """Keep what was answered that should not have been, to be printed."""
        said = "no answer" if answer is None else f"{answer.status_code} {answer.content[:200]!r}"
        with self.lock:
            self.faults.append(f"{name}: {said}")
        return "wrong"


def client(served, whole, broken, until, count, seed):
    """Send pictures, a third of them broken, until the time is over."""
    random_ = random.Random(seed)
    with httpx.Client(base_url=served.url, headers=served.trust, timeout=300, trust_env=False) as http:
        while time.monotonic() < until:
            if random_.random() < 1 / 3:
                name, data = random_.choice(list(broken.items()))
                answer = send(http, name, data, count)
                refused = answer is not None and 400 <= answer.status_code < 500
                count.add("refused" if refused else count.fault(name, answer))
            else:
                name, (data, wanted) = random_.choice(list(whole.items()))
                answer = send(http, name, data, count)
                if answer is None:
                    count.add("lost")
                elif answer.status_code != 200 or hashlib.sha256(answer.content).hexdigest() != wanted:
                    count.add(count.fault(name, answer))
                else:
                    count.add("right")


def send(http, name, data, count):
    """Return the answer to one picture, however often it takes; None where the connection is lost."""
    while True:
        try:
            answer = http.post("/v1/upscale", files={"file": (name, data)}, data={"network": NETWORK})
        except httpx.TransportError:
            return None
        if answer.status_code != 429:
            return answer
        count.add("waited")
        time.sleep(float(answer.headers["Retry-After"]))


def load(minutes):
    """Print what became of all requests, how memory went, and how long /healthz took."""
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = whole_pictures(Path(folder)), broken_pictures()
        served, count = Served(folder=Path(folder) / "served"), Count()
        until = time.monotonic() + 60 * minutes
        clients = [
            threading.Thread(target=client, args=(served, whole, broken, until, count, seed))
            for seed in range(4)
        ]
        for one in clients:
            one.start()
        health, sizes, begun = [], [], time.monotonic()
        while time.monotonic() < until:
            start = time.perf_counter()
            served.stranger.get("/healthz").raise_for_status()
            health.append(time.perf_counter() - start)
            sizes.append((time.monotonic() - begun, memory(served)))
            time.sleep(0.2)
        for one in clients:
            one.join()
        left = [path for path in (Path(folder) / "served").rglob("*") if path.is_file()]
        served.stop()
    edge = 60 * minutes / 6
    first = np.mean([size for at, size in sizes if edge / 4 < at < edge * 1.25])
    last = np.mean([size for at, size in sizes if at > 60 * minutes - edge])
    print(f"{minutes:g} minutes, 4 clients: {count.right} right, {count.wrong} wrong, {count.lost} lost,")
    print(
        f"{count.refused} broken ones refused, {count.waited} times told to wait; {len(left) - 1} files left"
    )
    print(
        f"memory {first:.0f} MB in the first sixth, {last:.0f} MB in the last, at most {max(sizes)[1]:.0f} MB"
    )
    print(*count.faults, sep="\n")
    median, late, most = 1000 * np.percentile(health, [50, 99, 100])
    print(f"/healthz {median:.1f} ms median, {late:.1f} ms at the 99th percentile, {most:.0f} ms most")
    print("memory each minute, MB:", *(f"{np.mean([s for at, s in sizes if m <= at / 60 < m + 1]):.0f}"
                                     for m in range(int(minutes))))  # fmt: skip


def kills(times):
    """Print what killed servers left: in the folder of results, in temporary folders, as processes."""
    random_, half, left, orphans = random.Random(0), 0, 0, 0
    picture = encoded(photograph(200, 300))
    with tempfile.TemporaryDirectory() as folder:
        place, results = Path(folder) / "served", Path(folder) / "results"
        results.mkdir()
        (results / "in.png").write_bytes(picture)
        whole = None
        for number in range(times):
            before = set(place.glob("*"))
            served = Served(folder=place)
            left += len(before & set(place.glob("*")))
            jobs = [served.job(picture, network="compact_x4") for _ in range(4)]
            end = time.monotonic() + random_.uniform(0, 4)
            while time.monotonic() < end:
                for job in jobs:
                    answer = served.client.get(f"/v1/jobs/{job}/result")
                    if answer.status_code == 200:
                        whole = whole or answer.content
                        half += answer.content != whole
                time.sleep(0.05)
            children = served.children()
            served.stop(signal.SIGKILL)
            time.sleep(0.3)
            orphans += sum(Path(f"/proc/{pid}/exe").exists() for pid in children)
            if (number + 1) % 20 == 0:
                print(
                    f"{number + 1}: {half} half results, {left} folders left, {orphans} orphans", flush=True
                )
        served = Served(folder=place)
        left += len(list(place.glob("*"))) - 1
        served.stop()
        print(f"{times} kills: {half} half results, {left} folders left after a start, {orphans} orphans")


def throughput(network, count):
    """Print the seconds that the command and the service take for the same folder, taken in turns."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "in"
        place.mkdir()
        for number in range(count):
            (place / f"{number}.png").write_bytes(encoded(photograph(256, 256, number)))
        files = sorted(place.iterdir())
        ratios = []
        served = Served()
        served.wait(served.job(files[0].read_bytes(), network=network))
        for turn in range(3):
            start = time.perf_counter()
            out = Path(folder) / f"out{turn}"
            options = ["-o", str(out), "-n", network, "--threads", "2"]
            subprocess.run([sys.executable, "-m", "keras_sr", "upscale", str(place), *options], check=True,
                           capture_output=True)  # fmt: skip
            by_command = time.perf_counter() - start
            start = time.perf_counter()
            jobs = [served.job(file.read_bytes(), file.name, network=network) for file in files]
            for job in jobs:
                assert served.wait(job, seconds=600)["state"] == "done"
                served.client.get(f"/v1/jobs/{job}/result").raise_for_status()
            by_service = time.perf_counter() - start
            ratios.append(by_command / by_service)
            print(
                f"{network}: command {by_command:.1f} s, service {by_service:.1f} s, ratio {ratios[-1]:.2f}"
            )
        served.stop()
        print(f"{network}: {np.median(ratios):.2f} of the command's throughput (median of {len(ratios)})")


def start():
    """Print the seconds until the page answers, and the memory idle and at work."""
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        served = Served()
        served.stranger.get("/").raise_for_status()
        seconds.append(time.perf_counter() - begun)
        idle = memory(served)
        if len(seconds) < 5:
            served.stop()
    job = served.job(encoded(photograph(700, 900)), network="srgan_vgg54")
    most = 0.0
    while served.state(job)["state"] not in ("done", "failed"):
        most = max(most, memory(served))
        time.sleep(0.1)
    served.stop()
    print(f"page after {np.median(seconds):.1f} s (median of 5); {idle:.0f} MB idle, {most:.0f} MB at work")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["load", "kills", "throughput", "start"])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--network", default=NETWORK)
    parser.add_argument("--count", type=int, default=12)
    given = parser.parse_args()
    if given.what == "load":
        load(given.minutes)
    elif given.what == "kills":
        kills(given.times)
    elif given.what == "throughput":
        throughput(given.network, given.count)
    else:
        start()
