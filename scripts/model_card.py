"""Write the figures of the model card (docs/model-card.md) from the passports, and its pictures.

    python scripts/model_card.py

Tables come from the passports, the plot of perception against distortion from them and the published rows,
the curves from docs/curves/, and the crops are made here, of scikit-image's free photographs. The words of
the page are kept: only what stands between its markers is replaced.
"""

import csv
import re
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from keras_sr import upscale
from keras_sr.evaluation.published import rows_for
from keras_sr.files import atomic_write
from keras_sr.images.resize import imresize
from keras_sr.images.sheet import nearest, sheet
from keras_sr.inference.engines import open_engine
from keras_sr.lessons.pictures import sample
from keras_sr.weights import registry

DOCS = Path(__file__).parents[1] / "docs"
PAGE, IMAGES, CURVES = DOCS / "model-card.md", DOCS / "images", DOCS / "curves"
SETS = ("Set5", "Set14", "BSD100")
#: Columns of the tables: key in a passport, title, digits.
COLUMNS = (
    ("psnr", "PSNR ↑", 2),
    ("ssim", "SSIM ↑", 4),
    ("lpips", "LPIPS ↓", 3),
    ("niqe", "NIQE ↓", 2),
    ("lr_psnr", "LR-PSNR ↑", 1),
)
#: Readable on a light and on a dark page.
OURS, THEIRS, SOFT = "#2f7fd6", "#b9770e", "#808890"
#: (photograph, top, left) of crops, and their side in HR pixels. The first two are easy, the others are where
#: networks invent.
CROPS = (("astronaut", 60, 176), ("chelsea", 84, 132), ("page", 60, 120), ("brick", 200, 200))
SIDE, ZOOM, ROW = 96, 2, 5

#: Where a point's label may stand, the best place first: offset in points, and the side that is aligned.
PLACES = tuple(((x, y), "left" if x > 0 else "right") for y in (0, 9, -9, 18, -18, 27, -27) for x in (-8, 8))


def main() -> None:
    passports = [registry.passport(name) for name in registry.names()]
    x4 = [passport for passport in passports if passport.scale == 4]
    page = PAGE.read_text("utf-8")
    for name, table in tables(passports).items():
        page = filled(page, name, table)
    with atomic_write(PAGE, "w") as file:
        file.write(page)
    perception_distortion(x4)
    curves(passports)
    for name, top, left in CROPS:
        crops(name, top, left, [passport.name for passport in x4])


def filled(page: str, name: str, text: str) -> str:
    """Return the page with something else between the markers of one of its parts."""
    begin, end = f"<!-- {name}: made by scripts/model_card.py -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
    if not pattern.search(page):
        raise SystemExit(f"{PAGE} has no markers of the part {name}: {begin} and {end}")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


# === Tables ===


def tables(passports: list[registry.Passport]) -> dict[str, str]:
    """Return part of the page: its table."""
    x4 = [passport for passport in passports if passport.scale == 4]
    return {
        "weights": weights_table(passports),
        "scores": "\n\n".join(scores_table(name, x4) for name in SETS),
        "other-scales": other_scales_table([passport for passport in passports if passport.scale != 4]),
    }


def weights_table(passports: list[registry.Passport]) -> str:
    """Return the table of what each network is, costs and was made of."""
    measured = [p for p in ("f32", "bf16") if any(p in one.seconds_per_megapixel for one in passports)]
    speeds = [f"s per SR megapixel, {precision}" for precision in measured]
    heads = ["", "scale", "kMAC per LR pixel", *speeds, "steps", "hours", "licence"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for one in passports:
        speed = [f"{one.seconds_per_megapixel[p]:.2f}" for p in measured]
        cells = [f"`{one.name}`", f"x{one.scale}", f"{one.kmac:,.0f}", *speed, f"{one.steps:,}"]
        lines.append("| " + " | ".join([*cells, f"{one.hours:.1f}", one.licence]) + " |")
    return "\n".join(lines)


def scores_table(name: str, passports: list[registry.Passport]) -> str:
    """Return the table of a set at x4: our networks, then published rows."""
    heads = [f"{name}, x4", *(title for _, title, _ in COLUMNS)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for one in passports:
        lines.append("| " + " | ".join([f"`{one.name}`", *scores(one, name)]) + " |")
    for row in rows_for(name, 4, "paper"):
        psnr, ssim, lpips = row.figures[name]
        cells = [
            f"{psnr:.2f}",
            f"{ssim:.4f}" if ssim and row.usual_ssim else "",
            f"{lpips:.3f}" if lpips else "",
        ]
        lines.append("| " + " | ".join([f"*{row.method}*", *cells, "", ""]) + " |")
    return "\n".join(lines)


def other_scales_table(passports: list[registry.Passport]) -> str:
    """Return the table of the networks of other scales, on all sets."""
    heads = ["", "", *(title for _, title, _ in COLUMNS)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for one in passports:
        for name in SETS:
            lines.append("| " + " | ".join([f"`{one.name}`", name, *scores(one, name)]) + " |")
    return "\n".join(lines)


def scores(passport: registry.Passport, name: str) -> list[str]:
    """Return the cells of a network on a set."""
    return [f"{passport.scores[name][key]:.{digits}f}" for key, _, digits in COLUMNS]


# === Plots ===


def plot(title: str, x: str, y: str) -> tuple[Figure, object]:
    """Return a figure without a ground of its own, and its axes."""
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.set_title(title, color=SOFT, fontsize=11)
    axes.set_xlabel(x, color=SOFT)
    axes.set_ylabel(y, color=SOFT)
    axes.tick_params(colors=SOFT)
    axes.grid(color=SOFT, alpha=0.25)
    for spine in axes.spines.values():
        spine.set_color(SOFT)
    return figure, axes


def perception_distortion(passports: list[registry.Passport]) -> None:
    """Draw LPIPS against PSNR on BSD100 (Blau and Michaeli, CVPR 2018), published rows with both, too."""
    figure, axes = plot(
        "BSD100: perception against distortion", "PSNR in dB", "LPIPS (below: looks more real)"
    )
    points = [(p.name, p.scores["BSD100"]["psnr"], p.scores["BSD100"]["lpips"], OURS) for p in passports]
    rows = [(row.method, row.figures["BSD100"]) for row in rows_for("BSD100", 4, "paper")]
    points += [(method, psnr, lpips, THEIRS) for method, (psnr, _, lpips) in rows if lpips]
    axes.scatter([x for _, x, _, _ in points], [y for _, _, y, _ in points], c=[c for *_, c in points], s=36)
    axes.margins(0.12)
    # Only a canvas of pixels knows where a text ends.
    FigureCanvasAgg(figure).draw()
    taken = [
        Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in axes.transData.transform([p[1:3] for p in points])
    ]
    for name, psnr, lpips, colour in points:
        for offset, side in PLACES:
            style = {
                "color": colour,
                "fontsize": 9,
                "horizontalalignment": side,
                "verticalalignment": "center",
            }
            label = axes.annotate(name, (psnr, lpips), offset, textcoords="offset points", **style)
            box = label.get_window_extent()
            if axes.bbox.contains(*box.min) and not any(map(box.overlaps, taken)):
                break
            label.remove()
        taken.append(box)
    save(figure, "perception_distortion.svg")


def curves(passports: list[registry.Passport]) -> None:
    """Draw PSNR on Set5 against the step, of every run whose log is kept."""
    figure, axes = plot("Set5 during training", "step", "PSNR in dB")
    for passport in passports:
        path = CURVES / f"{passport.name}.csv"
        if passport.scale == 4 and path.exists():
            with path.open() as file:
                rows = [row for row in csv.DictReader(file) if row.get("Set5_psnr")]
            steps, psnr = ([float(row[key]) for row in rows] for key in ("step", "Set5_psnr"))
            axes.plot(steps, psnr, linewidth=1.5, label=passport.name)
    axes.legend(fontsize=8, labelcolor=SOFT, framealpha=0)
    save(figure, "training_curves.svg")


def save(figure: Figure, name: str) -> None:
    """Write a plot as SVG that is the same whenever it is drawn from the same numbers."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "keras-sr", "svg.fonttype": "none"}):
        figure.savefig(IMAGES / name, metadata={"Date": None})


# === Crops ===


def crops(name: str, top: int, left: int, networks: list[str]) -> None:
    """Write a sheet of one place: LR, bicubic, every x4 network, HR."""
    hr = photograph(name)
    lr = imresize(hr, 1 / 4)
    panels = [("LR", nearest(lr, *hr.shape[:2])), ("bicubic", imresize(lr, 4))]
    panels += [(one, upscale(lr, open_engine(registry.weights_path(one)))) for one in networks]
    panels.append(("HR", hr))
    part = (slice(top, top + SIDE), slice(left, left + SIDE))
    shown = [(label, nearest(pixels[part], SIDE * ZOOM, SIDE * ZOOM)) for label, pixels in panels]
    shown += [("", np.full_like(shown[0][1], 32))] * (-len(shown) % ROW)
    rows = [sheet(shown[i : i + ROW]) for i in range(0, len(shown), ROW)]
    Image.fromarray(np.concatenate(rows)).save(IMAGES / f"card_{name}.jpg", quality=90, subsampling=0)


def photograph(name: str) -> np.ndarray:
    """Return a photograph of scikit-image's as uint8 RGB, sides multiples of 4."""
    if name != "page":
        return sample(name)
    from skimage.data import page

    grey = page()[: page().shape[0] // 4 * 4, : page().shape[1] // 4 * 4]
    return np.stack([grey] * 3, axis=2)


if __name__ == "__main__":
    main()
