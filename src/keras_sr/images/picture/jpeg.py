"""What a JPEG holds beside its pixels: segments, read and put in by hand so that nothing is added or lost.

ITU-T T.81, annex B; JFIF 1.02; EXIF: CIPA DC-008, section 4.7; XMP: ISO 16684-1 and "XMP specification, part
3", section 1.1.3; MPF: CIPA DC-007.
"""

import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from keras_sr.images.picture.exif import bare, not_square, resolution
from keras_sr.images.picture.model import Metadata

EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"

#: Bytes that a segment can hold.
ROOM = 65533

#: What begins a segment that is of how pixels are stored, or that is read elsewhere, or made anew.
_NOT_NAMED = (b"ICC_PROFILE\0", b"Adobe", b"JFIF\0", b"AVI1", b"Ducky")

#: What other segments hold, by how they begin.
_NAMED = {
    b"JFXX\0": "the thumbnail",
    b"MPF\0": "other pictures in the file",
    b"urn:iso:std:iso:ts:21496:-1": "the gain map (HDR)",
    b"JP": "content credentials (C2PA)",
    b"FPXR\0": "FlashPix data",
    b"http://ns.google.com": "depth data",
}

#: A packet that says where the rest of it is.
_NOTE = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">\
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"/>\
</rdf:RDF></x:xmpmeta>"""

_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)

#: Luminance of quality 50: T.81, table K.1, in the order in which it is stored.
_QUALITY_50 = np.fromstring(
    """16 11 12 14 12 10 16 14 13 14 18 17 16 19 24 40 26 24 22 22 24 49 35 37 29 40 58 51 61 60 57 51 56 55
    64 72 92 78 64 68 87 69 55 56 80 109 81 87 95 98 103 104 103 62 77 113 121 112 100 120 92 101 103 99""",
    int,
    sep=" ",
)


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, stop) of what each segment before the pixels holds; the last is that of SOS."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if length < 2 or at + 2 + length > len(data):
            return
        yield marker, at + 4, at + 2 + length
        if marker == 0xDA:
            return
        at += 2 + length


def has_scans(data: bytes) -> bool:
    """Return whether a JPEG goes over the picture several times, so that all of it is held to decode it."""
    components = 0
    for marker, start, _ in segments(data):
        if marker in (0xC2, 0xC6, 0xCA, 0xCE):  # progressive
            return True
        if marker in (0xC0, 0xC1):
            components = data[start + 5]
        elif marker == 0xDA:
            return data[start] < components
    return False


def held(data: bytes) -> tuple[Metadata, tuple[float, float], tuple[str, ...]]:
    """Return what a JPEG says, its resolution in pixels a millimetre, and what is not kept of it."""
    meta, lost, jfif, end = Metadata(), list[str](), (0.0, 0.0), 0
    more_xmp: dict[int, bytes] = {}
    for marker, start, stop in segments(data):
        part, end = bytes(data[start:stop]), stop
        if marker == 0xE0 and part.startswith(b"JFIF\0") and len(part) >= 12:
            jfif = _density(part)
            lost += not_square(*struct.unpack_from(">HH", part, 8)) if part[7] == 0 else []
            if len(part) > 14 and part[12] * part[13]:
                lost.append("the thumbnail")
        elif marker == 0xE1 and part.startswith(EXIF) and not meta.exif:
            meta = replace(meta, exif=bare(part))
        elif marker == 0xE1 and part.startswith(XMP) and not meta.xmp:
            meta = replace(meta, xmp=part[len(XMP) :])
        elif marker == 0xE1 and part.startswith(_MORE_XMP) and len(part) > len(_MORE_XMP) + 40:
            _, at = struct.unpack_from(">II", part, len(_MORE_XMP) + 32)
            more_xmp[at] = part[len(_MORE_XMP) + 40 :]
        elif marker == 0xED and part.startswith(_PHOTOSHOP):
            meta = replace(meta, photoshop=meta.photoshop + part[len(_PHOTOSHOP) :])
        elif marker == 0xFE:
            meta = replace(meta, comments=(*meta.comments, part))
        elif marker == 0xDB and meta.quality is None:
            meta = replace(meta, quality=_quality(part))
        elif 0xE0 <= marker <= 0xEF and not part.startswith(_NOT_NAMED):
            named = next((name for begin, name in _NAMED.items() if part.startswith(begin)), None)
            lost.append(named or f"APP{marker - 0xE0} data ({_word(part)})")
    if more_xmp:
        meta = replace(meta, xmp=_joined(meta.xmp, b"".join(part for _, part in sorted(more_xmp.items()))))
    lost += _behind(data, end, meta.xmp)
    return meta, jfif if max(jfif) > 0 else resolution(meta.exif), tuple(dict.fromkeys(lost))


def _density(part: bytes) -> tuple[float, float]:
    """Return pixels a millimetre from what JFIF's segment holds."""
    unit, x, y = struct.unpack_from(">BHH", part, 7)
    per = {1: 25.4, 2: 10.0}.get(unit)
    return (x / per, y / per) if per and x and y else (0.0, 0.0)


def _word(part: bytes) -> str:
    """Return how a segment names itself."""
    return re.sub(rb"[^\w .:-].*", b"", part[:24], flags=re.DOTALL).decode() or "unnamed"


def _quality(tables: bytes) -> int | None:
    """Return the quality that the luminance table was made with, by the scale of libjpeg; None for others."""
    if len(tables) < 65 or tables[0] & 0x0F:
        return None
    wide = tables[0] >> 4
    table = np.frombuffer(tables[1 : 65 + 64 * wide], ">u2" if wide else "u1").astype(int)
    if len(table) < 64:
        return None
    scales = np.array([5000 // quality if quality < 50 else 200 - 2 * quality for quality in range(1, 101)])
    made = np.clip((_QUALITY_50 * scales[:, None] + 50) // 100, 1, 255)
    apart = np.abs(made - table).mean(axis=1)
    return int(apart.argmin()) + 1


def _joined(packet: bytes, more: bytes) -> bytes:
    """Return an XMP packet with the properties of its extension in it."""
    inner = re.search(rb"<rdf:RDF[^>]*>(.*)</rdf:RDF>", more, re.DOTALL)
    packet = re.sub(rb"\s?xmpNote:HasExtendedXMP\s*=\s*[\"'][^\"']*[\"']", b"", packet)
    packet = re.sub(rb"<xmpNote:HasExtendedXMP>[^<]*</xmpNote:HasExtendedXMP>", b"", packet)
    return packet.replace(b"</rdf:RDF>", inner[1] + b"</rdf:RDF>", 1) if inner else packet


def _behind(data: bytes, end: int, xmp: bytes) -> list[str]:
    """Name what stands behind the end of the picture: another picture, a film."""
    at = end
    while found := _MARKER.search(data, at):
        if found[1] == b"\xd9":
            break
        try:
            at = found.start() + 2 + struct.unpack_from(">H", data, found.start() + 2)[0]
        except struct.error:
            return []
    rest = bytes(data[found.end() : found.end() + (1 << 16)]).lstrip(b"\0") if found else b""
    if len(rest) < 16:
        return []
    if b"ftyp" in rest[:64]:
        return ["the film of the motion photo"]
    if rest.startswith(b"\xff\xd8"):
        return ["the gain map (HDR)" if b"hdrgm" in xmp or b"hdrgm" in rest else "other pictures in the file"]
    return ["data behind the picture"]


def put_in(head: bytes, meta: Metadata, resolution: tuple[float, float]) -> bytes:
    """Return the beginning of a JPEG with metadata in it.

    Args:
        head: What libvips wrote, up to the pixels.
        meta: What to put in, up to date.
        resolution: Pixels a millimetre (x, y); (0, 0) where it is not stated.
    """
    out = bytearray()
    if meta.exif:
        _append(out, 0xE1, EXIF + meta.exif)
    if meta.xmp:
        out += _xmp_segments(meta.xmp)
    if meta.photoshop:
        for start in range(0, len(meta.photoshop), ROOM - len(_PHOTOSHOP)):
            _append(out, 0xED, _PHOTOSHOP + meta.photoshop[start : start + ROOM - len(_PHOTOSHOP)])
    for comment in meta.comments:
        _append(out, 0xFE, comment)
    first = next(((start, stop) for marker, start, stop in segments(head) if marker == 0xE0), None)
    jfif = b"JFIF\0\1\1" + _jfif_density(resolution) + b"\0\0"
    rest = head[first[1] :] if first else head[2:]
    return head[:2] + b"\xff\xe0" + struct.pack(">H", len(jfif) + 2) + jfif + bytes(out) + rest


def _jfif_density(resolution: tuple[float, float]) -> bytes:
    """Return unit and density as JFIF has them; pixels that are square where nothing is stated."""
    x, y = resolution
    if max(x, y) <= 0 or max(x, y) * 25.4 > 65535:
        return struct.pack(">BHH", 0, 1, 1)
    # Dots a centimetre where those are whole and dots an inch are not.
    inch, centimetre = (x * 25.4, y * 25.4), (x * 10, y * 10)
    error = [sum(abs(one - round(one)) for one in both) for both in (inch, centimetre)]
    unit, (x, y) = (1, inch) if error[0] <= error[1] + 1e-6 else (2, centimetre)
    return struct.pack(">BHH", unit, max(1, round(x)), max(1, round(y)))


def _append(out: bytearray, marker: int, data: bytes) -> bool:
    """Append a segment, and return whether it has room."""
    if len(data) > ROOM:
        return False
    out += bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data
    return True


def _xmp_segments(packet: bytes) -> bytes:
    """Return the segments of an XMP packet: one, or a short one that names the parts of a long one."""
    out = bytearray()
    if _append(out, 0xE1, XMP + packet):
        return bytes(out)
    trimmed = re.sub(rb"\s+(<\?xpacket end)", rb"\n\1", packet)
    if _append(out, 0xE1, XMP + trimmed):
        return bytes(out)
    more = re.search(rb"<rdf:RDF.*</rdf:RDF>", packet, re.DOTALL)
    extension = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + (more[0] if more else b"") + b"</x:xmpmeta>"
    name = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    note = _NOTE % name
    _append(out, 0xE1, XMP + note)
    step = ROOM - len(_MORE_XMP) - 40
    for start in range(0, len(extension), step):
        place = struct.pack(">II", len(extension), start)
        _append(out, 0xE1, _MORE_XMP + name + place + extension[start : start + step])
    return bytes(out)
