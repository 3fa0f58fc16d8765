import numpy as np

from keras_sr import __version__
from keras_sr.cli.doctor import engine_line
from keras_sr.inference import engines


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
    assert facts["niqe"].startswith("not there")
    assert "cores for this process" in facts["processor"]


def test_missing_packages_are_said(run, monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert "none: pip install openvino" in run("doctor")[1]


def test_what_the_engine_can_do():
    assert engine_line({"openvino": ["f32", "bf16"]}) == "openvino in f32 (bf16 with --precision or --fast)"
    assert engine_line({"onnxruntime": ["f32"]}) == "onnxruntime in f32"
