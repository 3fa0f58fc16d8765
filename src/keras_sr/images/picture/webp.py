"""What a WebP holds beside its pixels: the chunks of its RIFF. WebP container specification, Google."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from keras_sr.images.picture.exif import bare, resolution
from keras_sr.images.picture.model import Metadata

_HAS_ICC, _HAS_ALPHA, _HAS_EXIF, _HAS_XMP, _MOVES = 0x20, 0x10, 0x08, 0x04, 0x02
_STORAGE = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, stop) of what each chunk holds, up to the first that is damaged."""
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            return
        yield kind, at + 8, at + 8 + length
        at += 8 + length + length % 2


def held(data: bytes) -> tuple[Metadata, tuple[float, float], tuple[str, ...]]:
    """Return what a WebP says, its resolution in pixels a millimetre, and what is not kept of it."""
    meta, lost = Metadata(), list[str]()
    lossless = None
    for kind, start, stop in _chunks(data):
        if kind == b"EXIF":
            meta = replace(meta, exif=bare(bytes(data[start:stop])))
        elif kind == b"XMP ":
            meta = replace(meta, xmp=bytes(data[start:stop]))
        elif kind in (b"VP8L", b"VP8 "):
            lossless = kind == b"VP8L"
        elif kind == b"ANMF" and lossless is not False:
            # Its own chunks stand behind 16 bytes; all frames must be lossless.
            lossless = b"VP8L" in data[start + 16 : min(stop, start + 24)]
        elif kind not in _STORAGE:
            lost.append(
                "content credentials (C2PA)" if kind == b"C2PA" else f"WebP chunk {kind.decode('latin-1')!r}"
            )
    return replace(meta, lossless=bool(lossless)), resolution(meta.exif), tuple(dict.fromkeys(lost))


def put_in(data: bytes, meta: Metadata, size: tuple[int, int], *, alpha: bool) -> bytes:
    """Return a WebP with metadata in it.

    Args:
        data: What libvips wrote.
        meta: What to put in, up to date.
        size: (height, width).
        alpha: Whether it has alpha.
    """
    if not meta.exif and not meta.xmp:
        return data
    parts = [(kind, data[start:stop]) for kind, start, stop in _chunks(data)]
    flags = _HAS_ALPHA * alpha
    if parts and parts[0][0] == b"VP8X":
        flags = parts.pop(0)[1][0]
    flags |= _HAS_EXIF * bool(meta.exif) | _HAS_XMP * bool(meta.xmp)
    height, width = size
    canvas = bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    parts.insert(0, (b"VP8X", canvas))
    parts += [(kind, value) for kind, value in ((b"EXIF", meta.exif), (b"XMP ", meta.xmp)) if value]
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body
