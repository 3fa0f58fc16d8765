"""From a file to a picture, by libvips where it can and by Pillow where it cannot."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from keras_sr.errors import PictureError
from keras_sr.images.picture.model import Picture
from keras_sr.images.picture.vips import import_vips, speakable, vips_said
from keras_sr.images.plain import FORMATS, hush_pillow, is_deep_grey, left_behind, why
from keras_sr.images.storage import IN_MEMORY, Storage, everywhere, pieces, release

#: How a file begins, and the loader of libvips that reads it. The content decides, never the name.
LOADERS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "pngload"),
    (re.compile(rb"\xff\xd8\xff"), "jpegload"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "tiffload"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webpload"),
    (re.compile(rb"GIF8[79]a"), "gifload"),
    (re.compile(rb"....ftyp", re.DOTALL), "heifload"),
)

#: Loaders that can give every frame or page.
PAGED = ("tiffload", "webpload", "gifload")

#: Pillow's limit is one number for all threads.
PILLOW_LIMIT = Lock()

#: Pixels of a picture, all its pages together, that are read unless more is allowed: a small file can
#: unpack to many gigabytes.
MAX_PIXELS = 250_000_000

#: Files that are damaged anywhere are refused: at libvips' level "truncated" half a TIFF is read as black.
STRICT = "error"

#: What libvips calls the fields of a file that are no metadata, or that follow from the pixels.
NOT_METADATA = frozenset(
    [
        *(
            "width",
            "height",
            "bands",
            "format",
            "coding",
            "interpretation",
            "xoffset",
            "yoffset",
            "xres",
            "yres",
        ),
        *("filename", "vips-loader", "vips-sequential", "orientation", "bits-per-sample", "palette"),
        *(
            "palette-bit-depth",
            "jpeg-multiscan",
            "jpeg-chroma-subsample",
            "interlaced",
            "n-pages",
            "n-subifds",
        ),
        *("exif-ifd0-XResolution", "exif-ifd0-YResolution", "exif-ifd2-PixelXDimension"),
        "exif-ifd2-PixelYDimension",
        *("page-height", "gif-palette", "heif-primary", "heif-compression", "heif-bitdepth", "background"),
    ]
)


def read(
    file: str | Path | bytes, *, max_pixels: int | None = MAX_PIXELS, storage: Storage = IN_MEMORY
) -> Picture:
    """Read a picture file with everything in it.

    Turned upright as its EXIF orientation says; CMYK becomes sRGB by its profile. Every frame
    of a GIF, WebP or TIFF is read if all have one size, else the first.

    Args:
        file: The path of a file, or what is in it; the content decides what it is.
        max_pixels: Larger pictures are refused, before they are decoded; None refuses none.
        storage: Where the pixels go.

    Raises:
        PictureError: The file is missing, empty, damaged, cut short, not a picture, too large, or of a kind
            whose white is not known (signed or 32-bit integers); or a pixel is NaN.
    """
    name = "the picture" if isinstance(file, bytes) else repr(str(file))
    try:
        if not isinstance(file, bytes) and Path(file).is_dir():
            raise PictureError("it is a folder, not a picture")
        head = file[:16] if isinstance(file, bytes) else first_bytes(Path(file))
        if not head:
            raise PictureError("the file is empty (0 bytes)")
        loader = next((name for magic, name in LOADERS if magic.match(head)), None)
        picture = by_vips(file, loader, max_pixels, storage) if loader else by_pillow(file, max_pixels)
        if picture.pixels.dtype == np.float32 and not everywhere(np.isfinite, picture.pixels):
            raise PictureError("it holds NaN or infinity: only finite pixels can be enlarged")
    except FileNotFoundError as error:
        raise PictureError(f"cannot read {name}: there is no such file") from error
    except (PictureError, OSError) as error:
        said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise PictureError(f"cannot read {name}: {said}") from error
    return picture if isinstance(file, bytes) else replace(picture, source=Path(file))


def first_bytes(path: Path) -> bytes:
    """Return how a file begins."""
    with path.open("rb") as file:
        return file.read(16)


def by_vips(file: str | Path | bytes, loader: str, max_pixels: int | None, storage: Storage) -> Picture:
    """Read a file with a loader of libvips."""
    vips = import_vips()
    lost: list[str] = []
    tags = tiff_tags(file) if loader == "tiffload" else {}
    if tags.get(PHOTOMETRIC) == YCBCR and tags.get(COMPRESSION) not in JPEG_INSIDE:
        return by_pillow(file, max_pixels)  # libvips takes Y, Cb and Cr for R, G and B
    if loader == "pngload" and frames(file) > 1:
        lost.append("all frames but the first")
    if not isinstance(file, bytes) and not speakable(file):
        file = Path(file).read_bytes()
    given = file if isinstance(file, bytes) else str(file)
    load = getattr(vips.Image, f"{loader}_buffer" if isinstance(file, bytes) else loader)
    options: dict[str, Any] = {"fail_on": STRICT, "access": "sequential"}
    try:
        image = load(given, **options)
        if "orientation" in image.get_fields() and image.get("orientation") > 1:
            # Turning reads columns for rows.
            options["access"] = "random"
            image = load(given, **options)
        pages = image.get("n-pages") if "n-pages" in image.get_fields() else 1
        if pages > 1 and loader in PAGED:
            try:
                image = load(given, **options, n=-1)
            except vips.Error:  # pages of different sizes
                lost.append(f"all pages but the first (of {pages}, of different sizes)")
                pages = 1
        elif pages > 1:
            lost.append(f"all pictures but the first (of {pages})")
            pages = 1
        refuse_large(image.width, image.height, max_pixels)
        if options["access"] == "random":
            image = upright(image, pages)
        image = in_colours(image, lost)
        # Bands that a TIFF does not call alpha (near infrared, a second radar channel) are bands.
        opaque = loader == "tiffload" and not set(tags.get(EXTRA_SAMPLES, ())) & {1, 2}
        pixels, alpha = arrays_of(image, storage, with_alpha=not opaque)
        fields = {
            name: (image.get_typeof(name), image.get(name))
            for name in image.get_fields()
            if name not in NOT_METADATA
        }
    except vips.Error as error:
        for part, meaning in NOT_DAMAGED.items():
            if part in str(error):
                raise PictureError(meaning) from error
        raise PictureError(f"its content is damaged or cut short ({vips_said(error)})") from error
    except UnicodeDecodeError as error:  # pyvips, about a message with pieces of the file in it
        vips.vips_lib.vips_error_clear()
        raise PictureError("its content is damaged or cut short") from error
    return Picture(pixels, alpha, pages, (image.xres, image.yres), fields, lost=tuple(lost))


#: What libvips says of files that are whole, and are not read.
NOT_DAMAGED = {
    "compression format has not been built in": "HEIC is not read: save it as JPEG, PNG or AVIF",
    "bad labq format": "Lab of 8 bits is not read: convert it to sRGB",
}

#: Tags of a TIFF, and what they say.
COMPRESSION, PHOTOMETRIC, EXTRA_SAMPLES = 259, 262, 338
YCBCR, JPEG_INSIDE = 6, (6, 7)


def tiff_tags(file: str | Path | bytes) -> dict[int, Any]:
    """Return the tags of the first page of a TIFF; {} where it is too damaged for that."""
    with suppress(Exception), io.BytesIO(file) if isinstance(file, bytes) else Path(file).open("rb") as data:
        head = data.read(8)
        if head[2] == 43 or head[3] == 43:  # BigTIFF
            head += data.read(8)
        hush_pillow()
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        data.seek(tags.next)
        tags.load(data)
        return {tag: tags[tag] for tag in (COMPRESSION, PHOTOMETRIC, EXTRA_SAMPLES) if tag in tags}
    return {}


def frames(file: str | Path | bytes) -> int:
    """Return how many frames a PNG has."""
    hush_pillow()
    with suppress(Exception), Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
        return getattr(image, "n_frames", 1)
    return 1


def upright(image: Any, pages: int) -> Any:
    """Return an image of libvips turned as its orientation says, each of its pages by itself."""
    if pages == 1:
        return image.autorot()
    height = image.height // pages
    turned = [image.crop(0, page * height, image.width, height).autorot() for page in range(pages)]
    return import_vips().Image.arrayjoin(turned, across=1)


def arrays_of(image: Any, storage: Storage, *, with_alpha: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Return colours (H, W, bands) and alpha (H, W), if there is any, of an image of libvips."""
    height, width, bands = image.height, image.width, image.bands
    colours = bands - (with_alpha and image.hasalpha() and bands in (2, 4))
    dtype = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}[image.format]
    if storage.limit is None and colours == bands:
        return image.numpy().reshape(height, width, bands), None
    pixels = storage.empty((height, width, colours), dtype)
    alpha = storage.empty((height, width), dtype) if colours < bands else None
    region = import_vips().Region.new(image)
    for rows in pieces(height, width * bands * np.dtype(dtype).itemsize):
        count = rows.stop - rows.start
        read = np.frombuffer(region.fetch(0, rows.start, width, count), dtype)
        read = read.reshape(count, width, bands)
        pixels[rows] = read[..., :colours]
        if alpha is not None:
            alpha[rows] = read[..., -1]
        release(pixels, alpha)
    return pixels, alpha


def in_colours(image: Any, lost: list[str]) -> Any:
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


def by_pillow(file: str | Path | bytes, max_pixels: int | None) -> Picture:
    """Read one of the formats that libvips does not, 8 bits a channel."""
    hush_pillow()
    try:
        with unlimited(), Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            if image.format not in FORMATS:
                raise PictureError(f"{image.format} files are not read")
            refuse_large(*image.size, max_pixels)
            # 16-bit grey is all that Pillow gives in 16 bits.
            lost = [what for what in left_behind(image) if not (is_deep_grey(image) and "16 bits" in what)]
            ImageOps.exif_transpose(image, in_place=True)  # a copy would not know its format
            return replace(from_pillow(image), lost=tuple(lost))
    except PictureError:
        raise
    # Pillow's decoders raise nearly every class there is on broken files.
    except Exception as error:
        raise PictureError(why(error, None if isinstance(file, bytes) else Path(file))) from error


@contextmanager
def unlimited() -> Iterator[None]:
    """Let Pillow open pictures of any size: `refuse_large` knows what is too large, and how to allow it."""
    with PILLOW_LIMIT:
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


def refuse_large(width: int, height: int, max_pixels: int | None) -> None:
    """Raise for a picture with more pixels than are allowed."""
    if max_pixels is not None and width * height > max_pixels:
        raise PictureError(
            f"{width}x{height} are {width * height / 1e6:.0f} million pixels, more than the "
            f"{max_pixels / 1e6:.0f} that are read for safety; if you trust the file, allow it by --no-limit"
        )
