"""The page, from the values of `results.json` and a function that has the pictures."""

from collections.abc import Callable
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from keras_sr.evaluation.report.crops import data_uri, difference_map, place
from keras_sr.evaluation.report.plots import Point, bars, scatter
from keras_sr.files import atomic_write
from keras_sr.types import Json

#: (set, picture, who) to uint8 (H, W, 3) or None; who is LR, HR or a model.
Load = Callable[[str, str, str], np.ndarray | None]

_ARROWS = {True: " ↑", False: " ↓", None: ""}

#: Pictures whose crops are shown, a set.
_SHOWN = 3


def write_report(path: str | Path, results: Json, load: Load) -> None:
    """Write the report: one HTML file that needs no other and asks no server.

    Args:
        path: The file; whole or absent.
        results: As `benchmark` returns them.
        load: Gives the pictures that crops are cut from.
    """
    with atomic_write(path, "w") as file:
        file.write(_page(results, load))


def _page(results: Json, load: Load) -> str:
    """Return the page as text."""
    names = ", ".join(data["name"] for data in results["sets"])
    title = f"{names} ×{results['protocol']['scale']}"
    parts = [
        f"<h1>Super-resolution benchmark: {escape(title)}</h1>",
        f"<p class='soft'>{escape(_in_words(results))}</p>",
        *(_section(data, results, load) for data in results["sets"]),
        _how_measured(results),
    ]
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)} – keras-sr benchmark</title><style>{_part('style.css')}</style></head>\n"
        f"<body>{''.join(parts)}<script>{_part('page.js')}</script></body></html>\n"
    )


def _part(name: str) -> str:
    """Return a file that lies beside this one."""
    return (files("keras_sr.evaluation.report") / name).read_text("utf-8")


def _in_words(results: Json) -> str:
    """Return the protocol as sentences."""
    protocol = results["protocol"]
    what = "the three channels of RGB" if protocol["channel"] == "rgb" else "Y of BT.601 (luma, 16 to 235)"
    rounded = ", rounded to whole levels" if protocol["round_y"] else ""
    ensemble = (
        " Networks average over eight turned copies of each picture." if protocol["self_ensemble"] else ""
    )
    return (
        f"Protocol “{protocol['name']}”: PSNR and SSIM on {what}{rounded}, {protocol['crop_border']} pixels "
        f"shaved off every side, each picture by itself, then the mean. Figures of other protocols do "
        f"not compare. In small: the 95 % interval of the mean over pictures.{ensemble}"
    )


def _section(data: Json, results: Json, load: Load) -> str:
    """Return the part of the page that belongs to a set."""
    parts = [f"<h2>{escape(data['name'])}</h2>", _anchor_line(data)]
    parts += [_alarm(row) for row in data["rows"] if row["failures"]]
    parts += [
        _table(data, results),
        _notes(data),
        _plot(data, results),
        _gains(data),
        _crops(data, results, load),
    ]
    return f"<section>{''.join(parts)}</section>"


def _anchor_line(data: Json) -> str:
    """Return whether bicubic is where it has to be."""
    count = f"{data['pictures']} pictures, LR {escape(data['lr'])}."
    if not data["anchor"]:
        return f"<p>{count} <strong>Bicubic is not checked:</strong> {escape(data['unchecked'])}.</p>"
    measured, expected = data["anchor"]["measured"], data["anchor"]["expected"]
    if data["known"]:
        return (
            f"<p class='alarm fine'>{count} Bicubic gives {measured:.3f} dB, as it must on this set "
            f"({expected:.2f}).</p>"
        )
    return (
        f"<p class='alarm'>{count} <strong>Bicubic gives {measured:.3f} dB where this set has "
        f"{expected:.2f}:</strong> nothing below compares with published figures.</p>"
    )


def _alarm(row: Json) -> str:
    """Return what failed, where it cannot be overlooked."""
    items = "".join(
        f"<li><code>{escape(one['picture'])}</code>: {escape(one['reason'])}</li>" for one in row["failures"]
    )
    return (
        f"<div class='alarm'><strong>{escape(row['model'])}: {row['measured']} of {row['total']} "
        f"pictures.</strong> Its mean is not over the whole set.<ul>{items}</ul></div>"
    )


def _table(data: Json, results: Json) -> str:
    """Return the table of a set: our rows, then published ones."""
    metrics = results["metrics"]
    best = {metric["key"]: _best_value(data["rows"], metric) for metric in metrics}
    heads = [("model", "")]
    heads += [(metric["title"] + _ARROWS[metric["higher_is_better"]], metric["unit"]) for metric in metrics]
    heads += [("time", "s a picture"), ("memory", "MB, peak")]
    head = "".join(
        f"<th scope='col'><button type='button'>{escape(title)}</button><small>{escape(unit)}</small></th>"
        for title, unit in heads
    )
    sources = list(dict.fromkeys(_source_of(row) for row in data["published"]))
    body = "".join(_our_row(row, metrics, best) for row in data["rows"])
    body += "".join(
        _published_row(row, metrics, sources.index(_source_of(row)) + 1) for row in data["published"]
    )
    hint = "A heading sorts by its column."
    if sources:
        hint += " Grey rows are published figures, their sources below."
    listed = "".join(f"<li>{escape(source)}</li>" for source in sources)
    below = f"<details class='note'><summary>Sources</summary><ol>{listed}</ol></details>" if sources else ""
    name = _attribute(f"Table of {data['name']}")
    return (
        f"<p class='note'>{hint} "
        "<span class='sideways' hidden>It scrolls sideways: more columns to the right.</span></p>"
        f"<div class='scroll' tabindex='0' role='region' aria-label='{name}'>"
        f"<table class='sortable'><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{below}"
    )


def _source_of(row: Json) -> str:
    """Return where a published row stands, and what to know about it."""
    return f"{row['source']}; {row['note']}" if row["note"] else row["source"]


def _attribute(text: str) -> str:
    """Return text for an attribute in quotes."""
    return escape(text, quote=True)


def _best_value(rows: list[Json], metric: Json) -> float | None:
    """Return the best mean of our complete rows; None where there is no better."""
    values = [row["mean"].get(metric["key"]) for row in rows if row["model"] != "HR" and not row["failures"]]
    known = [value for value in values if value is not None]
    if metric["higher_is_better"] is None or len(known) < 2:
        return None
    return max(known) if metric["higher_is_better"] else min(known)


def _our_row(row: Json, metrics: list[Json], best: Json) -> str:
    """Return a row that was measured here."""
    cells: list[str] = []
    for metric in metrics:
        key, digits = metric["key"], metric["digits"]
        value = row["mean"].get(key)
        marked = " class='best'" if value is not None and value == best[key] else ""
        interval = ""
        if row["low"].get(key) is not None:
            interval = (
                f"<small>{_number(row['low'][key], digits)} … {_number(row['high'][key], digits)}</small>"
            )
        text = _number(value, digits)
        cells.append(f"<td data-value='{'' if value is None else value}'{marked}>{text}{interval}</td>")
    verdict = row["verdict"]
    said = f"<small class='{_attribute(verdict['state'])}'>{escape(verdict['text'])}</small>"
    return (
        f"<tr><th scope='row' data-value='{_attribute(row['model'])}'>{escape(row['model'])}{said}</th>"
        f"{''.join(cells)}{plain(row['seconds'], 3)}{plain(row['peak_mb'], 0)}</tr>"
    )


def _published_row(row: Json, metrics: list[Json], source: int) -> str:
    """Return somebody else's row."""
    cells: list[str] = []
    for metric in metrics:
        value = row.get(metric["key"])
        star = "*" if value is not None and metric["key"] == "ssim" and not row["usual_ssim"] else ""
        shown = "" if value is None else _number(value, metric["digits"]) + star
        cells.append(f"<td data-value='{'' if value is None else value}'>{shown}</td>")
    empty = "<td data-value=''></td>"
    return (
        f"<tr class='published'><th scope='row' data-value='{_attribute(row['method'])}'>"
        f"{escape(row['method'])}<sup>{source}</sup></th>{''.join(cells)}{empty}{empty}</tr>"
    )


def _number(value: float | None, digits: int) -> str:
    """Return a number as tables show it; a dash for None."""
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def plain(value: float | None, digits: int) -> str:
    """Return a cell with a number."""
    return f"<td data-value='{'' if value is None else value}'>{_number(value, digits)}</td>"


def _notes(data: Json) -> str:
    """Return what is to be known about a set's pictures."""
    lines = list(data["notes"])
    lines += [
        f"{row['model']} has no mean of {key}: none can be taken of {', '.join(names[:3])}"
        for row in data["rows"]
        for key, names in row.get("gaps", {}).items()
    ]
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    summary = f"{len(lines)} notes on the pictures"
    return f"<details class='note'><summary>{summary}</summary><ul>{items}</ul></details>"


def _plot(data: Json, results: Json) -> str:
    """Return the perception-distortion plot (Blau and Michaeli, CVPR 2018), where there are two points."""
    keys = [metric["key"] for metric in results["metrics"]]
    y = next((key for key in ("lpips", "niqe") if key in keys), None)
    if "psnr" not in keys or y is None:
        return ""
    found = [(row["model"], row["mean"].get("psnr"), row["mean"].get(y), True) for row in data["rows"]]
    found += [(row["method"], row["psnr"], row.get(y), False) for row in data["published"]]
    points = [Point(name, a, b, ours) for name, a, b, ours in found if a is not None and b is not None]
    if len(points) < 2:
        return ""
    titles = {metric["key"]: metric["title"] for metric in results["metrics"]}
    return (
        "<h3>Perception against distortion</h3>"
        "<p class='note'>To the right: nearer to the truth, pixel by pixel. "
        f"Below: nearer to what people take for real.</p>{scatter(points, 'PSNR in dB', titles[y])}"
    )


def _gains(data: Json) -> str:
    """Return what each model gains over bicubic, picture by picture."""
    base = {image["name"]: image.get("psnr") for image in data["rows"][0]["images"]}
    blocks: list[str] = []
    for row in data["rows"][1:]:
        values = [
            (image["name"], image["psnr"] - base[image["name"]])
            for image in row["images"]
            if image.get("psnr") is not None and base.get(image["name"]) is not None
        ]
        if values:
            blocks.append(
                f"<div><h3>{escape(row['model'])}: PSNR over bicubic</h3>{bars(values, 'dB')}</div>"
            )
    return f"<div class='columns'>{''.join(blocks)}</div>" if blocks else ""


def _crops(data: Json, results: Json, load: Load) -> str:
    """Return crops of the pictures on which the models differ most, at the place where they do."""
    scale, border = results["protocol"]["scale"], results["protocol"]["crop_border"]
    models = [row["model"] for row in data["rows"] if row["model"] != "HR"]
    networks = [name for name in models if name != "bicubic"]
    # With one network alone, it and bicubic are what differs.
    rivals = networks if len(networks) > 1 else models
    if len(rivals) < 2:
        return ""
    ranked: list[tuple[float, str, int, int, int]] = []
    for image in data["rows"][0]["images"]:
        pictures = [load(data["name"], image["name"], who) for who in rivals]
        there = [picture for picture in pictures if picture is not None]
        if len(there) < 2 or len({picture.shape for picture in there}) > 1:
            continue
        apart = difference_map(there)
        top, left, side = place(apart, border, scale)
        ranked.append(
            (float(apart[top : top + side, left : left + side].mean()), image["name"], top, left, side)
        )
    ranked.sort(key=lambda entry: (-entry[0], entry[1]))
    blocks = [
        _crop_row(data, results, load, models, name, (top, left, side))
        for _, name, top, left, side in ranked[:_SHOWN]
    ]
    return f"<h3>Where they differ most</h3>{''.join(blocks)}" if blocks else ""


def _crop_row(
    data: Json, results: Json, load: Load, models: list[str], name: str, square: tuple[int, int, int]
) -> str:
    """Return LR | bicubic | models | HR of one place."""
    top, left, side = square
    scale = results["protocol"]["scale"]
    figures: list[str] = []
    for who in ("LR", *models, "HR"):
        picture = load(data["name"], name, who)
        if picture is None:
            continue
        if who == "LR":
            # Each LR pixel as a square of its own: at the same magnification as the others.
            cut = picture[top // scale : (top + side) // scale, left // scale : (left + side) // scale]
            cut = cut.repeat(scale, 0).repeat(scale, 1)
        else:
            cut = picture[top : top + side, left : left + side]
        said = escape(_figures_of(data, results, who, name))
        shown = escape(who)
        figures.append(
            f"<figure><img src='{data_uri(np.ascontiguousarray(cut))}' width='{side}' height='{side}' "
            f"alt='{_attribute(f'{name}, {who}')}'>"
            f"<figcaption><strong>{shown}</strong>{said}</figcaption></figure>"
        )
    where = f"{escape(name)}, {side}×{side} pixels at ({left}, {top})"
    return f"<p class='note'>{where}</p><div class='crops'>{''.join(figures)}</div>"


def _figures_of(data: Json, results: Json, who: str, name: str) -> str:
    """Return PSNR and LPIPS of a whole picture, for the caption of its crop."""
    row = next((row for row in data["rows"] if row["model"] == who), None)
    image = next((image for image in row["images"] if image["name"] == name), None) if row else None
    if image is None:
        return ""
    texts: list[str] = []
    for metric in results["metrics"]:
        if metric["key"] in ("psnr", "lpips") and image.get(metric["key"]) is not None:
            value = f"{image[metric['key']]:.{metric['digits']}f}"
            texts.append(f"{value} {metric['unit']}" if metric["unit"] else f"{metric['title']} {value}")
    return ", ".join(texts)


def _how_measured(results: Json) -> str:
    """Return all that the figures depend on."""
    protocol, machine = results["protocol"], results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    facts = [
        ("command", f"<code>{escape(results['command'])}</code>"),
        ("kernel of LR", escape(protocol["kernel"])),
        ("rounding", escape(protocol["rounding"])),
        (
            "machine",
            escape(f"{machine['processor']}, {machine['threads']} threads of {machine['cores']} cores"),
        ),
        ("memory", "the most that the whole process held, every network of this run included"),
        ("software", escape(f"keras-sr {results['keras_sr']}, Python {machine['python']}, {versions}")),
        ("system", escape(machine["platform"])),
        ("seed", f"{results['seed']} (of the intervals)"),
        ("measured", escape(results["made"])),
    ]
    facts += [
        (f"pictures of {data['name']}", f"<code>sha256 {escape(data['sha256'])}</code>")
        for data in results["sets"]
    ]
    for model in results["models"]:
        if model["sha256"]:
            words = f"{model['engine']}, {model['precision']}"
            facts.append((model["name"], f"{escape(words)}, <code>sha256 {escape(model['sha256'])}</code>"))
    facts += [(metric["title"], escape(metric["source"])) for metric in results["metrics"]]
    items = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in facts)
    return f"<section><h2>How it was measured</h2><dl>{items}</dl></section>"
