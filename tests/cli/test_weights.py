import json
import shutil
from dataclasses import fields

import pytest
from PIL import Image


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
    """Those of 2 and 3 for clean pictures invent nothing: who turns this dial gets one that does."""
    for scale, network in ((2, "photo_x2"), (3, "photo_x4")):
        target = tmp_path / f"large{scale}.png"
        code, _, err = run("upscale", photographs / "a.png", "-o", target, "-s", scale, "--detail", 0.5)
        assert code == 0, err
        assert f"{network}, detail 0.5" in err
        with Image.open(target) as image, Image.open(photographs / "a.png") as small:
            assert image.size == (small.width * scale, small.height * scale)
    assert run("upscale", photographs / "a.png", "-o", target, "--detail", 0.5)[0] == 0


def test_a_network_that_lies_at_an_end_says_which_have_the_dial(run, photographs, tmp_path):
    for options in (["-s", 1], ["-n", "photo_psnr_x2"]):
        target = tmp_path / "large.png"
        code, _, err = run("upscale", photographs / "a.png", "-o", target, *options, "--detail", 0.5)
        assert code == 2
        assert "`detail` goes with photo_x4, photo_grain_x4, photo_x2, sr" in err.replace(
            "--detail", "`detail`"
        )
        assert not target.exists()


def test_upscale_from_python_by_name(registry, photographs):
    import keras_sr

    assert keras_sr.upscale(photographs / "a.png").shape == (24, 32, 3)
    assert keras_sr.upscale(photographs / "a.png", "tiny_x2").shape == (24, 32, 3)
    with pytest.raises(keras_sr.errors.KerasSRError, match="tiny_x2, tiny_x3"):
        keras_sr.upscale(photographs / "a.png", "tiny")
