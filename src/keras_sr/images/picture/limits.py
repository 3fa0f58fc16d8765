"""How large a picture may be: what is read for safety, and what a format can hold."""

from keras_sr.errors import PictureError
from keras_sr.images.picture.formats import WRITTEN


def refuse_large(width: int, height: int, max_pixels: int | None) -> None:
    """Raise for a picture with more pixels than are allowed."""
    if max_pixels is not None and width * height > max_pixels:
        raise PictureError(
            f"{width}x{height} are {width * height / 1e6:.0f} million pixels, more than the "
            f"{max_pixels / 1e6:.0f} that are read for safety; if you trust the file, allow it by "
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
