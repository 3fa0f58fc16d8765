"""Directories of TIFF, which EXIF blocks are made of, too: read from any bytes, written anew behind them.

TIFF 6.0, section 2; BigTIFF as libtiff writes it; EXIF: CIPA DC-008, section 4.6.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Bytes of one value of each type; 7 is "undefined", 13, 16, 17 and 18 are offsets and BigTIFF's numbers.
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}

#: How one number of each type is told to numpy; a rational is two numbers.
_NUMBERS = {
    1: "u1", 3: "u2", 4: "u4", 5: "u4", 6: "i1", 8: "i2", 9: "i4", 10: "i4", 11: "f4", 12: "f8", 13: "u4",
    16: "u8", 17: "i8", 18: "u8",
}  # fmt: skip

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, DOUBLE = 1, 2, 3, 4, 5, 7, 12

#: More entries than this has no directory that is not damaged, and more bytes no value that is kept.
_MOST_ENTRIES, _MOST_BYTES = 4096, 64 << 20


@dataclass(frozen=True)
class IfdEntry:
    """One entry of a directory.

    Attributes:
        kind: Type of its values, a key of `SIZES`.
        data: Its values, little-endian.
        place: Where its values stand in what was read; 0 of an entry that was made.
    """

    kind: int
    data: bytes
    place: int = 0

    @property
    def count(self) -> int:
        """How many values it has."""
        return len(self.data) // SIZES[self.kind]

    def numbers(self) -> list[Any]:
        """Return the values as numbers; a rational is its numerator, then its denominator."""
        if self.kind not in _NUMBERS:
            return list(self.data)
        return np.frombuffer(self.data, f"<{_NUMBERS[self.kind]}").tolist()

    def text(self) -> str:
        """Return the values as text, up to the first zero."""
        return self.data.split(b"\0")[0].decode("utf-8", "replace")


def entry(kind: int, values: Iterable[float] | str | bytes) -> IfdEntry:
    """Return an entry with values of a type."""
    if isinstance(values, str):
        return IfdEntry(kind, values.encode() + b"\0")
    if isinstance(values, bytes):
        return IfdEntry(kind, values)
    return IfdEntry(kind, np.array(list(values), f"<{_NUMBERS[kind]}").tobytes())


@dataclass(frozen=True)
class Layout:
    """How a TIFF writes its numbers.

    Attributes:
        order: `"<"` or `">"`.
        big: Whether offsets have 64 bits.
        first: Where its first directory stands.
    """

    order: str
    big: bool
    first: int


def layout(data: bytes) -> Layout | None:
    """Return how the numbers of a TIFF are written; None where that is no TIFF."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        return None
    if struct.unpack_from(f"{order}H", data, 2)[0] == 43:
        return Layout(order, True, struct.unpack_from(f"{order}Q", data, 8)[0]) if len(data) >= 16 else None
    return Layout(order, False, struct.unpack_from(f"{order}I", data, 4)[0])


def read(data: bytes, how: Layout, offset: int) -> tuple[dict[int, IfdEntry], int]:
    """Return the entries of a directory by tag, and the offset of the next one; damaged ones are left out.

    Args:
        data: All of the TIFF, or of the EXIF block.
        how: From `layout`.
        offset: Of the directory.

    Raises:
        struct.error: The directory itself does not lie inside the data.
    """
    count_form, entry_form, size, room = ("Q", "HHQ", 20, 8) if how.big else ("H", "HHI", 12, 4)
    (count,) = struct.unpack_from(how.order + count_form, data, offset)
    if count > _MOST_ENTRIES:
        raise struct.error("too many entries")
    start = offset + struct.calcsize(count_form)
    entries: dict[int, IfdEntry] = {}
    for i in range(count):
        place = start + i * size
        tag, kind, values = struct.unpack_from(how.order + entry_form, data, place)
        length = SIZES.get(kind, 0) * values
        if not 0 < length <= _MOST_BYTES:
            continue
        at = place + struct.calcsize("=" + entry_form)
        if length > room:
            (at,) = struct.unpack_from(how.order + ("Q" if how.big else "I"), data, at)
        value = bytes(data[at : at + length])
        if len(value) == length:
            entries.setdefault(tag, IfdEntry(kind, swapped(value, kind, how.order), at))
    try:
        (following,) = struct.unpack_from(how.order + ("Q" if how.big else "I"), data, start + count * size)
    except struct.error:
        following = 0
    return entries, following


def ifd_chain(data: bytes, how: Layout, limit: int = 4096) -> list[tuple[int, dict[int, IfdEntry]]]:
    """Return the directories that follow one another from the first, with their offsets."""
    found, offset = list[tuple[int, dict[int, IfdEntry]]](), how.first
    seen: set[int] = set()
    while offset and offset not in seen and len(found) < limit:
        seen.add(offset)
        try:
            entries, following = read(data, how, offset)
        except (struct.error, OverflowError):
            break
        found.append((offset, entries))
        offset = following
    return found


def written(entries: dict[int, IfdEntry], how: Layout, at: int, following: int = 0) -> bytes:
    """Return the bytes of a directory that stands at `at`, its values right behind it.

    Args:
        entries: By tag.
        how: How its numbers are written.
        at: Offset of the directory.
        following: Offset of the next directory; 0 where there is none.
    """
    count_form, entry_form, room = ("Q", "HHQ", 8) if how.big else ("H", "HHI", 4)
    offset_form = "Q" if how.big else "I"
    head = struct.pack(how.order + count_form, len(entries))
    size = len(head) + len(entries) * (20 if how.big else 12) + room
    behind = b""
    for tag, one in sorted(entries.items()):
        value = swapped(one.data, one.kind, how.order)
        head += struct.pack(how.order + entry_form, tag, one.kind, one.count)
        if len(value) <= room:
            head += value.ljust(room, b"\0")
        else:
            head += struct.pack(how.order + offset_form, at + size + len(behind))
            behind += value + b"\0" * (len(value) % 2)
    return head + struct.pack(how.order + offset_form, following) + behind


def swapped(value: bytes, kind: int, order: str) -> bytes:
    """Return values in the other order of bytes where `order` is not little-endian."""
    width = np.dtype(_NUMBERS.get(kind, "u1")).itemsize
    if order == "<" or width == 1:
        return value
    return np.frombuffer(value, f">u{width}").astype(f"<u{width}").tobytes()
