"""The report: one file that asks no server, with all that was measured in it."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from keras_sr.evaluation.report import write_report
from keras_sr.evaluation.report.crops import SIDE, difference_map, place
from keras_sr.evaluation.report.plots import HEIGHT, LEFT, WIDTH, Point, axis, bars, free_place, scatter

RNG = np.random.default_rng(0)
KEYS = {
    "psnr": ("PSNR", "dB", True, 2),
    "lpips": ("LPIPS", "", False, 3),
    "drift_y": ("drift Y", "levels", None, 2),
}
VOID = {"meta", "img", "br", "line", "circle"}


class Page(HTMLParser):
    """Tags with attributes, text by the innermost tag, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += f" {data}"

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def row(model, values, pictures, failures=()):
    images = [
        {"name": name, **{key: value + i for key, value in values.items()}, "seconds": 0.1, "peak_mb": 99.0}
        for i, name in enumerate(pictures)
    ]
    mean = {key: value + 0.5 for key, value in values.items()}
    return {
        "model": model,
        "measured": len(pictures),
        "total": len(pictures) + len(failures),
        "mean": {key: mean.get(key) for key in KEYS},
        "low": {key: value and value - 1 for key, value in mean.items()},
        "high": {key: value and value + 1 for key, value in mean.items()},
        "seconds": 0.123,
        "peak_mb": 210.0,
        "verdict": {"state": "below", "text": "below SRResNet by 1.12 dB"},
        "failures": list(failures),
        "gaps": {},
        "images": images,
    }


def results(models=("bicubic", "net"), pictures=("img_1", "img_2"), **changes):
    rows = [
        row(name, {"psnr": 28.0 + i, "lpips": 0.3 - i / 10, "drift_y": -0.001}, pictures)
        for i, name in enumerate(models)
    ]
    data = {
        "name": "Set5",
        "folder": "Set5",
        "pictures": len(pictures),
        "known": True,
        "lr": "given",
        "sha256": "ab" * 32,
        "anchor": {"expected": 28.43, "measured": 28.4302, "source": "papers"},
        "notes": ["img_1: HR cropped from 63x64 to 60x64, a multiple of 4"],
        "rows": rows,
        "published": [
            {
                "method": "SRGAN",
                "psnr": 29.4,
                "ssim": 0.8472,
                "lpips": 0.09,
                "source": "the paper",
                "note": "its SSIM",
                "usual_ssim": False,
            }
        ],
    }
    return {
        "keras_sr": "1.2.3",
        "made": "2026-11-24T15:00:00+00:00",
        "command": "keras-sr benchmark net --data Set5",
        "protocol": {
            "name": "paper",
            "channel": "y",
            "round_y": False,
            "crop_border": 4,
            "scale": 4,
            "kernel": "bicubic",
            "rounding": "uint8",
            "self_ensemble": False,
        },
        "metrics": [
            {
                "key": key,
                "title": title,
                "unit": unit,
                "higher_is_better": better,
                "digits": digits,
                "source": f"source of {key}",
            }
            for key, (title, unit, better, digits) in KEYS.items()
        ],
        "machine": {
            "platform": "Linux",
            "processor": "a processor",
            "cores": 2,
            "threads": 2,
            "device": "CPU",
            "python": "3.11",
            "versions": {"numpy": "2"},
        },
        "seed": 0,
        "models": [
            {
                "name": name,
                "kind": "network",
                "file": name,
                "sha256": "cd" * 32,
                "engine": "openvino",
                "precision": "f32",
            }
            for name in models
        ],
        "sets": [{**data, **changes}],
    }


PICTURES = {}


def load(name, picture, who):
    if who not in PICTURES:
        size = (40, 52) if who == "LR" else (160, 208)
        PICTURES[who] = RNG.integers(0, 256, (*size, 3), np.uint8)
    return PICTURES[who]


def written(tmp_path, values, source=load):
    write_report(tmp_path / "report.html", values, source)
    text = (tmp_path / "report.html").read_text("utf-8")
    return text, Page(text)


def test_it_asks_no_server(tmp_path):
    text, page = written(tmp_path, results())
    for tag, attrs in page.tags:
        assert tag not in ("link", "iframe", "object")
        for name in ("src", "href", "srcset", "data"):
            assert attrs.get(name, "data:").startswith(("data:", "#")), (tag, attrs)
    assert not re.search(r"@import|url\(", text)


def test_all_rows_are_there_with_their_values(tmp_path):
    _, page = written(tmp_path, results())
    assert [a["data-value"] for a in page.all("th") if a.get("scope") == "row"] == ["bicubic", "net", "SRGAN"]
    cells = [a.get("data-value") for a in page.all("td")]
    assert cells[:5] == ["28.5", "0.8", "0.499", "0.123", "210.0"]
    for said in (
        "28.50",
        "27.50 … 29.50",
        "below SRResNet by 1.12 dB",
        "29.40",
        "the paper; its SSIM",
        "HR cropped",
    ):
        assert said in page.text
    # The best of each metric that has a better side, and a shift of nearly nothing is no -0.00.
    assert [a["data-value"] for a in page.all("td") if a.get("class") == "best"] == ["29.5", "0.7"]
    assert "-0.00" not in page.text


def test_headings_sort_and_can_be_reached(tmp_path):
    text, page = written(tmp_path, results())
    assert len(page.all("button")) == 1 + len(KEYS) + 2
    assert "aria-sort" in text
    assert {"PSNR ↑", "LPIPS ↓", "drift Y"} <= {
        part.strip() for part in re.findall(r">([^<]+)</button>", text)
    }


@pytest.mark.slow
@pytest.mark.parametrize(("width", "sideways"), [(1280, False), (600, True)])
def test_a_table_fits_a_laptop_and_says_so_where_it_goes_on(tmp_path, width, sideways):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("needs a browser")
    values = results(models=("bicubic", "a network with a name of some length"))
    titles = (
        "PSNR",
        "SSIM",
        "MS-SSIM",
        "LPIPS",
        "NIQE",
        "LR-PSNR",
        "drift Y",
        "drift Cb",
        "drift Cr",
        "sharpness",
    )
    values["metrics"] = [{**values["metrics"][0], "key": one, "title": one} for one in titles]
    for one in values["sets"][0]["rows"]:
        for metric in values["metrics"]:
            one["mean"][metric["key"]] = one["low"][metric["key"]] = one["high"][metric["key"]] = 31.05
    written(tmp_path, values)
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"]
    command = [
        browser,
        *options,
        f"--window-size={width},900",
        "--dump-dom",
        (tmp_path / "report.html").as_uri(),
    ]
    page = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    said = re.findall(r'class="sideways"( hidden="")?>', page)
    assert said == ["" if sideways else ' hidden=""']


def test_names_are_text_and_never_code(tmp_path):
    evil = "<script>alert('x')</script>"
    values = results(models=("bicubic", evil), pictures=("a<b", "c'd\"e"))
    values["command"] = evil
    values["sets"][0]["rows"][1]["failures"] = [{"picture": evil, "reason": evil}]
    text, page = written(tmp_path, values)
    assert "alert(" not in "".join(re.findall(r"<script>.*?</script>", text, re.DOTALL))
    assert len(page.all("script")) == 1
    assert [a["data-value"] for a in page.all("th") if a.get("scope") == "row"][1] == evil
    assert {"a<b, LR", "c'd\"e, HR"} <= {a["alt"] for a in page.all("img")}


def test_failures_cannot_be_overlooked(tmp_path):
    values = results()
    values["sets"][0]["rows"][1] |= {
        "measured": 1,
        "failures": [{"picture": "img_2", "reason": "it is broken"}],
    }
    _, page = written(tmp_path, values)
    assert "1 of 2 pictures" in " ".join(page.text.split())
    assert "Its mean is not over the whole set" in page.text
    assert "it is broken" in page.text
    # And an incomplete mean is nobody's best.
    assert not [a for a in page.all("td") if a.get("class") == "best"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "as it must on this set"),
        (
            {"anchor": None, "known": False, "unchecked": "unknown set"},
            "Bicubic is not checked:",
        ),
        ({"known": False}, "nothing below compares with published figures"),
    ],
)
def test_the_anchor_is_stated(tmp_path, changes, said):
    assert said in written(tmp_path, results(**changes))[1].text


def test_how_it_was_measured_is_there(tmp_path):
    _, page = written(tmp_path, results())
    for said in (
        "keras-sr benchmark net --data Set5",
        "a processor",
        "numpy 2",
        "ab" * 32,
        "cd" * 32,
        "source of lpips",
        "1.2.3",
    ):
        assert said in page.text


def test_crops_stand_side_by_side(tmp_path):
    _, page = written(tmp_path, results(models=("bicubic", "one", "two")))
    assert [a["alt"] for a in page.all("img")] == [
        f"{p}, {w}" for p in ("img_1", "img_2") for w in ("LR", "bicubic", "one", "two", "HR")
    ]
    assert {(a["width"], a["height"]) for a in page.all("img")} == {(str(SIDE), str(SIDE))}


def test_what_is_missing_is_left_out(tmp_path):
    values = results(models=("bicubic",), published=[], anchor=None, unchecked="unknown set", notes=[])
    values["metrics"] = [metric for metric in values["metrics"] if metric["key"] != "lpips"]
    values["sets"][0]["rows"][0]["mean"]["psnr"] = None
    _, page = written(tmp_path, values, source=lambda *_: None)
    assert page.all("img") == page.all("svg") == []
    assert "–" in page.text
    assert "None" not in page.text
    assert "nan" not in page.text.lower()


def test_a_hundred_pictures_and_the_same_page_each_time(tmp_path):
    values = results(pictures=tuple(f"img_{i:03d}" for i in range(100)))
    first, page = written(tmp_path, json.loads(json.dumps(values)))
    assert first == written(tmp_path, values)[0]
    assert len([a for a in page.all("span") if a.get("class") == "bar"]) == 100
    assert len(page.all("img")) == 3 * 4
    assert len(first) < 1_500_000


# --- parts


def test_the_place_is_where_the_difference_is():
    apart = np.zeros((200, 300), np.float32)
    apart[100:110, 211:220] = 5
    top, left, side = place(apart, border=4, multiple=4)
    assert side == SIDE
    assert top % 4 == left % 4 == 0
    assert 4 <= top <= 100 < 110 <= top + side <= 200
    assert 4 <= left <= 211 < 220 <= left + side <= 300


def test_a_small_picture_is_shown_whole():
    assert place(np.ones((16, 23), np.float32), border=4, multiple=4) == (0, 0, 16)


def test_the_difference_is_that_of_the_two_farthest():
    flat = [np.full((4, 4, 3), value, np.uint8) for value in (10, 12, 19)]
    assert (difference_map(flat) == 9).all()


@pytest.mark.parametrize("values", [[28.4, 32.9], [0.075, 0.343], [5.0, 5.0], [-1.0, 3.0], [0.0, 0.0]])
def test_axes_hold_their_values(values):
    ticks = axis(values)
    assert ticks[0] <= min(values) <= max(values) <= ticks[-1]
    assert 2 <= len(ticks) <= 9
    assert len(set(ticks)) == len(ticks)


def test_labels_stay_inside_and_apart():
    points = [Point(f"method {i}", 28 + 0.02 * i, 0.1, i % 2 == 0) for i in range(6)]
    drawing = scatter(points, "PSNR", "LPIPS")
    assert drawing.count("<circle") == 6
    taken = []
    for i in range(6):
        box = free_place(300 + i, 100, 8, taken, [(300 + j, 100) for j in range(6)])
        assert LEFT <= box[0] < box[2] <= WIDTH
        assert 0 <= box[1] < box[3] <= HEIGHT
        for other in taken:
            assert box[2] < other[0] or other[2] < box[0] or box[3] < other[1] or other[3] < box[1]
        taken.append(box)


def test_bars_are_sorted_and_signed():
    drawing = bars([("a", 1.0), ("b", -2.0), ("c", 3.0)], "dB")
    assert re.findall(r'class="value">([^<]+)', drawing) == ["+3.00 dB", "+1.00 dB", "-2.00 dB"]
    assert re.findall(r'<i class="(\w+)"', drawing) == ["more", "more", "less"]
