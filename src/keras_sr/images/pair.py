"""A picture and its smaller copy: what networks are trained on, and measured on."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A picture to be trained or measured on.

    Attributes:
        name: What it is called, on every machine the same: its path below the HR folder; in tables without
            the suffix.
        hr: The truth.
        lr: What a network is given, or None: then it is made from `hr`, by bicubic `imresize` where it is
            measured.
    """

    name: str
    hr: Path
    lr: Path | None = None
