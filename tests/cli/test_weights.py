import json
import shutil
from dataclasses import fields

import pytest


@pytest.fixture
def registry(weight_file, tmp_path, monkeypatch):
    """A registry of two networks, x2 and x3, both the same file."""
    from keras_sr.weights import registry

    facts = dict.fromkeys((field.name for field in fields(registry.Passport)), "")
    facts |= {"licence": "CC0-1.0", "scores": {"Set5": {"psnr": 30.801, "lpips": 0.23449}}, "kmac": 52.5}
    facts |= {"seconds_per_megapixel": {"f32": 0.5, "bf16": 0.25}, "precision_loss": {}}
    for name, scale in (("tiny_x2", 2), ("tiny_x3", 3)):
        (tmp_path / f"{name}.json").write_text(json.dumps(facts | {"name": name, "scale": scale}))
        shutil.copy(weight_file, tmp_path / f"{name}.npz")
    monkeypatch.setattr(registry, "FILES", tmp_path)
    monkeypatch.setattr(registry, "NAMES", ("tiny_x2", "tiny_x3"))
    monkeypatch.setattr(registry, "DEFAULT", "tiny_x2")
    monkeypatch.setattr(registry, "BY_SCALE", {2: "tiny_x2", 3: "tiny_x3"})
    return registry


def test_weights_lists_what_comes_along(run, registry):
    code, out, err = run("weights")
    assert (code, err) == (0, "")
    assert out.splitlines()[:3] == [
        "                   scale  kMAC       s/MP           Set5  Set14  BSD100  licence",
        "tiny_x2 (default)     x2    52  0.25 bf16  30.80 / 0.234                 CC0-1.0",
        "tiny_x3               x3    52  0.25 bf16  30.80 / 0.234                 CC0-1.0",
    ]
    for column in ("kMAC: ", "s/MP: ", "PSNR in dB", "LPIPS"):
        assert column in out


def test_weights_shows_the_passport_of_one(run, registry):
    code, out, _ = run("weights", "tiny_x3")
    assert code == 0
    assert json.loads(out)["scale"] == 3
    code, _, err = run("weights", "tiny")
    assert code == 2
    assert "tiny_x2, tiny_x3" in err


def test_the_default_network_is_taken(run, registry, photographs, tmp_path):
    code, _, err = run("upscale", photographs / "a.png", "-o", tmp_path / "large.png")
    assert code == 0, err
    assert "32x24" in err


def test_scale_chooses_the_network_that_enlarges_just_enough(run, registry, photographs, tmp_path):
    from keras_sr.tasks.networks import network_file

    for scale, name in ((1.5, "tiny_x2"), (2, "tiny_x2"), (2.1, "tiny_x3"), (3, "tiny_x3"), (8, "tiny_x3")):
        assert network_file(None, scale).name == f"{name}.npz"
    assert network_file("tiny_x2", 3).name == "tiny_x2.npz"
    code, _, err = run("upscale", photographs / "a.png", "-o", tmp_path / "large.png", "-s", 4)
    assert code == 0
    assert "64x48" in err
    assert "the rest to x4 is bicubic" in err


def test_detail_lies_towards_the_partner_of_the_network_that_the_scale_chooses(run, photographs, tmp_path):
    """srgan_vgg54 is the default and has a partner; lite_x2, which a scale of 2 takes, has none."""
    target = tmp_path / "large.png"
    code, _, err = run("upscale", photographs / "a.png", "-o", target, "-s", 2, "--detail", 0.5)
    assert code == 2
    assert "lite_x2 was not trained from a network that is known" in err
    assert not target.exists()
    assert run("upscale", photographs / "a.png", "-o", target, "--detail", 0.5)[0] == 0


def test_upscale_from_python_by_name(registry, photographs):
    import keras_sr

    assert keras_sr.upscale(photographs / "a.png").shape == (24, 32, 3)
    assert keras_sr.upscale(photographs / "a.png", "tiny_x2").shape == (24, 32, 3)
    with pytest.raises(keras_sr.errors.KerasSRError, match="tiny_x2, tiny_x3"):
        keras_sr.upscale(photographs / "a.png", "tiny")
