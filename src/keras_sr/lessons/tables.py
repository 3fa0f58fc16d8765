"""The end of a lesson: the lesson's own network beside what ships and what the paper says."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_sr.errors import DataError
from keras_sr.evaluation.published import ROWS, Published
from keras_sr.evaluation.score import Judged, Upscaler, bicubic, score
from keras_sr.evaluation.sets.known import find_set
from keras_sr.evaluation.sets.layouts import find_pairs, set_name
from keras_sr.metrics.sharpness import sharpness
from keras_sr.tasks.sets import set_places
from keras_sr.weights import registry

if TYPE_CHECKING:
    import keras

#: The sets of the paper's table 1, measured where they are on this machine.
_SETS = ("Set5", "Set14")
#: What ships for certain, and stands in for weights that do not.
_STAND_IN = "compact_x4"


def shipped(recipe: str) -> tuple[str, "keras.Model"]:
    """Return the name and the network of the shipped weights of a recipe, or of those nearest to it.

    Prints which they are, and what they were trained with.
    """
    from keras_sr.weights.load import load

    known = [name for name in (recipe, f"{recipe}_x4") if name in registry.names()]
    name = known[0] if known else _STAND_IN
    passport = registry.passport(name)
    if not known:
        print(f"weights of {recipe} are not shipped yet; the nearest that are: {name}")
    print(
        f"{name}: {passport.steps} steps, {passport.hours:g} hours on {passport.hardware}, {passport.licence}"
    )
    return name, load(name, data_format="channels_last")


def compare(folder: Path, upscalers: dict[str, Callable[[np.ndarray], np.ndarray]], recipe: str = "") -> str:
    """Measure upscalers on the lesson's pictures, and on Set5 and Set14 where they are; return a table.

    Args:
        folder: The lesson's pictures.
        upscalers: name: LR uint8 (h, w, 3) to SR in [0, 1]; bicubic is put before them.
        recipe: Whose published row is put after them.

    Returns:
        Lines of text: PSNR in dB and SSIM (Y of BT.601, 4 pixels shaved off each side), and how sharp the
        lesson's pictures are beside the truth.
    """
    sets = {set_name(folder): folder, **_known_sets()}
    rows: dict[str, Upscaler] = {"bicubic": bicubic(4), **upscalers}
    table = [["x4, PSNR / SSIM", *sets, "sharpness"]]
    for name, upscaler in rows.items():
        scores = [score(upscaler, find_pairs(where, 4), 4) for where in sets.values()]
        figures = [f"{s.psnr:.2f} / {s.ssim:.4f}" for s in scores]
        table.append([name, *figures, f"{_relative_sharpness(folder, upscaler):.0%} of HR's"])
    published = published_row(recipe)
    if published is None:
        return _as_text(table) + f"\nThe paper has no figures for {recipe}." * bool(recipe)
    # The paper's SSIM is another package's, so it is left out rather than compared.
    given = [published.figures.get(name) for name in sets]
    if any(given):
        table.append([f"the paper's {published.method}", *(f"{f[0]:.2f}" if f else "" for f in given), ""])
    return _as_text(table) + ("" if len(sets) > 1 else _missing_sets(published))


def _relative_sharpness(folder: Path, upscaler: Upscaler) -> float:
    """Return how sharp enlarged pictures are over how sharp the truth is, the mean of the ratios."""
    ratios: list[float] = []

    def note(judged: Judged) -> None:
        ratios.append(sharpness(judged.sr, crop_border=4) / sharpness(judged.hr, crop_border=4))

    score(upscaler, find_pairs(folder, 4), 4, on_picture=note)
    return float(np.mean(ratios))


def _known_sets() -> dict[str, Path]:
    """Return those of the paper's sets that are on this machine."""
    found = {}
    for name in _SETS:
        try:
            found[name] = find_set(name, 4, set_places())[1]
        except DataError:
            continue
    return found


def _missing_sets(published: Published) -> str:
    """Return what is known about Set5, and how to measure on it here."""
    ours, theirs = registry.passport(_STAND_IN).scores["Set5"]["psnr"], published.figures["Set5"][0]
    return (
        f"\nOn Set5 the paper's {published.method} has {theirs:.2f} dB, {_STAND_IN} {ours:.2f}. "
        f"To have Set5 in this table: keras-sr benchmark {_STAND_IN} --data Set5 downloads it."
    )


def published_row(recipe: str) -> Published | None:
    """Return the paper's own figures for a recipe, or None where it gives none."""
    rows = [row for row in ROWS if recipe and row.recipe == recipe and row.protocol == "paper"]
    return next((row for row in rows if "Ledig" in row.source), None)


def _as_text(table: list[list[str]]) -> str:
    """Return rows as lines with aligned columns.

    Examples:
        >>> print(_as_text([["a", "b"], ["long", "c"]]))
        a     b
        long  c
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join(line.rstrip() for line in lines)
