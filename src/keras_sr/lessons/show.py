"""What a lesson shows: panels side by side, a batch, curves. Small JPEG and PNG pictures for the page."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sr.images.ranges import from_float
from keras_sr.images.sheet import nearest, sheet

if TYPE_CHECKING:
    from IPython.display import Image

#: A page is about this wide: wider pictures are made smaller, by whole factors where they are pixel art.
WIDEST = 1400
#: What the curves of one figure are drawn in.
INK, GROUND = "#3b4a6b", "#ffffff"


def panels(
    *pictures: tuple[str, np.ndarray],
    caption: str = "",
    crop: tuple[int, int, int] | None = None,
    zoom: int = 1,
) -> "Image":
    """Show pictures side by side with their labels.

    Args:
        pictures: (label, picture), uint8 or float in [0, 1]; those smaller than the largest are enlarged.
        caption: A line above.
        crop: (top, left, side) of a square in pixels of the largest picture: only that is shown.
        zoom: Whole factor by which what is shown is enlarged, pixel by pixel.
    """
    shown = [(label, pixels(picture)) for label, picture in pictures]
    height, width = max((p.shape[:2] for _, p in shown), key=lambda size: size[0] * size[1])
    if crop or zoom > 1:
        top, left, side = crop or (0, 0, max(height, width))
        part = (slice(top, top + side), slice(left, left + side))
        shown = [(label, nearest(p, height, width)[part]) for label, p in shown]
        shown = [(label, nearest(p, p.shape[0] * zoom, p.shape[1] * zoom)) for label, p in shown]
    return _as_image(sheet(shown, caption), alt=caption or " | ".join(label for label, _ in pictures))


def pixels(picture: Any) -> np.ndarray:
    """Return a picture, uint8 or float in [0, 1] of any framework, as uint8 (H, W, 3)."""
    from keras_sr.metrics.planes import as_array

    picture = as_array(picture)
    return picture if picture.dtype == np.uint8 else from_float(picture)


def show_batch(lr: np.ndarray, hr: np.ndarray, count: int = 4) -> "Image":
    """Show some crops of a batch, LR beside HR, two pairs in a row: those with most in them.

    Args:
        lr: (N, h, w, 3) in [0, 1].
        hr: (N, H, W, 3) in [0, 1].
        count: How many pairs.
    """
    # Over space alone: a flat orange differs between its colours.
    busiest = np.argsort(-hr.std(axis=(1, 2)).mean(axis=1))[:count]
    pairs = [
        (("LR", pixels(small)), ("HR", pixels(large)))
        for small, large in zip(lr[busiest], hr[busiest], strict=True)
    ]
    rows = [sheet([panel for pair in pairs[i : i + 2] for panel in pair]) for i in range(0, len(pairs), 2)]
    rows = [row for row in rows if row.shape == rows[0].shape]
    return _as_image(np.concatenate(rows), alt="crops of a batch, LR beside HR")


def sheets(folder: Path) -> "Image":
    """Show the first and the last sheet LR | bicubic | SR | HR that the benchmark callback wrote."""
    from keras_sr.images.plain import read_rgb

    files = sorted(folder.rglob("step_*/*.png"))
    first_and_last = [read_rgb(file) for file in (files[0], files[-1])]
    return _as_image(
        np.concatenate(first_and_last), alt="sheets LR, bicubic, SR, HR: at the start and at the end"
    )


#: Top, left and side of the astronaut's face: eyes, hair, teeth, the hem of the suit.
_FACE = (60, 160, 128)


def faces(upscalers: dict[str, Callable[[np.ndarray], np.ndarray]]) -> "Image":
    """Show what bicubic and some upscalers make of the astronaut's face, and the truth."""
    from keras_sr.images.resize import imresize
    from keras_sr.lessons.pictures import sample

    truth = sample("astronaut")
    lr = imresize(truth, 1 / 4)
    enlarged = [(name, upscale(lr)) for name, upscale in upscalers.items()]
    return panels(("bicubic", imresize(lr, 4)), *enlarged, ("HR", truth), crop=_FACE, zoom=2)


def _as_image(picture: np.ndarray, alt: str) -> "Image":
    """Return uint8 RGB as a JPEG for the page, no wider than `WIDEST`."""
    import PIL.Image
    from IPython.display import Image

    image = PIL.Image.fromarray(picture)
    if image.width > WIDEST:
        image = image.resize(
            (WIDEST, round(image.height * WIDEST / image.width)), PIL.Image.Resampling.LANCZOS
        )
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, subsampling=0)
    return Image(file.getvalue(), format="jpeg", alt=alt)


def curves(
    rows: Sequence[dict[str, float]],
    titles: dict[str, str],
    *,
    marks: dict[str, float] | None = None,
    logarithmic: Sequence[str] = (),
    x: str = "step",
) -> "Image":
    """Draw one small plot a number against the training step.

    Args:
        rows: What was logged, each with `step`.
        titles: name in the rows: title of its plot, which says the unit; in the order of the plots.
        marks: name in the rows: a value to compare with, drawn as a dashed line (bicubic's, or 0.5).
        logarithmic: Names whose axis is logarithmic.
        x: What `step` counts.
    """
    from IPython.display import Image
    from matplotlib.figure import Figure

    names = [name for name in titles if any(name in row for row in rows)]
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3.5 * columns, 2.4 * lines), dpi=90, facecolor=GROUND, layout="constrained")
    for place, name in enumerate(names, start=1):
        axes = figure.add_subplot(lines, columns, place)
        logged = [(row["step"], row[name]) for row in rows if name in row]
        axes.plot(
            *zip(*logged, strict=True), color=INK, linewidth=1.5, marker="o" if len(logged) < 12 else "", ms=3
        )
        if marks and name in marks:
            axes.axhline(marks[name], color="#b0413e", linestyle="--", linewidth=1)
        axes.set_yscale("log" if name in logarithmic else "linear")
        axes.set_title(titles[name], fontsize=9)
        axes.tick_params(labelsize=7, which="both")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel(x, fontsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Image(file.getvalue(), format="png", alt="curves: " + ", ".join(titles[name] for name in names))


def summary(network: Any) -> str:
    """Return a network's layers as lines: name, kind, channels, weights; then the sum.

    Shorter than `keras.Model.summary`, which breaks lines where names are long.
    """
    rows = [
        (layer.name, type(layer).__name__, str(layer.output.shape[-1]), f"{layer.count_params():,}")
        for layer in network.layers
    ]
    rows = [("layer", "kind", "channels", "weights"), *rows, ("sum", "", "", f"{network.count_params():,}")]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"{name:{widths[0]}}  {kind:{widths[1]}}  {channels:>{widths[2]}}  {weights:>{widths[3]}}"
        for name, kind, channels, weights in rows
    )
