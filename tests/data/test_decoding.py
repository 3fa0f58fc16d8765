import pickle
import threading

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_sr.data import decoding
from keras_sr.data.decoding import Decoder, decode, size_of, start_of_scan
from keras_sr.data.listing import find_pictures
from keras_sr.errors import PictureError
from keras_sr.images.plain import read_rgb


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"quality": 40}])
def test_jpeg_is_what_opencv_reads(tmp_path, photo, save, options):
    path = save(tmp_path / "a.jpg", photo(0, 83, 121), **options)
    np.testing.assert_array_equal(decode(path), cv2.imread(str(path))[..., ::-1])


@pytest.mark.shared
def test_photographs_are_the_same_by_either_decoder(shared_data):
    paths = sorted((shared_data / "train" / "bsds400").glob("*.jpg"))[::8]
    paths += sorted((shared_data / "train" / "photos").glob("*.jpg"))[::20]
    assert len(paths) > 50
    for path in paths:
        np.testing.assert_array_equal(decode(path), read_rgb(path))


def test_without_simplejpeg_the_pixels_are_the_same(folder, monkeypatch):
    paths = [one.hr for one in find_pictures(folder)]
    pictures = [decode(path) for path in paths]
    monkeypatch.setattr(decoding, "simplejpeg", None)
    for path, pixels in zip(paths, pictures, strict=True):
        np.testing.assert_array_equal(decode(path), pixels)


GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("grey.jpg", Image.fromarray(np.full((8, 8), 77, np.uint8)), np.full((8, 8), 77)),
        ("grey.png", Image.fromarray(GREY), GREY),
        ("deep.png", Image.fromarray(GREY.astype(np.uint16) * 257), GREY),
        ("deep.tif", Image.fromarray((GREY * 257.0 + 60).clip(0, 65535).astype(np.uint16)), GREY),
        ("one bit.png", Image.fromarray(GREY).point(lambda v: v > 99, "1"), (GREY > 99) * 255),
        ("palette.gif", Image.fromarray(GREY).convert("P"), GREY),
        ("half.png", Image.fromarray(np.dstack([GREY, GREY * 0 + 255])), GREY),
        ("CMYK.jpg", Image.new("CMYK", (8, 8), (0, 0, 0, 255)), np.zeros((8, 8))),
        ("CMYK.TIF", Image.new("CMYK", (8, 8), (0, 0, 0, 0)), np.full((8, 8), 255)),
    ],
)
def test_every_kind_becomes_rgb(tmp_path, name, image, expected):
    image.save(tmp_path / name)
    pixels = decode(tmp_path / name)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.repeat(np.asarray(expected)[..., None], 3, axis=2))
    assert size_of(tmp_path / name) == pixels.shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_is_turned_upright(tmp_path, photo, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    Image.fromarray(photo(0, 40, 64)).save(path, exif=exif)
    pixels = decode(path)
    assert pixels.shape == ((64, 40, 3) if orientation >= 5 else (40, 64, 3)) == (*size_of(path), 3)
    np.testing.assert_array_equal(pixels, cv2.imread(str(path))[..., ::-1])


def test_exif_behind_other_headers_is_found(tmp_path, photo):
    exif = Image.Exif()
    exif[0x0112] = 3
    path = tmp_path / "a.jpg"
    Image.fromarray(photo(0, 40, 64)).save(path, exif=exif)
    data = path.read_bytes()
    comment = b"\xff\xfe" + (60002).to_bytes(2) + b"x" * 60000
    path.write_bytes(data[:2] + comment + comment + data[2:])
    assert decoding.is_turned(path.read_bytes())
    np.testing.assert_array_equal(decode(path), read_rgb(path))


@pytest.mark.parametrize(
    "data", [b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe0\x00\x00"]
)
def test_headers_that_make_no_sense_end(data):
    assert start_of_scan(data) >= 2


def test_the_name_does_not_decide_what_a_file_is(tmp_path, photo):
    Image.fromarray(photo(0, 20, 30)).save(tmp_path / "a.jpg", "PNG")
    np.testing.assert_array_equal(decode(tmp_path / "a.jpg"), photo(0, 20, 30))


@pytest.mark.parametrize("name", ["aa_truncated.jpg", "empty.png", "text.jpg", "missing.jpg", "missing.png"])
def test_broken_files(bad_folder, name):
    with pytest.raises(PictureError, match=name) as error:
        decode(bad_folder / name)
    assert "\n" not in str(error.value)
    if "truncated" not in name:
        with pytest.raises(PictureError, match=name):
            size_of(bad_folder / name)


def test_a_jpeg_that_would_unpack_to_gigabytes_is_left_to_pillow(tmp_path, photo, save, monkeypatch):
    path = save(tmp_path / "bomb.jpg", photo(0, 60, 60))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(PictureError, match=r"bomb\.jpg"):
        decode(path)


def test_a_decoder_uses_its_memory_again_but_not_that_of_other_threads(tmp_path, photo, save):
    decoder = Decoder()
    paths = [save(tmp_path / f"{k}.jpg", photo(k, 50, 40)) for k in range(3)]
    first = decoder(paths[0])
    np.testing.assert_array_equal(first, decode(paths[0]))
    other = threading.Thread(target=decoder, args=(paths[2],))
    other.start()
    other.join()
    np.testing.assert_array_equal(first, decode(paths[0]))
    np.testing.assert_array_equal(decoder(paths[1]), decode(paths[1]))
    assert np.shares_memory(first, decoder.pixels)
    np.testing.assert_array_equal(first, decode(paths[1]))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(decoder))(paths[0]), decode(paths[0]))


def test_a_decoder_copes_with_pictures_of_any_size_in_any_order(folder):
    decoder = Decoder()
    paths = [one.hr for one in find_pictures(folder)]
    for path in [*paths, *reversed(paths)]:
        np.testing.assert_array_equal(decoder(path), decode(path))
