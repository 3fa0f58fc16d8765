"""The formats of picture files: how each begins, what reads it, what writes it, and what it can hold."""

import re
from dataclasses import dataclass, field
from typing import Any

_LOSSLESS_TIFF = {"compression": "deflate", "predictor": "horizontal", "level": 3}


@dataclass(frozen=True)
class Format:
    """A format of picture files.

    Attributes:
        name: As people call it.
        suffixes: What names of such files end with, in lower case.
        magic: How such a file begins; None where only its name says what it is.
        loader: What reads it: a loader of libvips, `"pillow"`, `"heif"` or `"jxl"`; "" where nothing does.
        saver: What writes it: a saver of libvips, or `"pillow"`; "" where nothing does.
        kind: What Pillow calls it.
        options: How it is written; lossless ones at the level where more time buys next to nothing
            (docs/decisions/0008).
        types: Types of pixels that it holds.
        alpha: Whether it holds transparency.
        pages: Whether it holds several frames or pages.
        grey: Whether it knows grey.
        blocks: What it holds beside pixels, of `"profile"`, `"exif"`, `"xmp"`, `"iptc"`, `"comments"`.
        longest: Pixels that a side can have; None where there is no limit that matters.
        quality: Whether it is written with a quality from 1 to 100.
        decoding: Bytes a pixel of a page that its decoder holds; 0 where it gives rows.
        encoding: Bytes a pixel of all pages that its encoder holds; 0 where it takes rows.
        advice: What to do with one that is not read.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: re.Pattern[bytes] | None = None
    loader: str = ""
    saver: str = ""
    kind: str = ""
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    types: tuple[str, ...] = ("uint8",)
    alpha: bool = False
    pages: bool = False
    grey: bool = True
    blocks: frozenset[str] = frozenset()
    longest: int | None = None
    quality: bool = False
    decoding: int = 0
    encoding: int = 0
    advice: str = "save it as PNG, TIFF or JPEG"

    @property
    def plain(self) -> bool:
        """Whether Pillow reads it by itself, as training and measuring do (`images.plain`)."""
        return bool(self.kind and self.loader) and self.loader not in ("heif", "jxl")


def _begins(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


_ALL = frozenset({"profile", "exif", "xmp"})

#: Raw photographs, by what their names end with.
_RAW = (
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf", ".rw2", ".pef"),
    *(".srw", ".x3f", ".3fr", ".fff", ".iiq", ".mrw", ".kdc", ".dcr", ".mos", ".erf", ".mef", ".raw", ".rwl"),
    *(".gpr", ".eip", ".k25", ".pxn"),
)
_DEVELOP = "develop it first, and save it as TIFF, PNG or JPEG"

#: In the order in which beginnings are compared.
FORMATS = (
    Format(
        "PNG", (".png", ".apng"), _begins(rb"\x89PNG\r\n\x1a\n"), "pngload", "pngsave", "PNG",
        {"compression": 3, "filter": "sub"}, ("uint8", "uint16"), alpha=True, pages=True,
        blocks=_ALL, longest=2**31 - 1,
    ),
    Format(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), _begins(rb"\xff\xd8\xff"), "jpegload", "jpegsave", "JPEG",
        {"Q": 95, "subsample_mode": "off"}, blocks=_ALL | {"iptc", "comments"}, longest=65_500, quality=True,
    ),
    Format(
        "TIFF", (".tif", ".tiff"), _begins(rb"II[*+]\0|MM\0[*+]"), "tiffload", "tiffsave", "TIFF",
        _LOSSLESS_TIFF, ("uint8", "uint16", "float32"), alpha=True, pages=True, blocks=_ALL | {"iptc"},
    ),
    Format(
        "WebP", (".webp",), _begins(rb"RIFF....WEBP"), "webpload", "webpsave", "WEBP",
        {"Q": 95, "smart_subsample": True}, alpha=True, pages=True, grey=False, blocks=_ALL, longest=16_383,
        quality=True, decoding=8, encoding=22,
    ),
    Format(
        "GIF", (".gif",), _begins(rb"GIF8[79]a"), "gifload", "gifsave", "GIF",
        alpha=True, pages=True, grey=False, blocks=frozenset({"xmp", "comments"}), longest=65_535,
        decoding=10, encoding=20,
    ),
    Format(
        "AVIF", (".avif", ".avifs"), _begins(rb"....ftypavi[fs]"), "heifload", "pillow", "AVIF",
        {"quality": 90, "subsampling": "4:4:4", "speed": 6}, alpha=True, pages=True, grey=False,
        blocks=_ALL, longest=16_384, quality=True, decoding=32, encoding=48,
    ),
    Format("BMP", (".bmp", ".dib"), _begins(rb"BM"), "pillow", "pillow", "BMP", decoding=12, encoding=8),
    Format(
        "PPM", (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"), _begins(rb"P[1-6Ff]\s"), "pillow", "pillow", "PPM",
        decoding=12, encoding=8,
    ),
    Format(
        "JPEG 2000", (".jp2", ".j2k", ".jpf", ".jpx"),
        _begins(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "pillow", "pillow", "JPEG2000",
        {"irreversible": False}, alpha=True, decoding=28, encoding=50,
    ),
    Format(
        "QOI", (".qoi",), _begins(rb"qoif"), "pillow", "pillow", "QOI", alpha=True, grey=False,
        decoding=12, encoding=16,
    ),
    Format(
        "JPEG XL", (".jxl",), _begins(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), "jxl", kind="JXL", decoding=16,
    ),
    Format(
        "HEIC", (".heic", ".heif", ".hif", ".heics", ".heifs"),
        _begins(rb"....ftyp(hei[cxms]|hev[cxms]|mif[12]|msf1)"), "heif", kind="HEIF", decoding=14,
    ),
    # Not read, but pictures to everybody: named wherever they are met.
    Format("raw photograph (CR3)", (), _begins(rb"....ftypcrx"), advice=_DEVELOP),
    Format(
        "raw photograph", _RAW,
        _begins(rb"FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|FOVb|\0MRM|II\x1a\0\0\0HEAPCCDR"), advice=_DEVELOP,
    ),
    Format("film", (), _begins(rb"....ftyp"), advice="save one of its frames as PNG"),
    Format("Photoshop", (".psd", ".psb"), _begins(rb"8BPS\x00[\x01\x02]")),
    Format("GIMP", (".xcf",), _begins(rb"gimp xcf")),
    Format("DDS", (".dds",), _begins(rb"DDS \x7c")),
    Format("KTX", (".ktx", ".ktx2"), _begins(rb"\xabKTX ")),
    Format("OpenEXR", (".exr",), _begins(rb"v/1\x01")),
    Format("Radiance HDR", (".hdr", ".rgbe", ".pic"), _begins(rb"#\?R(ADIANCE|GBE)")),
    Format("JPEG XR", (".jxr", ".wdp", ".hdp"), _begins(rb"II\xbc")),
    Format("icon", (".ico", ".cur", ".icns"), _begins(rb"\x00\x00[\x01\x02]\x00[\x01-\x20]\x00|icns")),
    Format("PCX", (".pcx", ".dcx"), _begins(rb"\x0a[\x00\x02-\x05]\x01[\x01\x02\x04\x08]")),
    Format("SGI", (".sgi", ".rgba", ".bw"), _begins(rb"\x01\xda[\x00\x01][\x01\x02]")),
    Format("DjVu", (".djvu", ".djv"), _begins(rb"AT&TFORM")),
    Format("PAM", (".pam",), _begins(rb"P7\s")),
    Format("FITS", (".fits", ".fit", ".fts"), _begins(rb"SIMPLE  =")),
    Format("DICOM", (".dcm", ".dicom")),
    Format("SVG", (".svg", ".svgz"), _begins(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg")),
    Format("PostScript", (".eps", ".ps", ".ai"), _begins(rb"%!PS|\xc5\xd0\xd3\xc6")),
    Format("Windows metafile", (".wmf", ".emf"), _begins(rb"\xd7\xcd\xc6\x9a|\x01\x00\x00\x00.{36} EMF")),
    Format("BPG", (".bpg",), _begins(rb"BPG\xfb")),
    Format("FLIF", (".flif",), _begins(rb"FLIF")),
    Format("JPEG-LS", (".jls",)),
    Format("JNG or MNG", (".jng", ".mng"), _begins(rb"[\x8a\x8b][JM]NG\r\n\x1a\n")),
    Format("X bitmap", (".xbm", ".xpm"), _begins(rb"/\* XPM \*/")),
    Format("Sun raster", (".ras",), _begins(rb"\x59\xa6\x6a\x95")),
    Format("Cineon or DPX", (".cin", ".dpx"), _begins(rb"SDPX|XPDS|\x80\x2a\x5f\xd7")),
    Format("PICT", (".pict", ".pct")),
    Format("WBMP", (".wbmp",)),
    Format("IFF", (".iff", ".ilbm", ".lbm"), _begins(rb"FORM....(ILBM|PBM )")),
    Format("texture", (".vtf", ".blp", ".astc"), _begins(rb"VTF\0|BLP[12]|\x13\xab\xa1\x5c")),
    Format(
        "drawing of another program",
        (
            *(".kra", ".ora", ".clip", ".sai", ".sai2", ".procreate", ".pdn", ".psp", ".pspimage"),
            *(".afphoto", ".afdesign", ".cdr"),
        ),
    ),
    # Last: it begins with nothing that says so.
    Format(
        "TGA", (".tga", ".icb", ".vda", ".vst"), None, "pillow", "pillow", "TGA", alpha=True, longest=65_535,
        decoding=12, encoding=10,
    ),
)  # fmt: skip

#: Suffixes that name a result, with the format that they choose.
WRITTEN = {
    suffix: one
    for one in FORMATS
    if one.saver
    for suffix in one.suffixes
    if suffix
    not in (
        ".apng",
        ".jpe",
        ".jfif",
        ".avifs",
        ".dib",
        ".pbm",
        ".pnm",
        ".pfm",
        ".j2k",
        ".jpf",
        ".jpx",
        ".icb",
        ".vda",
        ".vst",
    )
}

#: Suffixes that say picture, of formats that are read.
READ = frozenset(suffix for one in FORMATS if one.loader for suffix in one.suffixes)

#: Suffixes that say picture, with the format, which is not read.
NOT_READ = {suffix: one for one in FORMATS if not one.loader for suffix in one.suffixes}

#: Bytes at its beginning that tell the format of a file.
HEAD = 512


def format_of(head: bytes) -> Format | None:
    """Return the format of a file that begins like this; None where that says nothing.

    Examples:
        >>> format_of(b"GIF89a").name, format_of(b"hello")
        ('GIF', None)
    """
    return next((one for one in FORMATS if one.magic and one.magic.match(head)), None)
