"""Pictures that libvips does not read: animated PNG and AVIF, HEIC, JPEG XL."""

import io
import re
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from keras_sr.errors import PictureError, one_line
from keras_sr.images.formats import Format
from keras_sr.images.picture import boxes, exif, png
from keras_sr.images.picture.limits import refuse_large
from keras_sr.images.picture.model import Metadata, Picture
from keras_sr.images.picture.pillow import unlimited
from keras_sr.images.plain import hush_pillow


def count(data: bytes) -> int:
    """Return how many frames a PNG or AVIF has; 1 where it is too damaged for that."""
    if bytes(data[:4]) == b"\x89PNG":
        # A still picture is not opened a second time.
        for kind, start, _ in png.chunks(data):
            if kind == b"acTL":
                return struct.unpack_from(">I", data, start)[0]
            if kind == b"IDAT":
                return 1
        return 1
    if b"avis" not in boxes.brands(data[: 1 << 12]):
        return 1
    hush_pillow()
    with suppress(Exception), Image.open(io.BytesIO(data)) as image:
        return getattr(image, "n_frames", 1)
    return 1


def all_of(data: bytes, kind: Format, max_pixels: int | None) -> Picture:
    """Read every frame of an animated PNG or AVIF, 8 bits a channel.

    Raises:
        PictureError: It is damaged or too large.
    """
    hush_pillow()
    try:
        with unlimited(), Image.open(io.BytesIO(bytes(data))) as image:
            frames = getattr(image, "n_frames", 1)
            # A PNG may begin with a picture that is none of its frames.
            first = 1 if kind.name == "PNG" and image.info.get("default_image") else 0
            width, height = image.size
            refuse_large(width, height * (frames - first), max_pixels)
            loop, profile = image.info.get("loop", 0), image.info.get("icc_profile") or b""
            said = exif.bare(image.info.get("exif") or b""), image.info.get("xmp") or b""
            turn = image.getexif().get(exif.ORIENTATION, 1)
            out, delays = list[np.ndarray](), list[int]()
            for number in range(first, frames):
                image.seek(number)
                out.append(np.asarray(image.convert("RGBA")))
                delays.append(round(image.info.get("duration", 0)))
    except PictureError:
        raise
    except Exception as error:
        raise PictureError(f"its content is damaged or cut short ({one_line(error)})") from error
    lost = ["the picture before the frames"] * first
    if kind.name == "PNG":
        meta, resolution, more = png.held(data)
        if bytes(data[24:25]) == b"\x10":
            lost.append("16 bits a channel (scaled to 8)")
    else:
        meta, more = Metadata(exif=said[0], xmp=said[1]), boxes.said_of_heif(data)
        resolution = exif.resolution(meta.exif)
    turn = turn if turn in range(2, 9) and kind.name == "PNG" else 1
    meta = replace(
        meta, size=(height, width), orientation=turn, profile=profile, delays=tuple(delays), loop=loop
    )
    pixels = np.concatenate([_turned(frame, turn) for frame in out])
    picture = _split(pixels)
    return replace(
        picture,
        pages=len(out),
        resolution=resolution,
        metadata=meta,
        lost=tuple(dict.fromkeys([*lost, *more])),
    )


def _turned(frame: np.ndarray, orientation: int) -> np.ndarray:
    """Return an array upright."""
    if orientation >= 5:
        frame = frame.swapaxes(0, 1)
    down = orientation in (3, 4, 7, 8)
    across = orientation in (2, 3, 6, 7)
    return frame[:: -1 if down else 1, :: -1 if across else 1]


def _split(pixels: np.ndarray) -> Picture:
    """Return (H, W, 4) as colours and, where anything can be seen through, alpha."""
    opaque = (pixels[..., 3] == 255).all()
    return Picture(
        np.ascontiguousarray(pixels[..., :3]), None if opaque else np.ascontiguousarray(pixels[..., 3])
    )


def open_heif(data: bytes) -> Any:
    """Open a HEIC; nothing is decoded yet.

    Raises:
        PictureError: It is damaged, or the library is not installed.
    """
    try:
        import pillow_heif
    except ImportError as error:
        raise PictureError("HEIC needs the package pillow-heif: pip install pillow-heif") from error
    try:
        return pillow_heif.open_heif(io.BytesIO(bytes(data)), convert_hdr_to_8bit=False, bgr_mode=False)
    # Whatever a decoder makes of a broken file.
    except Exception as error:
        raise PictureError(f"its content is damaged or cut short ({one_line(error)[:160]})") from error


def by_heif(data: bytes, max_pixels: int | None) -> Picture:
    """Read the main picture of a HEIC, as deep as it is.

    Raises:
        PictureError: It is damaged, too large, or the library is not installed.
    """
    file = open_heif(data)
    width, height = file.size
    refuse_large(width, height, max_pixels)
    try:
        pictures, info = len(file), dict(file.info)
        pixels = np.asarray(file)
    # Whatever a decoder makes of a broken file.
    except Exception as error:
        raise PictureError(f"its content is damaged or cut short ({one_line(error)[:160]})") from error
    lost = list(boxes.said_of_heif(data))
    if pictures > 1:
        lost.append(f"all pictures but the first (of {pictures})")
    if info.get("aux") and not lost:
        lost.append("further pictures of the scene (gain map, mattes)")
    if info.get("depth_images") and "the depth map" not in lost:
        lost.append("the depth map")
    if info.get("thumbnails"):
        lost.append("the thumbnail")
    orientation = info.get("original_orientation") or 1
    size = pixels.shape[:2] if orientation < 5 else pixels.shape[1::-1]
    block = exif.bare(info.get("exif") or b"")
    meta = Metadata(
        size=size,
        orientation=orientation,
        profile=bytes(info.get("icc_profile") or b""),
        exif=block,
        xmp=bytes(info.get("xmp") or b""),
    )
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    alpha = pixels[..., -1] if pixels.shape[2] in (2, 4) else None
    colours = pixels if alpha is None else pixels[..., :-1]
    return Picture(
        np.ascontiguousarray(colours),
        None if alpha is None else np.ascontiguousarray(alpha),
        resolution=exif.resolution(block),
        metadata=meta,
        lost=tuple(dict.fromkeys(lost)),
    )


def by_jxl(data: bytes, max_pixels: int | None, as_jpeg: Callable[[bytes], Picture]) -> Picture:
    """Read a JPEG XL, as deep as it is.

    Args:
        data: What is in the file.
        max_pixels: Larger pictures are refused.
        as_jpeg: Reads the JPEG that a JPEG XL was made from without loss.

    Raises:
        PictureError: It is damaged, too large, or the library is not installed.
    """
    try:
        from pillow_jxl import Decoder
    except ImportError as error:
        raise PictureError(
            "JPEG XL needs the package pillow-jxl-plugin: pip install pillow-jxl-plugin"
        ) from error
    height, width, moves = boxes.jxl_header(data)
    refuse_large(width, height, max_pixels)
    try:
        from_jpeg, info, content, profile, _ = Decoder(num_threads=1)(bytes(data))
    # Whatever a decoder makes of a broken file.
    except Exception as error:
        raise PictureError(f"its content is damaged or cut short ({one_line(error)[:160]})") from error
    except BaseException as error:  # the decoder is written in Rust, whose panics are no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise PictureError("its content is damaged or cut short") from error
    meta, lost = boxes.held_by_jxl(data)
    more = ["all frames but the first"] * moves
    if from_jpeg:
        picture = as_jpeg(bytes(content))
        return replace(picture, lost=tuple(dict.fromkeys([*picture.lost, *more])))
    bands, dtype = _jxl_mode(info.mode)
    pixels = np.frombuffer(bytes(content), dtype).reshape(info.height, info.width, bands).copy()
    if dtype == "f2":
        pixels = pixels.astype(np.float32)
    alpha = pixels[..., -1] if bands in (2, 4) else None
    colours = pixels if alpha is None else pixels[..., :-1]
    meta = replace(meta, size=(info.height, info.width), profile=bytes(profile or b""))
    return Picture(
        np.ascontiguousarray(colours),
        None if alpha is None else np.ascontiguousarray(alpha),
        resolution=exif.resolution(meta.exif),
        metadata=meta,
        lost=tuple(dict.fromkeys([*more, *lost])),
    )


def _jxl_mode(mode: str) -> tuple[int, str]:
    """Return how many bands pixels of a mode have, and their type."""
    found = re.fullmatch(r"(L|LA|RGB|RGBA|I|F)(?:;(16|32))?", mode)
    if not found:
        raise PictureError(f"JPEG XL with pixels of kind {mode} is not read")
    bands = {"I": 1, "F": 1}.get(found[1], len(found[1]))
    if found[1] == "F":
        return bands, "f2" if found[2] == "16" else "f4"
    return bands, "u2" if found[2] == "16" else "u1"
