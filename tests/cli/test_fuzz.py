"""The benchmarks that damage files and kill batches, on a small scale: what they look for does not happen."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script, *arguments):
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_damaged_files_are_done_or_refused(network_file, tmp_path):
    more = ("--network", network_file, "--json", tmp_path / "counts.json")
    said = run("fuzz_files.py", "--files", 160, "--batch", 80, "--seed", 1, *more)
    assert "160 files (seed 1)" in said
    assert "0 crashed, 0 lost" in said
    assert "odd" not in said


@pytest.mark.slow
def test_a_killed_batch_leaves_no_half_file(network_file, tmp_path):
    said = run("kill_batch.py", "--kills", 5, "--network", network_file, "--json", tmp_path / "counts.json")
    assert said.startswith("5 kills (")
    assert " 0 half, 0 of 5 restarts did not finish" in said
