"""What there is of a damaged picture, for those who ask for it: all that is missing is grey."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageOps

from keras_sr.errors import PictureError
from keras_sr.images.formats import Format
from keras_sr.images.picture.model import Picture
from keras_sr.images.picture.pillow import from_pillow, unlimited
from keras_sr.images.picture.vips import import_vips
from keras_sr.images.plain import hush_pillow

#: What is said of it.
_LOST = ("what is damaged or missing (grey)",)

_TYPES = {"uchar": (np.uint8, 128), "ushort": (np.uint16, 32768), "float": (np.float32, 0.5)}


def salvaged(
    file: str | Path | bytes, data: bytes, kind: Format, check: Callable[[int, int], None]
) -> tuple[Picture, tuple[str, ...]]:
    """Return what can be decoded of a damaged picture, its first page, and what is missing, in words.

    Args:
        file: The path of the file, or what is in it.
        data: What is in it.
        kind: Its format.
        check: Called with (width, height), to refuse what is too large.

    Raises:
        PictureError: Nothing of it can be decoded.
    """
    if kind.name == "PNG" and bytes(data[24:25]) != b"\x10":
        return _by_pillow(bytes(data), check), _LOST
    vips = import_vips()
    load = getattr(vips.Image, f"{kind.loader}_buffer")
    content = file if isinstance(file, bytes) else bytes(data)
    try:
        image = load(content, fail_on="none", access="sequential")
        check(image.width, image.height)
        turn = image.get("orientation") if "orientation" in image.get_fields() else 1
        rows, image = _rows(image, kind)
    except vips.Error:
        raise PictureError("its content is too damaged: nothing of it can be read") from None
    if turn > 1:
        pixels = vips.Image.new_from_array(np.ascontiguousarray(rows)).copy()
        pixels.set_type(vips.GValue.gint_type, "orientation", turn)
        rows = (
            pixels.autorot()
            .numpy()
            .reshape(*((-1, rows.shape[0]) if turn > 4 else rows.shape[:2]), rows.shape[2])
        )
    alpha = rows[..., -1] if image.hasalpha() and image.bands in (2, 4) else None
    colours = rows if alpha is None else rows[..., :-1]
    return Picture(np.ascontiguousarray(colours), alpha), _LOST


def _by_pillow(data: bytes, check: Callable[[int, int], None]) -> Picture:
    """Return what Pillow finds of a PNG of 8 bits: more rows than libvips, which stops earlier."""
    hush_pillow()
    try:
        with unlimited(), Image.open(io.BytesIO(data)) as image:
            check(*image.size)
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                image.load()
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            ImageOps.exif_transpose(image, in_place=True)
            picture = from_pillow(image)
    except PictureError:
        raise
    except Exception as error:
        raise PictureError("its content is too damaged: nothing of it can be read") from error
    pixels = picture.pixels.copy()
    missing = _missing(pixels, anywhere=False)
    pixels[missing] = 128
    alpha = picture.alpha
    if alpha is not None:
        alpha = alpha.copy()
        alpha[missing] = 255
    return Picture(pixels, alpha)


def _missing(pixels: np.ndarray, *, anywhere: bool) -> np.ndarray:
    """Return which rows are missing: those of zeros, at the end or anywhere."""
    there = pixels.reshape(len(pixels), -1).any(axis=1)
    if not there.any():
        raise PictureError("its content is too damaged: nothing of it can be read")
    missing = ~there if anywhere else np.arange(len(pixels)) > np.nonzero(there)[0][-1]
    return np.asarray(missing)


def _rows(image: Any, kind: Format) -> tuple[np.ndarray, Any]:
    """Return the rows of an image, grey where there are none; and the image as it was read.

    libjpeg fills in grey by itself. Other decoders leave zeros: at the end where a file was cut off, and in a
    TIFF, whose strips are packed one by one, anywhere.
    """
    if image.interpretation == "cmyk":
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk")
    if image.format not in _TYPES:
        raise PictureError("its content is damaged, and of a type that is not filled in")
    dtype, grey = _TYPES[image.format]
    out = image.numpy().reshape(image.height, image.width, image.bands).copy()
    if kind.name == "JPEG":
        return out, image
    missing = _missing(out, anywhere=kind.name == "TIFF")
    out[missing] = grey
    if image.hasalpha():
        out[missing, :, -1] = 1 if dtype is np.float32 else np.iinfo(out.dtype).max
    return out, image
