"""XMP packets: what in them is of the pixels is brought up to date, all else stays byte for byte.

ISO 16684-1; "XMP specification, part 2"; Metadata Working Group's guidelines 2.0, 5.9 (regions); IPTC photo
metadata standard 2019.1 (image regions); Google's photo sphere XMP metadata.
"""

import re
from collections.abc import Callable
from functools import partial

from keras_sr.images.picture.exif import Change, area_moved

#: Namespaces, by the prefix that they usually have.
_SPACES = {
    "tiff": b"http://ns.adobe.com/tiff/1.0/",
    "exif": b"http://ns.adobe.com/exif/1.0/",
    "GPano": b"http://ns.google.com/photos/1.0/panorama/",
    "drone-dji": b"http://www.dji.com/drone-dji/1.0/",
    "mwg-rs": b"http://www.metadataworkinggroup.com/schemas/regions/",
    "stDim": b"http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "Iptc4xmpExt": b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "MP": b"http://ns.microsoft.com/photo/1.2/",
    "acdsee-rs": b"http://ns.acdsee.com/regions/",
    "hdrgm": b"http://ns.adobe.com/hdr-gain-map/1.0/",
    "HDRGainMap": b"http://ns.apple.com/HDRGainMap/1.0/",
    "GCamera": b"http://ns.google.com/photos/1.0/camera/",
    "GContainer": b"http://ns.google.com/photos/1.0/container/",
    "xmp": b"http://ns.adobe.com/xap/1.0/",
    "xmpGImg": b"http://ns.adobe.com/xap/1.0/g/img/",
}

#: Lengths in pixels: (prefix, names of those across, names of those down).
_LENGTHS = (
    (
        "GPano",
        rb"(?:FullPano|CroppedAreaImage)WidthPixels|CroppedAreaLeftPixels|LargestValidInteriorRect(?:Left|Width)",
        rb"(?:FullPano|CroppedAreaImage)HeightPixels|CroppedAreaTopPixels|LargestValidInteriorRect(?:Top|Height)",
    ),
    ("drone-dji", rb"CalibratedFocalLength|CalibratedOpticalCenterX", rb"CalibratedOpticalCenterY"),
)

#: What points at other pictures in the file, which are not written: what it is, its prefix, its names.
_POINTS_ELSEWHERE = (
    ("the gain map (HDR)", "hdrgm", rb"\w+"),
    ("the gain map (HDR)", "HDRGainMap", rb"\w+"),
    ("the film of the motion photo", "GCamera", rb"(?:MotionPhoto|MicroVideo)\w*"),
    ("", "GContainer", rb"Directory"),
    ("the thumbnail", "xmp", rb"Thumbnails"),
    ("the thumbnail", "xmpGImg", rb"\w+"),
)

#: Places in a picture, which are false of one that was turned.
_PLACES = (
    ("regions, such as faces (the picture was turned)", "mwg-rs", rb"Regions"),
    ("regions, such as faces (the picture was turned)", "acdsee-rs", rb"Regions"),
    ("regions, such as faces (the picture was turned)", "MP", rb"RegionInfo"),
    ("regions, such as faces (the picture was turned)", "Iptc4xmpExt", rb"ImageRegion"),
    ("the place in a panorama (the picture was turned)", "GPano", rb"\w+"),
    ("the calibration of the camera (the picture was turned)", "drone-dji", rb"Calibrated\w+|DewarpData"),
)


def patched_xmp(packet: bytes, change: Change) -> tuple[bytes, tuple[str, ...]]:
    """Return an XMP packet that tells the truth of a result, and what it no longer holds, in words.

    A packet in UTF-16 or UTF-32 becomes UTF-8, which every format takes.
    """
    packet = _as_utf8(packet)
    gone = [*_POINTS_ELSEWHERE, *(_PLACES if change.orientation > 1 else ())]
    lost: list[str] = []
    for meaning, prefix, names in gone:
        packet, count = _without(packet, prefix, names)
        lost += [meaning] * bool(count and meaning)
    packet = _sized(packet, change)
    tall, wide = change.factors
    for prefix, across, down in _LENGTHS:
        packet = _values(packet, prefix, across, _times(wide))
        packet = _values(packet, prefix, down, _times(tall))
    packet = _blocks(packet, "mwg-rs", b"AppliedToDimensions", partial(_dimensions, wide=wide, tall=tall))
    packet = _blocks(packet, "Iptc4xmpExt", b"RegionBoundary", partial(_boundary, wide=wide, tall=tall))
    return packet, tuple(dict.fromkeys(lost))


def _as_utf8(packet: bytes) -> bytes:
    """Return a packet in UTF-8, without a mark of byte order."""
    for code, zeros in (
        ("utf-32-be", b"\0\0\0<"),
        ("utf-32-le", b"<\0\0\0"),
        ("utf-16-be", b"\0<"),
        ("utf-16-le", b"<\0"),
    ):
        text = packet.removeprefix("\ufeff".encode(code))
        if text.startswith(zeros):
            return text.decode(code, "replace").replace("\ufeff", "").encode()
    return packet


def _sized(packet: bytes, change: Change) -> bytes:
    """Return a packet whose orientation, sizes, resolutions and subject are those of the result."""
    height, width = change.result
    # As in EXIF: pixels are upright, by whatever has turned them (HEIC, AVIF and JPEG XL by themselves).
    packet = _values(packet, "tiff", b"Orientation", lambda _: "1")
    for prefix, across, down in (
        ("tiff", b"ImageWidth", b"ImageLength"),
        ("exif", b"PixelXDimension", b"PixelYDimension"),
    ):
        packet = _values(packet, prefix, across, lambda _: str(width))
        packet = _values(packet, prefix, down, lambda _: str(height))
    packet = _resolution(packet, change)
    turned = change.orientation >= 5
    for name, factor in ((b"X", change.factors[not turned]), (b"Y", change.factors[turned])):
        packet = _values(packet, "exif", b"FocalPlane%sResolution" % name, _times(factor, 1000))
    return _blocks(packet, "exif", b"(?:SubjectArea|SubjectLocation)", partial(_subject, change=change))


def _resolution(packet: bytes, change: Change) -> bytes:
    """Return a packet with the resolution of the result; where only XMP has one, enlarged with the pixels."""
    if max(change.resolution) > 0:
        packet = _values(packet, "tiff", b"ResolutionUnit", lambda _: "2")
        values = [_ratio(one * 25.4) for one in change.resolution]
        packet = _values(packet, "tiff", b"XResolution", lambda _: values[0])
        return _values(packet, "tiff", b"YResolution", lambda _: values[1])
    turned = change.orientation >= 5
    packet = _values(packet, "tiff", b"XResolution", _times(change.factors[not turned], 1000))
    return _values(packet, "tiff", b"YResolution", _times(change.factors[turned], 1000))


def _ratio(value: float) -> str:
    return f"{round(value * 1000)}/1000"


def _times(factor: float, under: int = 1) -> Callable[[float], str]:
    """Return what multiplies a number: whole where it was, or over a denominator."""
    if under > 1:
        return lambda value: _ratio(value * factor)
    return lambda value: str(round(value * factor)) if value.is_integer() else f"{value * factor:.6g}"


def _prefixes(packet: bytes, usual: str) -> bytes:
    """Return a pattern of the prefixes that a namespace has in a packet."""
    found = re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(_SPACES[usual]) + rb"[\"']", packet)
    return b"(?:%s)" % b"|".join(re.escape(one) for one in dict.fromkeys([*found, usual.encode()]))


def _values(packet: bytes, prefix: str, names: bytes, new: Callable[[float], str]) -> bytes:
    """Return a packet with other numbers under some names, which are attributes or elements."""
    form = rb"((?<![\w-])%s:(?:%s)(?:\s*=\s*[\"']|(?:\s[^<>]*)?>)\s*)([\d.]+)(?:/(\d+))?(?=\s*[\"'<])"

    def replaced(found: re.Match[bytes]) -> bytes:
        try:
            value = float(found[2]) / float(found[3] or 1)
        except (ValueError, ZeroDivisionError):
            return found[0]
        return found[1] + new(value).encode()

    return re.sub(form % (_prefixes(packet, prefix), names), replaced, packet)


def _blocks(packet: bytes, prefix: str, name: bytes, new: Callable[[bytes], bytes]) -> bytes:
    """Return a packet with other elements of a name, with all that is in them."""
    one = rb"%s:%s" % (_prefixes(packet, prefix), name)
    form = rb"<(?:%s)(?:\s[^<>]*)?/>|<(%s)(?:\s[^<>]*[^/])?>.*?</\1>" % (one, one)
    return re.sub(form, lambda found: new(found[0]), packet, flags=re.DOTALL)


def _without(packet: bytes, prefix: str, names: bytes) -> tuple[bytes, int]:
    """Return a packet without some names, and how often they stood there."""
    one, total = rb"%s:(?:%s)" % (_prefixes(packet, prefix), names), 0
    # As an element with what is in it, as an empty element, as an attribute.
    for form in (
        rb"<(%s)(?:\s[^>]*[^/])?>.*?</\1>" % one,
        rb"<(?:%s)(?:\s[^>]*)?/>" % one,
        rb"\s(?:%s)\s*=\s*(?:\"[^\"]*\"|'[^']*')" % one,
    ):
        packet, count = re.subn(form, b"", packet, flags=re.DOTALL)
        total += count
    return packet, total


def _subject(block: bytes, change: Change) -> bytes:
    """Return the place of the subject, a list of numbers, as it lies in the result."""
    places = list(re.finditer(rb"(?<=>)\s*(\d+)\s*(?=<)", block))
    if len(places) < 2:
        return block
    moved = area_moved([int(one[1]) for one in places], change)
    for place, value in zip(places[::-1], moved[::-1], strict=True):
        block = block[: place.start()] + str(value).encode() + block[place.end() :]
    return block


def _dimensions(block: bytes, wide: float, tall: float) -> bytes:
    """Return the size, in pixels, that regions are of."""
    if b"pixel" not in block:
        return block
    block = _values(block, "stDim", b"w", _times(wide))
    return _values(block, "stDim", b"h", _times(tall))


def _boundary(block: bytes, wide: float, tall: float) -> bytes:
    """Return the boundary of a region: one in pixels grows with them, a relative one stays."""
    if not re.search(rb"rbUnit(?:\s*=\s*[\"']|>)\s*pixel", block):
        return block
    block = _values(block, "Iptc4xmpExt", b"rb(?:X|W|Rx)", _times(wide))
    return _values(block, "Iptc4xmpExt", b"rb(?:Y|H)", _times(tall))
