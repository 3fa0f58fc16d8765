"""What files say of their pixels (sizes, places, shapes) is true of the result, or said to be left behind."""

import json
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from keras_sr.images.picture import Metadata, Picture, read, write
from keras_sr.images.picture.exif import Change
from keras_sr.images.picture.xmp import patched_xmp

HEIGHT, WIDTH = 20, 30
PIXELS = np.zeros((HEIGHT, WIDTH, 3), np.uint8)

PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:t="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 t:Orientation="%d" GPano:FullPanoWidthPixels="30" dc:format="30">
<t:ImageWidth>30</t:ImageWidth><t:XResolution>300/1</t:XResolution><t:YResolution>150</t:YResolution>
<exif:FocalPlaneXResolution>10/1</exif:FocalPlaneXResolution>
<exif:SubjectArea><rdf:Seq><rdf:li>10</rdf:li><rdf:li>6</rdf:li></rdf:Seq></exif:SubjectArea>
<GPano:CroppedAreaTopPixels>3</GPano:CroppedAreaTopPixels>
<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="30" stDim:h="20"
 stDim:unit="pixel"/></mwg-rs:Regions>
<Iptc4xmpExt:ImageRegion><Iptc4xmpExt:RegionBoundary Iptc4xmpExt:rbUnit="pixel" Iptc4xmpExt:rbX="3"
 Iptc4xmpExt:rbY="4"/></Iptc4xmpExt:ImageRegion>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def change(orientation=1, dots=(0.0, 0.0)):
    """Return what became of a picture of 20x30 pixels that was turned and made three times as large."""
    result = (60, 90) if orientation < 5 else (90, 60)
    return Change((HEIGHT, WIDTH), orientation, result, dots)


def test_xmp_speaks_of_the_pixels_of_the_result():
    packet, lost = patched_xmp((PACKET % 1).encode(), change())
    text = packet.decode()
    for part in (
        't:Orientation="1"',
        'FullPanoWidthPixels="90"',
        "CroppedAreaTopPixels>9<",
        "ImageWidth>90<",
        "t:XResolution>900000/1000<",
        "t:YResolution>450000/1000<",
        "FocalPlaneXResolution>30000/1000<",
        "<rdf:li>30</rdf:li><rdf:li>18</rdf:li>",
        'stDim:w="90" stDim:h="60"',
        'rbX="9"',
        'rbY="12"',
        'dc:format="30"',
    ):
        assert part in text
    assert lost == ()


def test_places_in_a_picture_that_was_turned_are_left_out_and_said():
    packet, lost = patched_xmp((PACKET % 6).encode(), change(6))
    text = packet.decode()
    assert 't:Orientation="1"' in text
    # Of 20 rows: (10, 6) has gone to (20 - 6, 10), three times as large.
    assert "<rdf:li>42</rdf:li><rdf:li>30</rdf:li>" in text
    assert not [one for one in ("Regions", "RegionBoundary", "GPano:F") if one in text]
    assert [one.partition(" (")[0] for one in lost] == ["regions, such as faces", "the place in a panorama"]


@pytest.mark.parametrize("code", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_xmp_of_any_encoding_is_understood(code):
    packet, _ = patched_xmp((PACKET % 6).encode(code), change(6))
    assert b't:Orientation="1"' in packet


def exiftool(path, *arguments):
    if shutil.which("exiftool") is None:
        pytest.skip("needs exiftool")
    command = ["exiftool", "-q", "-m", *arguments, str(path)]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def said_of(path):
    return json.loads(exiftool(path, "-j", "-G1", "-n", "-a"))[0]


def enlarged(path, target):
    """Enlarge a file three times; return what is left behind."""
    picture = read(path)
    x, y = picture.resolution
    pixels = picture.pixels.repeat(3, 0).repeat(3, 1)
    return (*picture.lost, *write(target, replace(picture, pixels=pixels, resolution=(3 * x, 3 * y))))


@pytest.mark.parametrize("source", [".jpg", ".tif"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_marks_of_interoperability_survive(tmp_path, source, suffix):
    given, result = tmp_path / f"a{source}", tmp_path / f"b{suffix}"
    Image.fromarray(PIXELS).save(given)
    exiftool(given, "-overwrite_original", "-InteropIndex=R03", f"-RelatedImageWidth={WIDTH}", "-ISO=100")
    enlarged(given, result)
    said = said_of(result)
    assert (said["InteropIFD:InteropIndex"], said["InteropIFD:RelatedImageWidth"]) == ("R03", 3 * WIDTH)
    assert said["ExifIFD:ISO"] == 100


def png_with(kind, data):
    import io

    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG")
    made = file.getvalue()
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return made[:33] + chunk + made[33:]


def jpeg_with_shape():
    import io

    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG")
    made = bytearray(file.getvalue())
    made[13:18] = struct.pack(">BHH", 0, 2, 1)
    return bytes(made)


def tiff_with_shape():
    import io

    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "TIFF", tiffinfo={282: 2.0, 283: 1.0, 296: 1})
    return file.getvalue()


def gif_with_shape():
    import io

    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "GIF")
    made = bytearray(file.getvalue())
    made[12] = 17  # a pixel is (17 + 15) / 64 times as wide as it is high
    return bytes(made)


@pytest.mark.parametrize(
    "content",
    [jpeg_with_shape(), png_with(b"pHYs", struct.pack(">IIB", 2, 1, 0)), tiff_with_shape(), gif_with_shape()],
    ids=["jpg", "png", "tif", "gif"],
)
def test_pixels_that_are_not_square_are_said(content):
    assert any(one.startswith("that pixels are not square") for one in read(content).lost)


@pytest.mark.parametrize(
    "content", [png_with(b"pHYs", struct.pack(">IIB", 1, 1, 0)), png_with(b"tEXt", b"a\0b")]
)
def test_square_pixels_are_not_spoken_of(content):
    assert read(content).lost == ()


def pages(folder, *tags):
    """Write a TIFF with a page for each set of tags."""
    images = [Image.fromarray(PIXELS) for _ in tags]
    path = folder / "pages.tif"
    for image, one in zip(images, tags, strict=True):
        image.encoderinfo = {"tiffinfo": one}
    images[0].save(path, save_all=True, append_images=images[1:], tiffinfo=tags[0])
    return path


def test_each_page_of_a_tiff_keeps_its_resolution(tmp_path):
    path = pages(tmp_path, {282: 100.0, 283: 100.0, 296: 2}, {282: 200.0, 283: 250.0, 296: 2})
    enlarged(path, tmp_path / "b.tif")
    said = said_of(tmp_path / "b.tif")
    assert said["IFD0:XResolution"] * (2.54 if said["IFD0:ResolutionUnit"] == 3 else 1) == pytest.approx(300)
    assert (said["IFD1:XResolution"], said["IFD1:YResolution"], said["IFD1:ResolutionUnit"]) == (600, 750, 2)


def test_what_only_the_first_page_keeps_is_said_of_others(tmp_path):
    path = pages(tmp_path, {700: b"<x/>"}, {700: b"<y/>"})
    assert "XMP of later pages" in read(path).lost
    path = pages(tmp_path, {700: b"<x/>"}, {700: b"<x/>"})
    assert "XMP of later pages" not in read(path).lost


def test_what_a_tiff_says_of_its_values_is_said(tmp_path):
    tags = {301: tuple(range(256)) * 3, 280: 5, 281: 200}
    Image.fromarray(PIXELS).save(tmp_path / "a.tif", tiffinfo=tags)
    assert read(tmp_path / "a.tif").lost == ("the range of its values (TIFF)", "the transfer curve (TIFF)")


@pytest.mark.parametrize("suffix", [".tif", ".avif"])
def test_how_frames_are_shown_is_kept_or_said(tmp_path, suffix):
    picture = Picture(
        np.concatenate([PIXELS, PIXELS]), pages=2, metadata=Metadata(size=(20, 30), delays=(50, 90), loop=3)
    )
    assert any("frames are shown" in one for one in write(tmp_path / f"a{suffix}", picture))
    assert write(tmp_path / "a.webp", picture) == ()


def profile():
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("more", [0, 3, 200_000])
def test_a_profile_of_any_length_costs_no_picture(tmp_path, suffix, more):
    short = profile()[:-2] if more == 3 else profile()
    # Of version 4, and not a multiple of four; or with bytes behind its end.
    given = len(short).to_bytes(4) + short[4:8] + b"\4" + short[9:] + bytes(more)
    lost = write(tmp_path / f"a{suffix}", Picture(PIXELS, metadata=Metadata(size=(20, 30), profile=given)))
    assert lost == ()
    kept = read(tmp_path / f"a{suffix}").metadata.profile
    assert kept[4 : len(short)] == given[4 : len(short)]
    assert len(kept) - len(short) in range(4)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_a_damaged_profile_is_said(tmp_path, suffix):
    given = b"no profile" * 20
    lost = write(tmp_path / f"a{suffix}", Picture(PIXELS, metadata=Metadata(size=(20, 30), profile=given)))
    assert lost == ("the colour profile (damaged)",)


def test_a_damaged_profile_of_a_png_and_what_stands_behind_it_are_said():
    assert read(png_with(b"iCCP", b"x\0\0" + zlib.compress(b"none"))).lost == (
        "the colour profile (damaged)",
    )
    assert read(png_with(b"tEXt", b"a\0b") + b"an archive").lost == ("data behind the picture",)


def test_the_profile_of_a_bmp_is_kept(tmp_path):
    rows, icc = bytes(20 * 92), profile()
    head = struct.pack("<IiiHHIIiiII", 124, 30, 20, 1, 24, 0, len(rows), 2835, 2835, 0, 0) + bytes(16)
    head += b"DEBM" + bytes(48) + struct.pack("<IIII", 4, 124 + len(rows), len(icc), 0)
    start = struct.pack("<IHHI", 14 + len(head) + len(rows) + len(icc), 0, 0, 14 + len(head))
    (tmp_path / "a.bmp").write_bytes(b"BM" + start + head + rows + icc)
    picture = read(tmp_path / "a.bmp")
    assert picture.metadata.profile == icc
    assert write(tmp_path / "b.png", picture) == ()
    assert write(tmp_path / "b.bmp", picture) == ("the colour profile",)


def test_the_resolution_of_a_jpeg_2000_is_known(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.jp2", irreversible=False)
    made = (tmp_path / "a.jp2").read_bytes()
    at = made.index(b"jp2h") - 4
    end = at + struct.unpack_from(">I", made, at)[0]
    box = struct.pack(">I4sI4sHHHHBB", 26, b"res ", 18, b"resc", 11811, 1, 11811, 1, 0, 0)
    whole = made[:at] + struct.pack(">I", end - at + 26) + made[at + 4 : end] + box + made[end:]
    assert read(whole).resolution == pytest.approx((11.811, 11.811), rel=1e-3)


def test_exif_of_a_jpeg_xl_is_found_with_and_without_its_offset():
    from keras_sr.images.picture.boxes import held_by_jxl

    block = b"II*\0\x08\0\0\0\0\0\0\0\0\0"
    for before in (b"", bytes(4), struct.pack(">I", 6) + b"Exif\0\0"):
        part = before + block
        data = struct.pack(">I4s", 8 + len(part), b"Exif") + part
        meta, lost = held_by_jxl(data)
        assert (meta.exif, lost) == (block, ())


@pytest.mark.parametrize("white", [255, 65535])
def test_further_pictures_of_a_ppm_are_said(white):
    one = b"P6\n30 20\n%d\n" % white + bytes(20 * 30 * 3 * (2 if white > 255 else 1))
    assert read(one + one).lost == ("all pictures but the first",)
    assert read(one).lost == ()


def test_times_that_gif_rounds_are_said(tmp_path):
    picture = Picture(np.concatenate([PIXELS, PIXELS]), pages=2, metadata=Metadata(delays=(33, 40)))
    assert any("hundredths" in one for one in write(tmp_path / "a.gif", picture))
    assert write(tmp_path / "a.gif", replace(picture, metadata=Metadata(delays=(30, 40)))) == ()


OME = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="I:0">
<Pixels ID="Pixels:0" Type="uint8" SizeX="30" SizeY="20" SizeC="3" PhysicalSizeX="0.6" PhysicalSizeY="1.5">
</Pixels></Image></OME>"""


@pytest.mark.parametrize(
    ("orientation", "said"),
    [
        (1, 'SizeX="90" SizeY="60" SizeC="3" PhysicalSizeX="0.2" PhysicalSizeY="0.5"'),
        (6, 'SizeX="60" SizeY="90" SizeC="3" PhysicalSizeX="0.5" PhysicalSizeY="0.2"'),
    ],
)
def test_ome_says_the_size_of_the_result(tmp_path, orientation, said):
    Image.fromarray(PIXELS).save(tmp_path / "a.tif", tiffinfo={270: OME, 274: orientation})
    enlarged(tmp_path / "a.tif", tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as image:
        text = image.tag_v2[270]
    assert said in text
    assert text.startswith("<?xml")
    enlarged(tmp_path / "a.tif", tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert said in image.getexif()[270]


def test_the_shape_that_tifffile_writes_is_that_of_the_result(tmp_path):
    tags = {270: '{"shape": [20, 30, 3], "axes": "YXS"}'}
    Image.fromarray(PIXELS).save(tmp_path / "a.tif", tiffinfo=tags)
    enlarged(tmp_path / "a.tif", tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as image:
        assert image.tag_v2[270] == '{"shape": [60, 90, 3], "axes": "YXS"}'
