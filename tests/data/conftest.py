"""Folders of small photographs, good and bad."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_sr.images.resize import imresize


def make_photo(seed: int, height: int, width: int) -> np.ndarray:
    """A smooth picture with some grain, uint8 RGB: JPEG treats it as a photograph."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), np.uint8)
    smooth = imresize(coarse, size=(height, width)).astype(int)
    return (smooth + rng.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8)


def save_photo(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture(scope="session")
def photo():
    return make_photo


@pytest.fixture(scope="session")
def save():
    return save_photo


@pytest.fixture
def folder(tmp_path) -> Path:
    """Five pictures in several folders and formats, sizes no multiples of anything."""
    root = tmp_path / "photos"
    save_photo(root / "a.JPG", make_photo(0, 90, 130), quality=92)
    save_photo(root / "b.png", make_photo(1, 101, 70))
    save_photo(root / "deep" / "er" / "c.jpeg", make_photo(2, 64, 97), quality=85)
    save_photo(root / "deep" / "d.TIFF", make_photo(3, 77, 77))
    save_photo(root / "e.webp", make_photo(4, 66, 80), lossless=True)
    (root / "notes.txt").write_text("not a picture")
    (root / "._a.JPG").write_bytes(b"what some systems leave on disks")
    return root


@pytest.fixture
def bad_folder(folder) -> Path:
    """The same with four files that cannot be used, one of which has a whole header."""
    whole = (folder / "a.JPG").read_bytes()
    (folder / "aa_truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("I am not a picture")
    save_photo(folder / "tiny.png", make_photo(9, 3, 5))
    return folder
