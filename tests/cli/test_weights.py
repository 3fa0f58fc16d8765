import json
import shutil
from dataclasses import fields

import pytest


@pytest.fixture
def registry(network_file, tmp_path, monkeypatch):
    """A registry of two networks, x2 and x3, both the same file."""
    from keras_sr.weights import registry

    facts = dict.fromkeys((field.name for field in fields(registry.Passport)), "")
    facts |= {"licence": "CC0-1.0", "scores": {"Set5": {"psnr": 30.801, "ssim": 0.87654}}}
    for name, scale in (("tiny_x2", 2), ("tiny_x3", 3)):
        (tmp_path / f"{name}.json").write_text(json.dumps(facts | {"name": name, "scale": scale}))
        shutil.copy(network_file, tmp_path / f"{name}.onnx")
    monkeypatch.setattr(registry, "FILES", tmp_path)
    monkeypatch.setattr(registry, "NAMES", ("tiny_x2", "tiny_x3"))
    monkeypatch.setattr(registry, "DEFAULT", "tiny_x2")
    return registry


def test_weights_lists_what_comes_along(run, registry):
    code, out, err = run("weights")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "tiny_x2 (default)  x2  Set5 30.80 dB / 0.8765  CC0-1.0",
        "tiny_x3  x3  Set5 30.80 dB / 0.8765  CC0-1.0",
    ]


def test_the_default_network_is_taken(run, registry, photographs, tmp_path):
    code, _, err = run("upscale", photographs / "a.png", "-o", tmp_path / "large.png")
    assert code == 0, err
    assert "32x24" in err


def test_scale_chooses_the_network_that_enlarges_just_enough(run, registry, photographs, tmp_path):
    from keras_sr.cli.networks import network_file

    for scale, name in ((1.5, "tiny_x2"), (2, "tiny_x2"), (2.1, "tiny_x3"), (3, "tiny_x3"), (8, "tiny_x3")):
        assert network_file(None, scale).name == f"{name}.onnx"
    assert network_file("tiny_x2", 3).name == "tiny_x2.onnx"
    code, _, err = run("upscale", photographs / "a.png", "-o", tmp_path / "large.png", "-s", 4)
    assert code == 0
    assert "64x48" in err
    assert "the rest to x4 is bicubic" in err


def test_upscale_from_python_by_name(registry, photographs):
    import keras_sr

    assert keras_sr.upscale(photographs / "a.png").shape == (24, 32, 3)
    assert keras_sr.upscale(photographs / "a.png", "tiny_x2").shape == (24, 32, 3)
    with pytest.raises(keras_sr.errors.KerasSRError, match="tiny_x2, tiny_x3"):
        keras_sr.upscale(photographs / "a.png", "tiny")
