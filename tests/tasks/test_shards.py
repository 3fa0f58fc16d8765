"""A batch cut into parts, on whatever machines: together they make what one run would have made."""

import io
import json
import random
import re
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import keras_sr
from keras_sr.errors import KerasSRError, PictureError
from keras_sr.tasks.batch.report import merge_reports
from keras_sr.tasks.batch.shard import Shard, as_shard


@pytest.fixture
def network(network_file):
    return keras_sr.open_network(network_file, engine="openvino", precision="f32")


@pytest.fixture
def archive(tmp_path):
    """Two folders of pictures: names that meet (a.png, a.jpg), a broken file, and one that is not read."""
    folder = tmp_path / "archive"
    rng = np.random.default_rng(0)
    for name in ("a.png", "a.jpg", "a.jpeg", "ä ö.png", "2024/a.png", "2024/b.tif", "2025/März/c.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (9, 11, 3), np.uint8)).save(folder / name)
    (folder / "2024" / "broken.png").write_bytes(b"no picture")
    (folder / "2024" / "raw.cr2").write_bytes(b"raw")
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def without_seconds(report):
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in report["pictures"]]
    return {**report, "pictures": sorted(rows, key=lambda row: row["source"])}


@pytest.mark.parametrize(
    "text", ["17/16", "0/4", "3", "x/4", "0/0", "3/16/2", "-1/4", "3/", "", "1e9/4", "²/4"]
)
def test_what_is_no_shard_is_one_line(run, archive, tmp_path, text):
    code, out, err = run("upscale", archive, "-o", tmp_path / "large", f"--shard={text}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "shard" in err
    assert not (tmp_path / "large").exists()


def test_parts_are_about_equal_and_each_picture_is_of_one():
    names = [f"2024/{k:05d}.jpg" for k in range(8000)]
    parts = [sum(Shard(k, 16).has(name) for name in names) for k in range(1, 17)]
    assert sum(parts) == 8000
    assert 400 < min(parts) < max(parts) < 600


def test_a_part_is_the_same_on_every_machine():
    """Never the hash of Python, which differs from process to process."""
    digest = sha256(b"2024/cat.jpg").digest()
    assert as_shard("3/16").has("2024/cat.jpg") == (int.from_bytes(digest[:8], "big") % 16 == 2)


@pytest.mark.parametrize("suffix", [None, ""])
def test_all_shards_in_one_folder_make_what_one_run_makes(network, archive, tmp_path, suffix):
    options = {"recursive": True, "extension": "png", "suffix": suffix}
    list(keras_sr.upscale_files(archive, tmp_path / "one", network, report=tmp_path / "one.json", **options))
    reports = []
    for k in random.Random(0).sample(range(1, 17), 16):
        reports.append(tmp_path / f"{k}.json")
        how = {"shard": (k, 16), "report": reports[-1], **options}
        list(keras_sr.upscale_files(archive, tmp_path / "all", network, **how))
    assert contents(tmp_path / "all") == contents(tmp_path / "one")
    assert len(contents(tmp_path / "all")) == 7
    merged, missing = merge_reports(reports, tmp_path / "all.json")
    assert missing == []
    alone = json.loads(
        (tmp_path / "one.json").read_text("utf-8").replace(str(tmp_path / "one"), str(tmp_path / "all"))
    )
    assert without_seconds(merged) == without_seconds(alone)
    assert json.loads((tmp_path / "all.json").read_text("utf-8")) == merged
    # What any shard has made, any run goes on with, whatever its number of shards.
    for how in ({}, {"shard": "2/3"}):
        rows = list(keras_sr.upscale_files(archive, tmp_path / "all", network, resume=True, **how, **options))
        assert {row.status for row in rows} <= {"skipped", "failed"}


def test_shards_of_other_settings_do_not_share_a_folder(network, archive, tmp_path):
    for part in ("1/2", "2/2"):
        list(keras_sr.upscale_files(archive, tmp_path / "all", network, shard=part, recursive=True))
    before = contents(tmp_path / "all")
    with pytest.raises(KerasSRError, match="another network, precision, size or look") as error:
        keras_sr.upscale_files(archive, tmp_path / "all", network, shard="1/2", scale=3, recursive=True)
    assert "\n" not in str(error.value)
    assert contents(tmp_path / "all") == before
    list(keras_sr.upscale_files(archive, tmp_path / "all", network, shard="1/3", recursive=True))


def test_shards_keep_their_results_from_among_the_pictures(network, archive):
    with pytest.raises(PictureError, match="among the pictures"):
        keras_sr.upscale_files(archive, archive, network, shard="1/2", recursive=True)


def test_two_shards_do_not_share_a_report(network, archive, tmp_path):
    report = tmp_path / "report.json"
    list(keras_sr.upscale_files(archive, tmp_path / "all", network, shard="1/2", report=report))
    list(keras_sr.upscale_files(archive, tmp_path / "all", network, shard="1/2", report=report))
    with pytest.raises(KerasSRError, match="report of shard 1/2"):
        keras_sr.upscale_files(archive, tmp_path / "all", network, shard="2/2", report=report)


def test_a_shard_without_pictures_is_no_error(run, archive, network_file, tmp_path):
    one = archive / "a.png"
    empty = next(k for k in range(1, 9) if not Shard(k, 8).has("a.png"))
    report = tmp_path / "r.json"
    arguments = ("-o", tmp_path / "large", "-n", network_file, "--shard", f"{empty}/8", "--report", report)
    code, out, err = run("upscale", one, *arguments)
    assert (code, out) == (0, "")
    assert f"no picture belongs to shard {empty}/8" in err
    assert json.loads(report.read_text())["total"] == 0


def test_a_manifest_names_the_pictures_and_keeps_their_folders(run, archive, network_file, tmp_path):
    lines = [
        "# the list",
        "",
        "a.png\r",
        "2024/a.png",
        str(archive / "2025/März/c.png"),
        "2024/a.png",
        "none.png",
    ]
    manifest = tmp_path / "list.txt"
    manifest.write_bytes(b"\xef\xbb\xbf" + "\n".join([*lines, "../outside.png", "2024/"]).encode())
    report = tmp_path / "report.json"
    arguments = ["-o", tmp_path / "large", "-n", network_file, "--manifest", manifest, "--report", report]
    code, _, err = run("upscale", archive, *arguments)
    assert code == 1
    made = ["2024/a_x2.png", "2024/b_x2.tif", "2025/März/c_x2.png", "a_x2.png"]
    assert sorted(contents(tmp_path / "large")) == made
    rows = json.loads(report.read_text("utf-8"))["pictures"]
    failed = {Path(row["source"]).name: row["reason"] for row in rows if row["status"] == "failed"}
    assert set(failed) == {"none.png", "outside.png", "broken.png", "raw.cr2"}
    assert "is not there" in failed["none.png"]
    assert "not in" in failed["outside.png"]
    assert "4 of 8 pictures failed" in err


@pytest.mark.parametrize("ends", ["\n", "\0"])
def test_a_manifest_comes_through_a_pipe_and_the_current_folder_is_its_place(
    run, archive, network_file, tmp_path, monkeypatch, ends
):
    data = f"./a.png{ends}2024/a.png{ends}".encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    monkeypatch.chdir(archive)
    code, _, _ = run("upscale", "--manifest", "-", "-o", tmp_path / "large", "-n", network_file)
    assert code == 0
    assert sorted(contents(tmp_path / "large")) == ["2024/a_x2.png", "a_x2.png"]


@pytest.mark.parametrize(
    ("content", "said"), [(b"\n# nothing\n", "names no picture"), (None, "cannot read the manifest")]
)
def test_a_manifest_of_nothing_is_one_line(run, archive, tmp_path, content, said):
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    code, out, err = run("upscale", archive, "--manifest", tmp_path / "list.txt", "-o", tmp_path / "large")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_manifest_needs_one_folder(network, archive, tmp_path):
    for inputs in ([archive, archive / "2024"], archive / "a.png"):
        with pytest.raises(KerasSRError, match="its lines are relative to"):
            keras_sr.upscale_files(inputs, tmp_path / "large", network, manifest=["a.png"])


def row(source, status):
    return {"source": source, "target": f"out/{source}", "status": status}


def written(folder, name, rows, total=None, **more):
    report = {"total": len(rows) if total is None else total, "pictures": rows, **more}
    (folder / name).write_text(json.dumps(report), "utf-8")
    return folder / name


def test_what_one_run_has_done_is_done(tmp_path):
    first = written(tmp_path, "1.json", [row("b", "failed"), row("a", "done")], total=3)
    second = written(tmp_path, "2.json", [row("a", "skipped"), row("b", "done"), row("c", "failed")])
    merged, missing = merge_reports([first, second])
    assert [(one["source"], one["status"]) for one in merged["pictures"]] == [
        ("a", "done"),
        ("b", "done"),
        ("c", "failed"),
    ]
    assert (merged["total"], merged["done"], merged["failed"], missing) == (3, 2, 1, [])


def test_a_missing_shard_and_what_was_not_come_to_are_said(run, tmp_path):
    one = written(tmp_path, "1.json", [row("a", "done")], total=4, shard="1/3")
    three = written(tmp_path, "3.json", [row("b", "failed")], shard="3/3")
    code, out, err = run("report", "merge", one, three, "-o", tmp_path / "all.json")
    assert (code, out) == (1, f"{tmp_path / 'all.json'}\n")
    assert "no report of shard 2/3" in err
    assert "3 pictures are left" in err
    assert "1 of 5 pictures failed" in err


@pytest.mark.parametrize("content", ["", "[]", '{"pictures": [1], "total": 1}', '{"pictures": []}', "{}"])
def test_what_is_no_report_is_one_line(run, tmp_path, content):
    (tmp_path / "r.json").write_text(content)
    code, out, err = run("report", "merge", tmp_path / "r.json", "-o", tmp_path / "all.json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is not a report" in err
    assert not (tmp_path / "all.json").exists()


def test_reports_of_different_cuts_are_not_mixed(tmp_path):
    paths = [written(tmp_path, f"{k}.json", [], shard=f"1/{k}") for k in (2, 3)]
    with pytest.raises(KerasSRError, match="cut into 2 and 3 shards"):
        merge_reports(paths)


@pytest.mark.slow
def test_sixteen_shards_in_random_order_killed_again_and_again_make_what_one_run_makes(
    archive, network_file, tmp_path
):
    rng, kills = random.Random(0), 0
    pixels = np.random.default_rng(1)
    for k in range(60):
        Image.fromarray(pixels.integers(0, 255, (90, 90, 3), np.uint8)).save(archive / f"{k:03d}.png")
    command = [
        sys.executable,
        "-m",
        "keras_sr",
        "upscale",
        archive,
        "-r",
        "-n",
        network_file,
        "--threads",
        "1",
    ]
    subprocess.run([*command, "-o", tmp_path / "one"], check=False, capture_output=True)
    waiting = rng.sample(range(1, 17), 16)
    while waiting:
        k = waiting.pop(0)
        report = tmp_path / f"report-{k}.json"
        process = subprocess.Popen(
            [*command, "-o", tmp_path / "all", "--resume", "--shard", f"{k}/16", "--report", report],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if kills < 16 and rng.random() < 0.6:
            assert process.stdout is not None
            process.stdout.readline()  # its first result is there
            time.sleep(rng.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate(timeout=120)
        if process.returncode == -signal.SIGKILL:
            waiting.insert(rng.randrange(len(waiting) + 1), k)
        else:
            assert process.returncode in (0, 1)
    assert kills > 8
    assert contents(tmp_path / "all") == contents(tmp_path / "one")
    assert len(contents(tmp_path / "all")) == 67
    merged, missing = merge_reports(sorted(tmp_path.glob("report-*.json")))
    assert (missing, merged["total"], merged["failed"]) == ([], 69, 2)
    assert not [
        path for path in (tmp_path / "all").rglob(".*") if not re.fullmatch(r"\.keras-sr.*\.jsonl", path.name)
    ]
