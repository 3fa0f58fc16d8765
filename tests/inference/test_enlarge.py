import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_sr import upscale
from keras_sr.errors import PictureError, WeightsError
from keras_sr.images.alpha import hold
from keras_sr.images.picture import Picture
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.storage import Storage
from keras_sr.inference.engines import open_engine
from keras_sr.inference.enlarge import enlarge
from keras_sr.weights import registry


class Blur:
    """An engine in numpy: the mean of 5x5 pixels with zeros outside, then every pixel twice."""

    name, scale, receptive_field, bytes_per_pixel = "blur", 2, 2, 100

    def __init__(self, frame=0):
        self.sizes, self.frame = [], frame

    def run(self, batch):
        self.sizes.append(batch.shape[1:3])
        padded = np.pad(batch, [(0, 0), (2, 2), (2, 2), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
        return windows.mean(axis=(-1, -2), dtype=np.float32).repeat(2, axis=1).repeat(2, axis=2)


def photograph(*shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))


@settings(deadline=None, max_examples=60)
@given(size=sizes, tile=st.integers(5, 40), frame=st.integers(0, 4), seed=st.integers(0, 9))
def test_tiled_equals_untiled_exactly_in_numpy(size, tile, frame, seed):
    picture = photograph(*size, 3, seed=seed)
    engine = Blur(frame)
    np.testing.assert_array_equal(
        upscale(picture, engine, tile=tile), upscale(picture, Blur(frame), tile=1000)
    )
    assert len(set(engine.sizes)) == 1
    assert max(engine.sizes[0]) <= tile


@settings(deadline=None, max_examples=60)
@given(size=sizes, tile=st.integers(5, 40), frame=st.integers(2, 9), seed=st.integers(0, 9))
def test_a_frame_as_wide_as_the_network_sees_leaves_no_black_outside(size, tile, frame, seed):
    picture = photograph(*size, 3, seed=seed)
    continued = np.pad(picture, [(2, 2), (2, 2), (0, 0)], mode="symmetric")
    expected = Blur().run(to_float(continued)[None])[0, 4:-4, 4:-4]
    np.testing.assert_array_equal(upscale(picture, Blur(frame), tile=tile, rounded=False), expected)


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
        name, scale, receptive_field, bytes_per_pixel, frame, run = "careless", 2, 2, 1000, 3, engine.run

    picture = photograph(60, 60, 3)
    tiled = upscale(picture, Careless(), tile=20).astype(int)
    assert np.abs(tiled - upscale(picture, engine, tile=1000)).max() > 3


def test_memory_decides_about_tiles(engine):
    picture = photograph(90, 80, 3)
    done = []
    small = upscale(picture, engine, memory=1, progress=done.append)
    assert len(done) == 9  # windows of 2 * 4 + 32 for 96 x 86, the frame included
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert np.abs(small.astype(int) - upscale(picture, engine)).max() <= 1


def test_equals_the_engine_itself_on_a_framed_picture(engine):
    picture = photograph(20, 30, 3)
    frame, cut = engine.frame, engine.frame * engine.scale
    continued = np.pad(picture, [(frame, frame), (frame, frame), (0, 0)], mode="symmetric")
    whole = from_float(engine.run(to_float(continued)[None])[0])
    np.testing.assert_array_equal(upscale(picture, engine), whole[cut:-cut, cut:-cut])


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
    rgb = upscale(np.repeat(grey[..., None], 3, axis=2), engine, rounded=False)
    np.testing.assert_array_equal(sr, from_float(rgb @ np.float32([0.299, 0.587, 0.114])))
    np.testing.assert_array_equal(upscale(grey[..., None], engine)[..., 0], sr)


class Tint(Blur):
    """The same engine, with colour in everything, as networks have it."""

    def run(self, batch):
        return super().run(batch) + np.float32([0.1, 0, -0.05])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("tile", [None, 12])
def test_grey_stored_as_rgb_stays_grey_and_is_that_grey(dtype, tile):
    grey = photograph(24, 15).astype(dtype)
    grey = grey / np.float32(255) if dtype == np.float32 else grey
    rgb = np.repeat(grey[..., None], 3, axis=2)
    expected = upscale(grey, Tint(), tile=tile)
    np.testing.assert_array_equal(upscale(rgb, Tint(), tile=tile), np.repeat(expected[..., None], 3, axis=2))
    # Beside transparency, and beside further bands.
    seen = np.dstack([rgb, grey[::-1]])
    rgba = enlarge(Picture(seen[..., :3], alpha=seen[..., 3]), Tint(), tile=tile)
    assert (rgba.pixels == rgba.pixels[..., :1]).all()
    bands = upscale(seen, Tint(), rgb=(2, 0, 1), tile=tile)
    np.testing.assert_array_equal(bands[..., :3], np.repeat(expected[..., None], 3, axis=2))
    # One pixel of colour, anywhere, makes it a colour picture.
    for place in ((0, 0), (23, 14)):
        coloured = rgb.copy()
        coloured[(*place, 1)] = 0 if coloured[(*place, 1)] else 1
        sr = upscale(coloured, Tint(), tile=tile)
        assert (sr[..., 0] != sr[..., 2]).any()


def test_white_stays_white_and_black_black():
    for level in (0, 255):
        picture = np.full((30, 31), level, np.uint8)
        assert (upscale(picture, Blur(frame=2)) == level).all()


def test_16_bits_and_floats_mean_what_they_are(engine):
    picture = photograph(9, 9, 3)
    exact = upscale(picture, engine, rounded=False)
    assert exact.dtype == np.float32
    np.testing.assert_array_equal(upscale(picture, engine), from_float(exact))
    deep = upscale(picture.astype(np.uint16) * 257, engine)
    np.testing.assert_array_equal(deep, from_float(exact, "uint16"))
    np.testing.assert_array_equal(upscale(to_float(picture), engine), exact)
    # A dark 16-bit picture is not an 8-bit one (Real-ESRGAN takes it for that when nothing is above 256).
    dark = photograph(9, 9, 3).astype(np.uint16)
    exact = upscale(dark / 65535, engine).clip(0, 1)
    np.testing.assert_allclose(upscale(dark, engine) / 65535, exact, atol=1e-5)


def test_floats_of_any_range_keep_it():
    picture = photograph(9, 11, 3) / 255
    expected = upscale(picture, Blur(frame=2))
    for low, span in ((-40.0, 300.0), (0.0, 1000.0), (-1.0, 2.0)):
        other = upscale((picture * span + low).astype(np.float32), Blur(frame=2))
        np.testing.assert_allclose((other - low) / span, expected, atol=2e-5)
    flat = np.full((9, 9, 1), 7.5, np.float32)
    np.testing.assert_allclose(upscale(flat, Blur(frame=2)), 7.5, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 2, 4, 7])
def test_bands_are_enlarged_one_by_one(engine, bands, dtype):
    picture = photograph(9, 12, bands, dtype=dtype)
    sr = upscale(picture, engine)
    assert (sr.shape, sr.dtype) == ((18, 24, bands), dtype)
    for band in range(bands):
        np.testing.assert_array_equal(sr[..., band], upscale(picture[..., band], engine))


def test_three_bands_may_be_declared_rgb(engine):
    picture = photograph(9, 12, 5)
    sr = upscale(picture, engine, rgb=(3, 2, 0))
    np.testing.assert_array_equal(sr[..., [3, 2, 0]], upscale(picture[..., [3, 2, 0]], engine))
    np.testing.assert_array_equal(sr[..., 4], upscale(picture[..., 4], engine))
    for wrong in ((0, 1), (0, 1, 5), (1, 1, 2), (-1, 0, 1)):
        with pytest.raises(PictureError, match="rgb must name three of the bands 0 to 4"):
            upscale(picture, engine, rgb=wrong)


# --- transparency


def test_alpha_is_enlarged_and_opaque_stays_opaque(engine):
    colours, alpha = photograph(12, 14, 3), photograph(12, 14)
    larger = enlarge(Picture(colours, alpha), engine)
    expected = upscale(alpha, engine)
    hold(expected, alpha, engine.scale)
    np.testing.assert_array_equal(larger.alpha, expected)
    opaque = enlarge(Picture(colours, np.full((12, 14), 255, np.uint8)), engine)
    assert (opaque.alpha == 255).all()
    np.testing.assert_array_equal(opaque.pixels, upscale(colours, engine))


@pytest.mark.parametrize("name", sorted({*registry.BY_SCALE.values()}))
def test_what_is_opaque_or_invisible_stays_so(name):
    """SRResNet sees the picture's border, where it makes 252 of 255; a GAN makes 241 of it."""
    alpha = np.where(np.arange(24) < 12, 255, 0)[None].repeat(24, 0).astype(np.uint8)
    network = open_engine(registry.weights_path(name))
    larger = enlarge(Picture(photograph(24, 24, 3), alpha), network).alpha
    assert (larger[:, : 11 * network.scale] == 255).all()
    assert (larger[:, 13 * network.scale :] == 0).all()


def test_what_is_hidden_by_transparency_makes_no_halo():
    """A white disc on nothing, with black rubbish under the nothing: its edge must not turn grey."""
    rows, columns = np.mgrid[:40, :40]
    disc = (rows - 20) ** 2 + (columns - 20) ** 2 < 150
    colours = np.where(disc[..., None], 255, 0).astype(np.uint8).repeat(3, 2)
    larger = enlarge(Picture(colours, np.where(disc, 255, 0).astype(np.uint8)), Blur())
    seen = larger.alpha[4:-4, 4:-4] > 0
    assert (larger.pixels[4:-4, 4:-4][seen] == 255).all()
    # Without the filling they would.
    assert (upscale(colours, Blur())[4:-4, 4:-4][seen] < 255).any()


def test_pages_do_not_see_each_other():
    pages = [photograph(8, 9, 3, seed=seed) for seed in range(3)]
    larger = enlarge(Picture(np.concatenate(pages), pages=3), Blur())
    np.testing.assert_array_equal(larger.pixels, np.concatenate([upscale(page, Blur()) for page in pages]))
    assert larger.pages == 3


def test_resolution_grows_with_the_picture(engine):
    assert enlarge(Picture(photograph(4, 4, 3), resolution=(3.0, 4.0)), engine).resolution == (6.0, 8.0)


def test_progress_covers_bands_pages_and_alpha(engine):
    shares = []
    picture = Picture(photograph(90, 80, 4), photograph(90, 80), pages=2)
    enlarge(picture, engine, memory=1, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert len(set(shares)) == len(shares) > 10


def test_files_pictures_and_pillow_images(engine, tmp_path):
    from keras_sr.images.plain import read_plain

    picture = photograph(9, 8, 3)
    path = tmp_path / "lr.png"
    Image.fromarray(picture).save(path)
    expected = upscale(picture, engine)
    for given_as in (path, str(path), read_plain(path), Image.open(path)):
        np.testing.assert_array_equal(upscale(given_as, engine), expected)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4,), (4, 4, 0), (1, 4, 4, 3)])
def test_refuses_what_is_no_picture(engine, shape):
    with pytest.raises(PictureError, match=r"expected \(H, W\)"):
        upscale(np.zeros(shape, np.uint8), engine)


def test_pillow_images_of_every_mode(engine):
    rgb = photograph(6, 7, 3)
    for mode, bands in (("RGB", 3), ("L", 1), ("RGBA", 4), ("LA", 2), ("P", 3), ("1", 1), ("CMYK", 3)):
        image = Image.fromarray(rgb).convert(mode)
        sr = upscale(image, engine)
        assert sr.shape == (12, 14, bands), mode
    np.testing.assert_array_equal(
        upscale(Image.fromarray(rgb).convert("RGBA"), engine)[..., :3], upscale(rgb, engine)
    )


def test_refuses_unknown_pixels(engine, tmp_path):
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


class Small(Blur):
    """A machine whose memory ends at tiles of `most` pixels."""

    def __init__(self, most, error=MemoryError):
        super().__init__()
        self.most, self.error = most, error

    def run(self, batch):
        if batch.shape[1] * batch.shape[2] > self.most:
            self.sizes.append(batch.shape[1:3])
            raise self.error("std::bad_alloc")
        return super().run(batch)


@pytest.mark.parametrize("error", [MemoryError, RuntimeError])
def test_where_memory_does_not_suffice_tiles_are_halved(error):
    """Real-ESRGAN prints the error and pastes the tile before once more."""
    picture = photograph(100, 90, 3)
    engine = Small(1500, error)
    np.testing.assert_array_equal(upscale(picture, engine), upscale(picture, Blur()))
    areas = [height * width for height, width in engine.sizes]
    assert areas[0] == 9000
    assert areas == sorted(areas, reverse=True)
    assert sum(area > 1500 for area in areas) >= 2


def test_when_the_smallest_tile_is_too_large_the_error_comes_out():
    with pytest.raises(MemoryError):
        upscale(photograph(100, 90, 3), Small(100))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    class Broken(Blur):
        def run(self, batch):
            self.sizes.append(batch.shape)
            raise RuntimeError("no such kernel")

    engine = Broken()
    with pytest.raises(RuntimeError, match="no such kernel"):
        upscale(photograph(100, 90, 3), engine)
    assert len(engine.sizes) == 1


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("pages", [1, 3])
def test_on_the_disk_it_is_the_same_picture(tmp_path, alpha, pages):
    pixels = photograph(60, 50, 4)
    picture = Picture(pixels[..., :3], pixels[..., 3] if alpha else None, pages)
    in_memory = enlarge(picture, Blur())
    on_disk = enlarge(picture, Blur(), storage=Storage(0, tmp_path), tile=20)
    assert isinstance(on_disk.pixels, np.memmap)
    np.testing.assert_array_equal(on_disk.pixels, in_memory.pixels)
    if alpha:
        np.testing.assert_array_equal(on_disk.alpha, in_memory.alpha)


def test_tiles_are_no_larger_than_is_fast():
    engine = Blur()
    upscale(photograph(1000, 30, 3), engine)
    assert all(height * width <= 192**2 for height, width in engine.sizes)
