"""From a picture to a file: what a format can hold, what it loses, and the file whole or absent."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from keras_sr.errors import PictureError, unknown
from keras_sr.files import atomic_write
from keras_sr.images.exif import patched
from keras_sr.images.picture.model import Picture
from keras_sr.images.picture.vips import import_vips, speakable, vips_said
from keras_sr.images.plain import hush_pillow, one_line
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.storage import IN_MEMORY, Storage, by_pieces, everywhere, release

JPEG = ("jpegsave", {"Q": 95, "subsample_mode": "off"}, ("uint8",), False, False)
TIFF = (
    "tiffsave",
    {"compression": "deflate", "predictor": "horizontal", "level": 3},
    ("uint8", "uint16", "float32"),
    True,
    True,
)
#: suffix: (libvips' saver and its options, types of pixels it holds, whether it holds alpha and pages).
#: Lossless ones at the level where more time buys next to nothing (docs/decisions/0008).
SAVERS: dict[str, tuple[str, dict[str, Any], tuple[str, ...], bool, bool]] = {
    ".png": ("pngsave", {"compression": 3, "filter": "sub"}, ("uint8", "uint16"), True, False),
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".webp": ("webpsave", {"Q": 95, "smart_subsample": True}, ("uint8",), True, True),
    ".tif": TIFF,
    ".tiff": TIFF,
    ".gif": ("gifsave", {}, ("uint8",), True, True),
    ".avif": (
        "heifsave",
        {"Q": 90, "compression": "av1", "subsample_mode": "off", "effort": 4},
        ("uint8",),
        True,
        False,
    ),
}

#: TIFFs of more pixels are written in tiles, with offsets of 64 bits.
LARGE = 100_000_000

#: Formats that Pillow writes, 8 bits a channel and nothing beside the pixels.
PLAIN = {".bmp": "BMP", ".ppm": "PPM", ".pgm": "PPM", ".tga": "TGA", ".jp2": "JPEG2000", ".qoi": "QOI"}


def write(path: str | Path, picture: Picture, *, storage: Storage = IN_MEMORY) -> tuple[str, ...]:
    """Write a picture; the suffix chooses the format. The file is whole or absent, never half there.

    Args:
        path: The file; its folder is made when it is absent, and a file of that name is replaced.
        picture: What to write.
        storage: Where pixels go that have to be converted.

    Returns:
        What the format cannot hold, in words such as `"transparency (laid over white)"`.

    Raises:
        PictureError: The suffix is unknown, the format cannot hold a picture of this size, or the disk does
            not take it.
    """
    path = Path(path)
    picture, lost = fitted(path.suffix.lower(), picture, str(path), storage)
    try:
        with atomic_write(path) as file:
            if path.suffix.lower() in PLAIN or not speakable(path):
                file.write(encoded(path.suffix.lower(), picture, str(path)))
            else:
                encoded(path.suffix.lower(), picture, str(path), Path(file.name))
    except OSError as error:
        raise PictureError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    return lost


def encode(suffix: str, picture: Picture, name: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of a picture file, and what the format cannot hold."""
    picture, lost = fitted(suffix, picture, name, IN_MEMORY)
    return encoded(suffix, picture, name), lost


def fitted(suffix: str, picture: Picture, name: str, storage: Storage) -> tuple[Picture, tuple[str, ...]]:
    """Return a picture as the format of a suffix can hold it, and what it cannot."""
    if suffix not in SAVERS and suffix not in PLAIN:
        raise PictureError(f"cannot write {name!r}: {unknown('suffix', suffix, [*SAVERS, *PLAIN])}")
    _, _, types, alpha, pages = SAVERS.get(suffix, ("", {}, ("uint8",), False, False))
    picture, lost = made_to_fit(picture, types, alpha, pages, storage)
    bands = picture.pixels.shape[2]
    if bands not in (1, 3) and suffix not in (".tif", ".tiff"):
        raise PictureError(f"cannot write {name!r}: {bands} bands need TIFF")
    return picture, (*lost, *left_behind(suffix, picture.metadata))


def encoded(suffix: str, picture: Picture, name: str, file: Path | None = None) -> bytes:
    """Return the bytes of a picture file, or write them to `file` and return none."""
    try:
        if suffix in PLAIN:
            return by_pillow_bytes(PLAIN[suffix], picture)
        return by_vips_bytes(suffix, picture, file) or b""
    except Exception as error:
        disk = re.search(r"system error: (?!Unknown)(.+)", str(error))
        if disk:
            raise PictureError(f"cannot write {name!r}: {disk[1]}") from error
        said = vips_said(error) if type(error).__module__.startswith("pyvips") else one_line(error)
        height, width, _ = picture.pixels.shape
        size = f"{width}x{height} pixels"
        raise PictureError(f"cannot write {name!r}: {suffix[1:]} does not take {size} ({said})") from error


#: What blocks of metadata are called.
BLOCKS = {
    "icc-profile-data": "the colour profile",
    "exif-data": "EXIF",
    "xmp-data": "XMP",
    "iptc-data": "IPTC",
}


def left_behind(suffix: str, metadata: dict) -> tuple[str, ...]:
    """Name the metadata that a format, or its writer, cannot hold."""
    if suffix == ".gif" or suffix in PLAIN:
        missing = [*BLOCKS]
    elif suffix in (".tif", ".tiff"):
        missing = ["exif-data", "iptc-data"]
    else:
        missing = [] if suffix in (".jpg", ".jpeg") else ["iptc-data"]
    return tuple(BLOCKS[name] for name in missing if name in metadata)


def made_to_fit(
    picture: Picture, types: tuple[str, ...], alpha: bool, pages: bool, storage: Storage = IN_MEMORY
) -> tuple[Picture, tuple[str, ...]]:
    """Return a picture as a format can hold it, and what went missing."""
    lost = []
    if picture.pages > 1 and not pages:
        height = len(picture.pixels) // picture.pages
        first = None if picture.alpha is None else picture.alpha[:height]
        picture = replace(picture, pixels=picture.pixels[:height], alpha=first, pages=1)
        lost.append("all frames but the first")
    if picture.alpha is not None and not alpha:
        if not opaque(picture.alpha):
            kind = picture.pixels.dtype
            over = by_pieces(over_white, kind, storage, picture.pixels, picture.alpha)
            picture = replace(picture, pixels=over)
            lost.append("transparency (laid over white)")
        picture = replace(picture, alpha=None)
    kind = picture.pixels.dtype.name
    if kind not in types:
        refuse_far(picture.pixels)
        to = "uint16" if "uint16" in types and kind == "float32" else "uint8"
        lost.append(f"{ {'uint16': '16 bits', 'float32': 'floats'}[kind] } (rounded to {to[4:]} bits)")

        def narrow(pixels: np.ndarray) -> np.ndarray:
            return from_float(to_float(pixels), to)

        alpha_out = None if picture.alpha is None else by_pieces(narrow, to, storage, picture.alpha)
        picture = replace(
            picture,
            pixels=by_pieces(narrow, to, storage, picture.pixels),
            alpha=alpha_out,
        )
    return picture, tuple(lost)


def refuse_far(pixels: np.ndarray) -> None:
    """Refuse floats that integers cannot hold: clipped, a picture from 0 to 255 would be white all over.

    Raises:
        PictureError: They are far from [0, 1]. A network, and ringing, overshoot a little.
    """
    if pixels.dtype.kind == "f" and not everywhere(lambda part: (part <= 2) & (part >= -0.9), pixels):
        raise PictureError(
            f"its floats go from {pixels.min():.3g} to {pixels.max():.3g}, and only [0, 1] fits into whole "
            "numbers, 1 being white: write TIFF, or scale it first"
        )


def opaque(alpha: np.ndarray) -> bool:
    """Return whether nothing can be seen through."""
    solid = from_float(np.ones(1), alpha.dtype)[0]
    return everywhere(lambda values: values >= solid, alpha)


def over_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay straight colours (H, W, bands) over white, as their alpha (H, W) says."""
    share = to_float(alpha)[..., None]
    return from_float(to_float(pixels) * share + (1 - share), pixels.dtype)


def by_vips_bytes(suffix: str, picture: Picture, file: Path | None) -> bytes | None:
    """Encode with libvips, with profile and metadata: to a file, or to the bytes that are returned."""
    vips = import_vips()
    saver, options, *_ = SAVERS[suffix]
    height, width, colours = picture.pixels.shape
    image = by_vips_image(picture.pixels)
    meaning = {
        ("uchar", 1): "b-w",
        ("ushort", 1): "grey16",
        ("float", 1): "b-w",
        ("uchar", 3): "srgb",
        ("ushort", 3): "rgb16",
        ("float", 3): "scrgb",
    }.get((image.format, colours), "multiband")
    if picture.alpha is not None:
        image = image.bandjoin(by_vips_image(picture.alpha[..., None]))
    image = image.copy(interpretation=meaning, xres=picture.resolution[0], yres=picture.resolution[1])
    for name, (kind_of, value) in picture.metadata.items():
        if name == "iptc-data" and saver != "jpegsave":
            continue  # into a TIFF libvips would write a quarter of it
        # libvips takes the resolution of the EXIF block for the picture's.
        image.set_type(kind_of, name, patched(value, picture.resolution) if name == "exif-data" else value)
    # Upright already: the old orientation still stands in the EXIF block.
    image.set_type(vips.GValue.gint_type, "orientation", 1)
    if picture.pages > 1:
        image.set_type(vips.GValue.gint_type, "page-height", height // picture.pages)
    if saver == "tiffsave" and height * width > LARGE:
        # Readable in parts; pages are strips of one height, which tiles would not keep apart.
        options = {**options, "bigtiff": True, **({} if picture.pages > 1 else {"tile": True})}
    if file is None:
        return getattr(image, f"{saver}_buffer")(**options, keep="all")
    image.set_progress(True)
    image.signal_connect("eval", lambda *_: release(picture.pixels, picture.alpha))
    return getattr(image, saver)(str(file), **options, keep="all")


def by_vips_image(pixels: np.ndarray) -> Any:
    """Return (H, W, bands) as an image of libvips that reads the array where it is."""
    height, width, bands = pixels.shape
    kind = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}[pixels.dtype.name]
    return import_vips().Image.new_from_memory(np.ascontiguousarray(pixels).data, width, height, bands, kind)


def by_pillow_bytes(kind: str, picture: Picture) -> bytes:
    """Encode with Pillow: the pixels alone."""
    pixels = picture.pixels
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    if kind == "QOI":
        image = image.convert("RGB")
    data = io.BytesIO()
    hush_pillow()
    image.save(data, kind, **({"irreversible": False} if kind == "JPEG2000" else {}))
    return data.getvalue()
