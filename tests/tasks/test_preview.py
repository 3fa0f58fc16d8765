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


def test_the_numbers_of_a_preset_reach_the_crops(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))

    def steps(degradation):
        """Return the mean difference of neighbours on the sheet, half of which is LR."""
        settings = {"crop": 32, "batch_size": 3, "degradation": degradation}
        with Image.open(
            preview("photo_psnr", photos, tmp_path / degradation[4:9], settings=settings)
        ) as page:
            return np.abs(np.diff(np.asarray(page).astype(int), axis=1)).mean()

    assert steps("web:clean=0,blur=1,blur_sigma=9-9") < 0.9 * steps("web:blur=0,clean=0")
