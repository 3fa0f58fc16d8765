"""What a benchmark writes: results.json, per_image.csv, and the table on the terminal."""

import csv
import io
import json
from pathlib import Path

from keras_sr.files import atomic_write
from keras_sr.types import Json

_ARROWS = {True: "↑", False: "↓", None: ""}


def write_json(path: Path, results: Json) -> None:
    """Write results as JSON, whole or not at all."""
    with atomic_write(path, "w") as file:
        json.dump(results, file, indent=1, allow_nan=False, ensure_ascii=False)
        file.write("\n")


def write_csv(path: Path, results: Json) -> None:
    """Write one line a picture, set and model, and three for the mean: it, and its 95 % interval.

    The column `row` is `picture`, `mean`, `low` or `high`; what could not be measured is empty.
    """
    keys = [metric["key"] for metric in results["metrics"]]
    columns = ["set", "model", "row", "picture", *keys, "seconds", "peak_mb", "lr_made", "failure"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    writer.writeheader()
    for data in results["sets"]:
        for row in data["rows"]:
            base = {"set": data["name"], "model": row["model"]}
            for image in row["images"]:
                values = {key: image[key] for key in (*keys, "seconds", "peak_mb", "lr_made")}
                writer.writerow({**base, "row": "picture", "picture": image["name"], **values})
            for failure in row["failures"]:
                named = {"picture": failure["picture"], "failure": failure["reason"]}
                writer.writerow({**base, "row": "picture", **named})
            for kind in ("mean", "low", "high"):
                writer.writerow({**base, "row": kind, **row[kind]})
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())


def table(data: Json, results: Json) -> str:
    """Return the table of a set as aligned text, published rows below ours."""
    metrics = results["metrics"]
    heads = [
        "",
        *(metric["title"] + _ARROWS[metric["higher_is_better"]] for metric in metrics),
        "s",
        "MB",
        "",
    ]
    lines = [
        [
            row["model"] if not row["failures"] else f"{row['model']} ({row['measured']} of {row['total']})",
            *(_number(row["mean"][metric["key"]], metric["digits"]) for metric in metrics),
            _number(row["seconds"], 3),
            _number(row["peak_mb"], 0),
            row["verdict"]["text"],
        ]
        for row in data["rows"]
    ]
    lines += [
        [
            f"  {published['method']}",
            *(_published_cell(published, metric) for metric in metrics),
            "",
            "",
            "published",
        ]
        for published in data["published"]
    ]
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    text = [
        "  ".join(
            # Names and words to the left, numbers to the right.
            cell.ljust(width) if i in (0, len(heads) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [heads, *lines]
    ]
    notes = [f"  {note}" for note in data["notes"][:5]]
    if len(data["notes"]) > 5:
        notes.append(f"  and {len(data['notes']) - 5} such notes more, in results.json")
    notes += [
        f"  {row['model']} has no mean of {key}: none can be taken of {names[0]} ({len(names)} such), "
        "which is too small or too flat for it, or equal to HR or LR"
        for row in data["rows"]
        for key, names in row["gaps"].items()
    ]
    if any(not line["usual_ssim"] for line in data["published"]):
        notes.append("  * SSIM by another definition")
    return "\n".join([_headline(data, results), *text, *notes])


def _headline(data: Json, results: Json) -> str:
    """Return the line over a table: set, protocol, and whether bicubic is where it has to be."""
    protocol = results["protocol"]
    channel = "RGB" if protocol["channel"] == "rgb" else "Y rounded" if protocol["round_y"] else "Y"
    how = f"{channel}, {protocol['crop_border']} pixels shaved"
    if protocol["self_ensemble"]:
        how += ", self-ensemble"
    if data["anchor"] and data["known"]:
        place = f"bicubic {data['anchor']['measured']:.2f} dB as it must be"
    elif data["anchor"]:
        place = "bicubic {measured:.2f} dB, NOT the {expected:.2f} of this set".format(**data["anchor"])
    else:
        place = data["unchecked"]
    return (
        f"{data['name']} x{protocol['scale']}, protocol {protocol['name']} ({how}), "
        f"{data['pictures']} pictures, LR {data['lr']}; {place}"
    )


def _published_cell(published: Json, metric: Json) -> str:
    """Return a published figure, marked where its definition is another one."""
    text = _number(published.get(metric["key"]), metric["digits"])
    return text + "*" if text and metric["key"] == "ssim" and not published["usual_ssim"] else text


def _number(value: float | None, digits: int) -> str:
    """Return a number as tables print it; nothing for None."""
    # + 0.0: a shift of -0.001 is no -0.00.
    return "" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"
