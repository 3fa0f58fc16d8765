"""The page of a run: what it learned, what it was worth on pictures it did not see, and what to do next."""

import base64
import json
import math
import shlex
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from keras_sr.errors import TrainingError
from keras_sr.evaluation.columns import MEASURES
from keras_sr.evaluation.statistics import interval
from keras_sr.files import atomic_write
from keras_sr.tasks import held_out
from keras_sr.tasks.held_out import Measured, Verdict, judge
from keras_sr.weights import store

_FILE = "report.html"
WIDTH, HEIGHT, LEFT, BOTTOM = 460, 180, 56, 24

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2rem auto;padding:0 1rem}
body{color:#1a1a1a;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}code,pre{background:#f3f3f3;padding:.15em .35em}
pre{padding:.7em;overflow:auto}.verdict{padding:.8em 1em;border-left:5px solid #777;background:#f6f6f6}
.better{border-color:#1a7f37}.worse,.same{border-color:#b35900}.plots,.samples{display:flex;flex-wrap:wrap;gap:1rem}
figure{margin:0}figcaption{font-size:.85rem;color:#555}img{image-rendering:pixelated;display:block}
table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}svg{background:#fafafa;max-width:100%}
@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}code,pre,.verdict,svg{background:#242424}
figcaption{color:#aaa}td,th{border-color:#444}}
"""


def write_page(folder: str | Path, lines: Sequence[str] = ()) -> Path:
    """Write `report.html` of a run, over or under way, and return its path.

    Args:
        folder: The run folder.
        lines: What else was said about the pictures: what the audit found.

    Raises:
        TrainingError: There is no run in the folder, or it has saved nothing yet.
    """
    folder = Path(folder)
    if not (folder / "recipe.json").exists():
        raise TrainingError(f"{folder} holds no run: give the folder of a training")
    if not (folder / "state.npz").exists():
        raise TrainingError(
            f"{folder} has no checkpoint yet: it comes with the first epoch, or in five minutes"
        )
    meta = store.read(folder / "state.npz")[1]
    recipe = json.loads((folder / "recipe.json").read_text("utf-8"))
    versions = _read_json(folder / "versions.json")
    notes = [*lines] or _read_json(folder / "audit.json").get("lines", [])
    with atomic_write(folder / _FILE, "w") as file:
        file.write(page(folder, meta, recipe, versions, notes))
    return folder / _FILE


def _read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's values, or none."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def page(
    folder: Path, meta: dict[str, Any], recipe: dict[str, Any], versions: dict[str, str], notes: Sequence[str]
) -> str:
    """Return the page as text."""
    measured = held_out.read(folder)
    verdict = judge(measured) if measured else Verdict("unknown", "not measured on any pictures")
    rows, step = meta["rows"], meta["step"]
    hours = sum(row.get("seconds", 0.0) for row in rows) / 3600
    over = step >= recipe["steps"] or bool(meta.get("ended"))
    parts = [
        f"<h1>{escape(recipe['name'])} ×{recipe['scale']}</h1>",
        f"<p>Step {step:,} of {recipe['steps']:,}{' (over)' if over else ''}, {hours:.2f} hours of training "
        f"on {escape(versions.get('backend', '?'))}. {escape(meta.get('ended') or '')}</p>",
        f"<p class='verdict {verdict.state}'>{escape(sentence(verdict.line))}</p>",
        _warnings(meta.get("signs", [])),
        _figures(measured),
        _curves(rows, recipe),
        samples(folder, measured),
        _pictures(notes),
        _commands(folder, recipe, meta, verdict, over),
        settings(recipe, versions),
    ]
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(recipe['name'])}: a training of keras-sr</title><style>{_STYLE}</style></head>\n"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def sentence(text: str) -> str:
    """Return text with a capital and a full stop."""
    return text[:1].upper() + text[1:] + "."


def _warnings(signs: Iterable[dict[str, Any]]) -> str:
    """Return the signs of trouble."""
    items = "".join(f"<li>{escape(sign['line'])}</li>" for sign in signs)
    return f"<h2>Warnings</h2><ul>{items}</ul>" if items else "<h2>Warnings</h2><p>None.</p>"


def _figures(measured: Measured | None) -> str:
    """Return the table and the curve of figures on pictures that were held out."""
    if measured is None:
        return ""
    measure = MEASURES[measured.metric]
    rows = [("bicubic", measured.bicubic)] if measured.bicubic else []
    if steps := dict(measured.steps):
        start = {0: f"step 0 ({measured.start})" if measured.start else "step 0"}
        best = measured.best
        shown = {0, max(steps), *([best[0]] if best else [])}
        for step in sorted(shown & set(steps)):
            mark = " (best)" if best and step == best[0] else ""
            rows.append((start.get(step, f"step {step:,}") + mark, steps[step]))
    cells = "".join(
        f"<tr><td>{escape(name)}</td>{_cell(values, measure.digits)}</tr>" for name, values in rows
    )
    unit = f" ({measure.unit})" if measure.unit else ""
    table = (
        f"<table><tr><th>weights</th><th>{measure.title}{unit}</th><th>95 % interval</th>"
        f"<th>pictures</th></tr>{cells}</table>"
    )
    mean = [(step, sum(v.values()) / len(v)) for step, v in measured.steps if v]
    return f"<h2>On {escape(measured.name)}</h2>{table}{_plot(f'{measured.name} {measure.title}', mean)}"


def _cell(values: dict[str, float], digits: int) -> str:
    """Return mean, interval and count as cells."""
    if not values:
        return "<td>–</td><td></td><td>0</td>"
    low, high = interval(list(values.values()))
    mean = sum(values.values()) / len(values)
    return f"<td>{mean:.{digits}f}</td><td>{low:.{digits}f} to {high:.{digits}f}</td><td>{len(values)}</td>"


def _curves(rows: Sequence[dict[str, Any]], recipe: dict[str, Any]) -> str:
    """Return a curve for each term of the loss, and for what the discriminator believes."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    skip = {"step", "seconds"}
    drawn = [name for name in names if name not in skip and "_failed" not in name]
    plots = [_plot(name, [(row["step"], row[name]) for row in rows if name in row]) for name in drawn]
    return f"<h2>Curves</h2><div class='plots'>{''.join(plots)}</div>"


def _plot(title: str, points: Sequence[tuple[float, float]]) -> str:
    """Draw a curve as SVG."""
    points = [(x, y) for x, y in points if math.isfinite(y)]
    if not points:
        return ""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    low, high = min(ys), max(ys)
    width, height = max(xs) - min(xs) or 1, high - low or 1

    def at(x: float, y: float) -> str:
        return (
            f"{LEFT + (x - min(xs)) / width * (WIDTH - LEFT - 8):.1f},"
            f"{8 + (high - y) / height * (HEIGHT - BOTTOM - 8):.1f}"
        )

    line = " ".join(at(x, y) for x, y in points)
    dots = "".join(
        f"<circle cx='{at(x, y).split(',')[0]}' cy='{at(x, y).split(',')[1]}' r='2' fill='#1f6feb'>"
        f"<title>step {x:,}: {y:.5g}</title></circle>"
        for x, y in points[:: max(1, len(points) // 200)]
    )
    grey = "font-size='11' fill='#888'"
    return (
        f"<figure><svg viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' role='img' "
        f"aria-label='{escape(title)}'>"
        f"<polyline points='{line}' fill='none' stroke='#1f6feb' stroke-width='1.5'/>{dots}"
        f"<text x='4' y='16' {grey}>{high:.4g}</text>"
        f"<text x='4' y='{HEIGHT - BOTTOM}' {grey}>{low:.4g}</text>"
        f"<text x='{LEFT}' y='{HEIGHT - 6}' {grey}>{min(xs):,}</text>"
        f"<text x='{WIDTH - 8}' y='{HEIGHT - 6}' text-anchor='end' {grey}>step {max(xs):,}</text></svg>"
        f"<figcaption>{escape(title)}</figcaption></figure>"
    )


def samples(folder: Path, measured: Measured | None) -> str:
    """Return crops at 100 %: bicubic, before, after, truth."""
    if measured is None or not measured.bicubic:
        return ""
    last = measured.best[0] if measured.best else None
    kinds = {"bicubic": "bicubic", "step_00000000": "before", "truth": "truth"}
    if last is not None:
        kinds = {
            "bicubic": "bicubic",
            "step_00000000": "before",
            f"step_{last:08d}": "after",
            "truth": "truth",
        }
    figures: list[str] = []
    for name in list(measured.bicubic)[: held_out.SHOWN]:
        for kind, title in kinds.items():
            file = folder / held_out.SAMPLES / f"{name.replace('/', '_')}.{kind}.png"
            if file.is_file():
                data = base64.b64encode(file.read_bytes()).decode()
                text = escape(f"{name}: {title}")
                figures.append(
                    f"<figure><img alt='{text}' src='data:image/png;base64,{data}'>"
                    f"<figcaption>{text}</figcaption></figure>"
                )
    return f"<h2>Samples, at 100 %</h2><div class='samples'>{''.join(figures)}</div>" if figures else ""


def _pictures(notes: Sequence[str]) -> str:
    """Return what was found among the photographs."""
    items = "".join(f"<li>{escape(line)}</li>" for line in notes)
    return f"<h2>Photographs</h2><ul>{items}</ul>" if items else ""


def _commands(
    folder: Path, recipe: dict[str, Any], meta: dict[str, Any], verdict: Verdict, over: bool
) -> str:
    """Return the command to go on and the command to use it."""
    run = shlex.quote(str(folder))
    on = (
        f"keras-sr train {recipe['name']} --data PHOTOS --out NEW --start-from {run}"
        if over
        else f"keras-sr train {recipe['name']} --data PHOTOS --out {run}  # with the same options as before"
    )
    old = meta.get("start", "") if verdict.state in ("same", "worse") else ""
    use = f"keras-sr upscale IN -o OUT -n {shlex.quote(old) if old else run}"
    return f"<h2>Continue it, use it</h2><pre>{escape(on)}\n{escape(use)}</pre>"


def settings(recipe: dict[str, Any], versions: dict[str, str]) -> str:
    """Return every field of the recipe, and the versions."""
    lines = [f"{key} = {value}" for key, value in {**recipe, **versions}.items()]
    text = escape("\n".join(lines))
    return f"<h2>Settings</h2><details><summary>All of them</summary><pre>{text}</pre></details>"
