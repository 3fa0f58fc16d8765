"""What a picture is, between being read and being written."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with all that its file held.

    Attributes:
        pixels: (pages * H, W, bands) uint8, uint16 or float32: grey (1), RGB (3) or any other number of
            bands; upright; straight, not multiplied by alpha.
        alpha: (pages * H, W) of the same type, or None.
        pages: Frames or pages below each other.
        resolution: Pixels a millimetre, (x, y).
        metadata: libvips' fields: ICC profile, EXIF, XMP, IPTC, delays; (type, value) by name.
        source: The file it came from, if it came from one.
        lost: What the file held and this does not, in words.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    pages: int = 1
    resolution: tuple[float, float] = (1.0, 1.0)
    metadata: dict[str, tuple[int, Any]] = field(default_factory=dict)
    source: Path | None = None
    lost: tuple[str, ...] = ()
