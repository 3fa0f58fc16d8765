"""Pictures of the formats that Pillow reads, 8 bits a channel, and images of Pillow itself."""

import io
import struct
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image, ImageOps

from keras_sr.errors import PictureError
from keras_sr.images.picture import boxes, limits, pnm
from keras_sr.images.picture.exif import bare, resolution
from keras_sr.images.picture.model import Metadata, Picture
from keras_sr.images.plain import PLAIN_FORMATS, hush_pillow, is_deep_grey, left_behind, why

#: Pillow's limit is one number for all threads.
_PILLOW_LIMIT = Lock()


def by_pillow(file: str | Path | bytes, data: bytes, max_pixels: int | None) -> Picture:
    """Read one of the formats that libvips does not, 8 bits a channel.

    Args:
        file: The path of a file, or what is in it.
        data: What is in it.
        max_pixels: Larger pictures are refused.
    """
    hush_pillow()
    try:
        with unlimited(), Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            if image.format not in PLAIN_FORMATS:
                raise PictureError(f"{image.format} files are not read")
            limits.refuse_large(*image.size, max_pixels)
            # 16-bit grey is all that Pillow gives in 16 bits.
            lost = [what for what in left_behind(image) if not (is_deep_grey(image) and "16 bits" in what)]
            meta, more = _held(image, data)
            dots = image.info.get("dpi") if image.format in ("BMP", "DIB", "JPEG2000") else None
            orientation = image.getexif().get(0x0112, 1)
            size = image.size[::-1]
            ImageOps.exif_transpose(image, in_place=True)  # a copy would not know its format
            picture = from_pillow(image)
            if image.format == "TGA" and _no_alpha_bits(data):
                picture = replace(picture, alpha=None)
            stated = (dots[0] / 25.4, dots[1] / 25.4) if dots and min(dots) > 1 else resolution(meta.exif)
            meta = replace(meta, size=size, orientation=orientation if orientation in range(1, 9) else 1)
            return replace(picture, resolution=stated, metadata=meta, lost=(*lost, *more))
    except PictureError:
        raise
    # Pillow's decoders raise nearly every class there is on broken files.
    except Exception as error:
        raise PictureError(why(error, None if isinstance(file, bytes) else Path(file))) from error


def _held(image: Image.Image, data: bytes) -> tuple[Metadata, tuple[str, ...]]:
    """Return what an open picture says beside its pixels, and what is not kept of it, in words."""
    if image.format == "JPEG2000":
        meta, more = boxes.held_by_jp2(data)
        return replace(meta, profile=image.info.get("icc_profile") or b""), more
    if image.format == "TIFF":
        return Metadata(profile=image.info.get("icc_profile") or b""), ()
    lost: list[str] = []
    if image.format == "TGA":
        lost += ["its note (TGA)"] * bool(image.info.get("id_section"))
        lost += ["the extension area (TGA)"] * (
            bytes(data[-18:-2]) == b"TRUEVISION-XFILE" and any(data[-26:-22])
        )
    if image.format == "PPM":
        lost += ["a comment"] * (b"#" in _head_of_ppm(data))
        lost += ["all pictures but the first"] * pnm.has_more(data)
    profile = image.info.get("icc_profile") or b""
    if image.format in ("BMP", "DIB"):
        profile, more = _colours_of_bmp(data)
        lost += more
    return Metadata(profile=profile, exif=bare(image.info.get("exif") or b"")), tuple(lost)


def _colours_of_bmp(data: bytes) -> tuple[bytes, list[str]]:
    """Return the ICC profile in a BMP, and what its header says of colours and nobody keeps."""
    head = bytes(data[:138])
    if len(head) < 138 or head[:2] != b"BM" or int.from_bytes(head[14:18], "little") < 108:
        return b"", []
    kind, size = head[70:74], int.from_bytes(head[14:18], "little")
    if kind == b"DEBM" and size >= 124:
        start, length = struct.unpack_from("<II", head, 126)
        return bytes(data[14 + start : 14 + start + length]), []
    if kind == b"KNIL":
        return b"", ["the colour profile (another file)"]
    return b"", ["the calibration of colours (BMP)"] * (kind == bytes(4) and any(head[74:122]))


def _head_of_ppm(data: bytes) -> bytes:
    """Return the beginning of a PPM, about as far as its header goes."""
    head = bytes(data[:256])
    return head[: head.find(b"\n255\n") if b"\n255\n" in head else 64] if b"#" in head[:16] else b""


def _no_alpha_bits(data: bytes) -> bool:
    """Return whether a TGA says that its fourth channel holds nothing."""
    return len(data) > 18 and not data[17] & 0x0F


@contextmanager
def unlimited() -> Generator[None]:
    """Let Pillow open pictures of any size: `refuse_large` knows what is too large, and how to allow it."""
    with _PILLOW_LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def from_pillow(image: Image.Image) -> Picture:
    """Return an image of Pillow as a picture: grey, 16-bit grey, RGB, with alpha where it has any.

    Raises:
        PictureError: Its pixels do not say what white is.
    """
    if image.mode.startswith("I;16") or (
        image.mode == "I" and getattr(image, "format", "") in ("PNG", "PPM")
    ):
        return Picture(np.asarray(image).astype(np.uint16)[..., None])
    if image.mode in ("I", "F"):
        raise PictureError("32-bit pixels do not say what white is; save it with 8 or 16 bits")
    grey = image.mode in ("1", "L", "LA", "La")
    wanted = ("LA" if grey else "RGBA") if image.has_transparency_data else "L" if grey else "RGB"
    pixels = np.array(image if image.mode == wanted else image.convert(wanted))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if wanted.endswith("A"):
        return Picture(pixels[..., :-1], pixels[..., -1])
    return Picture(pixels)
