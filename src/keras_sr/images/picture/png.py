"""What a PNG holds beside its pixels: chunks, read and put in by hand. PNG 3rd edition, section 11."""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from keras_sr.images.picture.exif import bare, not_square, resolution
from keras_sr.images.picture.model import Metadata
from keras_sr.images.picture.profile import DAMAGED_PROFILE, whole

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp"

#: Chunks that are copied although a program that does not know them must not: they say how to show colours.
_COLOURS = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi")

#: Chunks of how pixels are stored, and those that are read elsewhere or made anew.
_STORAGE = (
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"pHYs", b"eXIf", b"acTL", b"fcTL", b"fdAT"),
    *(b"hIST", b"sBIT", b"iDOT", b"CgBI"),
)

_NAMED = {
    b"bKGD": "the background colour",
    b"caBX": "content credentials (C2PA)",
    b"npTc": "the stretch marks of a nine-patch",
    b"oFFs": "the offset on the page",
    b"pCAL": "the calibration of pixel values",
    b"tIME": "the time of the last change (PNG)",
    b"sPLT": "a suggested palette",
}

_RAW = b"Raw profile type "

#: Bytes that a text may unpack to.
_MOST_TEXT = 16 << 20


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, stop) of what each chunk holds, up to the first that is damaged."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield kind, at + 8, at + 8 + length
        at += 12 + length


def held(data: bytes) -> tuple[Metadata, tuple[float, float], tuple[str, ...]]:
    """Return what a PNG says, its resolution in pixels a millimetre, and what is not kept of it."""
    meta, lost, stated = Metadata(), list[str](), (0.0, 0.0)
    for kind, start, stop in chunks(data):
        if kind in (b"IDAT", b"fdAT"):
            continue
        part = bytes(data[start:stop])
        if kind == b"eXIf":
            meta = replace(meta, exif=bare(part))
        elif kind == b"iTXt" and part.startswith(_XMP + b"\0"):
            meta = replace(meta, xmp=(text(kind, part) or ("", ""))[1].encode())
        elif kind == b"pHYs" and len(part) == 9:
            x, y, unit = struct.unpack(">IIB", part)
            stated = (x / 1000, y / 1000) if unit == 1 and x and y else stated
            lost += not_square(x, y) if unit != 1 else []
        elif kind == b"iCCP":
            lost += [] if whole(_profile(part)) else [DAMAGED_PROFILE]
        elif kind == b"IEND":
            lost += ["data behind the picture"] * bool(bytes(data[stop + 4 : stop + 65_540]).strip(b"\0"))
            break
        elif kind in TEXTS and (block := _raw_profile(kind, part)):
            name, value = block
            meta = replace(meta, **{name: getattr(meta, name) or value})
        elif kind in TEXTS or kind in _COLOURS or (kind not in _STORAGE and chr(kind[3]).islower()):
            kept = () if kind in _NAMED else ((kind, part),)
            meta = replace(meta, chunks=(*meta.chunks, *kept))
        if kind in _NAMED or not (kind in _STORAGE or kind in _COLOURS or chr(kind[3]).islower()):
            lost.append(_NAMED.get(kind) or f"PNG chunk {kind.decode('latin-1')!r}")
    return meta, stated if max(stated) > 0 else resolution(meta.exif), tuple(dict.fromkeys(lost))


def _profile(part: bytes) -> bytes:
    """Return the ICC profile of a chunk; b"" where it is damaged."""
    try:
        return _unpacked(part.partition(b"\0")[2][1:])
    except zlib.error:
        return b""


def _raw_profile(kind: bytes, part: bytes) -> tuple[str, bytes] | None:
    """Return EXIF or XMP that ImageMagick has put into a text, as digits: what it is, and its bytes."""
    if not part.startswith(_RAW):
        return None
    found = re.fullmatch(r"\s*(\w+)\s+(\d+)\s([0-9a-fA-F\s]*)", (text(kind, part) or ("", ""))[1])
    if not found or found[1].lower() not in ("exif", "app1", "xmp"):
        return None
    try:
        data = bytes.fromhex(found[3])
    except ValueError:
        return None
    if len(data) != int(found[2]):
        return None
    begin = b"http://ns.adobe.com/xap/1.0/\0"
    if found[1].lower() == "xmp" or data.startswith(begin):
        return "xmp", data.removeprefix(begin)
    return "exif", bare(data)


def text(kind: bytes, part: bytes) -> tuple[str, str] | None:
    """Return (keyword, text) of a text chunk; None where it is damaged."""
    try:
        key, _, rest = part.partition(b"\0")
        if kind == b"tEXt":
            return key.decode("latin-1"), rest.decode("latin-1")
        if kind == b"zTXt":
            return key.decode("latin-1"), _unpacked(rest[1:]).decode("latin-1")
        packed, rest = rest[0], rest[2:]
        rest = rest.split(b"\0", 2)[2]
        return key.decode("latin-1"), (_unpacked(rest) if packed else rest).decode("utf-8")
    except (zlib.error, ValueError, IndexError):
        return None


def _unpacked(data: bytes) -> bytes:
    """Return what was packed."""
    return zlib.decompressobj().decompress(data, _MOST_TEXT)


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Return the bytes of a chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def put_in(head: bytes, meta: Metadata, resolution: tuple[float, float]) -> bytes:
    """Return the beginning of a PNG with metadata in it.

    Args:
        head: What was written, from the signature up to the first pixels.
        meta: What to put in, up to date.
        resolution: Pixels a millimetre (x, y); (0, 0) where it is not stated.
    """
    out = [_chunk(kind, bytes(head[start:stop])) for kind, start, stop in chunks(head) if kind != b"pHYs"]
    more = [_chunk(kind, data) for kind, data in meta.chunks]
    if max(resolution) > 0:
        x, y = (max(1, min(round(one * 1000), 2**31 - 1)) for one in resolution)
        more.append(_chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    if meta.exif:
        more.append(_chunk(b"eXIf", meta.exif))
    if meta.xmp:
        more.append(_chunk(b"iTXt", _XMP + b"\0\0\0\0\0" + meta.xmp))
    # Behind IHDR, before any palette: gamma and the like must stand there.
    return _SIGNATURE + out[0] + b"".join(more) + b"".join(out[1:])


def text_chunk(keyword: str, value: str) -> tuple[bytes, bytes]:
    """Return (type, data) of a chunk with a text."""
    if re.fullmatch(r"[\x20-\x7e\n\t]*", value):
        return b"tEXt", keyword.encode("latin-1") + b"\0" + value.encode("latin-1")
    return b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + value.encode()
