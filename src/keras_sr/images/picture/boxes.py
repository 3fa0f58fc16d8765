"""What files made of boxes say of themselves: AVIF, HEIC, JPEG XL, JPEG 2000.

ISO/IEC 14496-12, 23008-12, 18181-2; ISO/IEC 18181-1, annex D, for the header of JPEG XL.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import replace

from keras_sr.images.picture.exif import bare
from keras_sr.images.picture.model import Metadata
from keras_sr.images.picture.photoshop import from_iptc

#: Names of uuid boxes.
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = b"JpgTiffExif->JP2"
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
#: How blocks of EXIF begin.
_BLOCKS = (b"II*\0", b"MM\0*", b"Exif\0\0")

_GEO = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")


def _boxes(data: bytes, start: int = 0, stop: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, stop) of what each box holds, up to the first that is damaged."""
    stop = len(data) if stop is None else stop
    while start + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= stop:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        elif size == 0:
            size = stop - start
        if size < head or start + size > stop:
            return
        yield kind, start + head, start + size
        start += size


def brands(data: bytes) -> tuple[bytes, ...]:
    """Return the brands of a file of ISO boxes, its own first."""
    for kind, start, stop in _boxes(data):
        if kind == b"ftyp":
            part = bytes(data[start:stop])
            return (part[:4], *(part[i : i + 4] for i in range(8, len(part) - 3, 4)))
    return ()


def said_of_heif(data: bytes) -> tuple[str, ...]:
    """Name what an AVIF or HEIC holds that nobody here reads."""
    lost: list[str] = []
    if b"tmap" in brands(data):
        lost.append("the gain map (HDR)")
    for kind, start, stop in _boxes(data):
        if kind == b"uuid" and data[start : start + 16] == _C2PA:
            lost.append("content credentials (C2PA)")
        elif kind == b"meta":
            part = bytes(data[start : min(stop, start + (1 << 20))])
            if b"urn:com:apple:photo:2020:aux:hdrgainmap" in part:
                lost.append("the gain map (HDR)")
            if re.search(rb"auxid:2\0|urn:mpeg:hevc:2015:auxid:2|:aux:disparity|:aux:depth", part):
                lost.append("the depth map")
            if re.search(rb":aux:(portrait|semantic)", part):
                lost.append("a matte of the picture")
            lost += _colours(part)
    return tuple(dict.fromkeys(lost))


def _colours(meta: bytes) -> list[str]:
    """Name colours other than sRGB's that a file states by numbers alone (ITU-T H.273), not by a profile."""
    if b"colrprof" in meta or b"colrrICC" in meta:
        return []
    found = re.search(rb"colrnclx(..)(..)", meta, re.DOTALL)
    if not found:
        return []
    primaries, transfer = (struct.unpack(">H", one)[0] for one in found.groups())
    if primaries in (1, 2, 5, 6) and transfer in (1, 2, 6, 13):
        return []
    return [f"the colours' description (H.273: primaries {primaries}, transfer {transfer})"]


def held_by_jxl(data: bytes) -> tuple[Metadata, tuple[str, ...]]:
    """Return what a JPEG XL says, and what is not kept of it, in words."""
    meta, lost = Metadata(), list[str]()
    if data[:2] == b"\xff\x0a":
        return meta, ()
    for kind, start, stop in _boxes(data):
        part = bytes(data[start:stop]) if kind in (b"Exif", b"xml ", b"brob") else b""
        if kind == b"Exif" and len(part) > 8:
            # Some writers leave out the four bytes that say where the block begins.
            at = 0 if part.startswith(_BLOCKS) else 4 + struct.unpack_from(">I", part)[0]
            meta = replace(meta, exif=bare(part[at:]))
            lost += [] if meta.exif.startswith(_BLOCKS) else ["EXIF (damaged)"]
        elif kind == b"xml ":
            meta = replace(meta, xmp=part)
        elif kind == b"brob":
            names = {b"Exif": "EXIF", b"xml ": "XMP"}
            lost.append(f"{names.get(part[:4], 'metadata')} (packed by Brotli)")
        elif kind == b"jumb":
            lost.append("content credentials (C2PA)")
        elif kind == b"jhgm":
            lost.append("the gain map (HDR)")
    return meta, tuple(dict.fromkeys(lost))


def held_by_jp2(data: bytes) -> tuple[Metadata, tuple[str, ...]]:
    """Return what a JPEG 2000 says, and what is not kept of it, in words."""
    meta, lost = Metadata(), list[str]()
    for kind, start, stop in _boxes(data):
        if kind == b"uuid":
            name, part = bytes(data[start : start + 16]), bytes(data[start + 16 : stop])
            if name == _XMP:
                meta = replace(meta, xmp=part)
            elif name == _EXIF:
                meta = replace(meta, exif=bare(part))
            elif name == _IPTC:
                meta = replace(meta, photoshop=from_iptc(part))
            else:
                lost.append("the place on the map (GeoTIFF)" if name == _GEO else "a uuid box of JPEG 2000")
        elif kind in (b"xml ", b"jp2i", b"asoc"):
            lost.append(f"JPEG 2000's {kind.decode().strip()} box")
    return meta, tuple(dict.fromkeys(lost))


class _Bits:
    """Bits of bytes, the lowest first, as JPEG XL has them."""

    def __init__(self, data: bytes) -> None:
        self._value, self._at = int.from_bytes(data, "little"), 0

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        value = self._value >> self._at & (1 << count) - 1
        self._at += count
        return value

    def one_of(self, *sizes: tuple[int, int]) -> int:
        """Return a number that two bits say the (length, least value) of."""
        count, least = sizes[self.take(2)]
        return self.take(count) + least


#: Width over height where a JPEG XL states only the height.
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def jxl_header(data: bytes) -> tuple[int, int, bool]:
    """Return height and width of a JPEG XL, 0 unless told, and whether it moves."""
    code = bytes(data[:64])
    if code[:2] != b"\xff\x0a":
        code = b""
        for kind, start, stop in _boxes(data):
            if kind == b"jxlc":
                code = bytes(data[start : min(stop, start + 64)])
            elif kind == b"jxlp" and not code:
                code = bytes(data[start + 4 : min(stop, start + 68)])
    if code[:2] != b"\xff\x0a":
        return 0, 0, False
    bits = _Bits(code[2:])
    height, width = _jxl_size(bits)
    moves = False
    if not bits.take(1) and bits.take(1):  # not all as usual; and more than colours is said
        bits.take(3)
        if bits.take(1):
            _jxl_size(bits)
        moves = not bits.take(1) and bool(bits.take(1))
    return height, width, moves


def _jxl_size(bits: _Bits) -> tuple[int, int]:
    """Return (height, width)."""
    sizes = ((9, 1), (13, 1), (18, 1), (30, 1))
    small = bits.take(1)
    height = (bits.take(5) + 1) * 8 if small else bits.one_of(*sizes)
    ratio = bits.take(3)
    if ratio:
        over, under = _RATIOS[ratio]
        return height, height * over // under
    return height, (bits.take(5) + 1) * 8 if small else bits.one_of(*sizes)
