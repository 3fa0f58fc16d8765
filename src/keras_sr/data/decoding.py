"""One file to uint8 RGB for training: JPEG by simplejpeg, everything else by `images.plain`, which is Pillow.

Both decode JPEG with libjpeg-turbo at its exact settings and give the same pixels; the former is the
faster door to it. docs/decisions/0003-picture-decoding-for-training.md has the measurements. Whatever
simplejpeg does not take, or complains about, Pillow decides: a machine without it trains on the same pixels.
"""

import io
import os
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from keras_sr.errors import PictureError
from keras_sr.images.plain import PLAIN_FORMATS, hush_pillow, read_rgb, why

try:
    import simplejpeg
except ImportError:  # It is in the `train` extra; without it Pillow reads JPEG too, more slowly.
    simplejpeg = None

#: Buffers of freed pictures, 16 MiB each, that Pillow keeps for the next one: see `Decoder` for the reason.
_ARENA_BLOCKS = 8

_ORIENTATION = 0x0112

JPEG = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})


class Decoder(threading.local):
    """`decode` into memory that is used again: a call overwrites what the last one in its thread returned.

    The system hands new memory over page by page while the decoder writes to it: a JPEG of 640x480 then takes
    half as much time again.
    """

    def __init__(self):
        self.file = self.pixels = np.empty(0, np.uint8)

    def __call__(self, path: str | Path) -> np.ndarray:
        """Return the pixels of a picture file as `decode` does; copy what is to outlive the next call."""
        pixels = self.jpeg(path) if Path(path).suffix.lower() in JPEG else None
        return read_rgb(path) if pixels is None else pixels

    def jpeg(self, path: str | Path) -> np.ndarray | None:
        """Return the pixels of a plain upright JPEG, or None where simplejpeg is not to be trusted."""
        data = self.read(path)
        if simplejpeg is None or is_turned(data):
            return None
        try:
            height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
            size = int(height) * int(width)
            if colors not in ("YCbCr", "RGB", "Gray") or size > (Image.MAX_IMAGE_PIXELS or np.inf):
                return None
            self.pixels = _at_least(size * 3, self.pixels)
            return simplejpeg.decode_jpeg(data, "RGB", buffer=self.pixels)
        except ValueError:  # Damaged, or a kind it does not know: Pillow has the last word.
            return None

    def read(self, path: str | Path) -> memoryview:
        """Return the bytes of a file."""
        try:
            with open(path, "rb", buffering=0) as file:
                self.file = _at_least(os.fstat(file.fileno()).st_size, self.file)
                room = self.file.data
                return room[: file.readinto(room)]
        except OSError as error:
            raise PictureError(f"cannot read {str(path)!r}: {error.strerror or error}") from error

    def __reduce__(self) -> tuple:
        return Decoder, ()


def decode(path: str | Path) -> np.ndarray:
    """Return the pixels of a picture file as uint8 RGB (H, W, 3), the same as `images.plain.read_rgb`.

    Raises:
        PictureError: The file cannot be read, or is not a whole picture.
    """
    return Decoder()(path)


def _at_least(size: int, room: np.ndarray) -> np.ndarray:
    """Return `room`, or a new array where `size` bytes do not fit into it."""
    return room if room.size >= size else np.empty(size, np.uint8)


def is_turned(data: bytes | memoryview) -> bool:
    """Tell whether the EXIF of a JPEG says that the picture is to be turned or mirrored."""
    if b"Exif\0\0" not in bytes(data[: max(start_of_scan(data), 4096)]):
        return False
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            return image.getexif().get(_ORIENTATION, 1) != 1
    except Exception:  # Whatever is wrong with it, `read_rgb` will say it.
        return True


def start_of_scan(data: bytes | memoryview) -> int:
    """Return where the headers of a JPEG end, or stop making sense (ITU-T T.81, annex B)."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return at


def size_of(path: str | Path) -> tuple[int, int]:
    """Return (height, width) of a picture from its header, as `decode` would turn it.

    Raises:
        PictureError: The file cannot be read, or its header is not that of a picture.
    """
    hush_pillow()
    try:
        with Image.open(path) as image:
            if image.format not in PLAIN_FORMATS:
                raise PictureError(f"{image.format} files are not read")
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION, 1) >= 5
    except Exception as error:  # Pillow's readers raise nearly every class there is on broken files.
        raise PictureError(f"cannot read {str(path)!r}: {why(error, Path(path))}") from error
    return (width, height) if turned else (height, width)


Image.core.set_blocks_max(max(_ARENA_BLOCKS, Image.core.get_blocks_max()))
