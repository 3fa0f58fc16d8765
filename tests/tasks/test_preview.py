import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras")

from keras_sr.errors import DataError, RecipeError
from keras_sr.tasks.train import preview


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(2):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 15, 3), np.uint8))
        coarse.resize((150, 120), Image.Resampling.BICUBIC).save(tmp_path / "photos" / f"{i}.png")
    return tmp_path / "photos"


def test_a_sheet_of_forty_crops_is_written_and_nothing_is_trained(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    file = preview("photo_psnr", photos, tmp_path / "sheet", settings={"crop": 32, "batch_size": 3})
    assert file == tmp_path / "sheet" / "photo_psnr_crops.png"
    with Image.open(file) as page:
        assert page.size == (5 * (2 * 32 + 8) + 8, 8 * (32 + 8) + 8)
    assert not (tmp_path / "runs").exists()


def test_bad_settings_write_no_sheet(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RecipeError, match="unknown recipe"):
        preview("foto", photos, tmp_path / "sheet")
    with pytest.raises(DataError, match="the known ones are bicubic, bilinear, web, realesrgan"):
        preview("photo_psnr", photos, tmp_path / "sheet", settings={"degradation": "wild"})
    assert not (tmp_path / "sheet").exists()
