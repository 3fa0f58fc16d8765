import errno
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from keras_sr.data import cache as module
from keras_sr.data.cache import build_cache, cache_folder, open_cache
from keras_sr.data.decoding import decode
from keras_sr.data.listing import find_pictures
from keras_sr.errors import DataError
from keras_sr.images.resize import imresize


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_holds_the_pixels_of_the_files(folder, tmp_path, scale):
    cache = build_cache(folder, scale, cache_dir=tmp_path / "cache")
    assert cache.names == [one.name for one in find_pictures(folder)]
    for k, one in enumerate(find_pictures(folder)):
        lr, hr = cache.picture(k)
        pixels = decode(one.hr)
        height, width = (side // scale * scale for side in pixels.shape[:2])
        np.testing.assert_array_equal(hr, pixels[:height, :width])
        np.testing.assert_array_equal(lr, imresize(pixels[:height, :width], 1 / scale))
        assert cache.sizes[k].tolist() == [height, width]


def test_crops_are_read_only_views(folder, tmp_path):
    cache = build_cache(folder, 4, cache_dir=tmp_path)
    lr, hr = cache.crop(1, 2, 3, 5)
    whole = cache.picture(1)
    np.testing.assert_array_equal(lr, whole[0][2:7, 3:8])
    np.testing.assert_array_equal(hr, whole[1][8:28, 12:32])
    with pytest.raises(ValueError, match="read-only"):
        hr[0] = 0


def test_bilinear_on_request(folder, tmp_path):
    cache = build_cache(folder, 4, cache_dir=tmp_path, degradation="bilinear")
    lr, hr = cache.picture(0)
    np.testing.assert_array_equal(lr, imresize(hr, 1 / 4, kernel="bilinear", antialias=False))


def test_an_unchanged_folder_finds_its_cache(folder, tmp_path, monkeypatch):
    first = build_cache(folder, 4, cache_dir=tmp_path)
    monkeypatch.setattr(module, "read_pair", None)  # Would fail when called.
    second = build_cache(f"{folder}/", 4, cache_dir=str(tmp_path))
    assert second.folder == first.folder
    np.testing.assert_array_equal(second.picture(2)[1], first.picture(2)[1])


def test_anything_else_gets_another_one(folder, tmp_path, photo, save):
    made = [build_cache(folder, 4, cache_dir=tmp_path).folder]
    made.append(build_cache(folder, 2, cache_dir=tmp_path).folder)
    made.append(build_cache(folder, 4, cache_dir=tmp_path, degradation="bilinear").folder)
    made.append(build_cache(folder, 4, cache_dir=tmp_path, min_side=70).folder)
    facts = (folder / "b.png").stat()
    os.utime(folder / "b.png", ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    made.append(build_cache(folder, 4, cache_dir=tmp_path).folder)
    save(folder / "new.png", photo(7, 40, 40))
    made.append(build_cache(folder, 4, cache_dir=tmp_path).folder)
    assert len(set(made)) == 6


def test_broken_and_tiny_files_are_skipped_and_told_once(bad_folder, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "keras_sr"):
        cache = build_cache(bad_folder, 4, cache_dir=tmp_path / "cache")
    assert len(cache) == 5
    assert len(caplog.records) == 1
    told = {os.path.basename(one.path): one.reason for one in cache.skipped}
    assert sorted(told) == ["aa_truncated.jpg", "empty.png", "text.jpg", "tiny.png"]
    assert told["tiny.png"] == "5x3 pixels; the shorter side needs at least 16"
    assert all("\n" not in text and str(tmp_path) not in text for text in told.values())
    assert build_cache(bad_folder, 4, cache_dir=tmp_path / "cache").skipped == cache.skipped


def test_a_dangling_link_is_a_broken_file(folder, tmp_path):
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert len(build_cache(folder, 4, cache_dir=tmp_path / "cache")) == 5


def test_all_broken(bad_folder, tmp_path):
    for path in bad_folder.rglob("*"):
        if path.is_file() and path.name not in ("text.jpg", "tiny.png"):
            path.unlink()
    with pytest.raises(DataError, match=r"none of the pictures can be used: .*text\.jpg"):
        build_cache(bad_folder, 4, cache_dir=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_pairs(tmp_path, photo, save):
    hr = [photo(k, 48, 64) for k in range(3)]
    for k, picture in enumerate(hr):
        save(tmp_path / "HR" / f"{k}.png", picture)
        save(tmp_path / "LR" / f"{k}x4.png", imresize(picture, 1 / 4, kernel="lanczos3"))
    save(tmp_path / "HR" / "lonely.png", hr[0])
    save(tmp_path / "LR" / "2x4.png", photo(5, 11, 16))
    cache = build_cache(tmp_path / "HR", 4, lr_folder=tmp_path / "LR", cache_dir=tmp_path / "cache")
    assert cache.names == ["HR/0.png", "HR/1.png"]
    np.testing.assert_array_equal(cache.picture(1)[0], imresize(hr[1], 1 / 4, kernel="lanczos3"))
    reasons = [one.reason for one in cache.skipped]
    assert "no LR picture of this name" in reasons[0]
    assert reasons[1] == "LR has 16x11 pixels and HR 64x48, which is not 4 times that"


@pytest.mark.parametrize("rounding", [np.floor, np.ceil])
def test_the_lr_of_an_odd_size_may_be_rounded_either_way(tmp_path, photo, save, rounding):
    save(tmp_path / "HR" / "a.png", photo(0, 50, 67))
    save(tmp_path / "LR" / "a.png", photo(1, int(rounding(50 / 4)), int(rounding(67 / 4))))
    cache = build_cache(tmp_path / "HR", 4, lr_folder=tmp_path / "LR", cache_dir=tmp_path / "cache")
    assert [image.shape for image in cache.picture(0)] == [(12, 16, 3), (48, 64, 3)]


def test_a_build_that_is_interrupted_leaves_nothing(folder, tmp_path):
    def interrupt(done, total):
        assert total == 5
        if done == 3:
            raise KeyboardInterrupt

    # Other tests of this process may have left threads of theirs.
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        build_cache(folder, 4, cache_dir=tmp_path / "cache", progress=interrupt)
    assert list((tmp_path / "cache").iterdir()) == []
    assert set(threading.enumerate()) <= before
    assert len(build_cache(folder, 4, cache_dir=tmp_path / "cache")) == 5


def test_a_build_that_is_killed_is_not_taken_for_a_cache(folder, tmp_path):
    kill = (
        "import os, signal, sys\n"
        "from keras_sr.data.cache import build_cache\n"
        "die = lambda done, total: done == 4 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "build_cache(sys.argv[1], 4, cache_dir=sys.argv[2], progress=die)\n"
    )
    cache_dir = tmp_path / "cache"
    done = subprocess.run([sys.executable, "-c", kill, str(folder), str(cache_dir)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(leftovers(cache_dir)) == 1
    assert len(build_cache(folder, 4, cache_dir=cache_dir)) == 5
    assert len(leftovers(cache_dir)) == 1  # It might belong to a build that is still running.
    for path in (part := cache_dir / leftovers(cache_dir)[0], *part.iterdir()):
        os.utime(path, (0, 0))
    build_cache(folder, 2, cache_dir=cache_dir)
    assert leftovers(cache_dir) == []


@pytest.mark.parametrize("name", ["hr.bin", "lr.bin", "index.json"])
def test_a_damaged_cache_is_built_again(folder, tmp_path, name):
    cache = build_cache(folder, 4, cache_dir=tmp_path / "cache")
    expected = cache.picture(3)[1].copy()
    with (cache.folder / name).open("r+b") as file:
        file.truncate(100)
    assert open_cache(cache.folder) is None
    np.testing.assert_array_equal(
        build_cache(folder, 4, cache_dir=tmp_path / "cache").picture(3)[1], expected
    )


def test_two_builds_at_once(folder, tmp_path):
    caches = []
    both = [
        threading.Thread(target=lambda: caches.append(build_cache(folder, 4, cache_dir=tmp_path / "cache")))
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert caches[0].folder == caches[1].folder
    assert leftovers(tmp_path / "cache") == []


def test_a_full_disk(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_pixels", full)
    with pytest.raises(DataError, match=r"the disk of .* is full.*KERAS_SR_CACHE") as error:
        build_cache(folder, 4, cache_dir=tmp_path / "cache")
    assert "\n" not in str(error.value)
    assert leftovers(tmp_path / "cache") == []


def test_a_folder_that_cannot_be_written(folder):
    with pytest.raises(DataError, match=r"cannot be written to .*KERAS_SR_CACHE"):
        build_cache(folder, 4, cache_dir=folder / "a.JPG")


def test_an_unknown_degradation(folder, tmp_path):
    with pytest.raises(DataError, match="unknown degradation 'blur'"):
        build_cache(folder, 4, cache_dir=tmp_path, degradation="blur")


def test_where_caches_live(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert cache_folder(tmp_path / "other") == tmp_path / "other"
    monkeypatch.delenv("KERAS_SR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "keras-sr"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "keras-sr"


def test_workers_of_other_processes_get_the_map_and_not_the_pixels(folder, tmp_path):
    cache = build_cache(folder, 4, cache_dir=tmp_path)
    expected = cache.picture(0)[1]
    data = pickle.dumps(cache)
    assert len(data) < 3000
    np.testing.assert_array_equal(pickle.loads(data).picture(0)[1], expected)


def test_holding_out(folder, tmp_path):
    train, valid = build_cache(folder, 4, cache_dir=tmp_path).hold_out(2)
    assert (len(train), len(valid)) == (3, 2)
    whole = build_cache(folder, 4, cache_dir=tmp_path)
    assert sorted(train.names + valid.names) == sorted(whole.names)
    for k, name in enumerate(valid.names):
        np.testing.assert_array_equal(valid.picture(k)[1], whole.picture(whole.names.index(name))[1])
