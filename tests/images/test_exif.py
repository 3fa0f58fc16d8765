import pytest
from PIL import Image

from keras_sr.images.exif import patched

NOTE = bytes(range(200))


def block(order):
    exif = Image.Exif()
    exif.endian = order
    exif[271], exif[274], exif[282], exif[283], exif[296] = "A camera", 6, 72.0, 72.0, 3
    exif.get_ifd(0x8769)[0x927C] = NOTE
    return exif.tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("head", [b"Exif\0\0", b""])
def test_two_facts_change_and_the_rest_stays(order, head):
    given = block(order).removeprefix(b"Exif\0\0")
    result = patched(head + given, (300 / 25.4, 150 / 25.4))
    assert len(result) == len(head + given)
    exif = Image.Exif()
    exif.load(result)
    assert (exif[271], exif[274], exif[282], exif[283], exif[296]) == ("A camera", 1, 300.0, 150.0, 2)
    assert exif.get_ifd(0x8769)[0x927C] == NOTE
    changed = sum(a != b for a, b in zip(head + given, result, strict=True))
    assert changed <= 20


@pytest.mark.parametrize("damaged", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"rubbish" * 9])
def test_damaged_blocks_are_left_alone(damaged):
    assert patched(damaged, (1.0, 1.0)) == damaged


def test_every_cut_is_survived():
    given = block("<")
    for end in range(len(given)):
        assert len(patched(given[:end], (2.0, 2.0))) == end
