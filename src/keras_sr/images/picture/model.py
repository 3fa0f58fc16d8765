"""What a picture is, between being read and being written."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from keras_sr.images.picture.ifd import IfdEntry


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its pixels, as its bytes have it.

    Attributes:
        size: (height, width) of a page as it stands in the file; (0, 0) of a picture from no file.
        orientation: Of the file, 1 to 8; the pixels of a `Picture` have been turned upright.
        profile: ICC profile.
        exif: EXIF block, without the six bytes that say Exif.
        xmp: XMP packet.
        photoshop: Photoshop's image resources, IPTC among them.
        comments: Comments of a JPEG or GIF.
        chunks: (type, data) of a PNG: text, gamma, time, and what else may be copied.
        tags: Of each page of a TIFF, the tags that are not of how its pixels are stored.
        delays: Milliseconds that each frame is shown.
        loop: How often frames are shown; 0 for ever.
        quality: That the file was saved with, 1 to 100; None where it is not known.
        lossless: Whether a format that knows both was saved without loss; None of other formats.
    """

    size: tuple[int, int] = (0, 0)
    orientation: int = 1
    profile: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    photoshop: bytes = b""
    comments: tuple[bytes, ...] = ()
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    tags: tuple[dict[int, IfdEntry], ...] = ()
    delays: tuple[int, ...] = ()
    loop: int = 0
    quality: int | None = None
    lossless: bool | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with all that its file held.

    Attributes:
        pixels: (pages * H, W, bands) uint8, uint16 or float32: grey (1), RGB (3) or any other number of
            bands; upright; straight, not multiplied by alpha.
        alpha: (pages * H, W) of the same type, or None.
        pages: Frames or pages below each other.
        colours: How many of the bands, from the first, are the picture's colours: 3 of RGB with further
            channels, 1 of grey with one; 0 where no more is known than their number.
        resolution: Pixels a millimetre, (x, y); (0, 0) where the file states none.
        metadata: What the file says beside its pixels.
        source: The file it came from, if it came from one.
        lost: What the file held and this does not, in words.
        alpha_is_data: Whether alpha is one more channel of data (a gloss mask), which hides nothing.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    pages: int = 1
    colours: int = 0
    resolution: tuple[float, float] = (0.0, 0.0)
    metadata: Metadata = field(default_factory=Metadata)
    source: Path | None = None
    lost: tuple[str, ...] = ()
    alpha_is_data: bool = False
