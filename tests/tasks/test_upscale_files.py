"""Files and folders enlarged from Python: what the command does, without a terminal."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import keras_sr
from keras_sr.errors import KerasSRError, PictureError, Stopped, WeightsError
from keras_sr.tasks.progress import Progress


class Nearest:
    """An engine of one's own: five facts and `run`."""

    name, scale, receptive_field, bytes_per_pixel, frame = "nearest", 2, 1, 100, 0

    def __init__(self):
        self.runs = 0

    def run(self, batch):
        self.runs += 1
        return batch.repeat(2, axis=1).repeat(2, axis=2)


@pytest.fixture
def network(network_file):
    return keras_sr.open_network(network_file, engine="openvino", precision="f32")


def test_a_folder_to_a_folder_with_a_typed_row_for_each_picture(network, photographs, tmp_path):
    rows = list(keras_sr.upscale_files(photographs, tmp_path / "large", network))
    assert [row.status for row in rows] == ["done"] * 3
    assert [row.job.target.name for row in rows] == ["a_x2.png", "b_x2.png", "c_x2.JPG"]
    assert rows[0].size == (32, 24)
    with Image.open(rows[0].job.target) as image:
        assert np.array_equal(np.asarray(image), keras_sr.upscale(photographs / "a.png", network))
    with pytest.raises(AttributeError):
        rows[0].status = "failed"
    assert rows[0].as_json()["target"] == str(rows[0].job.target)


def test_nothing_is_written_before_it_is_asked_for_and_bad_plans_fail_at_once(network, photographs, tmp_path):
    rows = keras_sr.upscale_files(photographs, tmp_path / "large", network)
    assert not (tmp_path / "large").exists()
    next(rows)
    with pytest.raises(PictureError, match="would both become"):
        keras_sr.upscale_files(photographs, tmp_path / "large", network, pattern="same.png")
    with pytest.raises(PictureError, match="overwrite an input") as error:
        keras_sr.upscale_files(photographs / "a.png", photographs / "a.png", network)
    assert "`resume=True`" in error.value.hint
    assert "--" not in str(error.value)


def test_resume_makes_again_only_what_would_differ(network_file, photographs, tmp_path):
    def rows(picture_options=None, **options):
        network = keras_sr.open_network(network_file, engine="openvino", precision="f32", **(options or {}))
        out = keras_sr.upscale_files(
            photographs,
            tmp_path / "large",
            network,
            suffix="",
            extension="png",
            resume=True,
            **(picture_options or {}),
        )
        return [row.status for row in out]

    assert rows() == ["done"] * 3
    assert rows() == ["skipped"] * 3
    (tmp_path / "large" / "b.png").unlink()
    assert rows() == ["skipped", "done", "skipped"]
    assert rows(threads=1) == ["skipped"] * 3
    assert rows(self_ensemble=True) == ["done"] * 3
    assert rows(consistent=True) == ["done"] * 3
    assert rows({"scale": 1.5}) == ["done"] * 3
    # The name of a network is not what it is.
    again = network_file.with_name("other.onnx")
    again.write_bytes(network_file.read_bytes())
    same = keras_sr.open_network(again, engine="openvino", precision="f32")
    options = {"suffix": "", "extension": "png", "resume": True, "scale": 1.5}
    out = keras_sr.upscale_files(photographs, tmp_path / "large", same, **options)
    assert [row.status for row in out] == ["skipped"] * 3


def test_resume_says_what_it_needs_of_an_engine_of_ones_own(photographs, tmp_path):
    with pytest.raises(KerasSRError, match="skip_existing"):
        keras_sr.upscale_files(photographs, tmp_path / "large", Nearest(), resume=True)
    rows = list(keras_sr.upscale_files(photographs, tmp_path / "large", Nearest()))
    assert [row.ok for row in rows] == [True] * 3


def test_progress_grows_to_its_total(network, photographs, tmp_path):
    told: list[Progress] = []
    list(keras_sr.upscale_files(photographs, tmp_path / "large", network, tile=12, progress=told.append))
    assert {(one.what, one.total) for one in told} == {("upscale", 3)}
    done = [one.done for one in told]
    assert done == sorted(done)
    assert len(done) > 3
    assert done[-1] == 3
    assert list(dict.fromkeys(one.now for one in told)) == ["a.png", "b.png", "c.JPG"]


def test_stop_between_tiles_leaves_whole_files_only(photographs, tmp_path):
    engine = Nearest()
    got = []
    with pytest.raises(Stopped):
        got.extend(
            keras_sr.upscale_files(
                photographs, tmp_path / "large", engine, tile=6, stop=lambda: engine.runs >= 20
            )
        )
    assert engine.runs == 20
    assert sorted(path.name for path in (tmp_path / "large").iterdir()) == [
        row.job.target.name for row in got
    ]
    assert 0 < len(got) < 3


def test_stop_ends_one_picture_between_tiles():
    engine, picture = Nearest(), np.zeros((40, 40, 3), np.uint8)
    with pytest.raises(Stopped):
        keras_sr.upscale(picture, engine, tile=10, stop=lambda: engine.runs == 3)
    assert engine.runs == 3


def test_a_report_is_written_even_when_it_is_stopped(network, photographs, tmp_path):
    calls = iter([False, False, True, True, True, True])
    with pytest.raises(Stopped):
        list(
            keras_sr.upscale_files(
                photographs, tmp_path / "large", network, report=tmp_path / "r.json", stop=lambda: next(calls)
            )
        )
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["total"], report["done"], len(report["pictures"])) == (3, 1, 1)


def test_what_lies_beside_a_result_is_in_its_row(network, photographs, tmp_path):
    out = tmp_path / "large"
    rows = list(keras_sr.upscale_files(photographs / "a.png", out, network, compare=True, map=True))
    assert [path.name for path in rows[0].extras] == ["a_x2_compare.png", "a_x2_map.png"]
    row = next(keras_sr.upscale_files(photographs / "a.png", out, network, width=19, map=True))
    assert (row.status, row.ok, row.extras) == ("done", False, ())
    assert "whole number of times" in row.trouble


def test_a_dry_run_plans_and_writes_nothing(network, photographs, tmp_path):
    out = tmp_path / "large"
    list(keras_sr.upscale_files(photographs / "a.png", out, network))
    rows = list(keras_sr.upscale_files(photographs, out, network, dry_run=True, skip_existing=True))
    assert [row.status for row in rows] == ["skipped", "planned", "planned"]
    assert [path.name for path in out.iterdir()] == ["a_x2.png"]


def test_a_broken_picture_is_a_row_and_the_others_are_done(network, photographs, tmp_path):
    (photographs / "b.png").write_bytes(b"no picture")
    rows = list(keras_sr.upscale_files(photographs, tmp_path / "large", network))
    assert [row.status for row in rows] == ["done", "failed", "done"]
    assert "b.png" in rows[1].reason


def test_sizes_are_those_of_the_command(network, run, photographs, tmp_path, network_file):
    larger = keras_sr.upscale(photographs / "a.png", network, width=25)
    options = ["--width", "25", "--engine", "openvino", "--precision", "f32"]
    code, _, err = run(
        "upscale", photographs / "a.png", "-o", tmp_path / "a.png", "-n", network_file, *options
    )
    assert code == 0, err
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(image), larger)


def test_a_picture_that_is_too_large_names_the_parameter(network):
    with pytest.raises(PictureError) as error:
        keras_sr.upscale(np.zeros((4, 4, 3), np.uint8), network, width=2_000_000)
    assert "max_pixels=None" in error.value.hint
    assert "--no-limit" not in str(error.value)


def test_a_size_that_is_no_number_is_one_line():
    # In a process of its own: here beartype would refuse it before it is read.
    code = """
import numpy as np, keras_sr
from keras_sr.errors import PictureError
for size in ({"scale": "2"}, {"width": "90"}, {"height": [4]}, {"scale": float("nan")}):
    try:
        keras_sr.upscale(np.zeros((8, 9), np.uint8), "compact_x2", **size)
    except PictureError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == [
        "scale must be a number above 0, not '2'",
        "width must be a number above 0, not '90'",
        "height must be a number above 0, not [4]",
        "scale must be a number above 0, not nan",
    ], done.stderr


def test_a_network_is_asked_for_by_a_number():
    with pytest.raises(WeightsError, match="scale must be a number, such as 2, not '2'"):
        keras_sr.open_network(scale="2")
