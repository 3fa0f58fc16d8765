"""How large a picture may be: what is read for safety, and what a format can hold."""

from keras_sr.errors import PictureError
from keras_sr.images.formats import WRITTEN
from keras_sr.images.storage import Storage


def refuse_large(width: int, height: int, max_pixels: int | None) -> None:
    """Raise for a picture with more pixels than are allowed."""
    if max_pixels is not None and width * height > max_pixels:
        raise PictureError(
            f"{width}x{height} are {width * height / 1e6:.0f} million pixels, more than the "
            f"{max_pixels / 1e6:.0f} that are read for safety; if you trust the file, allow it with "
            "`max_pixels=None`"
        )


def refuse_too_long(suffix: str, height: int, width: int, name: str) -> None:
    """Raise for a picture with sides that the format of a suffix cannot hold.

    Examples:
        >>> refuse_too_long(".png", 70_000, 10, "a.png")
    """
    longest = WRITTEN[suffix].longest
    if longest is not None and max(height, width) > longest:
        raise PictureError(
            f"cannot write {name!r}: {suffix[1:]} does not take {width}x{height} pixels (at most {longest} a "
            "side): make it smaller, or write TIFF or PNG"
        )


#: Bytes a pixel that are held where a format that is written in rows cannot be: PNG with frames, WebP without
#: loss.
_FRAMES_OF_PNG, _LOSSLESS_WEBP = 24, 48


def bytes_to_write(suffix: str, height: int, width: int, pages: int = 1, *, lossless: bool = False) -> int:
    """Return how many bytes the encoder of a format holds, measured; 0 where it takes rows.

    Examples:
        >>> bytes_to_write(".png", 1000, 1000), bytes_to_write(".webp", 1000, 1000) > 10_000_000
        (0, True)
    """
    one = WRITTEN[suffix]
    each = one.encoding
    if one.name == "PNG" and pages > 1:
        each = _FRAMES_OF_PNG
    elif one.name == "WebP" and lossless:
        each = _LOSSLESS_WEBP
    return each * height * width * (pages if one.pages else 1)


def refuse_too_large_for_memory(size: int, name: str, doing: str, storage: Storage) -> None:
    """Raise for what has to be whole in memory and is larger than was promised.

    Args:
        size: Bytes that it takes.
        name: Of the file.
        doing: What cannot be done, such as `"read"`.
        storage: Which knows how much there is.
    """
    if storage.promised and storage.whole.limit is not None and size > storage.whole.limit:
        raise PictureError(
            f"cannot {doing} {name}: it has to be in memory whole while it is {_PAST[doing]}, some "
            f"{size >> 20:,} MB, and `max_memory` leaves {storage.whole.limit >> 20:,} MB for that: give it "
            "more, or use JPEG, PNG or TIFF"
        )


_PAST = {"read": "read", "write": "written"}
