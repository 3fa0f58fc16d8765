import errno
import io
import struct
import threading
import warnings
import zlib
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_sr.errors import PictureError
from keras_sr.images import plain as picture_io
from keras_sr.images.plain import read_plain, read_rgb, write_plain

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (7, 5, 3), np.uint8)
GREY = RNG.integers(0, 256, (7, 5, 1), np.uint8)


def one_line_naming(error, path):
    text = str(error.value)
    return "\n" not in text and path.name in text and not text.endswith(".")


# --- reading: another decoder's truth


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".ppm", ".PNG"])
def test_colour_equals_opencv(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(cv2.imencode(suffix.lower(), RGB[..., ::-1])[1].tobytes())
    picture = read_plain(path)
    assert picture.source == path
    assert picture.lost == ()
    np.testing.assert_array_equal(picture.pixels, RGB)
    np.testing.assert_array_equal(read_rgb(path), RGB)


def test_jpeg_equals_opencv(tmp_path):
    path = tmp_path / "a.JPG"
    smooth = cv2.resize(RGB, (64, 48), interpolation=cv2.INTER_CUBIC)
    path.write_bytes(cv2.imencode(".jpg", smooth)[1].tobytes())
    difference = np.abs(read_plain(path).pixels.astype(int) - cv2.imread(str(path))[..., ::-1])
    assert difference.max() <= 2  # two builds of libjpeg-turbo


def test_grey_stays_grey_and_repeats_as_rgb(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), GREY)
    np.testing.assert_array_equal(read_plain(path).pixels, GREY)
    np.testing.assert_array_equal(read_rgb(path), np.repeat(GREY, 3, axis=2))


def test_one_bit_is_black_and_white(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(GREY[..., 0] > 127).save(path)
    np.testing.assert_array_equal(read_plain(path).pixels, np.where(GREY > 127, 255, 0))


def test_palette_becomes_its_colours(tmp_path):
    path = tmp_path / "a.gif"
    image = Image.fromarray(RGB).quantize(16)
    image.save(path)
    np.testing.assert_array_equal(read_plain(path).pixels, np.asarray(image.convert("RGB")))


def test_cmyk_is_rgb(tmp_path):
    path = tmp_path / "a.tif"
    Image.new("CMYK", (4, 3), (255, 0, 0, 0)).save(path)
    np.testing.assert_array_equal(read_plain(path).pixels[0, 0], [0, 255, 255])


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".pgm"])
def test_sixteen_bit_grey_is_scaled_and_rounded(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    # Dark on purpose: a detection of 16 bits by the largest value would take it for 8 bits.
    deep = np.array([[0, 128, 129, 200], [255, 256, 385, 386]], np.uint16)
    cv2.imwrite(str(path), deep)
    picture = read_plain(path)
    np.testing.assert_array_equal(picture.pixels[..., 0], np.rint(deep / 257))
    assert picture.lost == ("16 bits a channel (scaled to 8)",)
    cv2.imwrite(str(path), np.full((2, 2), 65535, np.uint16))
    assert (read_plain(path).pixels == 255).all()


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
def test_sixteen_bit_colour_is_scaled_and_said(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    deep = RNG.integers(0, 65536, (7, 5, 3), np.uint16)
    cv2.imwrite(str(path), deep[..., ::-1])
    picture = read_plain(path)
    assert np.abs(picture.pixels - deep / 257).max() <= 1
    assert picture.lost == ("16 bits a channel (scaled to 8)",)


def test_transparency_lies_over_white_and_is_said(tmp_path):
    rgba = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    rgba[0, 0] = (10, 20, 30, 0)
    rgba[0, 1] = (0, 100, 200, 51)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    picture = read_plain(tmp_path / "a.png")
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[0, 1].tolist() == [204, 224, 244]  # 255 + (c - 255) / 5
    np.testing.assert_array_equal(picture.pixels[1:], RGB[1:])
    assert picture.lost == ("transparency (laid over white)",)


def test_opaque_alpha_loses_nothing(tmp_path):
    Image.fromarray(RGB).convert("RGBA").save(tmp_path / "a.png")
    picture = read_plain(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, RGB)
    assert picture.lost == ()


def test_grey_with_alpha_stays_grey(tmp_path):
    alpha = np.full(GREY.shape[:2], 255, np.uint8)
    alpha[2, 2] = 0
    Image.merge("LA", [Image.fromarray(GREY[..., 0]), Image.fromarray(alpha)]).save(tmp_path / "a.png")
    pixels = read_plain(tmp_path / "a.png").pixels
    np.testing.assert_array_equal(pixels, np.where(alpha[..., None] == 0, 255, GREY))


def test_transparent_palette_entry(tmp_path):
    image = Image.frombytes("P", (2, 1), bytes([0, 1]))
    image.putpalette([9, 9, 9, 200, 100, 50])
    image.save(tmp_path / "a.png", transparency=bytes([0, 255]))
    np.testing.assert_array_equal(read_plain(tmp_path / "a.png").pixels, [[[255] * 3, [200, 100, 50]]])


def test_frames_after_the_first_are_named(tmp_path):
    frames = [Image.fromarray(GREY[..., 0]), Image.fromarray(255 - GREY[..., 0])]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert "all frames but the first" in read_plain(tmp_path / "a.gif").lost


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured_once(tmp_path, suffix, orientation):
    upright = np.kron(np.array([[0, 255, 90], [30, 160, 220]], np.uint8), np.ones((32, 32), np.uint8))
    # What the camera stores so that the viewer's turn gives `upright` (EXIF 2.32, tag 0x0112).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).convert("RGB").save(path, exif=exif, quality=95)
    assert np.abs(read_rgb(path)[..., 0].astype(int) - upright).max() < 12


def test_a_broken_exif_block_does_not_cost_the_picture(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\0\0\xff\xff")
    np.testing.assert_array_equal(read_plain(tmp_path / "a.png").pixels, RGB)


def test_content_and_not_the_name_decides(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg", "PNG")
    np.testing.assert_array_equal(read_plain(tmp_path / "a.jpg").pixels, RGB)


def test_a_binary_file_is_read(tmp_path):
    data = io.BytesIO()
    Image.fromarray(RGB).save(data, "PNG")
    picture = read_plain(data)
    np.testing.assert_array_equal(picture.pixels, RGB)
    assert picture.source is None


@pytest.mark.parametrize("suffix", sorted(picture_io.SUFFIXES))
def test_every_ending_that_folders_are_searched_for_is_that_of_a_format_that_is_read(tmp_path, suffix):
    assert Image.registered_extensions()[suffix] in picture_io.PLAIN_FORMATS
    Image.fromarray(RGB).save(tmp_path / f"a{suffix}")
    assert read_plain(tmp_path / f"a{suffix}").pixels.shape == RGB.shape


# --- reading: what is no picture


def broken(kind, path):
    image = Image.fromarray(cv2.resize(RGB, (64, 64)))
    if kind == "missing":
        pass
    elif kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a picture\n" * 9)
    elif kind == "html":
        path.write_text("<!DOCTYPE html><html><body>404</body></html>")
    elif kind == "float":
        Image.fromarray(GREY[..., 0].astype(np.float32)).save(path, "TIFF")
    elif kind == "postscript":
        image.save(path, "EPS")
    else:
        image.save(path, kind)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


CUT_IN_HALF = ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"]


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "empty", "text", "html", "float", "postscript", *CUT_IN_HALF]
)
def test_broken_files_are_named_in_one_line(tmp_path, kind):
    path = tmp_path / "holiday.png"
    broken(kind, path)
    with pytest.raises(PictureError) as error:
        read_plain(path)
    assert one_line_naming(error, path)


def test_formats_that_start_other_programs_are_not_decoded(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png", "EPS")
    with pytest.raises(PictureError, match="EPS files are not read; use one of AVIF, BMP"):
        read_plain(tmp_path / "a.png")


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_any_damage_is_a_picture_or_a_picture_error(data):
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"]))
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, kind)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PictureError):
        picture = read_plain(io.BytesIO(bytes(content)))
        assert picture.pixels.dtype == np.uint8
        assert picture.pixels.shape[2] in (1, 3)


def png_claiming(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_decompression_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(50_000, 50_000))
    with pytest.raises(PictureError, match=r"2500000000 pixels.*MAX_IMAGE_PIXELS") as error:
        read_plain(path)
    assert one_line_naming(error, path)


def test_a_large_picture_does_not_warn(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    Image.fromarray(RGB).save(tmp_path / "a.png")  # 35 pixels: above the limit, below its double
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_plain(tmp_path / "a.png")
    assert not caught


def test_only_pillow_is_hushed():
    picture_io.hush_pillow()
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)


def test_reading_in_threads_leaves_the_warning_filters_alone(tmp_path):
    path = write_plain(tmp_path / "a.png", RGB)
    read_plain(path)
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [read_plain(path) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


# --- writing


@pytest.mark.parametrize("pixels", [RGB, GREY])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF", ".bmp", ".PNG"])
def test_lossless_formats_come_back_equal(tmp_path, suffix, pixels):
    path = write_plain(tmp_path / "new" / f"a{suffix}", pixels)
    np.testing.assert_array_equal(read_plain(path).pixels, pixels)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_jpeg_keeps_colour_at_full_resolution_and_quality_95(tmp_path):
    path = write_plain(tmp_path / "a.jpg", np.kron(RGB, np.ones((8, 8, 1), np.uint8)))
    with Image.open(path) as image:
        assert {layer[1:3] for layer in image.layer} == {(1, 1)}  # 4:4:4
        assert image.quantization[0][0] == 2  # libjpeg's luma table, 16 at its first place, at quality 95


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_formats_stay_close(tmp_path, suffix):
    smooth = cv2.GaussianBlur(cv2.resize(RGB, (64, 48), interpolation=cv2.INTER_CUBIC), (0, 0), 3)
    back = read_plain(write_plain(tmp_path / f"a{suffix}", smooth)).pixels
    assert np.abs(back.astype(int) - smooth).mean() < 3


@pytest.mark.parametrize("name", ["a.xyz", "a", ".png"])
def test_an_unknown_suffix_lists_the_known_ones(tmp_path, name):
    with pytest.raises(PictureError, match=r"unknown suffix .*\.png, \.jpg"):
        write_plain(tmp_path / name, RGB)


@pytest.mark.parametrize(
    "pixels",
    [RGB[..., 0], RGB / 255, RGB.astype(np.uint16), np.dstack([RGB, GREY]), RGB[:0]],
    ids=["flat", "float", "uint16", "alpha", "empty"],
)
def test_other_arrays_are_refused(tmp_path, pixels):
    with pytest.raises(PictureError, match="expected uint8 pixels"):
        write_plain(tmp_path / "a.png", pixels)


def test_a_format_that_cannot_hold_the_size_says_so(tmp_path):
    with pytest.raises(PictureError, match="JPEG does not take 70000x1 pixels"):
        write_plain(tmp_path / "a.jpg", np.zeros((1, 70000, 3), np.uint8))


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PictureError, match="cannot write"):
        write_plain(tmp_path / "file" / "a.png", RGB)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PictureError, match="cannot write"):
        write_plain(tmp_path / "folder.png", RGB)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_full_disk_leaves_the_old_picture(tmp_path, monkeypatch):
    path = write_plain(tmp_path / "a.png", RGB)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("keras_sr.files.os.fsync", full)
    with pytest.raises(PictureError, match=r"a\.png': No space left on device"):
        write_plain(path, 255 - RGB)
    np.testing.assert_array_equal(read_plain(path).pixels, RGB)
    assert list(tmp_path.iterdir()) == [path]
