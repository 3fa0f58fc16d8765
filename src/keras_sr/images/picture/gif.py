"""What a GIF holds beside its pixels: extensions of GIF89a (CompuServe, 1990; XMP part 3, 1.1.2)."""

from collections.abc import Iterator
from dataclasses import replace

from keras_sr.images.picture.exif import not_square
from keras_sr.images.picture.model import Metadata

#: Ends XMP in a GIF: whatever byte a reader takes for a length, it leads to the end.
_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"


def _blocks(data: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield (label, name of the application, start, stop) of each extension; stop ends its sub-blocks."""
    if len(data) < 13:
        return
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while at + 2 < len(data):
        if data[at] == 0x21:
            label, at = data[at + 1], at + 2
            name, start = b"", at
            if label == 0xFF and data[at] == 11:
                name, start = bytes(data[at + 1 : at + 12]), at + 12
            end = _end(data, start)
            yield label, name, start, end
            at = end
        elif data[at] == 0x2C and at + 10 < len(data):
            palette = 3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0
            at = _end(data, at + 10 + palette + 1)
        else:
            return


def _end(data: bytes, at: int) -> int:
    """Return where the sub-blocks that begin at a place end."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def _joined(data: bytes, at: int, stop: int) -> bytes:
    """Return what stands in sub-blocks."""
    out = bytearray()
    while at < min(stop, len(data)) and data[at]:
        out += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return bytes(out)


def held(data: bytes) -> tuple[Metadata, tuple[float, float], tuple[str, ...]]:
    """Return what a GIF says, (0, 0), and what is not kept of it, in words."""
    meta, lost = Metadata(), list[str]()
    if len(data) > 12 and data[12]:
        lost += not_square(64, data[12] + 15)
    for label, name, start, stop in _blocks(data):
        if label == 0xFE:
            meta = replace(meta, comments=(*meta.comments, _joined(data, start, stop)))
        elif name == b"XMP DataXMP":
            end = bytes(data[start:stop]).rfind(b"\x01\xff\xfe")
            meta = replace(meta, xmp=bytes(data[start : start + end if end > 0 else stop]))
        elif name == b"ICCRGBG1012":
            meta = replace(meta, profile=_joined(data, start, stop))
        elif label == 0x01:
            lost.append("plain text")
        elif label == 0xFF and name[:8] not in (b"NETSCAPE", b"ANIMEXTS"):
            lost.append(f"GIF data ({name.decode('latin-1').strip()})")
    return meta, (0.0, 0.0), tuple(dict.fromkeys(lost))


def put_in(data: bytes, meta: Metadata) -> bytes:
    """Return a GIF with comments and XMP in it, behind its palette."""
    more = b"".join(
        b"\x21\xfe" + b"".join(bytes([len(p)]) + p for p in _parts(comment)) + b"\0"
        for comment in meta.comments
    )
    if meta.xmp:
        more += b"\x21\xff\x0bXMP DataXMP" + meta.xmp + _TRAILER
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    return b"GIF89a" + data[6:at] + more + data[at:]


def _parts(text: bytes) -> list[bytes]:
    """Return a text in parts that sub-blocks can hold."""
    return [text[start : start + 255] for start in range(0, len(text), 255)]
