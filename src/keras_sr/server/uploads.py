"""From an upload to a picture that may be queued: looked at by its header, refused before it is decoded."""

import errno
import math
import os
import shutil
from pathlib import Path
from typing import IO

from keras_sr.errors import KerasSRError
from keras_sr.images.formats import FORMATS
from keras_sr.server import networks, schemas
from keras_sr.server.helper import Helper, HelperDied
from keras_sr.server.settings import Limits
from keras_sr.tasks.batch.size import Size
from keras_sr.weights import registry

#: Seconds that looking at a header may take.
_LOOK = 20.0

#: What is read, in words.
_KNOWN = ", ".join(known.name for known in FORMATS if known.loader)

#: Bytes of the disk that are left to others.
_SPARE = 64 << 20


class Refused(Exception):
    """A request that cannot be done.

    Args:
        status: Of the answer.
        error: What was expected, what came and what to do, in one line.
    """

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


def copy(upload: IO[bytes], path: Path) -> int:
    """Write an upload to a file of ours and return its length."""
    try:
        with path.open("xb") as file:
            os.fchmod(file.fileno(), 0o600) if hasattr(os, "fchmod") else None
            shutil.copyfileobj(upload, file, 1 << 20)
            return file.tell()
    except OSError as error:
        raise disk_error(error) from error


def remove(place: Path) -> None:
    """Remove the folder of a picture that was refused."""
    shutil.rmtree(place, ignore_errors=True)


def disk_error(error: OSError) -> Refused:
    """Return the refusal for a disk that does not take something."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refused(507, "the disk of the server is full: fetch results and remove them, then try again")
    return Refused(500, f"the disk of the server does not take it: {error.strerror or error}")


async def look(inspector: Helper, path: Path, name: str, length: int) -> schemas.Picture:
    """Return what a file says of itself.

    Raises:
        Refused: It is no picture.
    """
    try:
        answer = await inspector.ask({"do": "describe", "path": str(path)}, timeout=_LOOK)
    except HelperDied:
        raise Refused(
            415, f"{name}: its header breaks the reader; save it anew with another program"
        ) from None
    if "error" in answer:
        raise Refused(415, f"{name}: {answer['error']}; expected {_KNOWN}")
    return schemas.Picture(
        bytes=length, **{key: answer[key] for key in ("format", "width", "height", "frames")}
    )


def checked(
    picture: schemas.Picture, options: schemas.Options, name: str, limits: Limits
) -> tuple[schemas.Options, str]:
    """Return the options for a picture, and the network that enlarges it.

    Raises:
        Refused: The picture or its result is too large, or the options do not go together.
    """
    width, height, frames = picture.width, picture.height, picture.frames
    if min(width, height, frames) < 1:
        raise Refused(415, f"{name}: it has no pixels")
    if frames > limits.frames:
        raise Refused(413, f"{name}: {frames} frames, more than the {limits.frames} that are taken")
    if width * height * frames > limits.pixels:
        count = f"{width}x{height}" + (f", {frames} frames" if frames > 1 else "")
        raise Refused(
            413,
            f"{name}: {count} are {width * height * frames / 1e6:.0f} million pixels, more than the "
            f"{limits.pixels / 1e6:.0f} that are taken",
        )
    try:
        size = Size(options.scale, options.width, options.height)
        factor = _factor(size, width, height)
        network = (
            networks.chosen(options.network, factor)
            if options.network
            else registry.unnamed(factor, detail=options.detail, denoise=options.denoise)
        )
    except KerasSRError as error:
        raise Refused(422, str(error)) from error
    known = {dial.name for dial in networks.dials(network)}
    for dial in ("detail", "denoise"):
        if getattr(options, dial) is not None and dial not in known:
            raise Refused(422, f"{network} has no {dial} dial: leave it out, or take another network")
    rows, columns = size.of(height, width, registry.passport(network).scale)
    if rows * columns * frames > limits.result_pixels:
        raise Refused(
            413,
            f"{name}: its result would have {columns}x{rows}, {rows * columns * frames / 1e6:.0f} "
            f"million pixels, more than the {limits.result_pixels / 1e6:.0f} that are made; ask for less",
        )
    return options, network


def _factor(size: Size, width: int, height: int) -> float | None:
    """Return how many times larger a result is to be; None where nothing is asked for."""
    if size.scale:
        return size.scale
    factors = [wanted / side for wanted, side in ((size.width, width), (size.height, height)) if wanted]
    return max(factors, default=None)


def refuse_without_room(folder: Path, picture: schemas.Picture, stored: int, limits: Limits) -> None:
    """Raise `Refused` if the disk may not take what a picture becomes."""
    free = shutil.disk_usage(folder).free - _SPARE
    # What it becomes is hardly ever larger than its pixels at x4, and mostly a third of that.
    needed = math.ceil(picture.width * picture.height * picture.frames * 16 * 3 / 3) + picture.bytes
    if stored + needed > limits.storage_bytes or needed > free:
        raise Refused(507, "the disk of the server is full: fetch results and remove them, then try again")
