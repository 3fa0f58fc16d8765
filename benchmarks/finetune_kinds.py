"""Finetune lite_x4 to two kinds of pictures, and measure both runs again on others of their kind.

    python benchmarks/finetune_kinds.py pages --out pages --steps 600
    python benchmarks/finetune_kinds.py wallpapers --photos ../shared/data/train/photos --out wallpapers

Forty pages of text are set in twelve fonts on ten papers, or forty wallpapers are taken of a folder; ten
others of the kind are measured on by `keras-sr benchmark` when the run has ended. What the run says of
itself ("better by", "no better") is printed beside that, and the exit code tells whether both agree.
"""

import argparse
import csv
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_sr.evaluation.statistics import interval

TRAINED, MEASURED = 40, 10
FONTS = [
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSansMono"),
    *("LiberationSerif-Regular", "LiberationSerif-Bold", "LiberationSans-Regular", "LiberationSans-Italic"),
    *("LiberationMono-Regular", "LiberationSansNarrow-Regular", "DejaVuSerifCondensed"),
]
SIZES = (15, 18, 21, 26, 34, 48)
INKS = ("black", "#222222", "#12305a", "#5a1512")
PAPERS = (
    "white",
    "#fdf6e3",
    "#f2efe6",
    "#e8f0e4",
    "#fafafa",
    "#dfe6ee",
    "#fff7d6",
    "#f7ecec",
    "#eeeeee",
    "#e6dcc6",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("pages", "wallpapers"))
    parser.add_argument("--photos", type=Path, help="fifty wallpapers or more")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rate", type=float, default=0.01)
    arguments = parser.parse_args()
    out = arguments.out
    if arguments.kind == "pages":
        write_pages(out)
    else:
        link_wallpapers(arguments.photos, out)
    verdict = train(out, arguments.steps, arguments.rate)
    before, after = measure(out)
    gains = [after[name] - before[name] for name in before]
    low, high = interval(gains)
    print(f"the run: {verdict}")
    old, new = (np.mean(list(values.values())) for values in (before, after))
    print(
        f"measured again: {old:.2f} dB before, {new:.2f} after (95 % interval of the difference "
        f"{low:+.2f} to {high:+.2f} dB, {len(gains)} pictures)"
    )
    sys.exit(0 if ("better by" in verdict) == (low > 0) else 1)


def write_pages(out: Path) -> None:
    """Write pages of this project's documentation, those to measure on of other texts."""
    texts = [path.read_text("utf-8") for path in sorted(Path(__file__).parents[1].glob("docs/**/*.md"))]
    words = re.sub(r"\s+", " ", " ".join(texts)).split(" ")
    at = len(words) * TRAINED // (TRAINED + MEASURED)
    for folder, count, part in (("train", TRAINED, words[:at]), ("held", MEASURED, words[at:])):
        (out / folder).mkdir(parents=True, exist_ok=True)
        rng, flow = random.Random(folder), cycle(part)
        for i in range(count):
            page(rng, flow).save(out / folder / f"page{i:02d}.png")


def page(rng: random.Random, flow: Iterator[str]) -> Image.Image:
    """Return a page of 1240x1754 pixels in one to three fonts."""
    image = Image.new("RGB", (1240, 1754), rng.choice(PAPERS))
    draw, ink, y = ImageDraw.Draw(image), rng.choice(INKS), 90
    fonts = [ImageFont.truetype(f"{rng.choice(FONTS)}.ttf", rng.choice(SIZES)) for _ in range(3)]
    while y < 1660:
        font, line = rng.choice(fonts), ""
        for _ in range(rng.randint(2, 8)):
            while draw.textlength(line, font) < 1000:
                line += next(flow) + " "
            draw.text((90, y), line.strip(), ink, font)
            line, y = "", y + int(1.35 * font.size)
        y += int(font.size)
    return image


def link_wallpapers(photos: Path, out: Path) -> None:
    """Link the first forty photographs to be trained on, and ten others to be measured on."""
    files = sorted(photos.glob("*.jpg"))
    for folder, part in (("train", files[:TRAINED]), ("held", files[-MEASURED:])):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for file in part:
            (out / folder / file.name).unlink(missing_ok=True)
            (out / folder / file.name).symlink_to(file.resolve())


def train(out: Path, steps: int, rate: float) -> str:
    """Run the command of docs/how-to/finetune.md and return its verdict."""
    run = keras_sr(
        *("train", "lite", "--data", out / "train", "--out", out / "run", "--start-from", "lite_x4"),
        *(
            "--set",
            f"steps={steps}",
            "--set",
            f"learning_rate={rate}",
            "--set",
            f"steps_per_epoch={steps // 6}",
        ),
    )
    (out / "train.txt").write_text(run.stderr)
    return next(line for line in run.stderr.splitlines() if re.search("better (by|than)|not measured", line))


def measure(out: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Return the PSNR of every picture by the weights that ship and by those of the run."""
    keras_sr(
        "benchmark",
        "lite_x4",
        out / "run",
        "--data",
        out / "held",
        "--metrics",
        "psnr,ssim",
        "--out",
        out / "benchmark",
    )
    with (out / "benchmark" / "per_image.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["row"] == "picture"]
    before, after = (
        {row["picture"]: float(row["psnr"]) for row in rows if row["model"] == model}
        for model in ("lite_x4", "run")
    )
    return before, after


def keras_sr(*arguments: str | Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line, and show what it says when it fails."""
    command = [sys.executable, "-m", "keras_sr", *map(str, arguments)]
    environment = {**os.environ, "KERAS_SR_CACHE": str(cache)}
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=3600)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done


if __name__ == "__main__":
    main()
