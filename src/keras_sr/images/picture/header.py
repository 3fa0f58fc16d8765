"""What the beginning of a picture file says: its format, its size, how many pages. Nothing is decoded."""

import io
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from keras_sr.errors import PictureError
from keras_sr.images.picture import boxes, frames, tiff
from keras_sr.images.picture.formats import HEAD, Format, format_of
from keras_sr.images.picture.pillow import unlimited
from keras_sr.images.picture.vips import import_vips, speakable
from keras_sr.images.plain import FORMATS, hush_pillow


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        format: Its format, as people call it.
        height: Of a page in pixels, upright.
        width: Of a page in pixels, upright.
        pages: How many pages or frames are read.
    """

    format: str
    height: int
    width: int
    pages: int = 1


def header(path: str | Path) -> Header:
    """Return what a picture file says of itself.

    Raises:
        PictureError: It is no picture that is read, or its header is damaged.
        OSError: The file cannot be opened.
    """
    with content(path) as data:
        kind = kind_of(data)
        if kind is not None and not kind.loader:
            raise PictureError(f"{kind.name} is not read: {kind.advice}")
        try:
            return _header(path, data, kind)
        except PictureError:
            raise
        # Pillow's plugins raise nearly every class there is on what is no picture.
        except Exception as error:
            raise PictureError("it is no picture that can be read, or it is damaged") from error


def _header(path: str | Path, data: bytes, kind: Format | None) -> Header:
    """Return what a file of a format says of itself."""
    if kind is None or kind.loader == "pillow":
        hush_pillow()
        with unlimited(), Image.open(io.BytesIO(bytes(data)), formats=sorted(FORMATS)) as image:
            turned = image.getexif().get(0x0112, 1) in range(5, 9)
            height, width = image.size if turned else image.size[::-1]
            return Header(kind.name if kind else str(image.format), height, width)
    if kind.loader == "jxl":
        height, width, _ = boxes.jxl_header(data)
        if not height:
            raise PictureError("its header is damaged")
        return Header(kind.name, height, width)
    if kind.loader == "heif":
        width, height = frames.open_heif(data).size
        return Header(kind.name, height, width)
    why = tiff.not_read(data, (tiff.pages_of(data) or [{}])[0]) if kind.name == "TIFF" else ""
    if why:
        raise PictureError(why)
    return _by_vips(path, data, kind)


def _by_vips(path: str | Path, data: bytes, kind: Format) -> Header:
    """Return what libvips finds in a header."""
    vips = import_vips()
    if speakable(path):
        image = getattr(vips.Image, kind.loader)(str(path), access="sequential")
    else:
        image = getattr(vips.Image, f"{kind.loader}_buffer")(bytes(data), access="sequential")
    fields = image.get_fields()
    turned = "orientation" in fields and image.get("orientation") >= 5
    height, width = (image.width, image.height) if turned else (image.height, image.width)
    pages = image.get("n-pages") if "n-pages" in fields and kind.pages else 1
    return Header(kind.name, height, width, max(pages, frames.count(data)) if kind.name == "PNG" else pages)


@contextmanager
def content(file: str | Path | bytes) -> Iterator[Any]:
    """Give what is in a file as bytes that are not all in memory."""
    if isinstance(file, bytes):
        yield file
        return
    with Path(file).open("rb") as opened:
        try:
            mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError):  # empty; a pipe, or a device
            yield opened.read()
            return
        with mapped:
            yield mapped


def kind_of(data: bytes) -> Format | None:
    """Return the format of a file, as it begins; None where that says nothing."""
    head = bytes(data[:HEAD])
    if head[4:8] == b"ftyp" and {b"avif", b"avis"} & set(boxes.brands(data[: 1 << 12])):
        head = b"\0\0\0\0ftypavif"
    return format_of(head)
