"""Two facts inside an EXIF block that change when a picture is enlarged; every other byte stays as it is.

EXIF is a small TIFF: a header, then directories of entries of 12 bytes (CIPA DC-008, section 4.6). The
values are overwritten where they stand, so that maker notes, which hold offsets of their own, survive.
"""

import struct

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT = 0x0112, 0x011A, 0x011B, 0x0128
SHORT, RATIONAL = 3, 5


def patched(block: bytes, resolution: tuple[float, float]) -> bytes:
    """Return an EXIF block whose picture is upright and has another resolution.

    What the block does not hold is not added; a block that is damaged is returned as it is.

    Args:
        block: With or without the six bytes that say Exif before it.
        resolution: Pixels a millimetre, (x, y).
    """
    start = 6 if block.startswith(b"Exif\0\0") else 0
    order = {b"II": "<", b"MM": ">"}.get(block[start : start + 2])
    if order is None:
        return block
    data = bytearray(block)
    try:
        (first,) = struct.unpack_from(f"{order}I", data, start + 4)
        (count,) = struct.unpack_from(f"{order}H", data, start + first)
        for i in range(count):
            place = start + first + 2 + 12 * i
            tag, kind, _ = struct.unpack_from(f"{order}HHI", data, place)
            if tag == ORIENTATION and kind == SHORT:
                struct.pack_into(f"{order}H", data, place + 8, 1)
            elif tag == UNIT and kind == SHORT:
                struct.pack_into(f"{order}H", data, place + 8, 2)  # dots an inch
            elif tag in (X_RESOLUTION, Y_RESOLUTION) and kind == RATIONAL:
                (offset,) = struct.unpack_from(f"{order}I", data, place + 8)
                dots = resolution[tag == Y_RESOLUTION] * 25.4
                struct.pack_into(f"{order}II", data, start + offset, round(dots * 1000), 1000)
    except struct.error:  # it points outside itself
        return block
    return bytes(data)
