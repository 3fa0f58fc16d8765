"""From a file to a picture, by libvips where it can and by Pillow and its plugins where it cannot."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.images.formats import Format
from keras_sr.images.picture import boxes, exif, frames, gif, jpeg, png, pnm, tiff, webp
from keras_sr.images.picture.header import content, header, kind_of
from keras_sr.images.picture.limits import refuse_large, refuse_too_large_for_memory
from keras_sr.images.picture.model import Metadata, Picture
from keras_sr.images.picture.pillow import by_pillow
from keras_sr.images.picture.salvage import salvaged
from keras_sr.images.picture.vips import import_vips, speakable, vips_said
from keras_sr.images.storage import IN_MEMORY, Storage, everywhere, pieces, release

#: Pixels of a picture, all its pages together, that are read unless more is allowed: a small file can
#: unpack to many gigabytes.
MAX_PIXELS = 250_000_000

#: Files that are damaged anywhere are refused: at libvips' level "truncated" half a TIFF is read as black.
_STRICT = "error"

#: What a format says beside its pixels: metadata, resolution, what is not kept.
_HELD: dict[str, Callable[[bytes], tuple[Metadata, tuple[float, float], tuple[str, ...]]]] = {
    "PNG": png.held,
    "JPEG": jpeg.held,
    "TIFF": tiff.held,
    "WebP": webp.held,
    "GIF": gif.held,
}


def read(
    file: str | Path | bytes,
    *,
    max_pixels: int | None = MAX_PIXELS,
    storage: Storage = IN_MEMORY,
    accept_damaged: bool = False,
) -> Picture:
    """Read a picture file with everything in it.

    Turned upright as its EXIF orientation says; CMYK becomes sRGB by its profile. Every frame
    of a GIF, WebP, PNG, AVIF or TIFF is read if all have one size, else the first.

    Args:
        file: The path of a file, or what is in it; the content decides what it is.
        max_pixels: Larger pictures are refused, before they are decoded; None refuses none.
        storage: Where the pixels go.
        accept_damaged: Whether to read what there is of a damaged picture; what is missing is grey, and said.

    Raises:
        PictureError: The file is missing, empty, damaged, cut short, not a picture, too large, or of a kind
            that is not read, or whose white is not known (signed or 32-bit integers); or a pixel is NaN.
    """
    name = "the picture" if isinstance(file, bytes) else repr(str(file))
    try:
        if not isinstance(file, bytes) and Path(file).is_dir():
            raise PictureError("it is a folder, not a picture")
        with content(file) as data:
            if not len(data):
                raise PictureError("the file is empty (0 bytes)")
            with storage.whole.held(_memory_to_read(file, name, storage)):
                picture = _read(file, data, max_pixels, storage, accept_damaged)
        if picture.pixels.dtype == np.float32 and not everywhere(np.isfinite, picture.pixels):
            raise PictureError("it holds NaN or infinity: only finite pixels can be enlarged")
    except FileNotFoundError as error:
        raise PictureError(f"cannot read {name}: there is no such file") from error
    except (PictureError, OSError) as error:
        said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise PictureError(f"cannot read {name}: {said}") from error
    return picture if isinstance(file, bytes) else replace(picture, source=Path(file))


def _memory_to_read(file: str | Path | bytes, name: str, storage: Storage) -> int:
    """Return the bytes that a decoder is going to hold; 0 where nobody counts them."""
    if storage.whole.limit is None:
        return 0
    try:
        said = header(file)
    except (PictureError, OSError):  # told by the one who reads all of it
        return 0
    refuse_too_large_for_memory(said.memory, name, "read", storage)
    return said.memory


def _kept(picture: Picture, storage: Storage) -> Picture:
    """Return a picture that somebody else has made, with its pixels where those of its size belong."""
    alpha = None if picture.alpha is None else storage.keep(picture.alpha)
    return replace(picture, pixels=storage.keep(picture.pixels), alpha=alpha)


def _read(
    file: str | Path | bytes, data: bytes, max_pixels: int | None, storage: Storage, accept_damaged: bool
) -> Picture:
    """Read a picture by what its format asks for."""
    kind = kind_of(data)
    if kind and kind.name == "PPM" and pnm.is_deep(data):
        return pnm.by_hand(data, max_pixels, storage)
    if kind is None or kind.loader == "pillow":
        return _kept(by_pillow(file, data, max_pixels), storage)
    if not kind.loader:
        raise PictureError(f"{kind.name} is not read: {kind.advice}")
    if kind.loader == "jxl":
        inner = partial(_read, max_pixels=max_pixels, storage=IN_MEMORY, accept_damaged=False)
        return _kept(frames.by_jxl(data, max_pixels, lambda jpeg: inner(jpeg, jpeg)), storage)
    if kind.loader == "heif":
        return _kept(frames.by_heif(data, max_pixels), storage)
    if kind.name in ("PNG", "AVIF") and frames.count(data) > 1:
        return _kept(frames.all_of(data, kind, max_pixels), storage)
    if kind.name == "TIFF":
        tags = (tiff.pages_of(data) or [{}])[0]
        why = tiff.not_read(data, tags)
        if why:
            raise PictureError(why)
        compression = tiff.first_number(tags, tiff.COMPRESSION, 1)
        ycbcr = tiff.first_number(tags, tiff.PHOTOMETRIC, tiff.RGB) == tiff.YCBCR
        # libvips takes Y, Cb and Cr for R, G and B, and reads no old JPEG in TIFF.
        if compression == 6 or (ycbcr and compression != 7):
            return _kept(_old_tiff(file, data, max_pixels), storage)
    try:
        return _by_vips(file, data, kind, max_pixels, storage)
    except _DamagedError:
        if not accept_damaged:
            raise
        picture, lost = salvaged(
            file, data, kind, lambda width, height: refuse_large(width, height, max_pixels)
        )
        meta, resolution, more = _said(kind, data)
        picture = _kept(picture, storage)
        return replace(picture, metadata=meta, resolution=resolution, lost=(*lost, *more))


def _old_tiff(file: str | Path | bytes, data: bytes, max_pixels: int | None) -> Picture:
    """Read a TIFF by Pillow."""
    meta, resolution, lost = tiff.held(data)
    try:
        picture = by_pillow(file, data, max_pixels)
    except PictureError as error:
        if tiff.first_number(tiff.pages_of(data)[0], tiff.COMPRESSION, 1) == 6:
            raise PictureError(
                "old-style JPEG in a TIFF is not read: save it again as TIFF or JPEG"
            ) from error
        raise
    orientation = tiff.first_number(tiff.pages_of(data)[0], tiff.ORIENTATION, 1)
    size = picture.pixels.shape[:2] if orientation < 5 else picture.pixels.shape[1::-1]
    meta = replace(meta, size=size, orientation=orientation)
    return replace(picture, metadata=meta, resolution=resolution, lost=(*picture.lost, *lost))


class _DamagedError(PictureError):
    """A file is damaged, or cut short."""


def _said(kind: Format, data: bytes) -> tuple[Metadata, tuple[float, float], tuple[str, ...]]:
    """Return what a file says beside its pixels, its resolution, and what is not kept of it."""
    if kind.name in _HELD:
        return _HELD[kind.name](data)
    return Metadata(), (0.0, 0.0), boxes.said_of_heif(data)


def _by_vips(
    file: str | Path | bytes, data: bytes, kind: Format, max_pixels: int | None, storage: Storage
) -> Picture:
    """Read a file with a loader of libvips."""
    vips = import_vips()
    try:
        image, pages, lost = _opened(file, kind)
        refuse_large(image.width, image.height, max_pixels)
        size = image.height // pages, image.width
        orientation = image.get("orientation") if "orientation" in image.get_fields() else 1
        image = _upright(image, pages) if orientation > 1 else image
        image = _in_colours(image, lost)
        tags = (tiff.pages_of(data) or [{}])[0] if kind.name == "TIFF" else {}
        alpha_band, colours = _meaning(image, tags if kind.name == "TIFF" else None)
        pixels, alpha = _arrays_of(image, storage, alpha_band)
        fields = {name: image.get(name) for name in image.get_fields() if name in _WANTED}
    except vips.Error as error:
        for part, meaning in _NOT_DAMAGED.items():
            if part in str(error):
                raise PictureError(meaning) from error
        said = vips_said(error)
        if re.search(r"not (supported|configured|implemented)|unsupported|unimplemented", said):
            raise PictureError(
                f"this kind of {kind.name} is not read ({said}): save it again as PNG, TIFF or JPEG"
            ) from error
        raise _DamagedError(f"its content is damaged or cut short ({said})") from error
    except UnicodeDecodeError as error:  # pyvips, about a message with pieces of the file in it
        vips.vips_lib.vips_error_clear()
        raise _DamagedError("its content is damaged or cut short") from error
    meta, resolution, more = _said(kind, data)
    meta = replace(
        meta,
        size=size,
        orientation=orientation,
        profile=bytes(fields.get("icc-profile-data", meta.profile if kind.name == "GIF" else b"")),
        delays=tuple(fields.get("delay", ())) if pages > 1 else (),
        loop=fields.get("loop", 0),
    )
    if kind.name == "AVIF":
        meta = replace(meta, exif=exif.bare(fields.get("exif-data", b"")), xmp=fields.get("xmp-data", b""))
        resolution = exif.resolution(meta.exif)
    return Picture(pixels, alpha, pages, colours, resolution, meta, lost=tuple(dict.fromkeys([*lost, *more])))


#: Fields of libvips that are read; all else is read from the file itself.
_WANTED = frozenset({"icc-profile-data", "exif-data", "xmp-data", "delay", "loop"})


def _opened(file: str | Path | bytes, kind: Format) -> tuple[Any, int, list[str]]:
    """Return an image of libvips that is still to be decoded, how many pages it has, and what it lacks."""
    vips, lost = import_vips(), list[str]()
    if not isinstance(file, bytes) and not speakable(file):
        file = Path(file).read_bytes()
    given = file if isinstance(file, bytes) else str(file)
    load = getattr(vips.Image, f"{kind.loader}_buffer" if isinstance(file, bytes) else kind.loader)
    options: dict[str, Any] = {"fail_on": _STRICT, "access": "sequential"}
    image = load(given, **options)
    if "orientation" in image.get_fields() and image.get("orientation") > 1:
        # Turning reads columns for rows.
        options["access"] = "random"
        image = load(given, **options)
    pages = image.get("n-pages") if "n-pages" in image.get_fields() else 1
    if pages > 1 and kind.pages:
        try:
            return load(given, **options, n=-1), pages, lost
        except vips.Error:  # pages of different sizes, bands or depths
            lost.append(f"all pages but the first (of {pages}, which are not alike)")
    elif pages > 1:
        lost.append(f"all pictures but the first (of {pages})")
    return image, 1, lost


#: What libvips says of files that are whole, and are not read.
_NOT_DAMAGED = {
    "compression format has not been built in": "this kind of HEIC is not read: save it as JPEG, PNG or AVIF",
    "bad labq format": "Lab of 8 bits is not read: convert it to sRGB",
}


def _meaning(image: Any, tags: dict[int, exif.IfdEntry] | None) -> tuple[int | None, int]:
    """Return which band of an image is alpha, and how many of the others, from the first, are its colours.

    Args:
        image: Of libvips.
        tags: Of a TIFF's first page; None of other files.
    """
    bands = image.bands
    if tags is None:
        return (bands - 1 if image.hasalpha() and bands in (2, 4) else None), 0
    # Bands that a TIFF does not call alpha (near infrared, a saved selection) are bands.
    extra = tags.get(tiff.EXTRA_SAMPLES, exif.NOTHING).numbers()
    colours = 3 if tiff.first_number(tags, tiff.PHOTOMETRIC, 0) == tiff.RGB else 1
    if bands - len(extra) not in (1, 3):
        extra = [0] * max(0, bands - colours)
    colours = bands - len(extra)
    alpha = next((colours + i for i, one in enumerate(extra) if one in (1, 2)), None)
    rest = bands - (alpha is not None)
    known = colours == 3 or (colours == 1 and rest == 2)
    return alpha, colours if known and rest > colours else 0


def _upright(image: Any, pages: int) -> Any:
    """Return an image of libvips turned as its orientation says, each of its pages by itself."""
    if pages == 1:
        return image.autorot()
    height = image.height // pages
    turned = [image.crop(0, page * height, image.width, height).autorot() for page in range(pages)]
    return import_vips().Image.arrayjoin(turned, across=1)


def _arrays_of(image: Any, storage: Storage, alpha_band: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return colours (H, W, bands) and alpha (H, W), if there is any, of an image of libvips."""
    height, width, bands = image.height, image.width, image.bands
    dtype = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}[image.format]
    colours = [band for band in range(bands) if band != alpha_band]
    pixels = storage.empty((height, width, len(colours)), dtype)
    alpha = None if alpha_band is None else storage.empty((height, width), dtype)
    region = import_vips().Region.new(image)
    for rows in pieces(height, width * bands * np.dtype(dtype).itemsize):
        count = rows.stop - rows.start
        read = np.frombuffer(region.fetch(0, rows.start, width, count), dtype)
        read = read.reshape(count, width, bands)
        pixels[rows] = read if alpha_band is None else read[..., colours]
        if alpha is not None:
            alpha[rows] = read[..., alpha_band]
        release(pixels, alpha)
    return pixels, alpha


def _in_colours(image: Any, lost: list[str]) -> Any:
    """Return an image of libvips as grey, RGB or bands, of a type that is understood."""
    if image.interpretation == "cmyk":
        kept = "icc-profile-data" in image.get_fields()
        # Without a profile of its own, libvips' general one of printing inks.
        depth = 16 if image.format == "ushort" else 8
        image = image.icc_transform("srgb", embedded=kept, input_profile="cmyk", depth=depth)
        lost.append("CMYK (converted to sRGB by its profile)" if kept else "CMYK (converted to sRGB)")
    elif image.interpretation in ("lab", "labs", "labq", "xyz", "lch", "hsv", "yxy", "cmc"):
        lost.append(f"{image.interpretation} colours (converted to sRGB)")
        image = image.colourspace("srgb")
    if image.format == "double":
        image = image.cast("float")
    if image.format not in ("uchar", "ushort", "float"):
        raise PictureError(
            f"pixels of type {image.format} do not say what white is; save it with 8 or 16 bits"
        )
    return image
