"""The runner: its figures, what it keeps, and what it does with pictures that cannot be measured."""

import csv
import json
import math
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from keras_sr.errors import DataError
from keras_sr.evaluation import harness as module
from keras_sr.evaluation.candidates import (
    Candidate,
    bicubic_candidate,
    picture_candidate,
    truth_candidate,
)
from keras_sr.evaluation.columns import DEFAULT_METRICS, MEASURES, choose
from keras_sr.evaluation.harness import Dataset, load_picture, measure
from keras_sr.evaluation.kept import KeptSettings
from keras_sr.evaluation.protocol import PROTOCOLS, Protocol
from keras_sr.evaluation.report.tables import table, write_csv, write_json
from keras_sr.evaluation.results import Failure
from keras_sr.evaluation.score import bicubic, score
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.images.plain import read_rgb, write_plain
from keras_sr.images.resize import imresize
from keras_sr.metrics import color_drift, lr_consistency, psnr, sharpness

RNG = np.random.default_rng(0)
#: Metrics that need no weights and no 161 pixels.
QUICK = ("psnr", "ssim", "lr_psnr", "drift_y", "drift_cb", "drift_cr", "sharpness")


def photo(height, width, channels=3):
    small = RNG.integers(0, 256, (height // 8 + 1, width // 8 + 1, channels), np.uint8)
    return imresize(small, size=(height, width))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "mine"
    for name, size in {"a": (50, 71), "b": (49, 64), "c": (48, 48)}.items():
        write_plain(folder / f"{name}.png", photo(*size))
    return Dataset("mine", folder, tuple(find_pairs(folder, 4)))


def benchmark(*arguments, **options):
    return measure(*arguments, **options).as_json()


def settings(**changes):
    return KeptSettings(**{"scale": 4, "protocol": PROTOCOLS["paper"], "metrics": QUICK, **changes})


def candidate(enlarge, name="net"):
    return Candidate(name, "network", lambda pair, lr: enlarge(lr), scale=4, sha256=name)


def nearest(lr):
    return lr.repeat(4, 0).repeat(4, 1)


def test_figures_are_those_of_the_metrics(data, tmp_path):
    results = benchmark(
        [bicubic_candidate(4), candidate(nearest), truth_candidate()], [data], settings(), tmp_path
    )
    scores = score(bicubic(4), data.pairs, 4)
    one = results["sets"][0]
    assert [row["model"] for row in one["rows"]] == ["bicubic", "net", "HR"]
    assert one["rows"][0]["mean"]["psnr"] == scores.psnr
    assert one["rows"][0]["mean"]["ssim"] == scores.ssim
    for image, pair in zip(one["rows"][1]["images"], data.pairs, strict=True):
        hr = read_rgb(pair.hr)
        hr = hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4]
        lr = imresize(hr, 0.25)
        assert image["psnr"] == psnr(nearest(lr), hr, crop_border=4)
        assert image["lr_psnr"] == lr_consistency(nearest(lr), lr)
        shift = [image["drift_y"], image["drift_cb"], image["drift_cr"]]
        assert shift == list(color_drift(nearest(lr), hr, crop_border=4))
        assert image["seconds"] > 0
    truth = one["rows"][2]
    assert truth["mean"]["psnr"] is None
    assert truth["images"][2]["sharpness"] == sharpness(read_rgb(data.pairs[2].hr), crop_border=4)
    assert truth["gaps"] == {}
    assert (one["known"], one["anchor"], one["lr"]) == (False, None, "made")
    assert one["notes"][0] == "a: HR cropped from 71x50 to 68x48, a multiple of 4"


def test_the_manifest_says_what_figures_depend_on(data, tmp_path):
    results = benchmark([bicubic_candidate(4)], [data], settings(seed=5), tmp_path, command="c", threads=1)
    assert results["protocol"]["crop_border"] == 4
    assert results["machine"]["threads"] == 1
    assert results["machine"]["versions"]["numpy"] == np.__version__
    assert results["seed"] == 5
    assert len(results["sets"][0]["sha256"]) == 64
    assert {metric["key"] for metric in results["metrics"]} == set(QUICK)
    assert all(metric["source"] for metric in results["metrics"])
    other = module.data_hash(data.pairs[:2])
    assert results["sets"][0]["sha256"] != other


def test_a_picture_is_measured_once(data, tmp_path):
    calls = []

    def enlarge(lr):
        calls.append(lr.shape)
        return nearest(lr)

    run = [bicubic_candidate(4), candidate(enlarge)]
    first = benchmark(run, [data], settings(), tmp_path)
    again = benchmark(run, [data], settings(), tmp_path)
    assert len(calls) == 3
    assert again["sets"] == first["sets"]
    # Another protocol, another network and other pictures are measured anew.
    benchmark(run, [data], settings(protocol=PROTOCOLS["rgb"]), tmp_path)
    assert len(calls) == 6
    benchmark(
        [run[0], Candidate("net", "network", run[1].enlarge, sha256="new")], [data], settings(), tmp_path
    )
    assert len(calls) == 9
    write_plain(data.pairs[0].hr, photo(50, 71))
    benchmark(
        [run[0], Candidate("net", "network", run[1].enlarge, sha256="new")], [data], settings(), tmp_path
    )
    assert len(calls) == 10


def test_a_stopped_run_goes_on(data, tmp_path):
    calls = []

    def enlarge(lr):
        calls.append(lr.shape)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return nearest(lr)

    run = [bicubic_candidate(4), candidate(enlarge)]
    with pytest.raises(KeyboardInterrupt):
        benchmark(run, [data], settings(), tmp_path)
    results = benchmark(run, [data], settings(), tmp_path)
    assert results["sets"][0]["rows"][1]["measured"] == 3
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda lr: np.full((lr.shape[0] * 4, lr.shape[1] * 4, 3), np.nan), "NaN or infinity"),
        (lambda lr: lr, "expected"),
        (lambda lr: 1 / 0, "ZeroDivisionError"),
        (lambda lr: nearest(lr).astype(np.float32), "expected [0, 1]"),
    ],
)
def test_a_failed_picture_is_no_silent_mean(data, tmp_path, broken, said, caplog):
    def sometimes(lr):
        return broken(lr) if lr.shape[1] == 16 else nearest(lr)

    results = benchmark([bicubic_candidate(4), candidate(sometimes)], [data], settings(), tmp_path)
    lines = caplog.messages
    row = results["sets"][0]["rows"][1]
    assert (row["measured"], row["total"]) == (2, 3)
    assert [failure["picture"] for failure in row["failures"]] == ["b"]
    assert said in row["failures"][0]["reason"]
    assert row["verdict"] == {"state": "none", "text": "2 of 3 pictures: not comparable"}
    assert len(lines) == 1
    assert lines[0].startswith("mine, net: b was not measured: ")
    assert "net (2 of 3)" in table(results["sets"][0], results)


def test_unreadable_and_ill_sized_files_are_named(tmp_path):
    folder = tmp_path / "set"
    for name in ("good", "odd", "broken"):
        write_plain(folder / "HR" / f"{name}.png", photo(48, 64))
        write_plain(folder / "LR" / f"{name}.png", photo(12, 16))
    write_plain(folder / "LR" / "odd.png", photo(12, 17))
    (folder / "HR" / "broken.png").write_bytes(b"no picture")
    data = Dataset("set", folder, tuple(find_pairs(folder, 4)))
    results = benchmark([bicubic_candidate(4)], [data], settings(), tmp_path / "out")
    reasons = {failure["picture"]: failure["reason"] for failure in results["sets"][0]["rows"][0]["failures"]}
    assert "broken.png" in reasons["broken"]
    assert "odd.png has 17x12 pixels: expected 16x12" in reasons["odd"]


def test_grey_pictures_in_a_colour_set_are_measured_and_said(tmp_path):
    folder = tmp_path / "set"
    write_plain(folder / "grey.png", photo(48, 64, 1))
    data = Dataset("set", folder, tuple(find_pairs(folder, 4)))
    results = benchmark([bicubic_candidate(4)], [data], settings(), tmp_path / "out")
    assert results["sets"][0]["rows"][0]["measured"] == 1
    assert "grey: a grey picture, measured as R = G = B" in results["sets"][0]["notes"]


def test_pictures_of_another_tool(data, tmp_path):
    folder = tmp_path / "sr"
    for pair in data.pairs:
        hr = read_rgb(pair.hr)
        # This tool did not crop to a multiple of the scale; the benchmark does.
        write_plain(folder / f"{pair.name}_out.png", np.clip(hr.astype(int) + 3, 0, 255).astype(np.uint8))
    run = [bicubic_candidate(4), picture_candidate("tool", folder)]
    results = benchmark(run, [data], settings(), tmp_path / "out")
    row = results["sets"][0]["rows"][1]
    assert row["measured"] == 3
    assert row["seconds"] is None
    assert row["mean"]["drift_y"] == pytest.approx(3 * 219 / 255, abs=0.05)
    # Other pictures of the same name are noticed.
    write_plain(folder / "a_out.png", photo(50, 71))
    changed = benchmark(run, [data], settings(), tmp_path / "out")["sets"][0]["rows"][1]
    assert changed["images"][0]["psnr"] < row["images"][0]["psnr"]
    (folder / "b_out.png").unlink()
    write_plain(folder / "c_out.png", photo(44, 48))
    run[1] = picture_candidate("tool", folder)
    failures = benchmark(run, [data], settings(), tmp_path / "out")["sets"][0]["rows"][1]["failures"]
    assert "found none" in failures[0]["reason"]
    assert "48x44 pixels: expected 48x48" in failures[1]["reason"]
    # What the runs before kept of them is gone: the report must not show it.
    show = load_picture(tmp_path / "out", [data], 4)
    assert [show("mine", name, "tool") is None for name in "abc"] == [False, True, True]


def test_deep_pictures_are_measured_in_8_bits_and_that_is_said(data, tmp_path):
    (tmp_path / "sr").mkdir()
    for pair in data.pairs:
        deep = read_rgb(pair.hr).astype(np.uint16) * 257
        cv2.imwrite(str(tmp_path / "sr" / f"{pair.name}.png"), deep[..., ::-1])
    run = [bicubic_candidate(4), picture_candidate("tool", tmp_path / "sr")]
    one = benchmark(run, [data], settings(), tmp_path / "out")["sets"][0]
    assert "tool, a: 16 bits a channel (scaled to 8) not measured" in one["notes"]


def test_a_garbled_record_is_made_again(data, tmp_path):
    first = benchmark([bicubic_candidate(4)], [data], settings(), tmp_path)
    (tmp_path / "pictures" / "mine" / "bicubic" / "a.json").write_text("[")
    again = benchmark([bicubic_candidate(4)], [data], settings(), tmp_path)
    assert again["sets"][0]["rows"][0]["mean"] == first["sets"][0]["rows"][0]["mean"]
    assert again["sets"][0]["rows"][0]["failures"] == []


def test_seconds_are_those_of_this_many_threads(data, tmp_path):
    calls = []

    def enlarge(lr):
        calls.append(1)
        return nearest(lr)

    for threads in (1, 2, 2):
        benchmark([bicubic_candidate(4), candidate(enlarge)], [data], settings(), tmp_path, threads=threads)
    assert len(calls) == 6


def test_equal_pictures_have_no_mean_and_that_is_said(data, tmp_path):
    shutil.copytree(data.folder, tmp_path / "copy")
    run = [bicubic_candidate(4), picture_candidate("copy", tmp_path / "copy")]
    results = benchmark(run, [data], settings(), tmp_path / "out")
    row = results["sets"][0]["rows"][1]
    assert row["mean"]["psnr"] is None
    assert row["mean"]["ssim"] == pytest.approx(1)
    assert row["gaps"]["psnr"] == ["a", "b", "c"]
    assert "copy has no mean of psnr" in table(results["sets"][0], results)
    json.dumps(results, allow_nan=False)


def test_a_metric_that_needs_larger_pictures_is_left_out(data, tmp_path):
    results = benchmark([bicubic_candidate(4)], [data], settings(metrics=("psnr", "ms_ssim")), tmp_path)
    row = results["sets"][0]["rows"][0]
    assert row["mean"]["ms_ssim"] is None
    assert row["gaps"] == {"ms_ssim": ["a", "b", "c"]}
    assert row["mean"]["psnr"] > 0


@pytest.mark.shared
def test_a_known_set_is_checked_before_any_network_runs(shared_data, tmp_path):
    folder = shared_data / "benchmark" / "Set5"
    pairs = find_pairs(folder, 4)

    def never(lr):
        raise AssertionError("a network ran on a set that is not right")

    wrong = Dataset("Set5", folder, tuple(pairs[:4]))
    with pytest.raises(DataError, match=r"bicubic gives .* expected 28.4\d: Set5 has 5 pictures, here are 4"):
        benchmark([bicubic_candidate(4), candidate(never)], [wrong], settings(), tmp_path)
    results = benchmark([bicubic_candidate(4)], [wrong], settings(anchored=False), tmp_path)
    assert not results["sets"][0]["known"]
    assert "NOT the 28.4" in table(results["sets"][0], results)
    right = Dataset("Set5", folder, tuple(pairs))
    results = benchmark([bicubic_candidate(4)], [right], settings(), tmp_path)
    assert results["sets"][0]["known"]
    assert results["sets"][0]["anchor"]["measured"] == pytest.approx(28.4302, abs=1e-4)
    assert "bicubic 28.43 dB as it must be" in table(results["sets"][0], results)
    assert "SRResNet " in table(results["sets"][0], results)


@pytest.mark.shared
@pytest.mark.parametrize(
    "changes",
    [{"metrics": ("ssim",)}, {"protocol": Protocol("custom", shave=0)}],
    ids=["metrics", "protocol"],
)
def test_the_anchor_holds_whatever_is_measured(shared_data, tmp_path, changes):
    folder = shared_data / "benchmark" / "Set5"
    pairs = find_pairs(folder, 4)
    right = Dataset("set5", folder, tuple(pairs))
    one = benchmark([bicubic_candidate(4)], [right], settings(**changes), tmp_path)["sets"][0]
    assert one["known"]
    assert one["anchor"]["measured"] == pytest.approx(28.4302, abs=1e-4)
    wrong = Dataset("set5", folder, tuple(pairs[:4]))
    with pytest.raises(DataError, match="Set5 has 5 pictures, here are 4"):
        benchmark([bicubic_candidate(4)], [wrong], settings(**changes), tmp_path)


@pytest.mark.shared
def test_a_known_set_with_a_broken_picture_is_refused(shared_data, tmp_path):
    folder = tmp_path / "Set5"
    shutil.copytree(shared_data / "benchmark" / "Set5", folder)
    pairs = find_pairs(folder, 4)
    data = Dataset("Set5", folder, tuple(pairs))
    pairs[0].hr.write_bytes(pairs[0].hr.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"of Set5 cannot be measured \(cannot read .*anchor=False"):
        benchmark([bicubic_candidate(4)], [data], settings(), tmp_path / "out")
    results = benchmark([bicubic_candidate(4)], [data], settings(anchored=False), tmp_path / "out")
    assert not results["sets"][0]["known"]
    assert "not checked: not all of its pictures can be measured" in table(results["sets"][0], results)


def test_files(data, tmp_path):
    results = benchmark([bicubic_candidate(4), candidate(nearest)], [data], settings(), tmp_path)
    write_json(tmp_path / "results.json", results)
    assert json.loads((tmp_path / "results.json").read_text("utf-8")) == results
    write_csv(tmp_path / "per_image.csv", results)
    rows = list(csv.DictReader((tmp_path / "per_image.csv").read_text("utf-8").splitlines()))
    assert [(row["model"], row["row"]) for row in rows] == [
        (model, kind) for model in ("bicubic", "net") for kind in ("picture",) * 3 + ("mean", "low", "high")
    ]
    values = [float(row["psnr"]) for row in rows[:3]]
    mean, low, high = (float(row["psnr"]) for row in rows[3:6])
    assert mean == pytest.approx(math.fsum(values) / 3)
    assert min(values) <= low < mean < high <= max(values)


def test_what_the_report_is_given(data, tmp_path):
    benchmark([bicubic_candidate(4)], [data], settings(), tmp_path)
    show = load_picture(tmp_path, [data], 4)
    assert show("mine", "a", "HR").shape == (48, 68, 3)
    assert show("mine", "a", "LR").shape == (12, 17, 3)
    np.testing.assert_array_equal(show("mine", "a", "bicubic"), imresize(show("mine", "a", "LR"), 4))
    assert show("mine", "a", "absent") is None
    assert show("mine", "absent", "HR") is None


# --- columns


def test_columns_are_chosen_by_name(monkeypatch, tmp_path):
    assert choose(["psnr", "ssim"]) == (("psnr", "ssim"), [])
    with pytest.raises(DataError, match="unknown metric 'vif': the known ones are psnr, ssim, ms_ssim"):
        choose(["vif"])
    monkeypatch.setenv("KERAS_SR_LPIPS_ALEX", str(tmp_path / "absent"))
    monkeypatch.setenv("KERAS_SR_NIQE", str(tmp_path / "absent"))
    keys, missing = choose(None)
    absent = ("lpips_alex", "niqe")
    assert keys == tuple(key for key in DEFAULT_METRICS if MEASURES[key].weights not in absent)
    assert [line.partition(":")[0] for line in missing] == ["no LPIPS", "no NIQE"]
    assert {"lpips_vgg", "dists"} <= MEASURES.keys() - set(DEFAULT_METRICS)


def test_no_place_of_this_machine_is_in_the_results(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = f"keras-sr benchmark theirs={tmp_path} --data='{data.folder}' --out /elsewhere/out"
    measured = measure([bicubic_candidate(4)], [data], settings(), tmp_path / "out", command=command)
    failure = Failure("a.png", f"expected one picture in {tmp_path}/my own for a.png, found 0")
    row = replace(measured.sets[0].rows[0], failures=(failure,))
    model = {**measured.models[0], "file": str(tmp_path / "runs" / "net.onnx")}
    whole = replace(measured, models=(model,), sets=(replace(measured.sets[0], rows=(row,)),)).as_json()
    text = json.dumps(whole)
    assert str(tmp_path) not in text
    assert "elsewhere/out" not in text
    assert whole["models"][0]["file"] == "runs/net.onnx"
    assert whole["sets"][0]["folder"] == "mine"
    assert whole["sets"][0]["rows"][0]["failures"][0]["reason"].endswith("my own for a.png, found 0")
    assert whole["command"].startswith("keras-sr benchmark theirs=")
