"""Enlarge a picture with the wheel alone: run by `make wheel` in an environment that has nothing else.

    build/wheel/bin/python scripts/check_wheel.py build/wheel/check

Every network that ships enlarges a picture through the installed command, so that a weight file left out of
the wheel is noticed, and so is a source tree that stands in for the wheel.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import keras_sr
from keras_sr.weights import registry

ROOT = Path(__file__).parents[1]


def main(folder: Path) -> None:
    package = Path(keras_sr.__file__).resolve().parent
    if not package.is_relative_to(Path(sys.prefix).resolve()):
        raise SystemExit(f"{package} is not what the wheel installed into {sys.prefix}")
    folder.mkdir(parents=True, exist_ok=True)
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(picture).save(folder / "lr.png")
    for name in registry.names():
        scale = registry.passport(name).scale
        command = [
            Path(sys.executable).with_name("keras-sr"),
            "upscale",
            "lr.png",
            "-o",
            f"{name}.png",
            "-n",
            name,
        ]
        subprocess.run(command, cwd=folder, check=True)
        with Image.open(folder / f"{name}.png") as result:
            if result.size != (32 * scale, 24 * scale):
                raise SystemExit(f"{name} gave {result.size} of a picture of 32 x 24")
    measures(folder)
    print(f"the wheel enlarges with all {len(registry.names())} networks: {package}")


def measures(folder: Path) -> None:
    """Check that metrics with weights have them; the folder has no cache, so that none can stand in."""
    noise = np.random.default_rng(1).integers(0, 256, (200, 300, 3), np.uint8)
    for name, pixels in (("a", noise), ("b", noise[::-1])):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    compared = subprocess.run(
        [Path(sys.executable).with_name("keras-sr"), "compare", "a.png", "--reference", "b.png"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_SR_CACHE": str((folder / "nothing").resolve())},
    )
    missing = [title for title in ("LPIPS", "NIQE") if title not in compared.stdout]
    if missing or compared.stderr:
        raise SystemExit(f"the wheel does not measure {missing}: {compared.stderr}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
