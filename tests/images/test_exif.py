import pytest
from PIL import Image

from keras_sr.images.picture.exif import Change, has_thumbnail, patched_exif

NOTE = bytes(range(200))


def change(height=20, width=30, orientation=6, times=4, dots=(300, 150)):
    upright = (width, height) if orientation > 4 else (height, width)
    result = upright[0] * times, upright[1] * times
    return Change((height, width), orientation, result, (dots[0] / 25.4, dots[1] / 25.4))


def block(order):
    exif = Image.Exif()
    exif.endian = order
    exif[271], exif[274], exif[282], exif[283], exif[296] = "A camera", 6, 72.0, 72.0, 3
    exif.get_ifd(0x8769)[0x927C] = NOTE
    return exif.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_is_of_the_pixels_changes_and_the_rest_stays(order):
    given = block(order)
    result = patched_exif(given, change())
    assert len(result) == len(given)
    exif = Image.Exif()
    exif.load(result)
    assert (exif[271], exif[274], exif[282], exif[283], exif[296]) == ("A camera", 1, 300.0, 150.0, 2)
    assert exif.get_ifd(0x8769)[0x927C] == NOTE
    assert sum(a != b for a, b in zip(given, result, strict=True)) <= 20


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_subject_area_is_where_its_pixels_have_gone(orientation):
    import numpy as np
    from PIL import ImageOps

    exif = Image.Exif()
    exif[274] = orientation
    exif.get_ifd(0x8769)[0x9214] = (10, 6, 4, 2)
    pixels = np.zeros((20, 30), np.uint8)
    pixels[5:7, 8:12] = 255
    image = Image.fromarray(pixels)
    upright = np.asarray(ImageOps.exif_transpose(with_exif(image, exif)))
    rows, columns = np.nonzero(upright)
    result = Image.Exif()
    result.load(
        patched_exif(exif.tobytes().removeprefix(b"Exif\0\0"), change(orientation=orientation, times=1))
    )
    x, y, width, height = result.get_ifd(0x8769)[0x9214]
    assert (x, y) == ((columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2)
    assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)


def with_exif(image, exif):
    image.getexif()[274] = exif[274]
    return image


def test_a_thumbnail_of_other_pixels_goes(shared_data):
    with Image.open(shared_data / "strangers" / "01_sideways_thumb.jpg") as image:
        given = image.info["exif"].removeprefix(b"Exif\0\0")
    assert has_thumbnail(given)
    assert not has_thumbnail(patched_exif(given, change()))


@pytest.mark.parametrize(
    "damaged", [b"", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"rubbish" * 9]
)
def test_damaged_blocks_are_left_alone(damaged):
    assert patched_exif(damaged, change()) == damaged


def test_every_cut_is_survived():
    given = block("<")
    for end in range(len(given)):
        assert len(patched_exif(given[:end], change())) == end
