"""Dithers, checkers, hatching and thin lines stay as bright as they were, with every network."""

import numpy as np
import pytest

import keras_sr
from keras_sr.images.brightness import hold_brightness
from keras_sr.images.picture import Picture
from keras_sr.images.resize import imresize
from keras_sr.images.storage import Storage
from keras_sr.inference.enlarge import enlarge
from keras_sr.weights import registry

SIDE = 48
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
ENLARGING = [name for name in registry.names() if keras_sr.open_network(name).scale > 1]


def tiled(pattern):
    return np.tile(pattern, (SIDE // len(pattern), SIDE // len(pattern[0])))


def patterns(dark, light):
    rng = np.random.default_rng(0)
    diagonal = np.add.outer(np.arange(SIDE), np.arange(SIDE)) % 6 == 0
    return {
        "checker": tiled([[dark, light], [light, dark]]),
        "checker of 2": tiled(np.kron([[dark, light], [light, dark]], np.ones((2, 2), int))),
        "rows": tiled([[dark, dark], [light, light]]),
        "columns": tiled([[dark, light], [dark, light]]),
        "dark lines across": tiled([[dark] * 8] + [[light] * 8] * 7),
        "light lines down": tiled([[light] + [dark] * 5] * 6),
        "slanted lines": np.where(diagonal, dark, light),
        "ordered dither": np.where(tiled(BAYER) < 6, light, dark),
        "random dither": np.where(rng.random((SIDE, SIDE)) < 0.45, light, dark),
        "dither of three": np.choose(rng.integers(0, 3, (SIDE, SIDE)), [dark, (dark + light) // 2, light]),
    }


def strayed(picture, sr, scale, edge=8):
    inner = picture[edge:-edge, edge:-edge], sr[edge * scale : -edge * scale, edge * scale : -edge * scale]
    return float(inner[1].mean() - inner[0].mean())


@pytest.mark.parametrize("name", ENLARGING)
@pytest.mark.parametrize("values", [(0, 255), (0, 128), (200, 255)])
def test_every_network_keeps_the_brightness_of_patterns(name, values):
    network = keras_sr.open_network(name)
    apart = {
        kind: strayed(pattern, keras_sr.upscale(pattern.astype(np.uint8), network), network.scale)
        for kind, pattern in patterns(*values).items()
    }
    assert max(map(abs, apart.values())) < 1, apart


def test_patterns_in_colour_of_16_bits_and_in_floats(engine_of_half):
    checker = patterns(40, 220)["checker"]
    colour = np.stack([checker, checker[::-1], np.full_like(checker, 90)], axis=2).astype(np.uint8)
    for picture, white in (
        (colour, 255),
        (colour.astype(np.uint16) * 257, 65535),
        (colour / np.float32(255), 1),
    ):
        sr = keras_sr.upscale(picture, engine_of_half)
        assert max(abs(strayed(picture[..., i], sr[..., i], 2)) for i in range(2)) < white / 255
        # What is flat was made half as bright by the network and is no pattern: it is left to it.
        assert sr[..., 2].max() <= 0.36 * white


@pytest.fixture
def engine_of_half():
    """An engine that makes all half as bright."""

    class Half:
        name, scale, receptive_field, bytes_per_pixel, frame = "half", 2, 1, 100, 1

        def run(self, batch):
            return batch.repeat(2, axis=1).repeat(2, axis=2) / 2

    return Half()


@pytest.mark.parametrize("name", ["compact_x4", "srgan_vgg54", "photo_x4"])
def test_photographs_stay_as_they_are(name, shared_data):
    from PIL import Image

    for file in sorted((shared_data / "benchmark" / "BSD100" / "HR").glob("*.png"))[::20]:
        photo = np.asarray(Image.open(file).convert("RGB"))
        lr = imresize(photo[: len(photo) // 4 * 4, : photo.shape[1] // 4 * 4], 1 / 4)
        sr = keras_sr.upscale(lr, name)
        again = sr.copy()
        hold_brightness(again, lr, 4)
        assert (again != sr).mean() < 1e-3


def test_paper_stays_white_and_print_black(engine_of_half):
    page = np.full((80, 80, 1), 255, np.uint8)
    page[8:40:4, 8:72] = 0
    # An engine's lines that are thicker by half, with grey edges.
    sr = page.repeat(4, axis=0).repeat(4, axis=1)
    for line in range(32, 160, 16):
        sr[line - 1, 32:288] = sr[line + 4, 32:288] = 128
    before = sr.copy()
    hold_brightness(sr, page, 4)
    lines = (slice(40, 152), slice(48, 272))
    assert before[lines].mean() < page[10:38, 12:68].mean() - 10
    assert abs(sr[lines].mean() - page[10:38, 12:68].mean()) < 2
    assert sr[before == 255].min() >= 250
    assert sr[before == 0].max() <= 10
    np.testing.assert_array_equal(sr[200:], 255)


def test_a_mask_and_a_slope_keep_every_pixel():
    mask = np.zeros((60, 60, 1), np.uint8)
    mask[13:41, 22:55] = 255
    slope = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (60, 1))[..., None]
    for lr in (mask, slope):
        sr = (lr.repeat(3, axis=0).repeat(3, axis=1) // 2).astype(np.uint8)
        held = sr.copy()
        hold_brightness(held, lr, 3)
        np.testing.assert_array_equal(held, sr)


def test_the_result_does_not_depend_on_where_pixels_lie_or_on_tiles(tmp_path):
    picture = Picture(patterns(0, 180)["random dither"].astype(np.uint8)[..., None])
    here = enlarge(picture, keras_sr.open_network("compact_x4"))
    there = enlarge(
        picture, keras_sr.open_network("compact_x4"), tile=40, storage=Storage(folder=tmp_path, limit=100)
    )
    assert np.abs(here.pixels.astype(int) - there.pixels).max() <= 1


def test_what_is_seen_of_a_transparent_picture_is_held(engine_of_half):
    checker = patterns(20, 230)["checker"].astype(np.uint8)
    alpha = np.full_like(checker, 255)
    alpha[:, 24:] = 0
    sr = enlarge(Picture(np.repeat(checker[..., None], 3, axis=2), alpha=alpha), engine_of_half)
    assert abs(strayed(checker[:, :24], sr.pixels[:, :48], 2)) < 1


def test_a_network_that_cleans_may_change_brightness(engine_of_half):
    engine_of_half.scale = 1
    engine_of_half.run = lambda batch: batch / 2
    checker = patterns(0, 200)["checker"].astype(np.uint8)
    np.testing.assert_array_equal(keras_sr.upscale(checker, engine_of_half), checker // 2)
