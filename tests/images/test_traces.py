"""Traces of JPEG and noise: told by the pixels, whatever the file is called."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_sr.images.resize import imresize
from keras_sr.images.traces import JPEG, damage, jpeg_grid, noise


def through_jpeg(image, quality, subsampling=2):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file))


@pytest.fixture(scope="module")
def clean(shared_data):
    """Photographs that were shrunk by two: whatever their files have been through is gone."""
    files = sorted((shared_data / "benchmark" / "BSD100" / "HR").glob("*.png"))[:12]
    return [imresize(np.asarray(Image.open(file).convert("RGB")), 1 / 2) for file in files]


def test_clean_photographs_show_no_grid(clean):
    assert max(jpeg_grid(image @ np.float32([0.299, 0.587, 0.114])) for image in clean) < JPEG / 1.5


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_what_was_a_jpeg_shows_it_in_whatever_file(clean, quality, subsampling):
    assert {damage(through_jpeg(image, quality, subsampling)) for image in clean} == {"JPEG"}


def test_more_bits_hide_no_trace(clean):
    rng = np.random.default_rng(0)
    for image in clean:
        coded = through_jpeg(image, 75)
        assert damage(coded.astype(np.uint16) * 257) == damage((coded / 255).astype(np.float32)) == "JPEG"
        # A camera's own 16 bits lie between the levels of 8.
        deep = image * 257.0 + rng.uniform(-128, 128, image.shape)
        assert damage(deep.clip(0, 65535).astype(np.uint16)) != "JPEG"
    noisy = 30000 + 257 * rng.normal(0, 6, (200, 200, 3))
    assert damage(noisy.astype(np.uint16)) == "noise"


def test_the_grid_is_found_wherever_a_picture_was_cut_and_however_it_lies(clean):
    for image in clean:
        coded = through_jpeg(image, 75)
        assert damage(coded[3:, 5:]) == "JPEG"
        assert damage(np.rot90(coded)) == "JPEG"
        assert damage(coded[:, ::-1]) == "JPEG"
        grey = coded @ np.float32([0.299, 0.587, 0.114])
        assert damage(np.rint(grey).astype(np.uint8)[..., None]) == "JPEG"


def test_a_jpeg_that_was_shrunk_is_clean_again(clean):
    assert not any(
        jpeg_grid(imresize(through_jpeg(i, 75), 2 / 3)[..., 1].astype(float)) > JPEG for i in clean
    )


def test_noise_is_measured_in_levels():
    flat = np.full((200, 300), 120.0)
    for sigma in (1.0, 4.0, 10.0):
        noisy = flat + np.random.default_rng(0).normal(0, sigma, flat.shape)
        # The flattest of many blocks has somewhat less than sigma.
        assert 0.65 * sigma < noise(noisy) < sigma
    slanted = np.add.outer(np.arange(200.0), 2 * np.arange(300.0)) / 4
    assert noise(slanted) < 1e-6


def test_a_noisy_picture_is_told_from_a_clean_one(clean):
    rng = np.random.default_rng(0)
    noisy = [np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8) for image in clean]
    assert sum(damage(image) == "noise" for image in noisy) >= len(noisy) - 1
    assert sum(damage(image) == "noise" for image in clean) <= 1


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((400, 31, 3), np.uint8),
        np.full((100, 100, 1), 255, np.uint8),
        np.zeros((64, 64, 3), np.uint16),
        np.full((64, 64, 3), np.nan, np.float32),
        np.random.default_rng(0).normal(0, 900, (64, 64, 7)),
    ],
)
def test_what_tells_nothing_is_clean(pixels):
    assert damage(pixels) == ""
