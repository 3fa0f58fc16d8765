"""Tiles that cannot be seen: on every engine a tiled picture is the untiled one.

Engines choose their kernels by the size of the window, so that the last bit of a float may differ, and with
it a value that lies between two grey levels; never more. `pytest -s` prints how many are bit for bit.
"""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr import upscale
from keras_sr.images.ranges import from_float


@st.composite
def sizes_and_windows(draw):
    """(height, width) of an LR picture and the side of a tile that is smaller; margins alone are 8."""
    size = draw(st.tuples(st.integers(1, 90), st.integers(1, 90)).filter(lambda size: max(size) > 12))
    return size, draw(st.integers(12, max(size) - 1))


@pytest.fixture(scope="module")
def tally():
    """(engine, how equal): pictures; printed at the end."""
    counts = Counter()
    yield counts
    for (engine, how), count in sorted(counts.items()):
        print(f"\n{engine}: {count} tiled pictures are the untiled one {how}", end="")


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(case=sizes_and_windows(), seed=st.integers(0, 2**32 - 1))
def test_any_picture_in_any_tiles(engine, tally, case, seed):
    size, window = case
    picture = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    tiled, whole = (upscale(picture, engine, tile=tile, rounded=False) for tile in (window, 1000))
    levels_off = np.abs(from_float(tiled).astype(int) - from_float(whole))
    equal = "bit for bit" if np.array_equal(tiled, whole) else "but for the last bits of some floats"
    tally[type(engine).__name__, equal] += 1
    tally[type(engine).__name__, f"to within {levels_off.max()} levels"] += 1
    assert levels_off.max() <= 1
    # Some units in the last place of values near 1: far less than half a level of 16 bits.
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=2e-6)


class OneTooFew:
    """The same engine with a margin one pixel too small."""

    name, scale, receptive_field, bytes_per_pixel, frame = "one too few", 2, 3, 1000, 0

    def __init__(self, engine):
        self.run = engine.run


def test_one_pixel_of_margin_less_is_seen(engine):
    # The test above can fail: 4 is the receptive field, not a bound that is generous.
    picture = np.random.default_rng(0).random((60, 60, 3), np.float32)
    tiled, whole = (upscale(picture, OneTooFew(engine), tile=tile) for tile in (20, 60))
    assert np.abs(tiled - whole).max() > 1e-3
