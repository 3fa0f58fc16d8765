"""The benchmarks that damage files and kill batches, on a small scale: what they look for does not happen."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script, *arguments):
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def fuzz():
    """The benchmark that damages files, as a module."""
    spec = importlib.util.spec_from_file_location("fuzz_files", BENCHMARKS / "fuzz_files.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_files"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["fuzz_files"]


def pretend(monkeypatch, fuzz, rows, files=(), says=None):
    """Let the command say this of files, and write these results."""

    def run(folder, batch, network, counts):
        (folder / "in").mkdir()
        (folder / "out").mkdir()
        for name, data in batch.items():
            (folder / "in" / name).write_bytes(data)
        for name, data in files:
            (folder / "out" / name).write_bytes(data)
        told = [
            {
                "source": str(folder / "in" / name),
                "target": str(folder / "out" / name),
                "status": status,
                "reason": reason,
                "size": [8, 6],
            }
            for name, status, reason in rows
            if name in batch
        ]
        (folder / "report.json").write_text(json.dumps({"pictures": told}))
        return says

    monkeypatch.setattr(fuzz, "run", run)


def test_each_thing_that_must_not_happen_is_counted(monkeypatch, fuzz):
    """The judge itself: a Python error as a reason, a result that is none, a file left out, a crash."""
    batch = {"a.png": b"a", "b.png": b"b"}
    good = [("a.png", "failed", "cannot read 'a.png': empty"), ("b.png", "failed", "cannot write ...")]
    pretend(monkeypatch, fuzz, good)
    counts = fuzz.Counts()
    fuzz.through_the_command(batch, "network", counts)
    assert (counts.refused, counts.wrong) == (2, 0)

    pretend(monkeypatch, fuzz, [good[0], ("b.png", "failed", "ValueError: 3")])
    counts = fuzz.Counts()
    fuzz.through_the_command(batch, "network", counts)
    assert (list(counts.odd), counts.wrong) == (["ValueError: 3 (b.png)"], 1)

    pretend(monkeypatch, fuzz, good[:1])
    counts = fuzz.Counts()
    fuzz.through_the_command(batch, "network", counts)
    assert (counts.silent, counts.wrong) == (["b.png: not in the report"], 1)

    pretend(monkeypatch, fuzz, good, files=[("c.part", b"half")])
    counts = fuzz.Counts()
    fuzz.through_the_command(batch, "network", counts)
    assert counts.lost == ["c.part: lies about without being a result"]

    pretend(monkeypatch, fuzz, [good[0], ("b.png", "done", "")], files=[("b.png", b"no picture")])
    counts = fuzz.Counts()
    fuzz.through_the_command(batch, "network", counts)
    assert len(counts.lost) == counts.wrong == 1

    pretend(monkeypatch, fuzz, good, says="exit code -11")
    counts = fuzz.Counts()
    fuzz.through_the_command(batch, "network", counts)
    assert counts.crashed == ["a.png: exit code -11", "b.png: exit code -11"]


def test_files_of_every_format_that_is_read_are_damaged(fuzz):
    suffixes = {suffix for suffix, _ in fuzz.seeds(np.random.default_rng(0))}
    assert suffixes >= {"png", "jpg", "tif", "webp", "gif", "avif", "bmp", "ppm", "tga", "jp2", "qoi"}
    assert suffixes >= {"heic", "jxl"}


@pytest.mark.slow
def test_damaged_files_are_done_or_refused(network_file, tmp_path):
    more = ("--network", network_file, "--json", tmp_path / "counts.json")
    said = run("fuzz_files.py", "--files", 160, "--batch", 80, "--seed", 1, *more)
    assert "160 files (seed 1)" in said
    assert "0 crashed, 0 lost, 0 silent, 0 odd" in said


@pytest.mark.slow
def test_a_killed_batch_leaves_no_half_file(network_file, tmp_path):
    said = run("kill_batch.py", "--kills", 5, "--network", network_file, "--json", tmp_path / "counts.json")
    assert said.startswith("5 kills (")
    assert " 0 half, 0 of 5 restarts did not finish" in said
