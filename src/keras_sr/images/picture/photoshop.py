"""Photoshop's image resources, in which JPEG and TIFF keep IPTC: "Adobe Photoshop File Formats", 2019."""

import struct
from collections.abc import Iterator

IPTC, _RESOLUTION = 0x0404, 0x03ED

#: Resources that are false of other pixels: thumbnails, guides and slices, the digest of old captions, ...
_OF_THE_PIXELS = {
    0x0409: "the thumbnail",
    0x040C: "the thumbnail",
    0x0408: "guides",
    0x041A: "slices",
    0x0425: "",
    0x0422: "",
    0x0423: "",
    0x03E8: "",
}


def resources(blocks: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (number, name as it stands, data) of each resource, up to the first that is damaged."""
    at = 0
    while blocks[at : at + 4] == b"8BIM" and at + 12 <= len(blocks):
        (number,) = struct.unpack_from(">H", blocks, at + 4)
        named = blocks[at + 6] + 1
        named += named % 2
        name = blocks[at + 6 : at + 6 + named]
        at += 6 + named
        if at + 4 > len(blocks):
            return
        (size,) = struct.unpack_from(">I", blocks, at)
        data = blocks[at + 4 : at + 4 + size]
        if len(data) < size:
            return
        yield number, name, data
        at += 4 + size + size % 2


def _block(number: int, data: bytes, name: bytes = b"\0\0") -> bytes:
    """Return the bytes of a resource."""
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + name
        + struct.pack(">I", len(data))
        + data
        + b"\0" * (len(data) % 2)
    )


def from_iptc(records: bytes) -> bytes:
    """Return resources that hold IPTC records."""
    return _block(IPTC, records)


def iptc(blocks: bytes) -> bytes:
    """Return the IPTC records of resources; b"" where they have none."""
    return next((data for number, _, data in resources(blocks) if number == IPTC), b"")


def patched_resources(blocks: bytes, resolution: tuple[float, float]) -> tuple[bytes, tuple[str, ...]]:
    """Return resources that tell the truth of a result, and what was left out, in words.

    Args:
        blocks: Of the source.
        resolution: Pixels a millimetre (x, y) of the result; (0, 0) where it is not stated.
    """
    out, lost = b"", list[str]()
    for number, name, data in resources(blocks):
        if number in _OF_THE_PIXELS:
            lost.append(_OF_THE_PIXELS[number])
            continue
        if number == _RESOLUTION and len(data) >= 16:
            if max(resolution) <= 0:
                continue
            x, y = (round(min(one * 25.4, 32767.0) * 65536) for one in resolution)
            data = struct.pack(">I", x) + data[4:8] + struct.pack(">I", y) + data[12:]
        out += _block(number, data, name)
    return out, tuple(dict.fromkeys(one for one in lost if one))
