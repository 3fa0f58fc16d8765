"""What a TIFF holds beside its pixels: tags, kept page by page; and those of maps brought up to date.

TIFF 6.0; GeoTIFF 1.1 (OGC 19-008r4), section 7 and annex B; RPC: "RPCs in GeoTIFF", 2007.
"""

import mmap
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_sr.images.picture import description, exif, ifd, photoshop
from keras_sr.images.picture.exif import Change
from keras_sr.images.picture.ifd import IfdEntry, Layout
from keras_sr.images.picture.model import Metadata

SUBFILE, COMPRESSION, PHOTOMETRIC, ORIENTATION = 254, 259, 262, 274
BITS, SAMPLES, FORMAT, EXTRA_SAMPLES, SUB_IFDS = 258, 277, 339, 338, 330
DESCRIPTION, XMP, IPTC, PHOTOSHOP, PROFILE, DNG = 270, 700, 33723, 34377, 34675, 50706
RGB, YCBCR, FILTERED, LINEAR_RAW = 2, 6, 32803, 34892

#: Of how pixels are stored, or made anew.
_STORAGE = frozenset(
    {
        *range(254, 269),
        *(273, 277, 278, 279, 280, 281, 282, 283, 284, 288, 289, 290, 291, 292, 293, 296),
        *(301, 317, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340, 341, 342),
        *(347, *range(512, 522), 529, 530, 531, 532, 559, XMP, PHOTOSHOP, IPTC, PROFILE),
        *(exif.INTEROP_PART, exif.EXIF_PART, exif.GPS_PART),
    }
)

PIXEL_SIZE, TIE_POINTS, PLACE_MATRIX, GEO_KEYS, RATIONALS_OF_SENSOR = 33550, 33922, 34264, 34735, 50844
_MAP = frozenset(
    {PIXEL_SIZE, TIE_POINTS, PLACE_MATRIX, GEO_KEYS, 34736, 34737, 42112, 42113, RATIONALS_OF_SENSOR}
)

#: Names of tags that only TIFF holds, for what is said of them.
_NAMED = {
    42112: "GDAL's metadata",
    42113: "the nodata value",
    RATIONALS_OF_SENSOR: "the sensor's model (RPC)",
    37724: "Photoshop's layers",
    50255: "Photoshop's notes",
}

#: What of the pixels as they were stored is not made anew, for what is said of it.
_OF_VALUES = {
    **dict.fromkeys((263, 264, 265, 321), "how it was halftoned (TIFF)"),
    **dict.fromkeys((280, 281, 336, 340, 341), "the range of its values (TIFF)"),
    **dict.fromkeys((290, 291, 301, 342), "the transfer curve (TIFF)"),
    333: "the names of inks (TIFF)",
    532: "the reference of black and white",
}

#: What only the first page keeps, for what is said of others.
_FIRST_ONLY = {
    XMP: "XMP",
    IPTC: "IPTC",
    PHOTOSHOP: "Photoshop's resources",
    PROFILE: "the colour profile",
    exif.EXIF_PART: "EXIF",
    exif.GPS_PART: "EXIF",
}

_RESOLUTION = (exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.UNIT)

#: Compressions that libtiff decodes, as it comes along.
_COMPRESSIONS = frozenset(
    {1, 2, 3, 4, 5, 7, 8, 32946, 32773, 34925, 50000, 50001, 34661, 32809, 34676, 34677}
)

#: Bits of whole numbers, and of floats, that are read.
_BITS = {1: {1, 2, 4, 8, 16}, 3: {32}}


def pages_of(data: bytes) -> list[dict[int, IfdEntry]]:
    """Return the tags of each page of a TIFF; [] where it is too damaged for that."""
    how = ifd.layout(data)
    return [tags for _, tags in ifd.ifd_chain(data, how)] if how else []


def first_number(tags: dict[int, IfdEntry], tag: int, otherwise: int) -> int:
    """Return the first value of a tag, or what it is when it is absent."""
    return int(tags[tag].numbers()[0]) if tag in tags and tags[tag].numbers() else otherwise


def same_sizes(data: bytes) -> bool:
    """Return whether all pages of a TIFF have one size and as many samples."""
    pages = pages_of(data)
    return len({tuple(first_number(page, tag, 1) for tag in (256, 257, SAMPLES)) for page in pages}) <= 1


def not_read(data: bytes, tags: dict[int, IfdEntry]) -> str:
    """Return why a TIFF is of a kind that is not read; "" where it is."""
    photometric = first_number(tags, PHOTOMETRIC, RGB)
    if DNG in tags or photometric in (FILTERED, LINEAR_RAW) or data[8:10] == b"CR":
        return "a raw photograph is not read: develop it first, and save it as TIFF, PNG or JPEG"
    if first_number(tags, SUBFILE, 0) & 1 and SUB_IFDS in tags:
        return (
            "its first page is a preview of a picture that is not read (raw?): save it as TIFF, PNG or JPEG"
        )
    kind = first_number(tags, FORMAT, 1)
    bits = tags[BITS].numbers() if BITS in tags else [1]
    if kind in (5, 6):
        return "complex numbers are not pixels: save its real part or its magnitude"
    if kind in _BITS and not set(bits) <= _BITS[kind]:
        if kind == 1 and set(bits) & {32, 64}:
            return ""  # libvips' own words: what is white?
        number = ", ".join(str(one) for one in sorted(set(bits)))
        if kind == 3:
            return f"floats of {number} bits are not read: save it with 32 bits"
        return f"samples of {number} bits are not read: save it with 8 or 16 bits"
    compression = first_number(tags, COMPRESSION, 1)
    if compression not in _COMPRESSIONS and compression != 6:
        return f"TIFF's compression {compression} is not read: save it without, or with LZW or deflate"
    return ""


def held(data: bytes) -> tuple[Metadata, tuple[float, float], tuple[str, ...]]:
    """Return what a TIFF says, its resolution in pixels a millimetre, and what is not kept of it."""
    pages, how = pages_of(data), ifd.layout(data)
    if not pages or how is None:
        return Metadata(), (0.0, 0.0), ()
    first, lost = pages[0], list[str]()
    meta = Metadata(
        xmp=first[XMP].data if XMP in first else b"",
        profile=first[PROFILE].data if PROFILE in first else b"",
        tags=tuple(_kept_of(page, first) for page in pages),
    )
    if PHOTOSHOP in first:
        meta = replace(meta, photoshop=first[PHOTOSHOP].data)
    if IPTC in first and not photoshop.iptc(meta.photoshop):
        meta = replace(meta, photoshop=meta.photoshop + photoshop.from_iptc(first[IPTC].data))
    inner, place = (_part(data, how, first, tag) for tag in (exif.EXIF_PART, exif.GPS_PART))
    if inner or place:
        lost += ["maker notes"] * (exif.MAKER_NOTE in inner)
        interop = _part(data, how, inner, exif.INTEROP_PART)
        meta = replace(meta, exif=exif.made({}, inner, place, interop))
    if SUB_IFDS in first:
        lost.append("smaller copies or masks of the picture")
    lost += _of_values(first) + _of_later_pages(data, how, pages)
    stated = exif.resolution_of(first)
    lost += [] if max(stated) > 0 or len(exif.dots_of(first)) < 2 else exif.not_square(*exif.dots_of(first))
    return meta, stated, tuple(dict.fromkeys(lost))


def _kept_of(page: dict[int, IfdEntry], first: dict[int, IfdEntry]) -> dict[int, IfdEntry]:
    """Return the tags of a page that are kept; its resolution where it is not that of the first."""
    kept = exif.without(page, _STORAGE)
    if exif.resolution_of(page) != exif.resolution_of(first):
        kept |= {tag: page[tag] for tag in _RESOLUTION if tag in page}
    return kept


def _of_values(tags: dict[int, IfdEntry]) -> list[str]:
    """Name what a directory says of the values of pixels, and nobody writes."""
    return [name for tag, name in _OF_VALUES.items() if tag in tags]


def _of_later_pages(data: bytes, how: Layout, pages: list[dict[int, IfdEntry]]) -> list[str]:
    """Name what pages behind the first say for themselves, and only the first keeps."""
    lost = list[str]()
    for page in pages[1:]:
        for tag, name in _FIRST_ONLY.items():
            own, other = page.get(tag, exif.NOTHING), pages[0].get(tag, exif.NOTHING)
            same = own.data == other.data
            if not same and tag in (exif.EXIF_PART, exif.GPS_PART):
                same = _values_of(_part(data, how, page, tag)) == _values_of(_part(data, how, pages[0], tag))
            if own.data and not same:
                lost.append(f"{name} of later pages")
    return lost


def _values_of(tags: dict[int, IfdEntry]) -> dict[int, bytes]:
    """Return what a directory says, wherever it stands."""
    return {tag: one.data for tag, one in tags.items()}


def _part(data: bytes, how: Layout, tags: dict[int, IfdEntry], tag: int) -> dict[int, IfdEntry]:
    """Return the directory that a tag points to; {} where there is none."""
    try:
        return ifd.read(data, how, tags[tag].numbers()[0])[0] if tag in tags else {}
    except (struct.error, OverflowError, IndexError):
        return {}


def as_exif(meta: Metadata, *, resolution: bool) -> tuple[bytes, tuple[str, ...]]:
    """Return what a TIFF says as an EXIF block, and what has no place in one, in words.

    Args:
        meta: Of the TIFF.
        resolution: Whether the block has room for a resolution.
    """
    if not meta.tags:
        return meta.exif, ()
    first, lost = exif.stated() if resolution else {}, list[str]()
    for tag, one in meta.tags[0].items():
        if tag in exif.SHARED:
            first[tag] = one
        else:
            lost.append("the place on the map (GeoTIFF)" if tag in _MAP and tag not in _NAMED else _name(tag))
    if any(page != meta.tags[0] for page in meta.tags[1:]):
        lost.append("what later pages say")
    how = ifd.layout(meta.exif)
    parts = exif.parts_of(meta.exif, how) if how else []
    top = parts[0] if parts else {}
    if how is None:
        return exif.made(first), tuple(dict.fromkeys(lost))
    inner, place = (_part(meta.exif, how, top, tag) for tag in (exif.EXIF_PART, exif.GPS_PART))
    interop = _part(meta.exif, how, inner, exif.INTEROP_PART)
    return exif.made(first, inner, place, interop), tuple(dict.fromkeys(lost))


def _name(tag: int) -> str:
    """Return what a tag is called where it is said that it went missing."""
    return _NAMED.get(tag, f"TIFF tag {tag}")


def described(tags: dict[int, IfdEntry], change: Change) -> dict[int, IfdEntry]:
    """Return the tags of a page whose description, if programs read it, is that of the result."""
    if DESCRIPTION not in tags:
        return tags
    text = tags[DESCRIPTION].data.decode("utf-8", "surrogateescape")
    new = description.brought_up_to_date(text, change).encode("utf-8", "surrogateescape")
    return {**tags, DESCRIPTION: ifd.entry(tags[DESCRIPTION].kind, new)}


def brought_up_to_date(
    tags: dict[int, IfdEntry], change: Change
) -> tuple[dict[int, IfdEntry], tuple[str, ...]]:
    """Return the tags of a page whose pixels were enlarged, and what is no longer true and was left out."""
    if ORIENTATION in tags:
        tags = {**tags, ORIENTATION: ifd.entry(ifd.SHORT, [1])}
    tags = exif.enlarged_resolution(tags, change)
    if not set(tags) & _MAP:
        return tags, ()
    if change.orientation > 1:
        kept = exif.without(tags, _MAP)
        return kept, ("the place on the map (GeoTIFF; the picture was turned)",)
    tall, wide = change.factors
    # A tie point is the corner of a pixel, or its centre where the keys say so.
    centre = 0.5 if _pixel_is_point(tags) else 0.0
    out = dict(tags)
    for tag, one in tags.items():
        values = one.numbers()
        if tag == PIXEL_SIZE and one.kind == ifd.DOUBLE and len(values) >= 2:
            values[:2] = [values[0] / wide, values[1] / tall]
        elif tag == TIE_POINTS and one.kind == ifd.DOUBLE:
            for i in range(0, len(values) - 5, 6):
                values[i] = (values[i] + centre) * wide - centre
                values[i + 1] = (values[i + 1] + centre) * tall - centre
        elif tag == PLACE_MATRIX and one.kind == ifd.DOUBLE and len(values) == 16:
            for row in (0, 4, 8):
                a, b = values[row] / wide, values[row + 1] / tall
                values[row + 3] += centre * (a - values[row] + b - values[row + 1])
                values[row : row + 2] = [a, b]
        elif tag == RATIONALS_OF_SENSOR and one.kind == ifd.DOUBLE and len(values) >= 9:
            # Offset and scale of lines, then of samples; a pixel's centre is a whole number.
            for offset, scale, factor in ((2, 7, tall), (3, 8, wide)):
                values[offset] = (values[offset] + 0.5) * factor - 0.5
                values[scale] *= factor
        else:
            continue
        out[tag] = ifd.entry(one.kind, values)
    return out, ()


def _pixel_is_point(tags: dict[int, IfdEntry]) -> bool:
    """Return whether coordinates are those of the centres of pixels: GTRasterTypeGeoKey is 2."""
    keys = tags[GEO_KEYS].numbers() if GEO_KEYS in tags else []
    return any(keys[i] == 1025 and keys[i + 3] == 2 for i in range(4, len(keys) - 3, 4))


def page_tags(
    meta: Metadata, pages: int
) -> tuple[list[dict[int, IfdEntry]], dict[int, dict[int, IfdEntry]], tuple[str, ...]]:
    """Return the tags for each page of a TIFF, the directories they point to, and what has no place.

    Args:
        meta: Of any file, up to date.
        pages: How many pages are written.
    """
    how, lost = ifd.layout(meta.exif), list[str]()
    parts: dict[int, dict[int, IfdEntry]] = {}
    first: dict[int, IfdEntry] = {}
    if how:
        block = exif.parts_of(meta.exif, how)
        top = block[0] if block else {}
        if not meta.tags:
            first = exif.without(top, _STORAGE)
            lost += _of_values(top)
        for tag in (exif.EXIF_PART, exif.GPS_PART):
            part = _part(meta.exif, how, top, tag)
            if exif.MAKER_NOTE in part:
                lost.append("maker notes")
            interop = _part(meta.exif, how, part, exif.INTEROP_PART)
            kept = exif.without(part, {exif.MAKER_NOTE, exif.INTEROP_PART})
            if kept:
                parts |= {exif.INTEROP_PART: interop} if interop else {}
                parts[tag] = kept
    if meta.photoshop:
        first[PHOTOSHOP] = ifd.entry(ifd.BYTE, meta.photoshop)
        if photoshop.iptc(meta.photoshop):
            first[IPTC] = ifd.entry(ifd.UNDEFINED, photoshop.iptc(meta.photoshop))
    if meta.xmp:
        first[XMP] = ifd.entry(ifd.BYTE, meta.xmp)
    every = [dict(tags) for tags in meta.tags[:pages]] or [{}]
    every[0] = {**every[0], **first}
    return [*every, *({} for _ in range(pages - len(every)))], parts, tuple(lost)


def put_in(
    file: Path,
    pages: Sequence[dict[int, IfdEntry]],
    parts: dict[int, dict[int, IfdEntry]],
    own: dict[int, IfdEntry | None],
) -> None:
    """Write the directories of a TIFF anew behind its end, with more tags in them.

    Args:
        file: Written by libvips.
        pages: The tags of each page.
        parts: Directories that the first page points to, by the tag that does; the one of interoperability
            stands before EXIF's, which points to it.
        own: Tags that every page gets instead of libvips'; None takes one out.
    """
    with file.open("r+b") as out:
        with mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ) as data:
            how, directories = _directories(data)
        if how is None or not directories:
            raise OSError("libvips wrote no TIFF")
        at = out.seek(0, 2)
        at += out.write(b"\0" * (at % 2))
        pointers: dict[int, IfdEntry] = {}
        for tag, part in parts.items():
            if tag == exif.EXIF_PART and exif.INTEROP_PART in pointers:
                part = {**part, exif.INTEROP_PART: pointers.pop(exif.INTEROP_PART)}
            pointers[tag] = ifd.entry(16 if how.big else ifd.LONG, [at])
            at += out.write(_even(ifd.written(part, how, at)))
        first = at
        for number, (_, tags) in enumerate(directories):
            more = {**pages[number], **({} if number else pointers)}
            ours = {tag: one for tag, one in own.items() if tag not in more or tag not in _RESOLUTION}
            every = {**tags, **more, **ours}
            kept = {tag: one for tag, one in every.items() if one is not None}
            following = at + len(_even(ifd.written(kept, how, at)))
            at += out.write(
                _even(ifd.written(kept, how, at, following if number + 1 < len(directories) else 0))
            )
        out.seek(8 if how.big else 4)
        out.write(struct.pack(how.order + ("Q" if how.big else "I"), first))


def _directories(data: Any) -> tuple[Layout | None, list[tuple[int, dict[int, IfdEntry]]]]:
    """Return how a TIFF writes numbers, and its directories."""
    how = ifd.layout(data)
    return how, ifd.ifd_chain(data, how) if how else []


def _even(data: bytes) -> bytes:
    """Return bytes of an even number: directories begin at even offsets."""
    return data + b"\0" * (len(data) % 2)
