"""Kinds of files that strangers have: each is read as others read it, or called by its name."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from keras_sr.errors import PictureError
from keras_sr.images.picture import Picture, header, read
from keras_sr.images.storage import Storage

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (24, 32, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (24, 32, 3)).astype(np.uint16)


def tiff_of(values, **options):
    tifffile = pytest.importorskip("tifffile")
    data = io.BytesIO()
    tifffile.imwrite(data, values, **options)
    return data.getvalue()


@pytest.mark.parametrize("white", [65535, 1023])
def test_deep_colour_of_a_ppm_stays_deep(tmp_path, white):
    values = DEEP if white == 65535 else DEEP % 1024
    data = b"P6\n# a comment\n32 24\n%d\n" % white + values.astype(">u2").tobytes()
    (tmp_path / "a.ppm").write_bytes(data)
    picture = read(tmp_path / "a.ppm", storage=Storage(0, tmp_path))
    np.testing.assert_array_equal(picture.pixels, np.rint(values * (65535 / white)))
    assert picture.lost == ("a comment",)
    assert (header(tmp_path / "a.ppm").height, header(tmp_path / "a.ppm").width) == (24, 32)
    with pytest.raises(PictureError, match="damaged or cut short"):
        read(data[:-1])
    with pytest.raises(PictureError, match="million pixels"):
        read(data, max_pixels=100)


@pytest.mark.parametrize(("order", "mark"), [("<f4", b"-1.0"), (">f4", b"1.0")])
def test_floats_of_a_pfm_stand_upright(order, mark):
    values = RNG.random((24, 32, 3), np.float32)
    picture = read(b"PF\n32 24\n" + mark + b"\n" + values[::-1].astype(order).tobytes())
    np.testing.assert_array_equal(picture.pixels, values)
    grey = read(b"Pf\n32 24\n" + mark + b"\n" + values[::-1, :, 0].astype(order).tobytes())
    np.testing.assert_array_equal(grey.pixels[..., 0], values[..., 0])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: tiff_of(RGB.transpose(2, 0, 1).copy(), planarconfig="separate", photometric="rgb",
                         tile=(16, 16)), "this kind of TIFF is not read .*separate planes"),
        (lambda: tiff_of(RGB.astype(np.float64), photometric="rgb"), "floats of 64 bits are not read"),
        (lambda: tiff_of(RGB.astype(np.float16), photometric="rgb"), "floats of 16 bits are not read"),
        (lambda: tiff_of(RGB[..., 0].astype(np.complex64)), "complex numbers are not pixels"),
        (lambda: b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\n\0", "PAM is not read"),
    ],
)  # fmt: skip
def test_what_is_whole_and_not_read_is_not_called_damaged(make, said):
    with pytest.raises(PictureError, match=said):
        read(make())


def test_a_pyramid_counts_as_one_page(tmp_path):
    """Its smaller copies are pages of other sizes: nobody is asked about gigapixels that are not made."""
    from keras_sr.images.picture import import_vips

    vips = import_vips()
    image = vips.Image.new_from_array(np.zeros((300, 280, 3), np.uint8))
    image.tiffsave(str(tmp_path / "a.tif"), pyramid=True, tile=True, tile_width=64, tile_height=64)
    assert header(tmp_path / "a.tif").pages == 1
    (tmp_path / "b.tif").write_bytes(tiff_of(np.zeros((3, 24, 32, 3), np.uint8), photometric="rgb"))
    assert header(tmp_path / "b.tif").pages == 3


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(header_, *chunks):
    parts = [chunk(b"IHDR", header_), *(chunk(*one) for one in chunks), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_one_transparent_colour_of_a_deep_png_is_alpha():
    values = DEEP.copy()
    values[3:6] = 1000, 2000, 3000
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    named = (b"tRNS", struct.pack(">HHH", 1000, 2000, 3000))
    ihdr = struct.pack(">IIBBBBB", 32, 24, 16, 2, 0, 0, 0)
    picture = read(png_of(ihdr, named, (b"IDAT", zlib.compress(rows))))
    np.testing.assert_array_equal(picture.pixels, values)
    np.testing.assert_array_equal(picture.alpha == 0, (values == (1000, 2000, 3000)).all(axis=2))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_with_alpha_is_what_it_stands_for(bits):
    count = 2**bits
    places = RNG.integers(0, count, (24, 32)).astype(np.uint8)
    colours, alpha = RNG.integers(0, 256, (count, 3), np.uint8), RNG.integers(0, 256, count, np.uint8)
    packed = [
        np.packbits(np.unpackbits(row[:, None], axis=1)[:, 8 - bits :].reshape(-1)).tobytes()
        for row in places
    ]
    data = png_of(
        struct.pack(">IIBBBBB", 32, 24, bits, 3, 0, 0, 0),
        (b"PLTE", colours.tobytes()),
        (b"tRNS", alpha.tobytes()),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in packed))),
    )
    picture = read(data)
    np.testing.assert_array_equal(picture.pixels, colours[places])
    np.testing.assert_array_equal(picture.alpha, alpha[places])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("corner", [0x00, 0x10, 0x20, 0x30])
def test_a_tga_is_upright_whatever_corner_it_begins_at(corner, packed):
    stored = RGB if corner & 0x20 else RGB[::-1]
    stored = np.ascontiguousarray((stored[:, ::-1] if corner & 0x10 else stored)[..., ::-1])
    body = stored.tobytes()
    if packed:
        body = b"".join(b"\x0f" + body[at : at + 48] for at in range(0, len(body), 48))
    head = struct.pack("<BBBHHBHHHHBB", 0, 0, 10 if packed else 2, 0, 0, 0, 0, 0, 32, 24, 24, corner)
    np.testing.assert_array_equal(read(head + body).pixels, RGB)


@pytest.mark.parametrize("suffix", ["ppm", "qoi", "tga", "bmp", "jp2"])
def test_headers_of_all_formats_tell_the_size(tmp_path, suffix):
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}")
    said = header(tmp_path / f"a.{suffix}")
    assert (said.height, said.width) == (24, 32)


@pytest.mark.parametrize("name", ["exif", "APP1"])
def test_exif_that_imagemagick_put_into_a_text_is_exif(tmp_path, name):
    from keras_sr.images.picture import write

    exif = Image.Exif()
    exif[271], exif[274] = "A maker", 6
    exif.get_ifd(0x8769)[0xA002] = 32
    block = exif.tobytes()
    info = PngImagePlugin.PngInfo()
    info.add_text(f"Raw profile type {name}", f"\n{name}\n{len(block):8}\n{block.hex()}\n", zip=True)
    info.add_text("Raw profile type mine", "\nmine\n       1\n00\n")
    Image.fromarray(RGB).save(tmp_path / "a.png", pnginfo=info)
    picture = read(tmp_path / "a.png")
    assert [kind for kind, _ in picture.metadata.chunks] == [b"tEXt"]
    for suffix in ("png", "jpg"):
        write(tmp_path / f"b.{suffix}", Picture(np.zeros((48, 64, 3), np.uint8), metadata=picture.metadata))
        with Image.open(tmp_path / f"b.{suffix}") as image:
            said = image.getexif()
        assert (said[271], said[274], said.get_ifd(0x8769)[0xA002]) == ("A maker", 1, 64)


@pytest.mark.parametrize("suffix", ["avif", "jxl", "heic"])
def test_xmp_of_pixels_that_the_container_turns_says_upright(tmp_path, suffix):
    from keras_sr.images.picture import write

    pillow_heif = pytest.importorskip("pillow_heif")
    pytest.importorskip("pillow_jxl")
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[274] = 6
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6" dc:title="x"/></x:xmpmeta>'
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}", exif=exif.tobytes(), xmp=xmp)
    write(tmp_path / "b.png", read(tmp_path / f"a.{suffix}"))
    picture = read(tmp_path / "b.png")
    assert b'tiff:Orientation="6"' not in picture.metadata.xmp
    with Image.open(tmp_path / "b.png") as image:
        assert image.getexif().get(274, 1) == 1
