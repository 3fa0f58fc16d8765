"""Picture files: read and written with Pillow, grey or RGB, 8 bits a channel.

A file may hold more than that. What `read` leaves behind it names in `Picture.lost`: nothing
disappears silently. Colour profiles and other metadata are not read.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from keras_sr.errors import PictureError, one_line, unknown
from keras_sr.files import atomic_write
from keras_sr.images.formats import FORMATS
from keras_sr.images.ranges import from_float, to_float

#: suffix: (Pillow's name of the format, how it is written). JPEG keeps all of its colour (4:4:4).
_WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
    ".tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".bmp": ("BMP", {}),
}

#: What a file ends with, in lower case, when a folder is searched for pictures. Floats (.pfm) have no white.
SUFFIXES = frozenset(suffix for one in FORMATS if one.plain for suffix in one.suffixes) - {".pfm"}

#: Formats that are opened. Not among them: EPS, WMF and other programs in disguise.
#: To Pillow a JPEG with a second picture inside is an MPO, and a BMP without its first bytes a DIB.
PLAIN_FORMATS = frozenset({one.kind for one in FORMATS if one.plain} | {"MPO", "DIB"})


@dataclass(frozen=True, eq=False)
class PlainPicture:
    """A picture in memory.

    Attributes:
        pixels: uint8 (H, W, 1) for grey, (H, W, 3) for RGB, top row first; read-only.
        source: The file it came from, if it came from one.
        lost: What the file held and `pixels` does not, in words such as `"transparency (laid over white)"`.
    """

    pixels: np.ndarray
    source: Path | None = None
    lost: tuple[str, ...] = ()


def read_plain(file: str | Path | IO[bytes]) -> PlainPicture:
    """Read a picture, turned upright as its EXIF orientation says.

    The content decides what a file is, not its name: a PNG named `.jpg` is read.
    1-bit and grey pictures stay grey; everything else becomes RGB (CMYK by the plain formula).
    Transparency is laid over white, as on a page: the colours under transparent pixels are often
    rubbish that nobody was meant to see. Depths above 8 bits are scaled, never clipped: grey is
    rounded, colour loses its low byte. Of several frames or pages the first is read.

    Args:
        file: A path, or a binary file open for reading.

    Raises:
        PictureError: The file is missing, empty, damaged, not a picture, of a kind whose white is not
            known (32-bit integers, floats), or larger than `PIL.Image.MAX_IMAGE_PIXELS` allows (twice that
            number, 179 million pixels, unless it was changed: a small file can unpack to many gigabytes).
    """
    source = Path(file) if isinstance(file, str | Path) else None
    name = repr(str(source or getattr(file, "name", "the picture")))
    if source is not None and source.is_dir():
        raise PictureError(f"cannot read {name}: it is a folder, not a picture")
    hush_pillow()
    try:
        with Image.open(source or file) as image:
            pixels, lost = _decode(image)
    # Pillow's decoders raise nearly every class there is on broken files.
    except Exception as error:
        raise PictureError(f"cannot read {name}: {why(error, source)}") from error
    return PlainPicture(pixels, source, lost)


def read_rgb(path: str | Path | IO[bytes]) -> np.ndarray:
    """Read a picture as `read` does and return uint8 RGB (H, W, 3); grey is repeated thrice.

    Raises:
        PictureError: As `read`.
    """
    return in_rgb(read_plain(path).pixels)


def in_rgb(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 (H, W, 1 or 3) as RGB (H, W, 3); grey is repeated thrice."""
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def write_plain(path: str | Path, pixels: np.ndarray) -> Path:
    """Write a picture; its suffix chooses the format. The file is whole or absent, never half there.

    Args:
        path: The file; its folder is made when it is absent, and a file of that name is replaced.
        pixels: uint8 (H, W, 1) grey or (H, W, 3) RGB.

    Returns:
        The path.

    Raises:
        PictureError: The suffix or the array is not understood, the format cannot hold a picture of
            this size, or the disk does not take it (full, no permission).
    """
    path = Path(path)
    data = _encode(pixels, path)
    try:
        with atomic_write(path) as file:
            file.write(data)
    except OSError as error:
        raise PictureError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    return path


def _encode(pixels: np.ndarray, path: Path) -> bytes:
    """Return the bytes of a picture file whose format follows from the suffix of `path`."""
    if path.suffix.lower() not in _WRITTEN:
        raise PictureError(f"cannot write {str(path)!r}: {unknown('suffix', path.suffix, list(_WRITTEN))}")
    kind, options = _WRITTEN[path.suffix.lower()]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or not pixels.size:
        raise PictureError(
            f"cannot write {str(path)!r}: expected uint8 pixels (H, W, 1) or (H, W, 3), "
            f"got {pixels.dtype} {pixels.shape}; images.ranges.from_float converts floats"
        )
    data = io.BytesIO()
    hush_pillow()
    try:
        Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0]).save(data, kind, **options)
    except Exception as error:
        height, width = pixels.shape[:2]
        raise PictureError(
            f"cannot write {str(path)!r}: {kind} does not take {width}x{height} pixels ({one_line(error)})"
        ) from error
    return data.getvalue()


def _decode(image: ImageFile.ImageFile) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the pixels of an open Pillow picture, uint8 (H, W, 1 or 3), and what they lack of it."""
    if image.format not in PLAIN_FORMATS:
        raise PictureError(
            f"{image.format} files are not read; use one of {', '.join(sorted(PLAIN_FORMATS))}"
        )
    lost = list(left_behind(image))
    image.load()
    # A broken EXIF block is no reason to refuse the pixels.
    with suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
    if is_deep_grey(image):
        deep = np.asarray(image).astype(np.uint16)
        return from_float(to_float(deep))[..., None], tuple(lost)
    if image.mode in ("I", "F"):
        raise PictureError("32-bit pixels do not say what white is; save it with 8 or 16 bits")
    grey = image.mode in ("1", "L", "LA", "La")
    opaque: Image.Image = image
    if image.has_transparency_data:
        opaque, seen_through = _lay_over_white(image)
        lost += ["transparency (laid over white)"] * seen_through
    pixels = np.asarray(_to_mode(opaque, "L" if grey else "RGB"))
    return pixels.reshape(*pixels.shape[:2], -1), tuple(lost)


def left_behind(image: ImageFile.ImageFile) -> Iterator[str]:
    """Name what an open, not yet loaded picture holds beyond one frame of 8 bits a channel."""
    # A photograph with a preview inside (MPO) is one picture to everybody.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        yield "all frames but the first"
    if is_deep_grey(image) or re.search(r";16[BLN]|65535", str([tile[3] for tile in image.tile])):
        yield "16 bits a channel (scaled to 8)"
    if is_deep_grey(image) and "transparency" in image.info:
        yield "transparency"
    if image.mode == "CMYK" and "icc_profile" in image.info:
        yield "the CMYK colour profile"


def is_deep_grey(image: Image.Image) -> bool:
    """Tell whether a picture is 16-bit grey. Pillow gives such PNG or PGM as 32-bit integers at times."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))


def _lay_over_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return an opaque RGBA picture, and whether anything could be seen through before."""
    rgba = _to_mode(image, "RGBA")
    if rgba.getchannel("A").getextrema() == (255, 255):
        return rgba, False
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba), True


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert only where needed: Pillow copies the picture even when it has the mode already."""
    return image if image.mode == mode else image.convert(mode)


_PILLOW = re.compile(r"PIL\.")


def hush_pillow() -> None:
    """Put a filter in front that ignores warnings raised inside Pillow, and no others.

    What they tell (odd tags, large pictures) is handled here or harms nobody. `catch_warnings` would
    not do: it swaps the filters of all threads, and pictures are read in many at once.
    """
    if not warnings.filters or warnings.filters[0][3] != _PILLOW:
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)


def why(error: Exception, source: Path | None) -> str:
    """Return the reason why a file could not be read, as one line without a full stop."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, UnidentifiedImageError):
        if source is not None and source.stat().st_size == 0:
            return "the file is empty (0 bytes)"
        return "its content is not a picture, or is too damaged to tell"
    if isinstance(error, Image.DecompressionBombError):
        return f"{one_line(error)} If you trust the file, raise PIL.Image.MAX_IMAGE_PIXELS"
    return one_line(error)
