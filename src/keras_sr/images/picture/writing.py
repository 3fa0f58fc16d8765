"""From a picture to a file: what a format can hold, what it loses, and the file whole or absent."""

import io
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from keras_sr.errors import PictureError, one_line, unknown
from keras_sr.files import atomic_write, raw_part
from keras_sr.images.formats import WRITTEN, Format
from keras_sr.images.picture import gif, ifd, jpeg, png, tiff, webp
from keras_sr.images.picture.carried import carried
from keras_sr.images.picture.limits import bytes_to_write, refuse_too_large_for_memory, refuse_too_long
from keras_sr.images.picture.model import Metadata, Picture
from keras_sr.images.picture.vips import import_vips, speakable, vips_said
from keras_sr.images.plain import hush_pillow
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.storage import IN_MEMORY, Storage, by_pieces, everywhere, release

#: TIFFs of more pixels are written in tiles, with offsets of 64 bits.
LARGE = 100_000_000

#: A JPEG is never written with less, whatever the source's was: what is lost twice shows.
_LEAST_QUALITY = 75


def write(
    path: str | Path, picture: Picture, *, storage: Storage = IN_MEMORY, quality: int | None = None
) -> tuple[str, ...]:
    """Write a picture; the suffix chooses the format. The file is whole or absent, never half there.

    Args:
        path: The file; its folder is made when it is absent, and a file of that name is replaced.
        picture: What to write.
        storage: Where pixels go that have to be converted.
        quality: Of JPEG, WebP and AVIF, 1 to 100; None takes that of a JPEG for a JPEG, no loss for a WebP
            that was lossless, and else one at which no loss can be seen.

    Returns:
        What the format cannot hold, in words such as `"transparency (laid over white)"`.

    Raises:
        PictureError: The suffix is unknown, the format cannot hold a picture of this size, or the disk does
            not take it.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    picture, lost = _fitted(suffix, picture, str(path), storage)
    needed = _memory_to_write(suffix, picture, str(path), storage, quality)
    try:
        with storage.whole.held(needed), atomic_write(path) as file:
            _encode(suffix, picture, str(path), quality, file)
    except OSError as error:
        raise PictureError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    return lost


def encode(
    file: IO[bytes],
    suffix: str,
    picture: Picture,
    name: str,
    *,
    storage: Storage = IN_MEMORY,
    quality: int | None = None,
) -> tuple[str, ...]:
    """Write a picture into an open file; see `write`.

    Args:
        file: Open for writing.
        suffix: Chooses the format.
        picture: What to write.
        name: What the file is called where something is wrong.
        storage: Where pixels go that have to be converted.
        quality: Of JPEG, WebP and AVIF, 1 to 100.

    Returns:
        What the format cannot hold, in words.
    """
    picture, lost = _fitted(suffix, picture, name, storage)
    with storage.whole.held(_memory_to_write(suffix, picture, name, storage, quality)):
        _encode(suffix, picture, name, quality, file)
    return lost


def _memory_to_write(suffix: str, picture: Picture, name: str, storage: Storage, quality: int | None) -> int:
    """Return the bytes that an encoder is going to hold.

    Raises:
        PictureError: There are fewer.
    """
    height, width = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
    lossless = bool(picture.metadata.lossless) and quality is None
    needed = bytes_to_write(suffix, height, width, picture.pages, lossless=lossless)
    refuse_too_large_for_memory(needed, repr(name), "write", storage)
    return needed


def _fitted(suffix: str, picture: Picture, name: str, storage: Storage) -> tuple[Picture, tuple[str, ...]]:
    """Return a picture as the format of a suffix can hold it, and what it cannot."""
    if suffix not in WRITTEN:
        raise PictureError(f"cannot write {name!r}: {unknown('suffix', suffix, list(WRITTEN))}")
    one = WRITTEN[suffix]
    picture, lost = made_to_fit(picture, one.types, one.alpha, one.pages, storage, extra=one.name == "TIFF")
    height, width, bands = len(picture.pixels) // picture.pages, *picture.pixels.shape[1:]
    if bands not in (1, 3) and one.name != "TIFF":
        raise PictureError(f"cannot write {name!r}: {bands} bands need TIFF")
    refuse_too_long(suffix, height, width, name)
    meta, resolution, more = carried(one, picture)
    return replace(picture, metadata=meta, resolution=resolution), tuple(dict.fromkeys([*lost, *more]))


def _encode(suffix: str, picture: Picture, name: str, quality: int | None, file: IO[bytes]) -> None:
    """Write a picture that fits a format into an open file."""
    one = WRITTEN[suffix]
    try:
        if one.saver == "pillow" or (one.name == "PNG" and picture.pages > 1):
            _by_pillow(one, picture, file, quality)
        else:
            _by_vips(one, picture, file, quality)
    except Exception as error:
        disk = re.search(r"system error: (?!Unknown)(.+)", str(error))
        if disk:
            raise PictureError(f"cannot write {name!r}: {disk[1]}") from error
        if isinstance(error, OSError) and error.errno:
            raise
        said = vips_said(error) if type(error).__module__.startswith("pyvips") else one_line(error)
        height, width, _ = picture.pixels.shape
        size = f"{width}x{height} pixels"
        raise PictureError(f"cannot write {name!r}: {suffix[1:]} does not take {size} ({said})") from error


def made_to_fit(
    picture: Picture,
    types: tuple[str, ...],
    alpha: bool,
    pages: bool,
    storage: Storage = IN_MEMORY,
    *,
    extra: bool = False,
) -> tuple[Picture, tuple[str, ...]]:
    """Return a picture as a format can hold it, and what went missing.

    Args:
        picture: Any picture.
        types: Types of pixels that the format holds.
        alpha: Whether it holds transparency.
        pages: Whether it holds several frames.
        storage: Where pixels go that have to be converted.
        extra: Whether it holds channels beside colours and alpha.
    """
    lost: list[str] = []
    if picture.pages > 1 and not pages:
        height = len(picture.pixels) // picture.pages
        first = None if picture.alpha is None else picture.alpha[:height]
        picture = replace(picture, pixels=picture.pixels[:height], alpha=first, pages=1)
        lost.append("all frames but the first")
    if picture.colours and not extra:
        channels = range(picture.colours + 1, picture.pixels.shape[2] + 1)
        lost.append(f"channel {', '.join(map(str, channels))} (neither colour nor transparency)")
        picture = replace(picture, pixels=picture.pixels[..., : picture.colours], colours=0)
    if picture.alpha is not None and not alpha:
        if picture.alpha_is_data:
            lost.append("alpha (data)")
        elif not opaque(picture.alpha):
            kind = picture.pixels.dtype
            over = by_pieces(_over_white, kind, storage, picture.pixels, picture.alpha)
            picture = replace(picture, pixels=over)
            lost.append("transparency (laid over white)")
        picture = replace(picture, alpha=None)
    kind = picture.pixels.dtype.name
    if kind not in types:
        _refuse_far(picture.pixels)
        to = "uint16" if "uint16" in types and kind == "float32" else "uint8"
        lost.append(f"{ {'uint16': '16 bits', 'float32': 'floats'}[kind] } (rounded to {to[4:]} bits)")

        def narrow(pixels: np.ndarray) -> np.ndarray:
            return from_float(to_float(pixels), to)

        alpha_out = None if picture.alpha is None else by_pieces(narrow, to, storage, picture.alpha)
        picture = replace(picture, pixels=by_pieces(narrow, to, storage, picture.pixels), alpha=alpha_out)
    return picture, tuple(lost)


def _refuse_far(pixels: np.ndarray) -> None:
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


def _over_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay straight colours (H, W, bands) over white, as their alpha (H, W) says."""
    share = to_float(alpha)[..., None]
    return from_float(to_float(pixels) * share + (1 - share), pixels.dtype)


def _by_vips(one: Format, picture: Picture, file: IO[bytes], quality: int | None) -> None:
    """Encode with libvips, with profile and metadata, into an open file."""
    image, options = _image(picture), dict(one.options)
    height, width = picture.pixels.shape[:2]
    if one.quality:
        options |= _quality(one, picture.metadata, quality)
        if one.name == "WebP" and picture.alpha is not None:
            options["exact"] = True  # what lies under alpha 0 stays
    if one.name == "TIFF" and height * width > LARGE:
        # Readable in parts; pages are strips of one height, which tiles would not keep apart.
        options |= {"bigtiff": True, **({} if picture.pages > 1 else {"tile": True})}

    def let_go(*_: object) -> None:
        release(picture.pixels, picture.alpha)

    image.set_progress(True)
    image.signal_connect("eval", let_go)
    if one.name in ("WebP", "GIF"):
        data = getattr(image, f"{one.saver}_buffer")(**options, keep=_KEEP)
        file.write(_with_metadata(one, data, picture))
        return
    named = getattr(file, "name", None)
    with _beside(named) as raw:
        getattr(image, one.saver)(str(raw), **options, keep=_KEEP)
        if one.name == "TIFF":
            _finish_tiff(raw, picture)
        _copy_with_metadata(one, raw, file, picture)


@contextmanager
def _beside(named: Any) -> Generator[Path]:
    """Give a path for libvips to write to: beside a file that is open, or where it takes no such names."""
    if isinstance(named, str) and speakable(named):
        raw = raw_part(Path(named))
        try:
            yield raw
        finally:
            raw.unlink(missing_ok=True)
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "raw"


#: What libvips writes besides pixels: all else is put in by hand.
_KEEP = "icc:other"


def _quality(one: Format, meta: Metadata, quality: int | None) -> dict[str, Any]:
    """Return the options that say how much may be lost."""
    if quality is not None:
        return {"Q": quality}
    if one.name == "WebP" and meta.lossless:
        return {"lossless": True, "effort": 4}
    if one.name == "JPEG" and meta.quality:
        return {"Q": max(_LEAST_QUALITY, meta.quality)}
    return {}


def _image(picture: Picture) -> Any:
    """Return a picture as an image of libvips, without metadata but for the profile and the frames."""
    vips = import_vips()
    height, _, bands = picture.pixels.shape
    image = _by_vips_image(picture.pixels)
    meaning = {
        ("uchar", 1): "b-w",
        ("ushort", 1): "grey16",
        ("float", 1): "b-w",
        ("uchar", 3): "srgb",
        ("ushort", 3): "rgb16",
        ("float", 3): "scrgb",
    }.get((image.format, bands), "multiband")
    if picture.alpha is not None:
        image = image.bandjoin(_by_vips_image(picture.alpha[..., None]))
    x, y = picture.resolution if max(picture.resolution) > 0 else (1.0, 1.0)
    image = image.copy(interpretation=meaning, xres=x, yres=y)
    meta = picture.metadata
    if meta.profile:
        image.set_type(vips.GValue.blob_type, "icc-profile-data", meta.profile)
    if picture.pages > 1:
        image.set_type(vips.GValue.gint_type, "page-height", height // picture.pages)
        if meta.delays:
            delays = [*meta.delays, *[meta.delays[-1]] * picture.pages][: picture.pages]
            image.set_type(vips.GValue.array_int_type, "delay", delays)
        image.set_type(vips.GValue.gint_type, "loop", meta.loop)
    return image


def _by_vips_image(pixels: np.ndarray) -> Any:
    """Return (H, W, bands) as an image of libvips that reads the array where it is."""
    height, width, bands = pixels.shape
    kind = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}[pixels.dtype.name]
    return import_vips().Image.new_from_memory(np.ascontiguousarray(pixels).data, width, height, bands, kind)


def _with_metadata(one: Format, data: bytes, picture: Picture) -> bytes:
    """Return the bytes of a file that is in memory, with metadata in it."""
    if one.name == "WebP":
        size = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
        return webp.put_in(data, picture.metadata, size, alpha=picture.alpha is not None)
    if one.name == "GIF":
        return gif.put_in(data, picture.metadata)
    front = _front(one, data)
    return _new_front(one, data[:front], picture) + data[front:]


def _front(one: Format, data: bytes) -> int:
    """Return where the pixels of a JPEG or PNG begin."""
    if one.name == "JPEG":
        return next(start - 4 for marker, start, _ in jpeg.segments(data) if marker == 0xDA)
    return next(start - 8 for kind, start, _ in png.chunks(data) if kind in (b"IDAT", b"acTL"))


def _new_front(one: Format, front: bytes, picture: Picture) -> bytes:
    """Return what stands before the pixels of a JPEG or PNG, with metadata in it."""
    if one.name == "JPEG":
        return jpeg.put_in(front, picture.metadata, picture.resolution)
    return png.put_in(front, picture.metadata, picture.resolution)


def _copy_with_metadata(one: Format, raw: Path, file: IO[bytes], picture: Picture) -> None:
    """Copy what libvips wrote, with metadata in front of the pixels of a JPEG or PNG."""
    with raw.open("rb") as given:
        if one.name != "TIFF":
            # A profile, at most, stands there by now; the first part of the pixels need not be whole.
            head = given.read((1 << 20) + 2 * len(picture.metadata.profile))
            front = _front(one, head + bytes(1 << 24) if one.name == "PNG" else head)
            file.write(_new_front(one, head[:front], picture))
            given.seek(front)
        shutil.copyfileobj(given, file, 1 << 20)


def _finish_tiff(file: Path, picture: Picture) -> None:
    """Put tags into a TIFF, and say in it what its bands are."""
    tags, parts, _ = tiff.page_tags(picture.metadata, picture.pages)
    # libvips states what need not be stated.
    own: dict[int, ifd.IfdEntry | None] = {} if tiff.ORIENTATION in tags[0] else {tiff.ORIENTATION: None}
    if max(picture.resolution) <= 0:
        own |= dict.fromkeys((282, 283, 296))
    bands = picture.pixels.shape[2]
    if picture.colours or bands not in (1, 3):
        extra = [0] * (bands - (picture.colours or 1)) + [2] * (picture.alpha is not None)
        own[tiff.PHOTOMETRIC] = ifd.entry(ifd.SHORT, [tiff.RGB if picture.colours == 3 else 1])
        own[tiff.EXTRA_SAMPLES] = ifd.entry(ifd.SHORT, extra) if extra else None
    tiff.put_in(file, tags, parts, own)


def _by_pillow(one: Format, picture: Picture, file: IO[bytes], quality: int | None) -> None:
    """Encode with Pillow, into an open file."""
    hush_pillow()
    options: dict[str, Any] = dict(one.options) if one.name not in ("PNG", "GIF") else {}
    if one.quality and quality is not None:
        options["quality"] = quality
    meta = picture.metadata
    if one.name in ("PNG", "AVIF"):
        options |= {"icc_profile": meta.profile} if meta.profile else {}
    if one.name == "AVIF":
        options |= {"exif": meta.exif} if meta.exif else {}
        options |= {"xmp": meta.xmp} if meta.xmp else {}
    if one.name == "BMP":
        options["dpi"] = tuple(axis * 25.4 for axis in picture.resolution)
    images = _pillow_images(one, picture)
    release(picture.pixels, picture.alpha)
    if len(images) > 1:
        delays = [*meta.delays, *[(*meta.delays, 100)[-1]] * len(images)][: len(images)]
        options |= {"save_all": True, "append_images": images[1:], "duration": delays, "loop": meta.loop}
        if one.name == "PNG":
            # Each frame as it is: differences of lossy upscaling gain nothing.
            options |= {"disposal": 0, "blend": 0}
    if one.name not in ("PNG", "JPEG 2000"):
        plain: Any = _Plain(file)
        images[0].save(plain, one.kind, **options)
        return
    # OpenJPEG never ends where a disk is full.
    data = io.BytesIO()
    images[0].save(data, one.kind, **options)
    file.write(_with_metadata(one, data.getvalue(), picture) if one.name == "PNG" else data.getbuffer())


class _Plain:
    """An open file without name and number.

    Pillow fails at names that are not UTF-8, and does not notice what a full disk leaves out when it writes
    to a number.

    Args:
        file: Open for writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.write, self.seek, self.tell, self.flush = file.write, file.seek, file.tell, file.flush


def _pillow_images(one: Format, picture: Picture) -> list[Image.Image]:
    """Return the pages of a picture as images of Pillow, of a mode that the format takes."""
    pixels = picture.pixels
    if picture.alpha is not None:
        pixels = np.concatenate([pixels, picture.alpha[..., None]], axis=2)
    rows = len(pixels) // picture.pages
    images = [
        Image.fromarray(page[..., 0] if page.shape[2] == 1 else page, "LA" if page.shape[2] == 2 else None)
        for page in np.split(pixels, range(rows, len(pixels), rows))
    ]
    if one.kind in ("QOI", "AVIF") or (one.name == "TGA" and pixels.shape[2] == 2):
        images = [image.convert("RGBA" if picture.alpha is not None else "RGB") for image in images]
    return images
