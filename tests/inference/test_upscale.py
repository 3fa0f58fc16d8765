import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_sr.errors import PictureError, WeightsError
from keras_sr.images.ranges import from_float, to_float
from keras_sr.inference import upscale


class Blur:
    """An engine in numpy: the mean of 5x5 pixels with zeros outside, then every pixel twice."""

    name, scale, receptive_field, bytes_per_pixel = "blur", 2, 2, 100

    def __init__(self):
        self.sizes = []

    def run(self, batch):
        self.sizes.append(batch.shape[1:3])
        padded = np.pad(batch, [(0, 0), (2, 2), (2, 2), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
        return windows.mean(axis=(-1, -2), dtype=np.float32).repeat(2, axis=1).repeat(2, axis=2)


def photograph(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))


@settings(deadline=None, max_examples=60)
@given(size=sizes, tile=st.integers(5, 40), seed=st.integers(0, 9))
def test_tiled_equals_untiled_exactly_in_numpy(size, tile, seed):
    picture = photograph(*size, 3, seed=seed)
    engine = Blur()
    np.testing.assert_array_equal(upscale(picture, engine, tile=tile), upscale(picture, Blur(), tile=1000))
    assert len(set(engine.sizes)) == 1
    assert max(engine.sizes[0]) <= tile or max(size) <= tile


@settings(deadline=None, max_examples=40)
@given(size=sizes, tile=st.integers(9, 40), seed=st.integers(0, 9))
def test_tiled_equals_untiled_on_an_engine(engine, size, tile, seed):
    picture = photograph(*size, 3, seed=seed)
    tiled = upscale(picture, engine, tile=tile).astype(int)
    # Engines choose their kernels by the size of the picture: the last bit may differ, and with it one level.
    assert np.abs(tiled - upscale(picture, engine, tile=1000)).max() <= 1


def test_a_margin_that_is_too_small_shows(engine):
    # The test above can fail: with half the receptive field the seams are plain to see.
    class Careless:
        name, scale, receptive_field, bytes_per_pixel, run = "careless", 2, 2, 1000, engine.run

    picture = photograph(60, 60, 3)
    tiled = upscale(picture, Careless(), tile=20).astype(int)
    assert np.abs(tiled - upscale(picture, engine, tile=1000)).max() > 3


def test_memory_decides_about_tiles(engine):
    picture = photograph(90, 80, 3)
    done = []
    small = upscale(picture, engine, memory=1, progress=done.append)
    assert len(done) == 9  # windows of 2 * 4 + 32
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert np.abs(small.astype(int) - upscale(picture, engine)).max() <= 1


def test_equals_the_engine_itself(engine):
    picture = photograph(20, 30, 3)
    np.testing.assert_array_equal(
        upscale(picture, engine), from_float(engine.run(to_float(picture)[None])[0])
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 3)])
@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_any_size_and_any_number_of_axes(engine, size, channels):
    picture = photograph(*size, *channels)
    sr = upscale(picture, engine)
    assert sr.dtype == np.uint8
    assert sr.shape == (2 * size[0], 2 * size[1], *channels)


def test_grey_stays_grey_and_is_the_luma_of_the_grey_run_as_rgb(engine):
    grey = photograph(12, 13)
    sr = upscale(grey, engine)
    rgb = engine.run(to_float(np.repeat(grey[..., None], 3, axis=2))[None])[0]
    np.testing.assert_array_equal(sr, from_float(rgb @ np.float32([0.299, 0.587, 0.114])))
    np.testing.assert_array_equal(upscale(grey[..., None], engine)[..., 0], sr)


def test_white_stays_white_and_black_black():
    for level in (0, 255):
        picture = np.full((30, 31), level, np.uint8)
        inner = upscale(picture, Blur())[4:-4, 4:-4]
        assert (inner == level).all()


def test_16_bits_and_floats_mean_what_they_are(engine):
    picture = photograph(9, 9, 3)
    expected = upscale(picture, engine)
    np.testing.assert_array_equal(upscale(picture.astype(np.uint16) * 257, engine), expected)
    np.testing.assert_array_equal(upscale(to_float(picture), engine), expected)


def test_files_pictures_and_pillow_images(engine, tmp_path):
    from keras_sr.images.io import read

    picture = photograph(9, 8, 3)
    path = tmp_path / "lr.png"
    Image.fromarray(picture).save(path)
    expected = upscale(picture, engine)
    for given_as in (path, str(path), read(path), Image.open(path)):
        np.testing.assert_array_equal(upscale(given_as, engine), expected)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4,), (4, 4, 2), (4, 4, 4), (1, 4, 4, 3)])
def test_refuses_what_is_no_picture(engine, shape):
    with pytest.raises(PictureError, match=r"expected \(H, W\)"):
        upscale(np.zeros(shape, np.uint8), engine)


def test_refuses_a_palette_and_unknown_pixels(engine, tmp_path):
    with pytest.raises(PictureError, match="mode L or RGB, got P"):
        upscale(Image.new("P", (4, 4)), engine)
    with pytest.raises(PictureError, match="int64"):
        upscale(np.zeros((4, 4, 3), np.int64), engine)
    with pytest.raises(PictureError, match="NaN"):
        upscale(np.full((4, 4, 3), np.nan, np.float32), engine)
    with pytest.raises(PictureError, match="absent"):
        upscale(tmp_path / "absent.png", engine)


def test_a_network_by_path(network_file):
    picture = photograph(5, 6, 3)
    assert upscale(picture, str(network_file)).shape == (10, 12, 3)
    with pytest.raises(WeightsError, match="no weight file at"):
        upscale(picture, str(network_file.with_name("absent.onnx")))
