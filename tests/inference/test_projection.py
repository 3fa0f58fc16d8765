import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr import upscale
from keras_sr.images.ranges import from_float
from keras_sr.images.resize import axis_matrix, imresize
from keras_sr.inference.projection import ConsistentEngine, consistent, factor, null_part, shrink, spread
from keras_sr.tasks.batch.extras import FULL, invented


def picture(height, width, seed=0):
    """Smooth colours away from black and white."""
    small = np.random.default_rng(seed).random((max(2, height // 3), max(2, width // 3), 3))
    return imresize(small * 0.4 + 0.3, size=(height, width), kernel="bilinear").astype(np.float32)


@pytest.mark.parametrize(("length", "scale"), [(1, 4), (2, 2), (5, 3), (40, 4), (33, 8)])
def test_the_factor_is_numpys(length, scale):
    matrix = axis_matrix(length * scale, length, 1 / scale, "bicubic", True)
    dense = np.linalg.cholesky(matrix @ matrix.T)
    band = factor(length * scale, length)
    for k in range(length):
        expected = np.diag(dense, -k)
        got = band[k:, k] if k < band.shape[1] else np.zeros(length - k)
        np.testing.assert_allclose(got, expected, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([2, 3, 4]), st.integers(0, 9))
def test_shrinks_to_what_it_was_made_from(height, width, scale, seed):
    lr = picture(height, width, seed)
    rng = np.random.default_rng(seed)
    sr = imresize(lr, scale) + rng.normal(0, 0.03, (height * scale, width * scale, 3)).astype(np.float32)
    moved = consistent(sr, lr)
    assert np.abs(imresize(moved, size=(height, width)) - lr).max() < 2e-4
    # It is the least that does it: what is added has nothing that vanishes.
    added = moved - sr
    assert np.abs(null_part(added, scale)).max() < 1e-4


def test_parts_add_up():
    sr = np.random.default_rng(0).random((32, 48, 3)).astype(np.float32)
    small = shrink(shrink(sr, 0, 8), 1, 12)
    np.testing.assert_allclose(small, imresize(sr, 0.25), atol=1e-6)
    kept = spread(spread(small, 1, 48), 0, 32)
    np.testing.assert_allclose(null_part(sr, 4) + kept, sr, atol=1e-6)
    np.testing.assert_allclose(shrink(shrink(null_part(sr, 4), 0, 8), 1, 12), 0, atol=1e-5)


class Noise:
    """An engine that adds detail, and a little that does not belong there."""

    name, scale, receptive_field, bytes_per_pixel, frame = "noise", 4, 3, 100, 3

    def run(self, batch):
        sr = imresize(batch[0], 4)
        sr[::2] += 0.02
        return (sr + 0.01)[None].astype(np.float32)


def test_the_engine_keeps_the_picture_in_8_bits_and_in_tiles():
    lr = from_float(picture(60, 70))
    plain, moved = (upscale(lr, engine) for engine in (Noise(), ConsistentEngine(Noise())))
    assert (imresize(plain, 0.25) != lr).mean() > 0.5
    difference = np.abs(imresize(moved, 0.25).astype(int) - lr)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01
    tiled = upscale(lr, ConsistentEngine(Noise()), tile=50).astype(int)
    assert np.abs(tiled - moved).max() <= 1


def test_black_and_white_are_met_as_far_as_they_can_be():
    lr = np.zeros((12, 12, 3), np.float32)
    lr[:, 6:] = 1
    moved = consistent(imresize(lr, 4).astype(np.float32), lr)
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert np.abs(imresize(moved, 0.25) - lr).max() < np.abs(imresize(imresize(lr, 4), 0.25) - lr).max()


def test_the_map_is_black_where_nothing_is_invented_and_bright_where_it_is():
    smooth = from_float(imresize(picture(20, 30), 4))
    rng = np.random.default_rng(0)
    rough = smooth.astype(int)
    rough[:, 80:] += rng.integers(-30, 31, (80, 40, 3))
    map_ = invented(rough.clip(0, 255).astype(np.uint8), 4)
    assert map_.shape == (80, 120, 1)
    assert map_[:, :70].mean() < 15
    assert map_[:, 90:].mean() > 100


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_map_of_many_tiles_has_no_seams(monkeypatch, scale):
    sr = np.random.default_rng(0).integers(0, 255, (97 * scale, 83 * scale, 3), np.uint8)
    monkeypatch.setattr("keras_sr.tasks.batch.extras._TILE", 200)
    whole = invented(sr, scale)
    for tile, at_once in ((70, 1 << 23), (45, 1 << 16), (23, 1 << 10)):
        monkeypatch.setattr("keras_sr.tasks.batch.extras._TILE", tile)
        monkeypatch.setattr("keras_sr.tasks.batch.extras._AT_ONCE", at_once)
        assert np.abs(invented(sr, scale).astype(int) - whole).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (1, 90), (90, 1), (11, 200), (97, 83)])
def test_a_map_is_that_of_the_null_part_of_a_picture_mirrored_at_its_edges(shape):
    # Ramps, whose edges a kernel that stops there would take for bright ones, and noise: never all white.
    ramps = np.add.outer(3 * np.arange(4 * shape[0]), 5 * np.arange(4 * shape[1])) % 181
    noise = np.random.default_rng(1).integers(0, 20, (*ramps.shape, 3))
    sr = (ramps[..., None] + noise).astype(np.uint8)
    around = np.pad(sr, [(80, 80), (80, 80), (0, 0)], "symmetric") / np.float32(255)
    small = shrink(shrink(around, 0, len(around) // 4), 1, around.shape[1] // 4)
    part = around - spread(spread(small, 1, around.shape[1]), 0, len(around))
    squares = (part[80:-80, 80:-80] ** 2).mean(axis=2).reshape(shape[0], 4, shape[1], 4).mean(axis=(1, 3))
    expected = imresize(from_float(np.sqrt(squares) / FULL), 4, kernel="bilinear")
    assert np.abs(invented(sr, 4)[..., 0].astype(int) - expected).max() <= 1
