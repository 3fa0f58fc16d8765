"""A server of our own for tests and benchmarks, as people start it, and what they send to it."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np


class Served:
    """A running `keras-sr serve`."""

    def __init__(self, *options, token=None, folder=None):
        environment = {**os.environ, "KERAS_SR_TOKEN": token or ""}
        command = [sys.executable, "-m", "keras_sr", "serve", "--port", "0", "--threads", "2", *options]
        if folder:
            command += ["--folder", str(folder)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        self.lines = []
        while not (found := re.search(r"token for the API: (\S+)", self.lines[-1] if self.lines else "")):
            line = self.process.stderr.readline()
            if not line:
                self.process.wait()
                self.process.stderr.close()
                raise RuntimeError(f"the server did not start: {self.lines}")
            self.lines.append(line)
        self.token = found[1]
        self.url = re.search(r"http://\S+:\d+", self.lines[0])[0]
        self.port = int(self.url.rpartition(":")[2])
        self.trust = {"Authorization": f"Bearer {self.token}"}
        # Without the headers of a browser: what a program sends.
        self.client = httpx.Client(base_url=self.url, headers=self.trust, timeout=120, trust_env=False)
        self.stranger = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        self.up()

    def up(self):
        for _ in range(200):
            try:
                return self.stranger.get("/healthz")
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError("the server does not answer")

    def post(self, data, name="cat.png", path="/v1/jobs", **options):
        options.setdefault("network", "fast")
        return self.client.post(
            path, files={"file": (name, data)}, data={k: str(v) for k, v in options.items()}
        )

    def job(self, data, name="cat.png", **options):
        answer = self.post(data, name, **options)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def state(self, job):
        return self.client.get(f"/v1/jobs/{job}").json()

    def wait(self, job, *states, seconds=240):
        states = states or ("done", "failed", "cancelled")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.state(job)
            if found["state"] in states:
                return found
            time.sleep(0.05)
        raise AssertionError(f"still {found}")

    def children(self):
        """Return the process ids of its child processes, and what each runs."""
        found = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid:
                    words = (status.parent / "cmdline").read_text().split("\0")
                    found[int(status.parent.name)] = words[-2]
            except (OSError, ValueError, IndexError):
                continue
        return found

    def stop(self, how=signal.SIGINT):
        self.client.close()
        self.stranger.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(30)
        if not self.process.stderr.closed:
            self.lines += self.process.stderr.read().splitlines()
            self.process.stderr.close()
        return code


def photograph(height=48, width=64, seed=0):
    """Return something with edges and texture, uint8 RGB."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = np.stack([np.sin(rows / (3 + i)) + np.cos(columns / (5 - i)) for i in range(3)], axis=2)
    return np.clip(128 + 50 * waves + rng.normal(0, 8, waves.shape), 0, 255).astype(np.uint8)


def encoded(pixels, suffix=".png"):
    from keras_sr.images.picture import Picture, encode

    data = io.BytesIO()
    encode(data, suffix, Picture(pixels), "test")
    return data.getvalue()


def command(folder, name, data, *options):
    """Return the bytes that the command writes for a picture."""
    (folder / name).write_bytes(data)
    out = folder / "out"
    subprocess.run(
        [sys.executable, "-m", "keras_sr", "upscale", str(folder / name), "-o", str(out), *options],
        check=True,
        capture_output=True,
    )
    (made,) = [path for path in out.iterdir() if not path.name.startswith(".")]
    return made.name, made.read_bytes()
