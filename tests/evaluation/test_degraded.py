import json

import numpy as np
import pytest
from PIL import Image

from keras_sr.data.fixed import FIXED, damaged
from keras_sr.errors import DataError
from keras_sr.evaluation.sets.degraded import degrade
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.files import sha256
from keras_sr.images.plain import read_rgb


@pytest.fixture
def pairs(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 11, 3), np.uint8))
        (tmp_path / "set").mkdir(exist_ok=True)
        coarse.resize((90, 70), Image.Resampling.BICUBIC).save(tmp_path / "set" / f"{name}.png")
    return find_pairs(tmp_path / "set", 4)


@pytest.mark.parametrize("kind", list(FIXED))
def test_lr_is_kept_beside_a_manifest_that_another_can_check(pairs, kind, tmp_path):
    made = degrade(pairs, 4, kind, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["degradation"], manifest["scale"]) == (kind, 4)
    for before, after in zip(pairs, made, strict=True):
        assert (after.name, after.hr) == (before.name, before.hr)
        hr = read_rgb(after.hr)[:68, :88]
        np.testing.assert_array_equal(read_rgb(after.lr), damaged(hr, 4, kind, after.name))
        kept = manifest["pictures"][after.name]
        assert kept == {"hr_sha256": sha256(after.hr), "lr_sha256": sha256(after.lr)}


def test_made_twice_it_is_the_same_byte_for_byte(pairs, tmp_path):
    first, again = (degrade(pairs, 4, "noise5_jpeg80", tmp_path / name) for name in ("x", "y"))
    assert [sha256(pair.lr) for pair in first] == [sha256(pair.lr) for pair in again]


def test_a_broken_picture_keeps_its_pair(pairs, tmp_path):
    pairs[0].hr.write_bytes(b"no picture")
    made = degrade(pairs, 4, "jpeg75", tmp_path / "out")
    assert made[0] == pairs[0]
    assert made[1].lr.is_file()


def test_an_unknown_damage_writes_nothing(pairs, tmp_path):
    with pytest.raises(
        DataError, match="the known ones are jpeg90, jpeg75, jpeg50, noise5_jpeg80, blur_jpeg80"
    ):
        degrade(pairs, 4, "jpeg20", tmp_path / "out")
    assert not (tmp_path / "out").exists()
