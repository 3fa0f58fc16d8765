import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.errors import KerasSRError
from keras_sr.inference.tiling import SMALLEST_CORE, framed, spans, tile_size, tiles


@settings(deadline=None, max_examples=300)
@given(
    length=st.integers(1, 500),
    window=st.integers(1, 200),
    margin=st.integers(0, 60),
    frame=st.integers(0, 70),
)
def test_spans_keep_every_pixel_once_with_enough_margin(length, window, margin, frame):
    seen = min(frame, margin)
    if length + 2 * seen > window and window <= 2 * margin:
        with pytest.raises(KerasSRError, match="all margin"):
            spans(length, window, margin, frame)
        return
    result = spans(length, window, margin, frame)
    kept = [i for span in result for i in range(span.keep_start, span.keep_stop)]
    assert kept == list(range(length))
    assert len({span.stop - span.start for span in result}) == 1
    for span in result:
        assert -seen <= span.start < span.stop <= length + seen
        assert span.stop - span.start <= window
        assert span.start == -seen or span.keep_start - span.start >= margin
        assert span.stop == length + seen or span.stop - span.keep_stop >= margin
        assert span.keep_start < span.keep_stop


def test_windows_are_no_larger_than_the_number_of_tiles_asks_for():
    # 3 windows of 40 with 5 of margin would do for up to 100; 82 needs only 34.
    result = spans(82, 40, 5)
    assert [(s.start, s.stop) for s in result] == [(0, 34), (24, 58), (48, 82)]


@settings(deadline=None, max_examples=100)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    side=st.integers(9, 40),
    scale=st.integers(1, 4),
    frame=st.integers(0, 6),
)
def test_tiles_put_together_are_the_picture(height, width, side, scale, frame):
    picture = np.random.default_rng(0).integers(0, 255, (height, width))
    big = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    out = np.full_like(big, -1)
    for tile in tiles(height, width, tile=(side, side), margin=4, frame=frame):
        window = tile.window(picture).repeat(scale, axis=0).repeat(scale, axis=1)
        assert (out[tile.target(scale)] == -1).all()
        out[tile.target(scale)] = window[tile.inside(scale)]
    np.testing.assert_array_equal(out, big)


def test_a_window_beyond_the_picture_is_its_mirror_image():
    picture = np.arange(20).reshape(4, 5)
    (tile,) = tiles(4, 5, tile=(10, 11), margin=3, frame=3)
    np.testing.assert_array_equal(tile.window(picture), np.pad(picture, 3, mode="symmetric"))
    np.testing.assert_array_equal(tile.window(picture), framed(picture, 3))
    assert framed(picture[..., None], 0).shape == (4, 5, 1)


@settings(deadline=None, max_examples=200)
@given(
    height=st.integers(1, 5000),
    width=st.integers(1, 5000),
    pixels=st.integers(0, 10**6),
    margin=st.integers(0, 60),
)
def test_tile_size_keeps_the_budget_and_can_always_be_cut(height, width, pixels, margin):
    window = tile_size(height, width, pixels=pixels, margin=margin)
    smallest = (2 * margin + SMALLEST_CORE) ** 2
    # A flat picture may be as thin as one row, and still needs margins along the other axis.
    assert window[0] * window[1] <= max(pixels, smallest)
    list(zip(spans(height, window[0], margin), spans(width, window[1], margin), strict=False))


def test_a_picture_that_fits_is_one_tile():
    assert tile_size(300, 400, pixels=300 * 400, margin=40) == (300, 400)
    assert len(list(tiles(300, 400, tile=(300, 400), margin=40))) == 1
