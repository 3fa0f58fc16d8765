"""PPM, PGM and PFM deeper than 8 bits, which Pillow halves or does not read. Netpbm's specifications."""

import re
from typing import Any

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.images.picture.limits import refuse_large
from keras_sr.images.picture.model import Picture
from keras_sr.images.storage import Storage, pieces, release

#: A header: its kind, width, height and white, with comments between.
_GAP = rb"(?:\s+|#[^\n]*\n)+"
_HEADER = re.compile(rb"(P[56]|P[Ff])" + _GAP + rb"(\d+)" + _GAP + rb"(\d+)" + _GAP + rb"(-?[\d.]+)\s")


def is_deep(data: bytes) -> bool:
    """Return whether a file is one of those that are read here."""
    found = _HEADER.match(bytes(data[:4096]))
    return bool(found) and (found[1] in (b"PF", b"Pf") or float(found[4]) > 255)


def size(data: bytes) -> tuple[int, int]:
    """Return (height, width)."""
    found = _HEADER.match(bytes(data[:4096]))
    return (int(found[3]), int(found[2])) if found else (0, 0)


def has_more(data: bytes) -> bool:
    """Return whether another picture follows the first, as Netpbm's files may have it."""
    found = _HEADER.match(bytes(data[:4096]))
    if not found:
        return False
    each = {b"P5": 1, b"P6": 3, b"Pf": 4, b"PF": 12}[found[1]]
    deep = 2 if found[1] in (b"P5", b"P6") and float(found[4]) > 255 else 1
    end = found.end() + int(found[2]) * int(found[3]) * each * deep
    return bytes(data[end : end + 64]).lstrip()[:1] == b"P"


def by_hand(data: bytes, max_pixels: int | None, storage: Storage) -> Picture:
    """Read a PPM, PGM or PFM of more than 8 bits, some rows at a time.

    Raises:
        PictureError: It is cut short, or too large.
    """
    found = _HEADER.match(bytes(data[:4096]))
    height, width = size(data)
    if not found or not height * width:
        raise PictureError("its header is damaged")
    refuse_large(width, height, max_pixels)
    bands = 3 if found[1] in (b"P6", b"PF") else 1
    white = abs(float(found[4])) or 1.0
    floats = found[1] in (b"PF", b"Pf")
    if not floats and white > 65535:
        raise PictureError("its header is damaged")
    kind = np.dtype(("<f4" if found[4].startswith(b"-") else ">f4") if floats else ">u2")
    row_bytes = width * bands * kind.itemsize
    if len(data) < found.end() + height * row_bytes:
        raise PictureError("its content is damaged or cut short")
    pixels = storage.empty((height, width, bands), np.float32 if floats else np.uint16)
    for rows in pieces(height, row_bytes):
        # Floats stand from the bottom to the top.
        first, last = (height - rows.stop, height - rows.start) if floats else (rows.start, rows.stop)
        part = data[found.end() + first * row_bytes : found.end() + last * row_bytes]
        values: Any = np.frombuffer(part, kind).reshape(last - first, width, bands)
        if floats:
            pixels[rows] = values[::-1]
        else:
            pixels[rows] = values if white == 65535 else np.rint(values * (65535 / white)).clip(0, 65535)
        release(pixels)
    lost = ["a comment"] * (b"#" in bytes(data[: found.end()]))
    lost += ["all pictures but the first"] * has_more(data)
    return Picture(pixels, lost=tuple(lost))
