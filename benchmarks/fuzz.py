"""Damaged picture files by the thousand through one batch: none may stop it, none may get lost.

    python benchmarks/fuzz.py --files 2000

Each file is a small picture of one of the formats with bytes changed, cut out, doubled or cut off. `keras-sr upscale` runs
over the folder as one command; then every file must be done (its result can be read) or refused (in one line).
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from keras_sr.images.picture import read

FORMATS = {
    "png": "PNG",
    "jpg": "JPEG",
    "tif": "TIFF",
    "webp": "WEBP",
    "gif": "GIF",
    "avif": "AVIF",
    "bmp": "BMP",
    "ppm": "PPM",
    "tga": "TGA",
    "jp2": "JPEG2000",
}


def seeds(rng):
    """Return the bytes of some pictures in each format: RGB, grey, with alpha, 16 bits, with EXIF."""
    exif = Image.Exif()
    exif[271], exif[274] = "A camera", 6
    rgb = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))
    found = {}
    for suffix, kind in FORMATS.items():
        pictures = [rgb, rgb.convert("L")]
        if kind in ("PNG", "TIFF", "WEBP", "TGA"):
            pictures.append(Image.fromarray(rng.integers(0, 256, (24, 32, 4), np.uint8)))
        if kind in ("PNG", "TIFF"):
            pictures.append(Image.fromarray(rng.integers(0, 65536, (24, 32), np.uint16)))
        for picture in pictures:
            data = io.BytesIO()
            picture.save(data, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}))
            found.setdefault(suffix, []).append(data.getvalue())
    return found


def mutated(data, rng):
    """Return bytes with one to four changes."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(0, len(data))) if data else 0
        length = int(rng.integers(1, 40))
        change = rng.integers(0, 5)
        if change == 0:
            data[place : place + length] = rng.bytes(len(data[place : place + length]))
        elif change == 1:
            del data[place : place + length]
        elif change == 2:
            data[place:place] = data[place : place + length]
        elif change == 3:
            data = data[: max(place, 1)]
        elif data:
            data[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "in").mkdir()
        kinds = seeds(rng)
        for i in range(arguments.files):
            suffix = list(kinds)[i % len(kinds)]
            seed = kinds[suffix][int(rng.integers(0, len(kinds[suffix])))]
            (root / "in" / f"{i:05d}.{suffix}").write_bytes(mutated(seed, rng))
        command = [
            "upscale",
            root / "in",
            "-o",
            root / "out",
            "--suffix",
            "",
            "--report",
            root / "report.json",
        ]
        code = "from keras_sr.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *map(str, command)], capture_output=True, text=True
        )
        if done.returncode not in (0, 1):
            raise SystemExit(f"the batch ended with code {done.returncode}: {done.stderr[-2000:]}")
        report = json.loads((root / "report.json").read_text("utf-8"))
        counts, odd = Counter(), Counter()
        for row in report["pictures"]:
            counts[row["status"]] += 1
            if row["status"] == "done":
                read(row["target"])
            elif not row["reason"].startswith(("cannot read", "cannot write")):
                odd[row["reason"][:100]] += 1
        half = [path.name for path in (root / "out").rglob(".*")]
    lost = arguments.files - sum(counts.values())
    print(
        f"{arguments.files} files: {counts['done']} done, {counts['failed']} refused, {lost} lost, {len(half)} half"
    )
    for reason, count in odd.most_common():
        print(f"  {count} x {reason}")
    if lost or half:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
