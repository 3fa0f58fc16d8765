"""What a file holds survives: one round trip a format and property, against other libraries."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from keras_sr.errors import PictureError
from keras_sr.images import picture as module
from keras_sr.images.picture import WRITTEN, Picture, encode, from_pillow, read, write

RNG = np.random.default_rng(0)
H, W = 24, 37
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LOSSLESS = (".png", ".tif", ".tiff")


def pixels(bands=3, dtype=np.uint8, height=H, width=W):
    if dtype == np.float32:
        return RNG.random((height, width, bands), np.float32)
    return RNG.integers(0, np.iinfo(dtype).max, (height, width, bands), dtype, endpoint=True)


def smooth(bands=3, height=H, width=W):
    ramp = np.add.outer(np.arange(height), np.arange(width)) * 2
    return (ramp[..., None] + np.arange(bands) * 20).astype(np.uint8)


# --- pixels


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
def test_pixels_come_back_bit_for_bit(tmp_path, suffix, dtype, bands, alpha):
    given = Picture(pixels(bands, dtype), pixels(1, dtype)[..., 0] if alpha else None)
    assert write(tmp_path / f"a{suffix}", given) == ()
    back = read(tmp_path / f"a{suffix}")
    assert back.pixels.dtype == dtype
    np.testing.assert_array_equal(back.pixels, given.pixels)
    if alpha:
        np.testing.assert_array_equal(back.alpha, given.alpha)
    else:
        assert back.alpha is None


@pytest.mark.parametrize(
    ("bands", "dtype"), [(3, np.float32), (1, np.float32), (5, np.uint8), (7, np.uint16)]
)
def test_tiff_holds_floats_and_any_number_of_bands(tmp_path, bands, dtype):
    given = Picture(pixels(bands, dtype))
    write(tmp_path / "a.tif", given)
    back = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(back.pixels, given.pixels)
    assert back.alpha is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_opencv_reads_what_we_write_and_we_what_it_writes(tmp_path, dtype):
    cv2 = pytest.importorskip("cv2")
    ours, theirs = pixels(3, dtype), pixels(4, dtype)
    write(tmp_path / "ours.png", Picture(ours))
    np.testing.assert_array_equal(
        cv2.imread(str(tmp_path / "ours.png"), cv2.IMREAD_UNCHANGED)[..., ::-1], ours
    )
    cv2.imwrite(str(tmp_path / "theirs.png"), theirs)
    back = read(tmp_path / "theirs.png")
    np.testing.assert_array_equal(back.pixels, theirs[..., 2::-1])
    np.testing.assert_array_equal(back.alpha, theirs[..., 3])


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
@pytest.mark.parametrize("bands", [1, 3])
def test_lossy_formats_are_close(tmp_path, suffix, bands):
    given = Picture(smooth(bands))
    write(tmp_path / f"a{suffix}", given)
    back = read(tmp_path / f"a{suffix}").pixels
    # WebP and AVIF know no grey: it comes back as RGB.
    assert back.shape[:2] == (H, W)
    assert np.abs(back.astype(int) - given.pixels).max() <= 12


@pytest.mark.parametrize("suffix", sorted(WRITTEN))
def test_white_stays_white_and_black_black(tmp_path, suffix):
    for level in (0, 255):
        write(tmp_path / f"a{suffix}", Picture(np.full((32, 32, 3), level, np.uint8)))
        assert (read(tmp_path / f"a{suffix}").pixels == level).all()


@pytest.mark.parametrize("suffix", [".bmp", ".ppm", ".tga", ".jp2", ".qoi"])
def test_formats_of_pillow(tmp_path, suffix):
    given = Picture(pixels())
    write(tmp_path / f"a{suffix}", given)
    np.testing.assert_array_equal(read(tmp_path / f"a{suffix}").pixels, given.pixels)


def test_grey_palette_and_1_bit(tmp_path):
    rgb = Image.fromarray(pixels())
    one = rgb.convert("1")
    one.save(tmp_path / "one.png")
    back = read(tmp_path / "one.png")
    np.testing.assert_array_equal(back.pixels[..., 0], np.asarray(one) * np.uint8(255))
    palette = rgb.quantize(16)
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read(tmp_path / "palette.png").pixels, np.asarray(palette.convert("RGB")))
    palette.save(tmp_path / "clear.png", transparency=3)
    clear = read(tmp_path / "clear.png")
    np.testing.assert_array_equal(clear.alpha == 0, np.asarray(palette) == 3)


def test_a_dark_16_bit_picture_is_read_as_16_bit(tmp_path):
    """Real-ESRGAN takes it for 8 bits when no pixel is above 256."""
    dark = pixels(3, np.uint16) % 200
    write(tmp_path / "dark.png", Picture(dark))
    back = read(tmp_path / "dark.png").pixels
    assert back.dtype == np.uint16
    np.testing.assert_array_equal(back, dark)


def test_opaque_16_bit_alpha_is_seen_as_opaque(tmp_path):
    """chaiNNer compares it with 65536."""
    write(tmp_path / "a.png", Picture(pixels(3, np.uint16), np.full((H, W), 65535, np.uint16)))
    assert write(tmp_path / "a.jpg", read(tmp_path / "a.png")) == ("16 bits (rounded to 8 bits)",)


# --- metadata


def with_everything(path, **more):
    exif = Image.Exif()
    exif[271], exif[306] = "A camera", "2020:02:03 04:05:06"
    exif[274] = more.pop("orientation", 1)
    Image.fromarray(smooth()).save(path, exif=exif, icc_profile=SRGB, dpi=(300, 150), **more)


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_the_colour_profile_survives(tmp_path, source, target):
    with_everything(tmp_path / source)
    write(tmp_path / f"b{target}", read(tmp_path / source))
    with Image.open(tmp_path / f"b{target}") as image:
        assert image.info["icc_profile"] == SRGB


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".avif"])
def test_exif_survives(tmp_path, source, target):
    with_everything(tmp_path / source)
    write(tmp_path / f"b{target}", read(tmp_path / source))
    with Image.open(tmp_path / f"b{target}") as image:
        exif = image.getexif()
        assert (exif[271], exif[306]) == ("A camera", "2020:02:03 04:05:06")


def test_xmp_survives(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>kept</a></x:xmpmeta>'
    Image.fromarray(smooth()).save(tmp_path / "a.jpg", xmp=xmp)
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        write(tmp_path / f"b{suffix}", read(tmp_path / "a.jpg"))
        assert b"kept" in read(tmp_path / f"b{suffix}").metadata.xmp, suffix


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_resolution_survives(tmp_path, suffix):
    with_everything(tmp_path / "a.jpg")
    picture = read(tmp_path / "a.jpg")
    assert picture.resolution == pytest.approx((300 / 25.4, 150 / 25.4), rel=1e-3)
    write(tmp_path / f"b{suffix}", picture)
    assert read(tmp_path / f"b{suffix}").resolution == pytest.approx(picture.resolution, rel=1e-2)
    with Image.open(tmp_path / f"b{suffix}") as image:
        # Pillow takes the horizontal one for both where there is EXIF.
        assert image.info["dpi"][0] == pytest.approx(300, rel=1e-2)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_orientation_is_honoured_once(tmp_path, orientation, suffix):
    with_everything(tmp_path / "a.png", orientation=orientation)
    with Image.open(tmp_path / "a.png") as image:
        from PIL import ImageOps

        expected = np.asarray(ImageOps.exif_transpose(image))
    picture = read(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, expected)
    # Written and read again it is not turned a second time, and nobody else turns it.
    write(tmp_path / f"b{suffix}", picture)
    assert read(tmp_path / f"b{suffix}").pixels.shape == expected.shape
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.getexif().get(274, 1) == 1


# --- frames


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".tif"])
def test_every_frame_survives(tmp_path, suffix):
    flat = [np.full((20, 30, 3), level, np.uint8) for level in (0, 120, 250)]
    frames = [Image.fromarray(x) for x in flat]
    options = {} if suffix == ".tif" else {"duration": [100, 200, 300]}
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], **options)
    picture = read(tmp_path / f"a{suffix}")
    assert picture.pages == 3
    assert write(tmp_path / f"b{suffix}", picture) == ()
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.n_frames == 3
        for i in range(3):
            image.seek(i)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - flat[i]).max() <= 3
            assert suffix == ".tif" or image.info["duration"] == 100 * (i + 1)


def test_pages_of_different_sizes_and_formats_of_one_page_are_told(tmp_path):
    pages = [Image.fromarray(pixels(height=height)) for height in (20, 30)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    picture = read(tmp_path / "a.tif")
    assert (picture.pages, picture.pixels.shape) == (1, (20, W, 3))
    assert picture.lost == ("all pages but the first (of 2, which are not alike)",)
    three = Picture(pixels(height=30), pages=3)
    assert write(tmp_path / "b.jp2", three) == ("all frames but the first",)
    np.testing.assert_array_equal(read(tmp_path / "b.jp2").pixels, three.pixels[:10])


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_pages_are_turned_one_by_one(tmp_path, orientation):
    flat = [np.full((20, 30, 3), level, np.uint8) for level in (0, 120, 250)]
    for page in flat:
        page[:5, :8] = 60  # a mark in a corner
    frames = [Image.fromarray(x) for x in flat]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:], tiffinfo={274: orientation})
    picture = read(tmp_path / "a.tif")
    assert picture.pages == 3
    height = len(picture.pixels) // 3
    for i, page in enumerate(flat):
        exif = Image.Exif()
        exif[274] = orientation
        single = io.BytesIO()
        Image.fromarray(page).save(single, "TIFF", tiffinfo={274: orientation})
        wanted = read(single.getvalue()).pixels
        np.testing.assert_array_equal(picture.pixels[i * height :][:height], wanted)


@pytest.mark.parametrize("suffix", [".png", ".avif"])
@pytest.mark.parametrize("target", [".png", ".avif", ".gif", ".webp"])
def test_frames_that_libvips_does_not_know_survive(tmp_path, suffix, target):
    flat = [np.full((20, 30, 3), level, np.uint8) for level in (0, 120, 250)]
    frames = [Image.fromarray(x) for x in flat]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], duration=[100, 200, 300])
    picture = read(tmp_path / f"a{suffix}")
    assert (picture.pages, picture.lost, picture.metadata.delays) == (3, (), (100, 200, 300))
    assert write(tmp_path / f"b{target}", picture) == ()
    with Image.open(tmp_path / f"b{target}") as image:
        assert image.n_frames == 3
        for i in range(3):
            image.seek(i)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - flat[i]).max() <= 4
            assert image.info["duration"] == 100 * (i + 1)


@pytest.mark.parametrize("disposal", [0, 1, 2])
def test_frames_of_a_png_that_show_only_what_changes_are_whole(tmp_path, disposal):
    """APNG's frames may be patches, laid over what was there or in its place."""
    frames = [Image.new("RGBA", (30, 20)) for _ in range(3)]
    for i, frame in enumerate(frames):
        frame.paste((200, 40 * i, 0, 255), (5 * i, 5, 5 * i + 10, 15))
    frames[0].save(
        tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=100, disposal=disposal
    )
    picture = read(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        for i in range(3):
            image.seek(i)
            wanted = np.asarray(image.convert("RGBA"))
            np.testing.assert_array_equal(picture.alpha[i * 20 :][:20], wanted[..., 3])


# --- what the bands of a TIFF are


@pytest.mark.parametrize("extra", [None, 0, 1, 2])
@pytest.mark.parametrize("bands", [2, 4])
def test_a_band_that_is_not_called_alpha_is_a_band(tmp_path, bands, extra):
    """Near infrared beside RGB, two channels of radar: 0 in them hides nothing."""
    values = pixels(bands)
    values[:, :10, -1] = 0
    tifffile_like(tmp_path / "a.tif", values, photometric=2 if bands == 4 else 1, extra=extra)
    picture = read(tmp_path / "a.tif")
    if extra in (1, 2):
        assert picture.alpha is not None
        np.testing.assert_array_equal(picture.alpha, values[..., -1])
    else:
        assert picture.alpha is None
        np.testing.assert_array_equal(picture.pixels, values)


def tifffile_like(path, values, *, photometric, extra):
    """Write an uncompressed TIFF, one strip, with the tags that other programs write."""
    height, width, bands = values.shape
    tags = {256: width, 257: height, 259: 1, 262: photometric, 277: bands, 278: height, 284: 1}
    tags |= {258: 0, 273: 0, 279: values.nbytes} | ({} if extra is None else {338: extra})
    behind = 8 + 2 + 12 * len(tags) + 4
    # Two numbers of 16 bits stand in the tag itself, four behind all tags.
    tags |= {258: 8 + (8 << 16) if bands == 2 else behind, 273: behind + 2 * bands}
    longs = {258, 273, 279}
    entries = b"".join(
        struct.pack("<HHI", tag, 4 if tag in longs - {258} else 3, bands if tag == 258 else 1)
        + (struct.pack("<I", value) if tag in longs else struct.pack("<HH", value, 0))
        for tag, value in sorted(tags.items())
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    path.write_bytes(head + entries + bytes(4) + struct.pack(f"<{bands}H", *[8] * bands) + values.tobytes())


def test_ycbcr_without_jpeg_is_not_taken_for_rgb(tmp_path):
    rgb = smooth()
    Image.fromarray(rgb).convert("YCbCr").save(tmp_path / "a.tif")
    assert np.abs(read(tmp_path / "a.tif").pixels.astype(int) - rgb).max() <= 3


def test_kinds_that_are_not_read_are_not_called_damaged(tmp_path):
    lab = ImageCms.profileToProfile(
        Image.fromarray(smooth()),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    lab.save(tmp_path / "a.tif")
    with pytest.raises(PictureError, match="Lab of 8 bits is not read: convert it to sRGB"):
        read(tmp_path / "a.tif")


# --- what a format cannot hold


def test_what_is_lost_is_said(tmp_path):
    clear = Picture(np.zeros((H, W, 3), np.uint8), np.full((H, W), 51, np.uint8))
    assert write(tmp_path / "a.jpg", clear) == ("transparency (laid over white)",)
    assert np.abs(read(tmp_path / "a.jpg").pixels.astype(int) - 204).max() <= 1
    deep = Picture(pixels(3, np.uint16))
    assert write(tmp_path / "a.bmp", deep) == ("16 bits (rounded to 8 bits)",)
    assert np.abs(read(tmp_path / "a.bmp").pixels - deep.pixels / 257).max() <= 0.5
    floats = Picture(pixels(3, np.float32))
    assert write(tmp_path / "a.png", floats) == ("floats (rounded to 16 bits)",)
    assert np.abs(read(tmp_path / "a.png").pixels / 65535 - floats.pixels).max() <= 0.51 / 65535


def test_floats_far_from_0_and_1_are_not_clipped_to_white(tmp_path):
    levels = Picture(255 * pixels(1, np.float32))
    assert write(tmp_path / "a.tif", levels) == ()
    with pytest.raises(PictureError, match=r"floats go from .*only \[0, 1\] fits"):
        write(tmp_path / "a.png", levels)
    assert not (tmp_path / "a.png").exists()
    # A network overshoots a little.
    assert write(tmp_path / "b.png", Picture(pixels(1, np.float32) * 1.2 - 0.1))


def test_captions_that_only_jpeg_holds_are_said(tmp_path):
    iptc = b"\x1c\x02\x78\x00\x07Caption"
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    Image.fromarray(smooth()).save(tmp_path / "a.jpg")
    plain = (tmp_path / "a.jpg").read_bytes()
    app13 = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    (tmp_path / "a.jpg").write_bytes(plain[:2] + app13 + plain[2:])
    picture = read(tmp_path / "a.jpg")
    assert write(tmp_path / "b.jpg", picture) == ()
    assert b"Caption" in (tmp_path / "b.jpg").read_bytes()
    assert write(tmp_path / "b.tif", picture) == ()
    assert b"Caption" in (tmp_path / "b.tif").read_bytes()
    for suffix in (".png", ".webp", ".avif"):
        assert write(tmp_path / f"b{suffix}", picture) == ("IPTC",)


def test_deep_colour_that_pillow_would_halve_is_kept(tmp_path):
    deep = pixels(3, np.uint16)
    head = f"P6\n{W} {H}\n65535\n".encode()
    (tmp_path / "a.ppm").write_bytes(head + deep.astype(">u2").tobytes())
    picture = read(tmp_path / "a.ppm")
    assert picture.lost == ()
    np.testing.assert_array_equal(picture.pixels, deep)
    grey = pixels(1, np.uint16)
    (tmp_path / "a.pgm").write_bytes(f"P5\n{W} {H}\n65535\n".encode() + grey.astype(">u2").tobytes())
    picture = read(tmp_path / "a.pgm")
    assert picture.lost == ()
    np.testing.assert_array_equal(picture.pixels, grey)


def test_metadata_that_has_no_place_is_said(tmp_path):
    with_everything(tmp_path / "a.jpg")
    picture = read(tmp_path / "a.jpg")
    assert write(tmp_path / "a.tif", picture) == ()
    assert write(tmp_path / "a.bmp", picture) == ("the colour profile", "EXIF")
    assert write(tmp_path / "a.png", picture) == ()


def test_cmyk_becomes_rgb_and_says_so(tmp_path):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[..., 0] = 255
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.jpg", quality=100)
    picture = read(tmp_path / "a.jpg")
    red, green, blue = picture.pixels.mean(axis=(0, 1))
    assert red < 100 < min(green, blue)
    assert picture.lost == ("CMYK (converted to sRGB)",)


# --- bad input


def png(chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_truncated_files_are_refused_in_one_line(tmp_path, kind, share):
    data = io.BytesIO()
    Image.fromarray(pixels(height=120, width=140)).save(data, kind)
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(data.getvalue()[: int(len(data.getvalue()) * share)])
    with pytest.raises(PictureError, match="cannot read") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_other_bad_input(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture at all, only text")
    (tmp_path / "table.csv").write_text("1,2\n3,4\n")
    for name, said in (
        ("empty.png", "the file is empty"),
        ("text.png", "not a picture"),
        ("table.csv", "not a picture"),
        ("absent.png", "there is no such file"),
        (".", "it is a folder"),
    ):
        with pytest.raises(PictureError, match=said):
            read(tmp_path / name)
    with pytest.raises(PictureError, match="cannot read the picture"):
        read(b"no picture")


def test_a_mislabelled_file_is_read_by_its_content(tmp_path):
    given = pixels()
    Image.fromarray(given).save(tmp_path / "a.jpg", "PNG")
    np.testing.assert_array_equal(read(tmp_path / "a.jpg").pixels, given)


def test_a_decompression_bomb_is_refused_before_it_unpacks(tmp_path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = png([(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")])
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(
        PictureError, match=r"60000x60000 are 3600 million pixels, more than the 250 .* `max_pixels=None`"
    ):
        read(tmp_path / "bomb.png")
    small = Picture(pixels())
    write(tmp_path / "small.png", small)
    with pytest.raises(PictureError, match="million pixels"):
        read(tmp_path / "small.png", max_pixels=H * W - 1)
    assert read(tmp_path / "small.png", max_pixels=None).pixels.shape == (H, W, 3)


def test_the_limit_is_ours_for_every_format(tmp_path, monkeypatch):
    """Pillow has a limit of its own, which nobody could lift from the command line."""
    Image.fromarray(pixels()).save(tmp_path / "a.bmp")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(tmp_path / "a.bmp").pixels.shape == (H, W, 3)
    with pytest.raises(PictureError, match="allow it with `max_pixels=None`"):
        read(tmp_path / "a.bmp", max_pixels=100)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_pixels_without_a_white(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(PictureError, match="do not say what white is"):
        read(tmp_path / "a.tif")
    write(tmp_path / "nan.tif", Picture(np.full((4, 4, 1), np.nan, np.float32)))
    with pytest.raises(PictureError, match="NaN or infinity"):
        read(tmp_path / "nan.tif")


def test_changed_files_are_read_anew(tmp_path):
    """libvips keeps a cache of files by name, which would give the old pixels."""
    for level in (10, 200):
        write(tmp_path / "a.png", Picture(np.full((4, 4, 3), level, np.uint8)))
        assert (read(tmp_path / "a.png").pixels == level).all()


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    write(tmp_path / "a.png", Picture(pixels()))
    before = (tmp_path / "a.png").read_bytes()
    for suffix, picture, said in (
        (".xyz", Picture(pixels()), "unknown suffix '.xyz': the known ones are .png"),
        (".png", Picture(pixels(5)), "5 bands need TIFF"),
        (".webp", Picture(np.zeros((2, 20000, 3), np.uint8)), "webp does not take 20000x2"),
        (".jpg", Picture(np.zeros((1, 70000, 1), np.uint8)), "jpg does not take 70000x1"),
    ):
        with pytest.raises(PictureError, match=said) as caught:
            write(tmp_path / f"b{suffix}", picture)
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == before


def test_bytes_are_read_like_files():
    given = Picture(pixels(3, np.uint16))
    data = io.BytesIO()
    assert encode(data, ".png", given, "x") == ()
    np.testing.assert_array_equal(read(data.getvalue()).pixels, given.pixels)


def test_pillow_images():
    rgba = pixels(4)
    picture = from_pillow(Image.fromarray(rgba))
    np.testing.assert_array_equal(picture.pixels, rgba[..., :3])
    np.testing.assert_array_equal(picture.alpha, rgba[..., 3])
    assert from_pillow(Image.fromarray(pixels(1)[..., 0])).pixels.shape == (H, W, 1)
    deep = from_pillow(Image.fromarray(pixels(1, np.uint16)[..., 0]))
    assert deep.pixels.dtype == np.uint16


def test_errors_of_one_file_do_not_speak_of_another(tmp_path):
    (tmp_path / "first.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    (tmp_path / "second.jpg").write_bytes(b"\xff\xd8\xff rubbish")
    for name in ("first.png", "second.jpg", "first.png"):
        with pytest.raises(PictureError) as caught:
            read(tmp_path / name)
        other = {"first.png", "second.jpg"} - {name}
        assert not any(file in str(caught.value) for file in other)
    assert module.import_vips() is not None
