"""The two halves of `make demo` around `keras-sr upscale`: a sample photograph, and a sheet of the result.

    python scripts/demo.py prepare demo   writes demo/hr.png (a photograph) and demo/lr.png (a quarter of it)
    python scripts/demo.py sheet demo     writes demo/sheet.png from these and demo/sr.png

The photograph is scikit-image's astronaut, 512x512: Eileen Collins, by NASA, in the public domain.
"""

import sys
from pathlib import Path

import numpy as np
from skimage.data import astronaut

from keras_sr.images.plain import read_rgb, write_plain
from keras_sr.images.resize import imresize
from keras_sr.images.sheet import sheet
from keras_sr.metrics.psnr import psnr

SCALE = 4


def prepare(folder: Path) -> None:
    """Write the photograph and its LR version."""
    write_plain(folder / "hr.png", astronaut())
    write_plain(folder / "lr.png", imresize(astronaut(), 1 / SCALE))


def compare(folder: Path) -> None:
    """Write the sheet LR | bicubic | SR | HR and say where everything is."""
    lr, sr, hr = (read_rgb(folder / f"{name}.png") for name in ("lr", "sr", "hr"))
    bicubic = imresize(lr, SCALE)
    panels = [
        ("LR", lr),
        (figure("bicubic", bicubic, hr), bicubic),
        (figure("keras-sr", sr, hr), sr),
        ("HR", hr),
    ]
    write_plain(folder / "sheet.png", sheet(panels, "The same photograph, four times larger"))
    for name, what in {"lr": "small", "sr": "enlarged", "hr": "the truth", "sheet": "all of them"}.items():
        sys.stdout.write(f"{folder / name}.png  {what}\n")


def figure(name: str, sr: np.ndarray, hr: np.ndarray) -> str:
    """Return a label with the PSNR of a picture (Y channel, 4 pixels shaved)."""
    return f"{name}\n{psnr(sr, hr, crop_border=SCALE):.2f} dB"


if __name__ == "__main__":
    {"prepare": prepare, "sheet": compare}[sys.argv[1]](Path(sys.argv[2]))
