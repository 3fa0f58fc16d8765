import os
from threading import Event, Thread

import numpy as np
import pytest

from keras_sr.errors import PictureError
from keras_sr.images import picture as files
from keras_sr.images.picture import Picture
from keras_sr.images.storage import IN_MEMORY, Room, Storage, by_pieces, everywhere, release


@pytest.fixture
def on_disk(tmp_path):
    """A space that keeps every array on the disk."""
    return Storage(0, tmp_path / "space")


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_small_arrays_stay_in_memory(tmp_path):
    storage = Storage(100, tmp_path / "space")
    assert not isinstance(storage.empty((10, 10), np.uint8), np.memmap)
    assert not (tmp_path / "space").exists()
    assert isinstance(storage.empty((10, 11), np.uint8), np.memmap)


def test_a_file_on_the_disk_has_no_name(on_disk):
    array = on_disk.empty((50, 40, 3), np.uint16)
    array[:] = 7
    assert list(on_disk.folder.iterdir()) == []
    assert array.sum() == 7 * 50 * 40 * 3


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="only Linux tells what is resident")
def test_released_pages_leave_the_process_and_keep_their_values(on_disk):
    array = on_disk.empty((64 << 20,), np.uint8)
    array[:] = 3
    before = resident()
    release(array[5:].reshape(-1), None, np.zeros(3))
    assert before - resident() > 50 << 20
    assert (array[:: 1 << 20] == 3).all()


def test_a_full_disk_is_one_error_and_no_crash(on_disk):
    with pytest.raises(PictureError, match=r"no room for 3072\.0 GiB of pixels in"):
        on_disk.empty((1 << 20, 1 << 20, 3), np.uint8)


def test_by_pieces_is_the_function(on_disk, monkeypatch):
    monkeypatch.setattr("keras_sr.images.storage.PIECE", 1000)
    a, b = np.random.default_rng(0).random((2, 40, 9))
    np.testing.assert_array_equal(by_pieces(np.add, np.float64, on_disk, a, b), a + b)
    assert everywhere(lambda x: x < 1, a)
    a[39, 8] = 2
    assert not everywhere(lambda x: x < 1, a)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_on_the_disk_is_the_same_picture(on_disk, tmp_path, monkeypatch, suffix, alpha, dtype):
    monkeypatch.setattr("keras_sr.images.storage.PIECE", 2000)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, np.iinfo(dtype).max, (61, 43, 4), dtype, endpoint=True)
    files.write(tmp_path / f"a{suffix}", Picture(pixels[..., :3], pixels[..., 3] if alpha else None))
    first = files.read(tmp_path / f"a{suffix}", storage=on_disk)
    assert isinstance(first.pixels, np.memmap)
    files.write(tmp_path / f"b{suffix}", first, storage=on_disk)
    for picture in (first, files.read(tmp_path / f"b{suffix}")):
        np.testing.assert_array_equal(picture.pixels, pixels[..., :3])
        if alpha:
            np.testing.assert_array_equal(picture.alpha, pixels[..., 3])
    # What a format cannot hold is converted in pieces, to the same.
    lost = files.write(tmp_path / "c.jpg", first, storage=on_disk)
    files.write(tmp_path / "d.jpg", files.read(tmp_path / f"a{suffix}"), storage=IN_MEMORY)
    assert (tmp_path / "c.jpg").read_bytes() == (tmp_path / "d.jpg").read_bytes()
    assert bool(lost) == (alpha or dtype == np.uint16)


def test_large_tiffs_are_tiled(tmp_path, monkeypatch):
    import pyvips

    monkeypatch.setattr("keras_sr.images.picture.writing.LARGE", 1000)
    pixels = np.random.default_rng(0).integers(0, 255, (300, 280, 3), np.uint8)
    files.write(tmp_path / "a.tif", Picture(pixels))
    np.testing.assert_array_equal(files.read(tmp_path / "a.tif").pixels, pixels)
    assert (tmp_path / "a.tif").read_bytes()[:4] == b"II+\0"  # BigTIFF
    assert pyvips.Image.tiffload(str(tmp_path / "a.tif")).get("tile-width") == 128


def test_arrays_share_what_there_is_of_memory_and_give_it_back(tmp_path):
    storage = Storage(100, tmp_path)
    first = storage.empty((8, 10), np.uint8)
    part = first[2:]
    assert isinstance(storage.empty((3, 10), np.uint8), np.memmap)
    assert not isinstance(storage.empty((2, 10), np.uint8), np.memmap)
    del first  # a view of it is left
    assert isinstance(storage.empty((8, 10), np.uint8), np.memmap)
    del part
    assert not isinstance(storage.empty((8, 10), np.uint8), np.memmap)


def test_who_needs_a_whole_picture_in_memory_waits_for_its_turn():
    room, order, began = Room(100), [], Event()

    def other():
        began.set()
        with room.held(60):
            order.append("other")

    with room.held(60):
        thread = Thread(target=other)
        thread.start()
        began.wait(10)
        order.append("first")
    thread.join(10)
    with room.held(1000):  # more than there is: alone, but not never
        assert not room.take(1)
    assert order == ["first", "other"]
    assert room.take(100)
