import os
import pickle
import threading

import numpy as np
import pytest

from keras_sr.data.cache import build_cache
from keras_sr.data.sources import ArraySource, FileSource
from keras_sr.errors import DataError
from keras_sr.images.resize import imresize


def test_arrays(photo):
    source = ArraySource([photo(0, 50, 67), photo(1, 48, 48)], scale=4)
    assert source.names == ["000000", "000001"]
    assert source.sizes.tolist() == [[48, 64], [48, 48]]
    lr, hr = source.picture(0)
    np.testing.assert_array_equal(hr, photo(0, 50, 67)[:48, :64])
    np.testing.assert_array_equal(lr, imresize(hr, 1 / 4))


@pytest.mark.parametrize(
    ("hr", "options", "says"),
    [
        ([], {}, "there is at least one: got 0 HR"),
        ([np.zeros((8, 8, 3), np.uint8)], {"lr": []}, "got 1 HR, 0 LR, 1 names"),
        (
            [np.zeros((8, 8, 3), np.float32)],
            {},
            r"000000: pictures are uint8 .* not float32",
        ),
        ([np.zeros((8, 8), np.uint8)], {"lr": [np.zeros((2, 2), np.uint8)]}, r"not uint8 \(8, 8\)"),
        ([np.zeros((8, 8), np.uint8)], {}, r"000000: pictures are uint8 .* not uint8 \(8, 8\)"),
        ([np.zeros((8, 8, 3), np.uint8)], {"lr": [np.zeros((2, 2), np.uint8)]}, r"not uint8 \(2, 2\)"),
        ([np.zeros((8, 8, 3), np.uint8)], {"lr": [np.zeros((2, 3, 3), np.uint8)]}, "times 4 is not HR"),
    ],
)
def test_arrays_that_are_no_pairs(hr, options, says):
    with pytest.raises(DataError, match=says):
        ArraySource(hr, **options)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_files_give_the_crops_of_a_cache(folder, tmp_path, scale):
    files, cache = FileSource(folder, scale), build_cache(folder, scale, cache_dir=tmp_path / "cache")
    assert files.names == cache.names
    np.testing.assert_array_equal(files.sizes, cache.sizes)
    rng = np.random.default_rng(0)
    for k in range(len(cache)):
        for one, other in zip(files.picture(k), cache.picture(k), strict=True):
            np.testing.assert_array_equal(one, other)
        for _ in range(5):
            y, x = (int(rng.integers(0, side // scale - 9)) for side in cache.sizes[k])
            for one, other in zip(files.crop(k, y, x, 9), cache.crop(k, y, x, 9), strict=True):
                np.testing.assert_array_equal(one, other)


def test_crops_outlive_the_next_one(folder):
    source = FileSource(folder, 4)
    lr, hr = source.crop(0, 1, 1, 8)
    before = lr.copy(), hr.copy()
    source.crop(2, 1, 1, 8)
    source.picture(2)
    np.testing.assert_array_equal(lr, before[0])
    np.testing.assert_array_equal(hr, before[1])


def test_paired_files(tmp_path, photo, save):
    hr, lr = photo(0, 48, 64), photo(1, 12, 16)
    save(tmp_path / "HR" / "a.jpg", hr, quality=95)
    save(tmp_path / "LR" / "ax4.jpg", lr, quality=95)
    save(tmp_path / "HR" / "b.png", hr)
    save(tmp_path / "LR" / "b.png", photo(1, 13, 17))
    files = FileSource(tmp_path / "HR", 4, lr_folder=tmp_path / "LR")
    cache = build_cache(tmp_path / "HR", 4, lr_folder=tmp_path / "LR", cache_dir=tmp_path / "cache")
    assert files.names == cache.names == ["HR/a.jpg"]
    assert [one.reason for one in files.skipped] == [one.reason for one in cache.skipped]
    for one, other in zip(files.crop(0, 2, 3, 9), cache.crop(0, 2, 3, 9), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(files.picture(0), cache.picture(0), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_that_breaks_only_in_the_middle_gives_way_to_the_next(bad_folder, caplog):
    source = FileSource(bad_folder, 4)
    assert sorted(os.path.basename(one.path) for one in source.skipped) == [
        "empty.png",
        "text.jpg",
        "tiny.png",
    ]
    assert len(caplog.records) == 1
    broken = source.names.index("photos/aa_truncated.jpg")
    crops = [source.crop(broken, 3, 5, 8)[1] for _ in range(3)]
    np.testing.assert_array_equal(crops[0], crops[2])
    assert "truncated" in source.skipped[-1].path
    assert len(source.skipped) == 4
    assert len(caplog.records) == 2
    # The next picture, at a place that lies as far down and right in it as the one asked for.
    y, x = (np.array([3, 5]) * (source.sizes[broken + 1] // 4 - 7)) // (source.sizes[broken] // 4 - 7)
    np.testing.assert_array_equal(crops[0], source.crop(broken + 1, y, x, 8)[1])


def test_threads_note_a_broken_file_once(bad_folder):
    source = FileSource(bad_folder, 4)
    broken = source.names.index("photos/aa_truncated.jpg")
    threads = [threading.Thread(target=source.crop, args=(broken, 0, 0, 8)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(source.skipped) == 4


def test_all_files_break(tmp_path, photo, save):
    path = save(tmp_path / "photos" / "a.jpg", photo(0, 60, 60))
    source = FileSource(tmp_path / "photos", 4)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DataError, match=r"none of the pictures can be used: .*a\.jpg"):
        source.crop(0, 0, 0, 8)


def test_no_usable_file(tmp_path, photo, save):
    save(tmp_path / "photos" / "a.png", photo(0, 10, 60))
    with pytest.raises(DataError, match="60x10 pixels; the shorter side needs at least 16"):
        FileSource(tmp_path / "photos", 4)


def test_selection_and_pickling(folder):
    source = FileSource(folder, 4)
    part = pickle.loads(pickle.dumps(source.select([3, 1])))
    assert part.names == [source.names[3], source.names[1]]
    np.testing.assert_array_equal(part.crop(0, 1, 2, 8)[1], source.crop(3, 1, 2, 8)[1])
    np.testing.assert_array_equal(part.sizes, source.sizes[[3, 1]])


def test_holding_out_is_the_same_for_every_source(folder, tmp_path):
    cache = build_cache(folder, 4, cache_dir=tmp_path / "cache")
    arrays = ArraySource([cache.picture(k)[1] for k in range(5)], names=cache.names)
    for source in (FileSource(folder, 4), arrays):
        for part, expected in zip(source.hold_out(2), cache.hold_out(2), strict=True):
            assert part.names == expected.names
