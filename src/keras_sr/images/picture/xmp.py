"""XMP packets: what in them is of the pixels is brought up to date, all else stays byte for byte."""

import re

from keras_sr.images.picture.exif import Change

#: What of XMP is of the pixels as they were: the sizes and the orientation, which have a new value ...
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))\s*[2-8]\s*")
_WIDTHS = re.compile(rb"((?:tiff:ImageWidth|exif:PixelXDimension)(?:\s*=\s*[\"']|>))\s*\d+\s*")
_HEIGHTS = re.compile(rb"((?:tiff:ImageLength|exif:PixelYDimension)(?:\s*=\s*[\"']|>))\s*\d+\s*")
_RESOLUTIONS = tuple(
    re.compile(rb"(tiff:" + axis + rb"Resolution(?:\s*=\s*[\"']|>))\s*\d+(?:/\d+)?\s*")
    for axis in (b"X", b"Y")
)
_XMP_UNIT = re.compile(rb"(tiff:ResolutionUnit(?:\s*=\s*[\"']|>))\s*[123]\s*")

#: ... and what points at other pictures in the file, which are not written: (what it is, its names).
_POINTS_ELSEWHERE = (
    ("the gain map (HDR)", rb"hdrgm:\w+|HDRGainMap:\w+"),
    ("the film of the motion photo", rb"(?:GCamera|Camera):(?:MotionPhoto|MicroVideo)\w*"),
    ("", rb"(?:Container|GContainer):Directory"),
    ("the thumbnail", rb"xmp:Thumbnails|xapGImg:\w+"),
)


def patched_xmp(packet: bytes, change: Change) -> tuple[bytes, tuple[str, ...]]:
    """Return an XMP packet that tells the truth of a result, and what it no longer points to, in words."""
    height, width = change.result
    # As in EXIF: pixels are upright, by whatever has turned them (HEIC, AVIF and JPEG XL by themselves).
    packet = _ORIENTATION.sub(rb"\g<1>1", packet)
    packet = _WIDTHS.sub(rb"\g<1>%d" % width, packet)
    packet = _HEIGHTS.sub(rb"\g<1>%d" % height, packet)
    if max(change.resolution) > 0:
        packet = _XMP_UNIT.sub(rb"\g<1>2", packet)
        for form, value in zip(_RESOLUTIONS, change.resolution, strict=True):
            packet = form.sub(rb"\g<1>%d/1000" % round(value * 25400), packet)
    lost: list[str] = []
    for meaning, names in _POINTS_ELSEWHERE:
        # As an element with what is in it, as an empty element, as an attribute.
        for form in (
            rb"<(%s)(?:\s[^>]*[^/])?>.*?</\1>",
            rb"<(?:%s)(?:\s[^>]*)?/>",
            rb"\s(?:%s)\s*=\s*(?:\"[^\"]*\"|'[^']*')",
        ):
            packet, count = re.subn(form % names, b"", packet, flags=re.DOTALL)
            if count and meaning:
                lost.append(meaning)
    return packet, tuple(dict.fromkeys(lost))
