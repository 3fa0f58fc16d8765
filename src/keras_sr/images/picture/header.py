"""What the beginning of a picture file says: its format, its size, how many pages. Nothing is decoded."""

import io
import mmap
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from keras_sr.errors import PictureError
from keras_sr.images.formats import HEAD, Format, format_of
from keras_sr.images.picture import boxes, frames, jpeg, pnm, tiff, webp
from keras_sr.images.picture.pillow import unlimited
from keras_sr.images.picture.vips import import_vips, speakable
from keras_sr.images.plain import PLAIN_FORMATS, hush_pillow


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        format: Its format, as people call it.
        height: Of a page in pixels, upright.
        width: Of a page in pixels, upright.
        pages: How many pages or frames are read.
        memory: Bytes that its decoder holds; 0 where it gives rows.
        lossless: Whether a WebP was saved without loss.
        turned: Whether rows of it are columns of the file.
    """

    format: str
    height: int
    width: int
    pages: int = 1
    memory: int = 0
    lossless: bool = False
    turned: bool = False


def header(file: str | Path | bytes) -> Header:
    """Return what a picture file says of itself.

    Args:
        file: Its path, or what is in it.

    Raises:
        PictureError: It is no picture that is read, or its header is damaged.
        OSError: The file cannot be opened.
    """
    with content(file) as data:
        kind = kind_of(data)
        if kind is not None and not kind.loader:
            raise PictureError(f"{kind.name} is not read: {kind.advice}")
        try:
            return _with_memory(_header(file, data, kind), data, kind)
        except PictureError:
            raise
        # Pillow's plugins raise nearly every class there is on what is no picture.
        except Exception as error:
            raise PictureError("it is not a picture that can be read, or it is damaged") from error


def _header(file: str | Path | bytes, data: bytes, kind: Format | None) -> Header:
    """Return what a file of a format says of itself."""
    if kind and kind.name == "PPM" and pnm.is_deep(data):
        return Header(kind.name, *pnm.size(data))
    if kind is None or kind.loader == "pillow":
        hush_pillow()
        # MPO is opened as JPEG: it is not registered, and asking for it ends the search.
        given = io.BytesIO(file) if isinstance(file, bytes) else file
        with unlimited(), Image.open(given, formats=sorted(PLAIN_FORMATS - {"MPO"})) as image:
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
    return _by_vips(file, data, kind)


def _by_vips(file: str | Path | bytes, data: bytes, kind: Format) -> Header:
    """Return what libvips finds in a header."""
    vips = import_vips()
    if not isinstance(file, bytes) and speakable(file):
        image = getattr(vips.Image, kind.loader)(str(file), access="sequential")
    else:
        image = getattr(vips.Image, f"{kind.loader}_buffer")(bytes(data), access="sequential")
    fields = image.get_fields()
    turned = "orientation" in fields and image.get("orientation") >= 5
    height, width = (image.width, image.height) if turned else (image.height, image.width)
    pages = image.get("n-pages") if "n-pages" in fields and kind.pages else 1
    if kind.name == "PNG":
        pages = max(pages, frames.count(data))
    elif kind.name == "TIFF" and pages > 1 and not tiff.same_sizes(data):
        pages = 1  # of pages of different sizes, such as a pyramid, the first is read
    return Header(kind.name, height, width, pages, turned=turned)


#: Bytes above which libvips keeps a picture that has to be turned in a file instead.
_TURNED_IN_MEMORY = 100 << 20

#: Bytes a pixel of what Pillow opens although nothing says what it is.
_OTHERS = 12

#: Bytes a pixel of a JPEG whose scans go over all of it, of a PNG that is interlaced, of all frames of a PNG.
_SCANS, _INTERLACED, _FRAMES_OF_PNG = 8, 8, 16


def _with_memory(said: Header, data: bytes, kind: Format | None) -> Header:
    """Return a header that knows what its decoder holds of the picture."""
    pixels = said.height * said.width
    each = kind.decoding if kind else _OTHERS
    if said.format == "JPEG":
        each = _SCANS if jpeg.has_scans(data) else 0
    elif said.format == "PNG":
        each = _INTERLACED if data[28] else 0
        if said.pages > 1:
            each = _FRAMES_OF_PNG * said.pages
    memory = each * pixels
    if memory == 0 and said.turned:
        memory = min(4 * pixels, _TURNED_IN_MEMORY)
    lossless = said.format == "WebP" and webp.held(data)[0].lossless
    return replace(said, memory=memory, lossless=lossless)


@contextmanager
def content(file: str | Path | bytes) -> Generator[Any]:
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
