"""EXIF blocks: what in them is of the pixels is brought up to date, all else stays byte for byte.

An EXIF block is a small TIFF. Values are overwritten where they stand, so that maker notes, which hold
offsets of their own, survive. Blocks are made anew only from the tags of a TIFF, which have no block.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from keras_sr.images.picture import ifd
from keras_sr.images.picture.ifd import UNDEFINED, IfdEntry, Layout

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT = 0x0112, 0x011A, 0x011B, 0x0128
WIDTH, HEIGHT, EXIF_WIDTH, EXIF_HEIGHT = 0x0100, 0x0101, 0xA002, 0xA003
RELATED_WIDTH, RELATED_HEIGHT = 0x1001, 0x1002
FOCAL_X, FOCAL_Y, SUBJECT_AREA, SUBJECT_PLACE = 0xA20E, 0xA20F, 0x9214, 0xA214
EXIF_PART, GPS_PART, INTEROP_PART = 0x8769, 0x8825, 0xA005
MAKER_NOTE, USER_COMMENT, THUMBNAIL, THUMBNAIL_BYTES = 0x927C, 0x9286, 0x0201, 0x0202

#: What stands for an entry that is absent.
NOTHING = IfdEntry(UNDEFINED, b"")

#: Little-endian, and the first directory right behind the header.
_MADE = Layout("<", False, 8)
_HEADER = b"II*\0" + struct.pack("<I", 8)


@dataclass(frozen=True)
class Change:
    """What became of the pixels that metadata speaks of.

    Attributes:
        size: (height, width) of the source's page, as it stands in its file.
        orientation: Of the source, 1 to 8; the pixels have been turned as it says.
        result: (height, width) of the result, upright.
        resolution: (x, y) of the result, pixels a millimetre; (0, 0) where it is not stated.
    """

    size: tuple[int, int]
    orientation: int
    result: tuple[int, int]
    resolution: tuple[float, float]

    @property
    def factors(self) -> tuple[float, float]:
        """How many times (taller, wider) the result is than the upright source."""
        height, width = self.size if self.orientation < 5 else self.size[::-1]
        return self.result[0] / height, self.result[1] / width

    def moved(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point (x, y) of the source's file, in pixels, lies in the result."""
        height, width = self.size
        x, y = {
            2: (width - x, y),
            3: (width - x, height - y),
            4: (x, height - y),
            5: (y, x),
            6: (height - y, x),
            7: (height - y, width - x),
            8: (y, width - x),
        }.get(self.orientation, (x, y))
        return x * self.factors[1], y * self.factors[0]


def bare(block: bytes) -> bytes:
    """Return an EXIF block without the six bytes that say Exif before it in JPEG."""
    return block[6:] if block.startswith(b"Exif\0\0") else block


def enlarged_resolution(tags: dict[int, IfdEntry], change: Change) -> dict[int, IfdEntry]:
    """Return a directory whose resolution, where it has one of its own, has grown with the pixels."""
    turned = change.orientation >= 5
    out = dict(tags)
    for tag, other, across in ((X_RESOLUTION, Y_RESOLUTION, True), (Y_RESOLUTION, X_RESOLUTION, False)):
        if tag in tags and tags[tag].kind == ifd.RATIONAL:
            dots = _ratio(tags.get(other, tags[tag]) if turned else tags[tag])
            out[tag] = ifd.IfdEntry(ifd.RATIONAL, _rational(dots * change.factors[across]))
    return out


def has_thumbnail(block: bytes) -> bool:
    """Return whether a block holds a thumbnail."""
    how = ifd.layout(block)
    return how is not None and len(ifd.ifd_chain(block, how, 2)) > 1


def resolution(block: bytes) -> tuple[float, float]:
    """Return pixels a millimetre (x, y) as a block states them; (0, 0) where it does not."""
    how = ifd.layout(block)
    found = ifd.ifd_chain(block, how, 1) if how else []
    return resolution_of(found[0][1]) if found else (0.0, 0.0)


def resolution_of(tags: dict[int, IfdEntry]) -> tuple[float, float]:
    """Return pixels a millimetre (x, y) as a directory states them; (0, 0) where it does not."""
    unit = tags[UNIT].numbers()[0] if UNIT in tags else 2
    both = dots_of(tags)
    if unit not in (2, 3) or not both or min(both) <= 0:
        return 0.0, 0.0
    return both[0] / {2: 25.4, 3: 10.0}[unit], both[-1] / {2: 25.4, 3: 10.0}[unit]


def dots_of(tags: dict[int, IfdEntry]) -> list[float]:
    """Return the resolutions (x, y) that a directory states, in whatever unit."""
    return [_ratio(tags[tag]) for tag in (X_RESOLUTION, Y_RESOLUTION) if tag in tags]


def not_square(x: float, y: float) -> list[str]:
    """Say of pixels of which so many lie along a length across and down that they are not square."""
    return [f"that pixels are not square ({y:g}:{x:g})"] if min(x, y) > 0 and x != y else []


def _ratio(one: IfdEntry) -> float:
    """Return the first value of an entry of rationals or numbers."""
    values = one.numbers()
    if one.kind in (5, 10):
        return values[0] / values[1] if len(values) > 1 and values[1] else 0.0
    return float(values[0]) if values else 0.0


def patched_exif(block: bytes, change: Change) -> bytes:
    """Return an EXIF block that tells the truth of a result: upright, of its size, without the old thumbnail.

    What the block does not hold is not added; a block that is damaged is returned as it is.

    Args:
        block: Without the six bytes that say Exif.
        change: What became of the pixels.
    """
    how = ifd.layout(block)
    if how is None or how.big:
        return block
    data = bytearray(block)
    parts = parts_of(block, how)
    if not parts:
        return block
    for tags in parts:
        for tag, one in tags.items():
            value = _brought_up_to_date(tag, one, change)
            if value is not None and len(value) == len(one.data):
                data[one.place : one.place + len(value)] = ifd.swapped(value, one.kind, how.order)
    return _without_thumbnail(bytes(data), how, parts)


def parts_of(block: bytes, how: Layout) -> list[dict[int, IfdEntry]]:
    """Return the directories of a block but the thumbnail's: the first, then EXIF, GPS and interop."""
    found = [tags for _, tags in ifd.ifd_chain(block, how, 1)]
    for tag in (EXIF_PART, GPS_PART, INTEROP_PART):
        for tags in list(found):
            if tag in tags and tags[tag].kind in (ifd.LONG, 13):
                try:
                    found.append(ifd.read(block, how, tags[tag].numbers()[0])[0])
                except struct.error:
                    continue
    return found


def _brought_up_to_date(tag: int, one: IfdEntry, change: Change) -> bytes | None:
    """Return the new values of an entry that speaks of pixels; None where it does not."""
    kind = one.kind
    height, width = change.result
    if tag == ORIENTATION and kind == ifd.SHORT:
        return ifd.entry(kind, [1]).data
    if tag in (WIDTH, EXIF_WIDTH, RELATED_WIDTH) and kind in (ifd.SHORT, ifd.LONG):
        return ifd.entry(kind, [min(width, 0xFFFF if kind == ifd.SHORT else width)]).data
    if tag in (HEIGHT, EXIF_HEIGHT, RELATED_HEIGHT) and kind in (ifd.SHORT, ifd.LONG):
        return ifd.entry(kind, [min(height, 0xFFFF if kind == ifd.SHORT else height)]).data
    if tag == UNIT and kind == ifd.SHORT and max(change.resolution) > 0:
        return ifd.entry(kind, [2]).data  # dots an inch
    if tag in (X_RESOLUTION, Y_RESOLUTION) and kind == ifd.RATIONAL and max(change.resolution) > 0:
        return _rational(change.resolution[tag == Y_RESOLUTION] * 25.4)
    if tag in (FOCAL_X, FOCAL_Y) and kind == ifd.RATIONAL:
        # Of the sensor: along the side that the picture's has become.
        across = (tag == FOCAL_X) == (change.orientation < 5)
        return _rational(_ratio(one) * change.factors[across])
    if tag in (SUBJECT_AREA, SUBJECT_PLACE) and kind == ifd.SHORT and one.count >= 2:
        return ifd.entry(ifd.SHORT, [min(0xFFFF, value) for value in area_moved(one.numbers(), change)]).data
    return None


def area_moved(numbers: list[int], change: Change) -> list[int]:
    """Return a place, a circle or a rectangle (centre, then diameter or sides) as it lies in the result."""
    moved = [*change.moved(*numbers[:2])]
    sides = numbers[2:] if change.orientation < 5 else numbers[:1:-1]
    factors = change.factors[::-1]
    moved += [side * factor for side, factor in zip(sides, factors, strict=False)]
    return [max(0, round(one)) for one in moved]


def _rational(value: float) -> bytes:
    """Return a number as a rational, exact to three digits behind the point."""
    value = min(max(value, 0.0), 4e6)
    whole = value == round(value)
    return ifd.entry(
        ifd.RATIONAL, [round(value) if whole else round(value * 1000), 1 if whole else 1000]
    ).data


def _without_thumbnail(block: bytes, how: Layout, parts: list[dict[int, IfdEntry]]) -> bytes:
    """Return a block whose first directory is its last; what stood behind all others is cut off."""
    (count,) = struct.unpack_from(f"{how.order}H", block, how.first)
    link = how.first + 2 + 12 * count
    directories = ifd.ifd_chain(block, how, 2)
    if len(directories) < 2:
        return block
    data = bytearray(block)
    struct.pack_into(f"{how.order}I", data, link, 0)
    thumbnail = directories[1][1]
    if THUMBNAIL in thumbnail and THUMBNAIL_BYTES in thumbnail:
        start, size = (thumbnail[tag].numbers()[0] for tag in (THUMBNAIL, THUMBNAIL_BYTES))
        if start > link and start + size <= len(data) and not _overlaps(start, size, parts):
            data[start : start + size] = bytes(size)
            if start + size >= len(data) - 1:
                del data[start:]
    return bytes(data)


def _overlaps(start: int, size: int, parts: list[dict[int, IfdEntry]]) -> bool:
    """Return whether values of any directory stand within some bytes of a block."""
    return any(
        one.place < start + size and start < one.place + len(one.data)
        for tags in parts
        for one in tags.values()
    )


#: Tags that a TIFF and the first directory of an EXIF block share: camera, author, date, title, ...
SHARED = frozenset(
    {
        269,
        270,
        271,
        272,
        ORIENTATION,
        285,
        305,
        306,
        315,
        316,
        318,
        319,
        0x4746,
        0x4749,
        33432,
        *range(0x9C9B, 0x9CA0),
    }
)

#: What a directory says of its own bytes and offsets, which differ wherever it is written.
_OFFSETS = frozenset({EXIF_PART, GPS_PART, INTEROP_PART, MAKER_NOTE})


def made(
    first: dict[int, IfdEntry],
    exif: dict[int, IfdEntry] | None = None,
    gps: dict[int, IfdEntry] | None = None,
    interop: dict[int, IfdEntry] | None = None,
) -> bytes:
    """Return a new EXIF block with these entries; b"" where there are none."""
    if not (first or exif or gps):
        return b""
    block = _HEADER
    tags = dict(first)
    for tag, part in ((EXIF_PART, exif), (GPS_PART, gps)):
        tags.pop(tag, None)
        if part:
            tags[tag] = ifd.entry(ifd.LONG, [0])
    # Where the parts stand is known when the first directory's length is.
    at = 8 + len(ifd.written(tags, _MADE, 8))
    behind = b""
    for tag, part in ((EXIF_PART, exif), (GPS_PART, gps)):
        if part:
            kept = without(part, _OFFSETS)
            if interop and tag == EXIF_PART:
                kept[INTEROP_PART] = ifd.entry(ifd.LONG, [at + len(behind)])
                behind += ifd.written(interop, _MADE, at + len(behind))
            tags[tag] = ifd.entry(ifd.LONG, [at + len(behind)])
            behind += ifd.written(kept, _MADE, at + len(behind))
    return block + ifd.written(tags, _MADE, 8) + behind


def stated() -> dict[int, IfdEntry]:
    """Return the entries of a resolution, for `patched` to fill in."""
    dots = ifd.entry(ifd.RATIONAL, [72, 1])
    return {X_RESOLUTION: dots, Y_RESOLUTION: dots, UNIT: ifd.entry(ifd.SHORT, [2])}


def user_comment(text: str) -> IfdEntry:
    """Return a comment as cameras and the programs that make AI pictures write it."""
    plain = text.isascii()
    data = b"ASCII\0\0\0" + text.encode() if plain else b"UNICODE\0" + text.encode("utf-16-be")
    return IfdEntry(ifd.UNDEFINED, data)


def without(tags: dict[int, IfdEntry], *leave: Iterable[int]) -> dict[int, IfdEntry]:
    """Return a directory without some of its tags."""
    left = {tag for some in leave for tag in some}
    return {tag: one for tag, one in tags.items() if tag not in left}
