"""Pictures that survive: every band and bit of a file, its profile and its metadata, in and out.

libvips reads and writes PNG, JPEG, TIFF, WebP, GIF and AVIF; Pillow the rest (docs/decisions/0008 has
the comparison). `images.io` is the plain 8-bit view of the same files, for training and measuring.
"""

import io
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from keras_sr.errors import PictureError, unknown
from keras_sr.files import atomic_write
from keras_sr.images.exif import patched
from keras_sr.images.io import FORMATS, hush_pillow, one_line, why
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.space import MEMORY, Space, by_pieces, everywhere, pieces, release

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

#: Pixels of a picture, all its pages together, that are read unless more is allowed: a small file can
#: unpack to many gigabytes.
MAX_PIXELS = 250_000_000

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

#: Files that are damaged anywhere are refused: at libvips' level "truncated" half a TIFF is read as black.
STRICT = "error"

#: TIFFs of more pixels are written in tiles, with offsets of 64 bits.
LARGE = 100_000_000

#: Formats that Pillow writes, 8 bits a channel and nothing beside the pixels.
PLAIN = {".bmp": "BMP", ".ppm": "PPM", ".pgm": "PPM", ".tga": "TGA", ".jp2": "JPEG2000", ".qoi": "QOI"}

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


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with all that its file held.

    Attributes:
        pixels: (pages * H, W, bands) uint8, uint16 or float32: grey (1), RGB (3) or any other number of
            bands; upright; straight, not multiplied by alpha.
        alpha: (pages * H, W) of the same type, or None.
        pages: Frames or pages below each other.
        resolution: Pixels a millimetre, (x, y).
        metadata: libvips' fields: ICC profile, EXIF, XMP, IPTC, delays; (type, value) by name.
        source: The file it came from, if it came from one.
        lost: What the file held and this does not, in words.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    pages: int = 1
    resolution: tuple[float, float] = (1.0, 1.0)
    metadata: dict[str, tuple[int, Any]] = field(default_factory=dict)
    source: Path | None = None
    lost: tuple[str, ...] = ()


def read(file: str | Path | bytes, *, max_pixels: int | None = MAX_PIXELS, space: Space = MEMORY) -> Picture:
    """Read a picture file with everything in it.

    Turned upright as its EXIF orientation says; CMYK and Lab become sRGB by their profiles. Every frame
    of a GIF, WebP or TIFF is read if all have one size, else the first.

    Args:
        file: The path of a file, or what is in it; the content decides what it is.
        max_pixels: Larger pictures are refused, before they are decoded; None refuses none.
        space: Where the pixels go.

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
        picture = by_vips(file, loader, max_pixels, space) if loader else by_pillow(file, max_pixels)
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


def by_vips(file: str | Path | bytes, loader: str, max_pixels: int | None, space: Space) -> Picture:
    """Read a file with a loader of libvips."""
    vips = import_vips()
    lost: list[str] = []
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
            image = image.autorot()
        image = in_colours(image, lost)
        pixels, alpha = arrays_of(image, space)
        fields = {
            name: (image.get_typeof(name), image.get(name))
            for name in image.get_fields()
            if name not in NOT_METADATA
        }
    except vips.Error as error:
        raise PictureError(f"its content is damaged or cut short ({vips_said(error)})") from error
    except UnicodeDecodeError as error:  # pyvips, about a message with pieces of the file in it
        vips.vips_lib.vips_error_clear()
        raise PictureError("its content is damaged or cut short") from error
    return Picture(pixels, alpha, pages, (image.xres, image.yres), fields, lost=tuple(lost))


def arrays_of(image: Any, space: Space) -> tuple[np.ndarray, np.ndarray | None]:
    """Return colours (H, W, bands) and alpha (H, W), if there is any, of an image of libvips."""
    height, width, bands = image.height, image.width, image.bands
    colours = bands - (image.hasalpha() and bands in (2, 4))
    dtype = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}[image.format]
    if space.limit is None and colours == bands:
        return image.numpy().reshape(height, width, bands), None
    pixels = space.empty((height, width, colours), dtype)
    alpha = space.empty((height, width), dtype) if colours < bands else None
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
        image = image.icc_transform("srgb", embedded=kept, input_profile="cmyk")
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
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            if image.format not in FORMATS:
                raise PictureError(f"{image.format} files are not read")
            refuse_large(*image.size, max_pixels)
            return from_pillow(ImageOps.exif_transpose(image))
    except PictureError:
        raise
    # Pillow's decoders raise nearly every class there is on broken files.
    except Exception as error:
        raise PictureError(why(error, None if isinstance(file, bytes) else Path(file))) from error


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


def write(path: str | Path, picture: Picture, *, space: Space = MEMORY) -> tuple[str, ...]:
    """Write a picture; the suffix chooses the format. The file is whole or absent, never half there.

    Args:
        path: The file; its folder is made when it is absent, and a file of that name is replaced.
        picture: What to write.
        space: Where pixels go that have to be converted.

    Returns:
        What the format cannot hold, in words such as `"transparency (laid over white)"`.

    Raises:
        PictureError: The suffix is unknown, the format cannot hold a picture of this size, or the disk does
            not take it.
    """
    path = Path(path)
    picture, lost = fitted(path.suffix.lower(), picture, str(path), space)
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
    picture, lost = fitted(suffix, picture, name, MEMORY)
    return encoded(suffix, picture, name), lost


def fitted(suffix: str, picture: Picture, name: str, space: Space) -> tuple[Picture, tuple[str, ...]]:
    """Return a picture as the format of a suffix can hold it, and what it cannot."""
    if suffix not in SAVERS and suffix not in PLAIN:
        raise PictureError(f"cannot write {name!r}: {unknown('suffix', suffix, [*SAVERS, *PLAIN])}")
    _, _, types, alpha, pages = SAVERS.get(suffix, ("", {}, ("uint8",), False, False))
    picture, lost = made_to_fit(picture, types, alpha, pages, space)
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
    held = [name for name in BLOCKS if name in metadata]
    if suffix in (".tif", ".tiff"):
        return ("EXIF",) if "exif-data" in held else ()
    if suffix == ".gif" or suffix in PLAIN:
        return tuple(BLOCKS[name] for name in held)
    return ()


def made_to_fit(
    picture: Picture, types: tuple[str, ...], alpha: bool, pages: bool, space: Space = MEMORY
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
            over = by_pieces(over_white, kind, space, picture.pixels, picture.alpha)
            picture = replace(picture, pixels=over)
            lost.append("transparency (laid over white)")
        picture = replace(picture, alpha=None)
    kind = picture.pixels.dtype.name
    if kind not in types:
        to = "uint16" if "uint16" in types and kind == "float32" else "uint8"
        lost.append(f"{ {'uint16': '16 bits', 'float32': 'floats'}[kind] } (rounded to {to[4:]} bits)")

        def narrow(pixels: np.ndarray) -> np.ndarray:
            return from_float(to_float(pixels), to)

        alpha_out = None if picture.alpha is None else by_pieces(narrow, to, space, picture.alpha)
        picture = replace(
            picture,
            pixels=by_pieces(narrow, to, space, picture.pixels),
            alpha=alpha_out,
        )
    return picture, tuple(lost)


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
        # libvips takes the resolution of the EXIF block for the picture's.
        image.set_type(kind_of, name, patched(value, picture.resolution) if name == "exif-data" else value)
    # Upright already: the old orientation still stands in the EXIF block.
    image.set_type(vips.GValue.gint_type, "orientation", 1)
    if picture.pages > 1:
        image.set_type(vips.GValue.gint_type, "page-height", height // picture.pages)
    if saver == "heifsave" and min(width, height) < 16:
        options = {**options, "subsample_mode": "off"}
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


def import_vips() -> Any:
    """Import pyvips with its cache off: it would give yesterday's pixels for a file that has changed."""
    import pyvips

    pyvips.cache_set_max(0)
    return pyvips


def vips_said(error: Exception) -> str:
    """Return what libvips complained about, as one line."""
    lines = [
        line.strip() for line in str(getattr(error, "detail", error) or error).splitlines() if line.strip()
    ]
    # The last line is of this error; earlier ones may be left over from other files.
    text = lines[-1] if lines else "unknown error"
    return re.sub(r"\s+", " ", text)[:160]


def speakable(path: str | Path) -> bool:
    """Tell whether a path is UTF-8: pyvips cannot take, nor give in a message, the names that are not."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
