"""Pairs whose HR is what a stronger network makes of LR (scripts/taught_pairs.py)."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_sr import open_network, upscale
from keras_sr.data.pairing import find
from keras_sr.images.plain import read_rgb, write_plain
from keras_sr.images.resize import imresize

SCRIPT = Path(__file__).parents[2] / "scripts" / "taught_pairs.py"

pytestmark = pytest.mark.once


@pytest.fixture
def make(monkeypatch):
    spec = importlib.util.spec_from_file_location("taught_pairs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["taught_pairs.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            module.main()
        return end.value.code

    return run


@pytest.fixture
def photos(tmp_path):
    for k, name in enumerate(("a.png", "in/a.png", "in/a.bmp")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_plain(path, np.random.default_rng(k).integers(0, 256, (41, 50, 3), np.uint8))
    return tmp_path / "photos"


def test_every_photograph_becomes_a_pair_that_training_finds(make, photos, tmp_path):
    out = tmp_path / "pairs"
    assert make(photos, "--network", "compact_x4", "--out", out, "--charts", 2) == 0
    pairs, left_out = find([out], None, 4)
    assert left_out == []
    assert len(pairs) == 5
    assert all(pair.lr is not None for pair in pairs)
    lr, hr = (read_rgb(out / path) for path in ("LR/in_a_bmpx4.png", "HR/in_a_bmp.png"))
    photo = read_rgb(photos / "in" / "a.bmp")[:40, 1:49]
    np.testing.assert_array_equal(lr, imresize(photo, 1 / 4))
    np.testing.assert_array_equal(hr, upscale(lr, open_network("compact_x4", precision="f32")))
    chart = read_rgb(out / "HR" / "chart00.png")
    assert set(np.unique(chart)) == {0, 128, 255}


def test_a_larger_networks_sr_is_shrunk_and_a_smaller_one_is_refused(make, photos, tmp_path):
    assert make(photos, "--network", "compact_x4", "--out", tmp_path / "x3", "--scale", 3) == 0
    lr, hr = (read_rgb(tmp_path / "x3" / path) for path in ("LR/a_pngx3.png", "HR/a_png.png"))
    assert hr.shape == (39, 48, 3)
    np.testing.assert_array_equal(hr, upscale(lr, open_network("compact_x4", precision="f32"), scale=3))
    said = make(photos, "--network", "compact_x2", "--out", tmp_path / "x4")
    assert said == "compact_x2 enlarges x2: x4 needs as much"
    assert not (tmp_path / "x4").exists()


def test_a_broken_picture_is_a_line_and_what_is_there_is_kept(make, photos, tmp_path, capsys):
    (photos / "broken.png").write_bytes(b"no picture")
    out = tmp_path / "pairs"
    assert make(photos, "--network", "compact_x4", "--out", out) == 1
    assert "broken.png is left out: " in capsys.readouterr().err
    assert len(list((out / "HR").iterdir())) == len(list((out / "LR").iterdir())) == 3
    mine = out / "HR" / "a_png.png"
    mine.write_bytes(b"made before")
    assert make(photos, "--network", "compact_x4", "--out", out) == 1
    assert mine.read_bytes() == b"made before"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere", "--network", "compact_x4"), "there is no folder nowhere"),
        (("{photos}", "--network", "nothing"), "unknown weights 'nothing'"),
    ],
)
def test_mistakes_are_one_line(arguments, words, make, photos, tmp_path):
    said = make(*(text.format(photos=photos) for text in arguments), "--out", tmp_path / "pairs")
    assert words in said
    assert "\n" not in said
