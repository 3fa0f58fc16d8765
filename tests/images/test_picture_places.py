"""Where pictures come from and go to: odd names, places that do not take them, words of libvips."""

import os
import sys

import numpy as np
import pytest

from keras_sr.errors import PictureError
from keras_sr.images import picture as module
from keras_sr.images.picture import WRITTEN, Picture, read, write

RNG = np.random.default_rng(0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("suffix", sorted(WRITTEN.keys() - {".pgm"}))
def test_a_name_that_is_no_utf8(tmp_path, suffix):
    path = tmp_path / os.fsdecode(b"caf\xe9" + suffix.encode())
    given = RNG.integers(0, 256, (20, 24, 3), np.uint8)
    write(path, Picture(given))
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9" + suffix.encode()]
    assert read(path).pixels.shape == (20, 24, 3)
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(PictureError, match="cannot read"):
        read(path)


def test_a_message_that_is_no_utf8_is_forgotten(tmp_path):
    """libvips collects messages; pyvips, which cannot decode one of them, would fail at every later one."""
    vips = module.import_vips()
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")

    def said():
        with pytest.raises(PictureError, match="damaged or cut short") as caught:
            read(tmp_path / "bad.png")
        return str(caught.value)

    before = said()
    with pytest.raises(UnicodeDecodeError):
        vips.Image.pngload(b"caf\xe9.png")
    said()
    assert said() == before


def test_what_cannot_be_written_is_not_called_damaged(tmp_path):
    wide = Picture(np.zeros((2, 20_000, 3), np.uint8))
    with pytest.raises(PictureError, match="webp does not take 20000x2 pixels") as caught:
        write(tmp_path / "a.webp", wide)
    assert "damaged" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit to the size of files")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".gif", ".avif", ".bmp", ".jp2"])
def test_a_full_disk_is_called_by_its_name(tmp_path, suffix, monkeypatch):
    import resource

    # Bytecode of what is imported meanwhile would be cut off, and taken for whole ever after.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    given = Picture(RNG.integers(0, 256, (120, 120, 3), np.uint8))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with pytest.raises(PictureError, match=r"cannot write .*: File too large$"):
            write(tmp_path / f"a{suffix}", given)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []
