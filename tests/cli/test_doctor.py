from dataclasses import replace

import numpy as np
import pytest

from keras_sr import __version__
from keras_sr.cli.doctor import engine_line
from keras_sr.inference import engines
from keras_sr.weights import registry


def test_it_tells_what_is_there_and_what_is_used(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path))
    for name in ("KERAS_SR_LPIPS_ALEX", "KERAS_SR_LPIPS_VGG", "KERAS_SR_NIQE"):
        monkeypatch.delenv(name, raising=False)
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    facts = dict(line.strip().split("  ", 1) for line in out.splitlines() if "  " in line.strip())
    facts = {name: value.strip() for name, value in facts.items()}
    assert facts["keras-sr"] == __version__
    assert facts["numpy"] == np.__version__
    assert facts["used"].split()[0] in engines.ENGINES
    assert facts["niqe"].endswith("niqe.npz")
    assert facts["lpips_vgg"].startswith("not there")
    assert "cores for this process" in facts["processor"]


def test_missing_packages_are_said(run, monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert "none: pip install openvino" in run("doctor")[1]


def test_what_the_engine_can_do():
    assert engine_line({"openvino": ["f32", "bf16"]}) == "openvino (here in f32 and bf16)"
    assert engine_line({"onnxruntime": ["f32"]}) == "onnxruntime (here in f32)"


@pytest.mark.parametrize("has_bf16", [False, True])
@pytest.mark.parametrize(("worst", "cost"), [(0.0026, "at most 0.0026 dB"), (-0.0009, "nothing")])
def test_the_precision_that_is_used_and_what_it_costs(run, monkeypatch, has_bf16, worst, cost):
    pytest.importorskip("openvino")
    monkeypatch.setattr(engines, "openvino_capabilities", lambda: ["FP32", *["BF16"] * has_bf16])
    shipped = registry.passport(registry.DEFAULT)
    losses = {"bf16": {"Set5": -0.003, "Set14": worst, "BSD100": -0.001}}
    monkeypatch.setattr(registry, "passport", lambda name: replace(shipped, precision_loss=losses))
    line = next(line for line in run("doctor")[1].splitlines() if "default network" in line)
    assert (f"{registry.DEFAULT} in bf16, which costs it {cost} (--precision f32)" in line) == has_bf16
    assert line.endswith(f"{registry.DEFAULT} in f32") != has_bf16
