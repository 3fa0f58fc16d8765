"""A run on several devices is the run that it is on one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

keras = pytest.importorskip("keras")

from keras_sr.errors import TrainingError
from keras_sr.recipes import get
from keras_sr.training.devices import refuse_devices, spread
from keras_sr.training.fit import fit


def test_one_device_is_what_every_backend_has():
    with spread(1, 5):
        assert keras.distribution.distribution() is None


@pytest.mark.skipif(keras.config.backend() == "jax", reason="JAX can")
def test_a_backend_that_cannot_says_so_before_anything_is_written(batches, tmp_path):
    small = get("compact", smoke=True)
    with pytest.raises(TrainingError, match="set KERAS_BACKEND=jax") as error:
        fit(small, batches(small), tmp_path / "run", progress=False, devices=2)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(keras.config.backend() != "jax", reason="other backends have one")
def test_there_must_be_so_many(monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0", "cpu:1"])
    for devices in (3, 0, -1):
        with pytest.raises(TrainingError, match=f"`devices` must be 1 to 2 here, not {devices}"):
            refuse_devices(devices, 12)
    with pytest.raises(TrainingError, match="a batch of 5 cannot be cut into 2 equal parts"):
        refuse_devices(2, 5)


@pytest.mark.slow
def test_losses_and_weights_of_two_devices_are_those_of_one_also_when_a_run_changes_between_them():
    pytest.importorskip("jax")
    script = Path(__file__).parents[2] / "benchmarks" / "devices.py"
    settings = ["--set", "features=8", "--set", "blocks=1", "--set", "crop=32", "--set", "batch_size=4"]
    done = subprocess.run(
        [sys.executable, script, "compact", "--steps", "10", *settings],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=900,
        check=True,
    )
    losses = re.findall(r"^\| (two|two, then one) \| \w+ \|.*\| (\S+) \|$", done.stdout, re.M)
    weights = re.findall(r"^\| (two|two, then one) \| weights: norm (\S+), largest", done.stdout, re.M)
    assert [run for run, _ in losses] == ["two"] * 3 + ["two, then one"] * 3, done.stdout + done.stderr
    assert [run for run, _ in weights] == ["two", "two, then one"]
    assert all(float(apart) < 1e-6 for _, apart in (*losses, *weights)), done.stdout


@pytest.mark.slow
def test_a_gan_step_on_two_devices_is_that_of_one_in_float64():
    """In float32 biases before batch norm, whose gradient is zero, walk where rounding sends Adam."""
    pytest.importorskip("jax")
    script = Path(__file__).parents[2] / "benchmarks" / "devices.py"
    done = subprocess.run(
        [sys.executable, script, "--small", "--float64"],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=900,
        check=True,
    )
    found = re.findall(r"^small GAN, (\w+), float64: .* by (\S+) \(.*weights by (\S+) ", done.stdout, re.M)
    assert [loss for loss, *_ in found] == ["bce", "relativistic"], done.stdout + done.stderr
    for _, losses, weights in found:
        assert float(losses) < 1e-8
        assert float(weights) < 1e-6
