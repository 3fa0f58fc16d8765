"""The small files of `shared/data/strangers`, each with what is right for it."""

import io
import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from keras_sr.errors import PictureError
from keras_sr.images.picture import Picture, read, write

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def strangers(shared_data):
    folder = shared_data / "strangers"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder


def twice(picture):
    """Return a picture twice as large, as a network would make it."""
    from dataclasses import replace

    x, y = picture.resolution
    alpha = None if picture.alpha is None else picture.alpha.repeat(2, 0).repeat(2, 1)
    pixels = picture.pixels.repeat(2, 0).repeat(2, 1)
    return replace(picture, pixels=pixels, alpha=alpha, resolution=(2 * x, 2 * y))


def said_by_exiftool(path):
    if shutil.which("exiftool") is None:
        pytest.skip("needs exiftool")
    done = subprocess.run(["exiftool", "-j", "-G1", "-n", str(path)], capture_output=True, check=True)
    return json.loads(done.stdout)[0]


def test_a_thumbnail_that_would_lie_on_its_side_is_dropped_and_said(strangers, tmp_path):
    picture = read(strangers / "01_sideways_thumb.jpg")
    lost = write(tmp_path / "a.jpg", twice(picture))
    assert "the thumbnail" in lost
    said = said_by_exiftool(tmp_path / "a.jpg")
    assert said["IFD0:Orientation"] == 1
    assert not any(entry.startswith("IFD1") for entry in said)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_orientation_is_1_in_exif_and_xmp_of_upright_pixels(strangers, tmp_path, suffix):
    picture = read(strangers / f"02_xmp_orientation{suffix}")
    write(tmp_path / f"a{suffix}", twice(picture))
    said = said_by_exiftool(tmp_path / f"a{suffix}")
    assert (said["IFD0:Orientation"], said["XMP-tiff:Orientation"]) == (1, 1)


def test_a_gain_map_is_said_and_no_longer_pointed_to(strangers, tmp_path):
    picture = read(strangers / "03_ultrahdr.jpg")
    lost = (*picture.lost, *write(tmp_path / "a.jpg", twice(picture)))
    assert "the gain map (HDR)" in lost
    data = (tmp_path / "a.jpg").read_bytes()
    assert b"hdrgm:" not in data.replace(b"xmlns:hdrgm", b"")
    assert b"MPF\0" not in data


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif", ".tif"])
def test_the_settings_of_ai_pictures_survive_in_exif_and_other_text_is_said(strangers, tmp_path, suffix):
    picture = read(strangers / "06_parameters.png")
    lost = write(tmp_path / f"a{suffix}", twice(picture))
    assert any("workflow" in one for one in lost)
    with Image.open(strangers / "06_parameters.png") as image:
        parameters = image.info["parameters"]
    assert parameters in said_by_exiftool(tmp_path / f"a{suffix}")["ExifIFD:UserComment"]


def test_text_of_png_stays_in_png(strangers, tmp_path):
    write(tmp_path / "a.png", twice(read(strangers / "06_parameters.png")))
    with Image.open(strangers / "06_parameters.png") as given, Image.open(tmp_path / "a.png") as image:
        assert (image.info["parameters"], image.info["workflow"]) == (
            given.info["parameters"],
            given.info["workflow"],
        )


def test_xmp_that_needs_several_segments_survives_in_jpeg(strangers, tmp_path):
    picture = read(strangers / "07_xmp80k.png")
    assert write(tmp_path / "a.jpg", twice(picture)) == ()
    before, after = said_by_exiftool(strangers / "07_xmp80k.png"), said_by_exiftool(tmp_path / "a.jpg")
    packet = {entry: value for entry, value in before.items() if entry.startswith("XMP-")}
    assert packet
    assert packet.items() <= after.items()
    # And back again.
    again = read(tmp_path / "a.jpg")
    write(tmp_path / "b.png", again)
    assert packet.items() <= said_by_exiftool(tmp_path / "b.png").items()


TAGS = (
    "IFD0:Make",
    "IFD0:Model",
    "IFD0:ModifyDate",
    "IFD0:Artist",
    "IFD0:Copyright",
    "IFD0:ImageDescription",
)


@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".png", ".webp", ".avif"])
def test_tags_of_a_tiff_are_kept_or_move_to_exif(strangers, tmp_path, suffix):
    picture = read(strangers / "08_tags.tif")
    assert write(tmp_path / f"a{suffix}", twice(picture)) == ()
    before, after = said_by_exiftool(strangers / "08_tags.tif"), said_by_exiftool(tmp_path / f"a{suffix}")
    more = [entry for entry in before if entry.startswith(("ExifIFD", "GPS"))]
    assert len(more) > 3
    assert {entry: after.get(entry) for entry in (*TAGS, *more)} == {
        entry: before[entry] for entry in (*TAGS, *more)
    }
    # What was 300 dots an inch has twice as many.
    assert read(tmp_path / f"a{suffix}").resolution == pytest.approx((600 / 25.4, 600 / 25.4), rel=1e-3) or (
        suffix == ".webp"
    )


def test_a_map_keeps_its_place_and_its_bands(strangers, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    picture = read(strangers / "09_geo.tif")
    assert (picture.pixels.shape, picture.alpha) == ((30, 40, 4), None)
    assert write(tmp_path / "a.tif", twice(picture)) == ()
    with tifffile.TiffFile(strangers / "09_geo.tif") as given, tifffile.TiffFile(tmp_path / "a.tif") as made:
        before, after = given.pages[0].tags, made.pages[0].tags
        assert after["ModelPixelScaleTag"].value == (5.0, 5.0, 0.0)
        for name in ("ModelTiepointTag", "GeoKeyDirectoryTag", "GDAL_NODATA", "PhotometricInterpretation"):
            assert after[name].value == before[name].value
        assert tuple(after["ExtraSamples"].value) == (0, 0, 0)
        np.testing.assert_array_equal(made.asarray()[::2, ::2], given.asarray())
    with pytest.raises(PictureError, match="4 bands need TIFF"):
        write(tmp_path / "a.png", picture)


def test_a_jpeg_without_its_end_is_refused_unless_accepted(strangers):
    with pytest.raises(PictureError, match="damaged or cut short"):
        read(strangers / "16_no_eoi.jpg")
    picture = read(strangers / "16_no_eoi.jpg", accept_damaged=True)
    with Image.open(io.BytesIO((strangers / "16_no_eoi.jpg").read_bytes() + b"\xff\xd9")) as image:
        whole = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(picture.pixels - whole).max() <= 3
    assert picture.lost == ("what is damaged or missing (grey)",)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_is_missing_of_a_damaged_picture_is_grey(kind):
    ramp = np.add.outer(np.arange(160), np.arange(200))
    whole = (ramp[..., None] * [0.7, 0.5, 0.3] + 5).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(whole).save(data, kind, **({"quality": 95} if kind == "JPEG" else {}))
    cut = data.getvalue()[: len(data.getvalue()) // 2]
    with pytest.raises(PictureError):
        read(cut)
    picture = read(cut, accept_damaged=True)
    assert picture.pixels.shape == whole.shape
    assert np.abs(picture.pixels[:48].astype(int) - whole[:48]).max() <= 6
    assert (np.abs(picture.pixels[-8:].astype(int) - 128) <= 2).all()
    assert picture.lost == ("what is damaged or missing (grey)",)


def test_a_damaged_strip_of_a_tiff_costs_no_other_one():
    whole = np.random.default_rng(0).integers(1, 256, (160, 200, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(whole).save(data, "TIFF", compression="tiff_deflate", tiffinfo={278: 20})
    half = len(data.getvalue()) // 2
    broken = data.getvalue()[:half] + bytes(2000) + data.getvalue()[half + 2000 :]
    picture = read(broken, accept_damaged=True)
    np.testing.assert_array_equal(picture.pixels[:60], whole[:60])
    np.testing.assert_array_equal(picture.pixels[-60:], whole[-60:])
    assert (picture.pixels[80:100] == 128).any()


@pytest.mark.parametrize("name", ["17_grey12.tif", "17_rgb12.tif"])
def test_samples_of_12_bits_are_not_called_damaged(strangers, name):
    with pytest.raises(PictureError, match="samples of 12 bits are not read: save it with 8 or 16 bits"):
        read(strangers / name)


def test_old_jpeg_in_tiff_is_read(strangers):
    picture = read(strangers / "17_old_jpeg.tif")
    # The file holds a whole JPEG, which others read by itself.
    data = (strangers / "17_old_jpeg.tif").read_bytes()
    with Image.open(io.BytesIO(data[data.index(b"\xff\xd8") :])) as image:
        wanted = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(picture.pixels - wanted).mean() <= 2


def test_tga_keeps_its_alpha(strangers, tmp_path):
    picture = read(strangers / "20_gloss_mask.tga")
    assert picture.alpha is not None
    assert (picture.alpha[:, :40] == 0).all()
    assert write(tmp_path / "a.tga", picture) == ()
    with Image.open(tmp_path / "a.tga") as image, Image.open(strangers / "20_gloss_mask.tga") as given:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(given.convert("RGBA")))


def test_a_tga_without_alpha_bits_is_opaque(strangers):
    picture = read(strangers / "20_no_alpha_bits.tga")
    assert picture.alpha is None
    assert picture.pixels.mean() < 250


def test_a_sprite_keeps_its_frames(strangers, tmp_path):
    picture = read(strangers / "22_sprite.gif")
    assert picture.pages == 6
    assert picture.alpha is not None
    for suffix in (".gif", ".webp", ".png", ".avif"):
        # Shown once, which the writer of AVIF has no word for.
        said = ("how often frames are shown",) if suffix == ".avif" else ()
        assert write(tmp_path / f"a{suffix}", twice(picture)) == said
        with Image.open(tmp_path / f"a{suffix}") as image:
            assert image.n_frames == 6


def test_lossless_webp_stays_lossless(strangers, tmp_path):
    picture = read(strangers / "31_sprite.webp")
    assert picture.metadata.lossless
    larger = twice(picture)
    assert write(tmp_path / "a.webp", larger) == ()
    back = read(tmp_path / "a.webp")
    np.testing.assert_array_equal(back.pixels, larger.pixels)
    assert back.metadata.lossless
    write(tmp_path / "b.webp", larger, quality=50)
    assert not read(tmp_path / "b.webp").metadata.lossless


@pytest.mark.parametrize("name", ["40_rgb_selection.tif", "40_rgb_selection16.tif"])
def test_a_saved_selection_stays_a_channel(strangers, tmp_path, name):
    tifffile = pytest.importorskip("tifffile")
    picture = read(strangers / name)
    assert (picture.pixels.shape[2], picture.alpha, picture.colours) == (4, None, 3)
    assert write(tmp_path / "a.tif", picture) == ()
    with tifffile.TiffFile(tmp_path / "a.tif") as made, tifffile.TiffFile(strangers / name) as given:
        np.testing.assert_array_equal(made.asarray(), given.asarray())
        assert made.pages[0].tags["ExtraSamples"].value == given.pages[0].tags["ExtraSamples"].value
        assert made.pages[0].photometric == given.pages[0].photometric
    for suffix in (".png", ".jpg"):
        lost = write(tmp_path / f"a{suffix}", picture)
        assert "channel 4 (neither colour nor transparency)" in lost
    np.testing.assert_array_equal(read(tmp_path / "a.png").pixels, picture.pixels[..., :3])


@pytest.mark.parametrize("name", ["50_photo_q30.jpg", "50_photo_q60.jpg"])
def test_the_quality_of_a_jpeg_is_known(strangers, name):
    assert read(strangers / name).metadata.quality == int(name[-6:-4])


@pytest.mark.parametrize(("damage", "more"), [("q30", 0.3), ("q60", 0.8), ("noisy", 1.2)])
def test_damaged_photographs_come_out_better_than_by_bicubic(shared_data, damage, more):
    """As 50_photo_* are damaged, of which nobody has the truth: on a picture of which there is one."""
    from keras_sr import open_network, upscale
    from keras_sr.images.resize import imresize

    with Image.open(shared_data / "benchmark" / "Set5" / "HR" / "img_003.png") as image:
        hr = np.asarray(image.convert("RGB"))
    lr = imresize(hr, 1 / 4)
    if damage == "noisy":
        noise = np.random.default_rng(0).normal(0, 10, lr.shape)
        lr = np.clip(lr + noise, 0, 255).astype(np.uint8)
    else:
        data = io.BytesIO()
        Image.fromarray(lr).save(data, "JPEG", quality=int(damage[1:]))
        with Image.open(data) as image:
            lr = np.asarray(image)

    def psnr(sr):
        return 10 * np.log10(255**2 / ((sr.astype(float) - hr) ** 2).mean())

    assert psnr(upscale(lr, open_network("photo_psnr_x4"))) > psnr(imresize(lr, 4)) + more


@pytest.mark.parametrize("name", ["compact_x4", "srgan_vgg54"])
def test_a_dithered_picture_stays_as_bright(strangers, name):
    from keras_sr import open_network, upscale

    lr = read(strangers / "42_dither.png").pixels
    sr = upscale(lr, open_network(name))
    assert abs(sr.mean() - lr.mean()) < 1
    # Everywhere, not in the mean alone.
    apart = sr.reshape(5, 96, 5, 128).mean(axis=(1, 3)) - lr.reshape(5, 24, 5, 32).mean(axis=(1, 3))
    assert np.abs(apart).max() < 1
    # Colours of two values each, too; and what is not of two values runs as ever.
    rgb = upscale(np.dstack([lr, 255 - lr, lr]), open_network(name))
    assert np.abs(rgb.mean(axis=(0, 1)) - [lr.mean(), 255 - lr.mean(), lr.mean()]).max() < 1


def test_a_phones_heic_is_read(strangers, tmp_path):
    picture = read(strangers / "60_phone.heic")
    assert picture.pixels.shape == (60, 80, 3)
    import pillow_heif

    wanted = np.asarray(pillow_heif.open_heif(strangers / "60_phone.heic"))
    np.testing.assert_array_equal(picture.pixels, wanted)
    write(tmp_path / "a.jpg", twice(picture))


def test_a_raw_photographs_preview_is_not_enlarged(strangers):
    with pytest.raises(PictureError, match="a raw photograph is not read: develop it first"):
        read(strangers / "61_raw.dng")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif", ".bmp"])
def test_nothing_is_invented(strangers, tmp_path, suffix):
    picture = read(strangers / "cat.png")
    assert picture.resolution == (0.0, 0.0)
    assert write(tmp_path / f"a{suffix}", twice(picture)) == ()
    said = said_by_exiftool(tmp_path / f"a{suffix}")
    assert not any(entry.startswith(("ExifIFD", "XMP", "GPS")) for entry in said)
    assert said.get("JFIF:ResolutionUnit", 0) == 0
    assert "IFD0:XResolution" not in said
    assert not said.get("File:PixelsPerMeterX")
    assert "PNG-pHYs:PixelsPerUnitX" not in said


# --- kinds that the files do not show


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_jpeg_xl_is_read_as_deep_as_it_is(tmp_path, depth, bands):
    pillow_jxl = pytest.importorskip("pillow_jxl")
    dtype = np.uint8 if depth == 8 else np.uint16
    values = np.random.default_rng(0).integers(0, 2**depth, (20, 31, bands), dtype)
    if depth == 16 and bands > 1:
        pytest.skip("pillow-jxl-plugin writes no colours of 16 bits")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[bands] if depth == 8 else "I;16"
    encoder = pillow_jxl.Encoder(
        mode=mode,
        lossless=True,
        quality=100,
        decoding_speed=0,
        effort=3,
        use_container=True,
        use_original_profile=False,
        num_threads=1,
    )
    box = {"exif": None, "jumb": None, "xmp": b"<x:xmpmeta/>", "compress": False}
    (tmp_path / "a.jxl").write_bytes(encoder(values.tobytes(), 31, 20, jpeg_encode=False, **box))
    picture = read(tmp_path / "a.jxl")
    whole = picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])
    np.testing.assert_array_equal(whole, values)
    assert picture.metadata.xmp == b"<x:xmpmeta/>"
    with pytest.raises(PictureError, match="million pixels"):
        read(tmp_path / "a.jxl", max_pixels=100)


def test_a_jpeg_inside_a_jpeg_xl_keeps_all_that_it_says(strangers, tmp_path):
    pytest.importorskip("pillow_jxl")
    with Image.open(strangers / "02_xmp_orientation.jpg") as image:
        image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    jpeg = read(strangers / "02_xmp_orientation.jpg")
    picture = read(tmp_path / "a.jxl")
    np.testing.assert_array_equal(picture.pixels, jpeg.pixels)
    assert picture.metadata.exif == jpeg.metadata.exif


def test_multiplied_alpha_is_divided_out(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    colours = np.full((8, 8, 3), 200, np.uint8)
    values = np.dstack([colours // 2, np.full((8, 8), 128, np.uint8)])
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["ASSOCALPHA"])
    picture = read(tmp_path / "a.tif")
    assert np.abs(picture.pixels.astype(int) - 199).max() <= 1
    assert (picture.alpha == 128).all()


def test_alpha_beside_another_channel_is_alpha(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    values = np.random.default_rng(0).integers(0, 256, (8, 8, 5), np.uint8)
    extra = ["UNSPECIFIED", "UNASSALPHA"]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=extra)
    picture = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, values[..., :4])
    np.testing.assert_array_equal(picture.alpha, values[..., 4])
    assert picture.colours == 3


@pytest.mark.parametrize("point", [False, True])
def test_places_on_a_map_are_those_of_the_same_ground(tmp_path, point):
    """Corners of pixels, or their centres: a corner of the picture stays where it was."""
    from keras_sr.images.picture import ifd, tiff
    from keras_sr.images.picture.exif import Change

    keys = ifd.entry(ifd.SHORT, [1, 1, 0, 1, 1025, 0, 1, 2 if point else 1])
    matrix = [3.0, 0.5, 0, 100, 0.25, -4.0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1]
    tags = {
        tiff.GEO_KEYS: keys,
        tiff.PIXEL_SIZE: ifd.entry(ifd.DOUBLE, [3.0, 4.0, 0.0]),
        tiff.TIE_POINTS: ifd.entry(ifd.DOUBLE, [0, 0, 0, 100.0, 200.0, 0, 10, 5, 0, 130.0, 180.0, 0]),
        tiff.PLACE_MATRIX: ifd.entry(ifd.DOUBLE, matrix),
    }
    after, lost = tiff.brought_up_to_date(tags, Change((20, 30), 1, (80, 120), (0.0, 0.0)))
    assert lost == ()

    def place(tags, column, row):
        """Where the corner of a pixel lies, by the matrix and by the first tie point."""
        shift = 0.5 if point else 0.0
        m = np.array(tags[tiff.PLACE_MATRIX].numbers()).reshape(4, 4)
        i, j, _, x, y, _ = tags[tiff.TIE_POINTS].numbers()[:6]
        sx, sy, _ = tags[tiff.PIXEL_SIZE].numbers()
        column, row = column - shift, row - shift
        return (*(m @ [column, row, 0, 1])[:2], x + (column - i) * sx, y - (row - j) * sy)

    for column, row in ((0, 0), (30, 20), (7, 3)):
        np.testing.assert_allclose(place(tags, column, row), place(after, 4 * column, 4 * row))


def test_a_film_behind_a_photograph_is_said_and_no_longer_claimed(strangers, tmp_path):
    """Motion photos: a film is appended to a JPEG, and XMP says so."""
    data = (strangers / "02_xmp_orientation.jpg").read_bytes()
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100)
    (tmp_path / "a.jpg").write_bytes(data + film)
    assert "the film of the motion photo" in read(tmp_path / "a.jpg").lost
    xmp = b'<x:xmpmeta><rdf:Description GCamera:MotionPhoto="1" dc:title="x"/></x:xmpmeta>'
    Image.new("RGB", (8, 8)).save(tmp_path / "b.jpg", xmp=xmp)
    lost = write(tmp_path / "c.jpg", read(tmp_path / "b.jpg"))
    assert "the film of the motion photo" in lost
    data = (tmp_path / "c.jpg").read_bytes()
    assert b"MotionPhoto" not in data
    assert b'dc:title="x"' in data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"8BPS\0\1" + bytes(40), "Photoshop is not read"),
        (b"DDS \x7c\0\0\0" + bytes(40), "DDS is not read"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw photograph"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "raw photograph|damaged"),
        (b"FUJIFILMCCD-RAW 0201", "develop it first"),
        (b"\0\0\0\x18ftypqt  \0\0\0\0qt  ", "film is not read"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG is not read"),
        (b"v/1\x01" + bytes(40), "OpenEXR is not read"),
    ],
)
def test_what_is_not_read_is_called_by_its_name(data, said):
    with pytest.raises(PictureError, match=said):
        read(data)


@pytest.mark.parametrize("quality", [50, 75, 80, 92, 98])
def test_a_jpeg_is_written_as_it_was_saved_but_not_with_less_than_75(tmp_path, quality):
    ramp = Image.fromarray(np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8))
    ramp.save(tmp_path / "a.jpg", quality=quality)
    picture = read(tmp_path / "a.jpg")
    assert picture.metadata.quality == quality
    write(tmp_path / "b.jpg", picture)
    assert read(tmp_path / "b.jpg").metadata.quality == max(75, quality)
    write(tmp_path / "c.jpg", picture, quality=40)
    assert read(tmp_path / "c.jpg").metadata.quality == 40


def test_colours_under_alpha_0_are_not_changed_by_writing(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    picture = Picture(values, np.zeros((16, 16), np.uint8))
    for suffix in (".png", ".tif", ".tga"):
        write(tmp_path / f"a{suffix}", picture)
        np.testing.assert_array_equal(read(tmp_path / f"a{suffix}").pixels, values)
