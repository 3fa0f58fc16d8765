import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.images.alpha import bleed, hold
from keras_sr.images.storage import Storage


def test_what_can_be_seen_stays():
    rng = np.random.default_rng(0)
    colours = rng.random((13, 17, 3), np.float32)
    alpha = np.where(rng.random((13, 17)) < 0.3, rng.random((13, 17)), 0).astype(np.float32)
    filled = bleed(colours, alpha)
    np.testing.assert_array_equal(filled[alpha > 0], colours[alpha > 0])
    assert np.isfinite(filled).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_the_filling_lies_between_what_can_be_seen(height, width, seed):
    rng = np.random.default_rng(seed)
    colours = rng.random((height, width, 1), np.float32)
    alpha = (rng.random((height, width)) < 0.2).astype(np.float32)
    filled = bleed(colours, alpha)
    if not alpha.any():
        np.testing.assert_array_equal(filled, colours)
        return
    seen = colours[alpha > 0]
    assert filled.min() >= seen.min() - 1e-5
    assert filled.max() <= seen.max() + 1e-5


def test_near_pixels_are_filled_from_near_ones():
    colours = np.zeros((32, 32, 1), np.float32)
    alpha = np.zeros((32, 32), np.float32)
    colours[:, :2], alpha[:, :2] = 1.0, 1.0
    alpha[:, -2:] = 1.0
    filled = bleed(colours, alpha)[..., 0]
    assert (filled[:, 2:6] > 0.6).all()
    assert (filled[:, -6:-2] < 0.4).all()


def test_opaque_pictures_are_not_touched():
    colours = np.random.default_rng(0).random((4, 5, 3), np.float32)
    assert bleed(colours, np.ones((4, 5), np.float32)) is colours


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_alpha_is_held_between_what_surrounds_it(height, width, scale, seed):
    rng = np.random.default_rng(seed)
    lr = rng.choice(np.array([0, 0, 40, 255, 255, 255], np.uint8), (height, width))
    sr = rng.integers(0, 256, (height * scale, width * scale), np.uint8)
    free = sr.copy()
    hold(sr, lr, scale)
    for y, x in np.ndindex(height, width):
        around = lr[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        cell = np.s_[y * scale : (y + 1) * scale, x * scale : (x + 1) * scale]
        np.testing.assert_array_equal(sr[cell], free[cell].clip(around.min(), around.max()))


def test_on_the_disk_and_in_pieces_it_is_the_same(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (83, 61, 3), np.uint8)
    alpha = np.where(rng.random((83, 61)) < 0.02, 255, 0).astype(np.uint8)
    whole = bleed(colours, alpha)
    sr = rng.integers(0, 256, (166, 122), np.uint8)
    held = sr.copy()
    hold(held, alpha, 2)
    monkeypatch.setattr("keras_sr.images.storage.PIECE", 9000)
    storage = Storage(0, tmp_path)
    pieced = bleed(storage.keep(colours), storage.keep(alpha), storage)
    assert isinstance(pieced, np.memmap)
    np.testing.assert_array_equal(pieced, whole)
    on_disk = storage.keep(sr)
    hold(on_disk, alpha, 2)
    np.testing.assert_array_equal(on_disk, held)
