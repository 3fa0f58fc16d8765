"""Pictures from a store, results to a store: what is decided and made is what it is with files."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import keras_sr
from keras_sr.errors import KerasSRError, PictureError
from keras_sr.tasks.batch import store as stores
from keras_sr.tasks.batch.address import redacted

fsspec = pytest.importorskip("fsspec")

RNG = np.random.default_rng(0)


def png(folder, name):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 255, (9, 11, 3), np.uint8)).save(path)


@pytest.fixture
def archive(tmp_path):
    for name in ("a.png", "a.jpg", "ä ö.png", "2024/b.tif", "2024/.hidden.png"):
        png(tmp_path / "archive", name)
    (tmp_path / "archive" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "archive" / "raw.cr2").write_bytes(b"raw")
    return tmp_path / "archive"


@pytest.fixture
def memory(archive):
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    for path in archive.rglob("*"):
        if path.is_file():
            files.pipe_file(f"/bucket/in/{path.relative_to(archive).as_posix()}", path.read_bytes())
    yield files
    files.store.clear()


@pytest.fixture
def network(network_file):
    return keras_sr.open_network(network_file, engine="openvino", precision="f32")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(stores, "FIRST_WAIT", 0.001)


def below(files, folder):
    return {
        name.removeprefix(f"{folder}/"): files.cat_file(name)
        for name in files.find(folder)
        if not name.rpartition("/")[2].startswith(".")
    }


def on_disk(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def left_over():
    import tempfile

    return sorted(Path(tempfile.gettempdir()).glob("keras-sr-*"))


def test_from_bucket_to_bucket_is_what_it_is_from_folder_to_folder(network, archive, memory, tmp_path):
    before = left_over()
    options = {"recursive": True, "extension": "png"}
    list(keras_sr.upscale_files(archive, tmp_path / "large", network, **options))
    report = tmp_path / "report.json"
    rows = list(
        keras_sr.upscale_files(
            "memory://bucket/in/", "memory://bucket/out", network, report=report, **options
        )
    )
    assert below(memory, "/bucket/out") == on_disk(tmp_path / "large")
    assert sorted(row.status for row in rows) == ["done"] * 4 + ["failed"] * 2
    told = json.loads(report.read_text("utf-8"))["pictures"]
    assert {row["source"] for row in told} == {
        f"memory://bucket/in/{name}"
        for name in ("a.png", "a.jpg", "ä ö.png", "2024/b.tif", "broken.png", "raw.cr2")
    }
    assert all(row["target"].startswith("memory://bucket/out/") for row in told)
    assert all("keras-sr-" not in json.dumps(row) for row in told)
    assert left_over() == before


def test_one_end_may_be_here(network, archive, memory, tmp_path):
    list(keras_sr.upscale_files(archive, "memory://bucket/out", network))
    list(keras_sr.upscale_files("memory://bucket/in", tmp_path / "large", network))
    assert below(memory, "/bucket/out") == on_disk(tmp_path / "large")
    assert len(on_disk(tmp_path / "large")) == 3
    (row,) = keras_sr.upscale_files("memory://bucket/in/a.png", "memory://bucket/one.png", network)
    assert row.job.place == "memory://bucket/one.png"
    assert memory.cat_file("/bucket/one.png") == (tmp_path / "large" / "a_x2.png").read_bytes()


def test_resume_skip_and_dry_run_know_what_is_there(network, memory):
    def rows(**how):
        out = keras_sr.upscale_files("memory://bucket/in", "memory://bucket/out", network, **how)
        return {row.job.given.rpartition("/")[2]: row.status for row in out if row.status != "failed"}

    assert set(rows(dry_run=True).values()) == {"planned"}
    assert not memory.exists("/bucket/out/a_x2.png")
    assert set(rows(resume=True).values()) == {"done"}
    assert set(rows(resume=True).values()) == set(rows(skip_existing=True).values()) == {"skipped"}
    memory.pipe_file("/bucket/in/a.png", memory.cat_file("/bucket/in/ä ö.png"))
    memory.rm_file("/bucket/out/ä ö_x2.png")
    assert rows(resume=True) == {"a.png": "done", "a.jpg": "skipped", "ä ö.png": "done"}


def test_shards_of_a_bucket_make_what_one_run_makes(network, memory):
    options = {"recursive": True}
    list(keras_sr.upscale_files("memory://bucket/in", "memory://bucket/one", network, **options))
    for part in ("2/3", "3/3", "1/3"):
        list(
            keras_sr.upscale_files(
                "memory://bucket/in", "memory://bucket/all", network, shard=part, **options
            )
        )
    assert below(memory, "/bucket/all") == below(memory, "/bucket/one")
    with pytest.raises(KerasSRError, match="memory://bucket/all has results of a run with another"):
        keras_sr.upscale_files("memory://bucket/in", "memory://bucket/all", network, shard="1/3", scale=3)


def test_a_shard_that_did_nothing_binds_nobody(network, memory, tmp_path, monkeypatch):
    def broken(*arguments):
        raise KerasSRError("no engine today")
        yield

    for output in ("memory://bucket/all", tmp_path / "all"):
        with monkeypatch.context() as patch:
            patch.setattr("keras_sr.tasks.upscale.run_all", broken)
            with pytest.raises(KerasSRError, match="no engine today"):
                list(keras_sr.upscale_files("memory://bucket/in", output, network, shard="1/3"))
        rows = keras_sr.upscale_files("memory://bucket/in", output, network, shard="1/3", scale=3)
        assert {row.status for row in rows} <= {"done", "failed"}


def test_a_manifest_is_of_a_bucket(network, memory):
    lines = ["a.png", "2024/b.tif", "none.png", "../x.png"]
    rows = keras_sr.upscale_files("memory://bucket/in", "memory://bucket/out", network, manifest=lines)
    said = {row.job.given: row.reason for row in rows}
    assert said["memory://bucket/in/none.png"].endswith("it is not there")
    assert "not in memory://bucket/in" in said["memory://bucket/in/x.png"]
    assert sorted(below(memory, "/bucket/out")) == ["2024/b_x2.tif", "a_x2.png"]


def test_a_glob_is_of_a_bucket(network, memory):
    list(keras_sr.upscale_files("memory://bucket/in/*.jpg", "memory://bucket/out", network))
    assert sorted(below(memory, "/bucket/out")) == ["a_x2.jpg"]
    with pytest.raises(KerasSRError, match="nothing matches"):
        keras_sr.upscale_files("memory://bucket/in/*.webp", "memory://bucket/out", network)


def test_sheets_and_maps_go_along(network, memory):
    rows = list(
        keras_sr.upscale_files(
            "memory://bucket/in/a.png", "memory://bucket/out", network, compare=True, map=True
        )
    )
    assert sorted(map(str, rows[0].extras)) == [
        "memory://bucket/out/a_x2_compare.png",
        "memory://bucket/out/a_x2_map.png",
    ]
    assert len(below(memory, "/bucket/out")) == 3


def test_nothing_is_written_over_a_picture_that_is_read(network, memory):
    with pytest.raises(PictureError, match="would overwrite an input") as error:
        keras_sr.upscale_files(
            "memory://bucket/in", "memory://bucket/in", network, suffix="", extension="auto"
        )
    assert "memory://bucket/in" in str(error.value)
    assert "/tmp" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "output", "said"),
    [
        ("nowhere://bucket/in", "large", "unknown kind"),
        ("memory://bucket/in", "nowhere://bucket", "unknown kind"),
        ("memory://none/in", "large", "nothing at memory://none/in, or no such bucket"),
        ("memory://", "large", "names no bucket"),
        ("memory://me:secret@bucket/in", "large", "contains a password"),
        ("az://bucket/in", "large", "needs a package"),
        ("gs://bucket/in", "large", "needs a package"),
    ],
)
def test_what_is_no_place_is_one_line(run, memory, tmp_path, monkeypatch, source, output, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("upscale", source, "-o", output)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert said in err
    assert "secret" not in err
    assert not (tmp_path / "large").exists()


def test_a_report_is_a_file_here(run, memory):
    arguments = ("-o", "memory://bucket/out", "--report", "memory://bucket/r.json")
    code, _, err = run("upscale", "memory://bucket/in", *arguments)
    assert code == 2
    assert "give a file on this machine" in err


def test_a_store_that_errs_in_passing_is_asked_again(network, memory, monkeypatch, impatient):
    """503, a reset, half a file: each of them twice for every file."""
    kind, erred = type(memory), {}

    def erring(name, what):
        good = getattr(kind, name)

        def call(self, *arguments, **options):
            key = name, *map(str, arguments[:1])
            erred[key] = erred.get(key, 0) + 1
            if erred[key] <= 2:
                if what == "half" and name == "get_file":
                    Path(arguments[1]).write_bytes(b"half")
                    return None
                raise what
            return good(self, *arguments, **options)

        monkeypatch.setattr(kind, name, call)

    erring("get_file", "half")
    erring("put_file", ConnectionResetError("reset by peer"))
    erring("find", OSError(16, "SlowDown: 503"))
    rows = list(keras_sr.upscale_files("memory://bucket/in", "memory://bucket/out", network, recursive=True))
    assert [row.status for row in rows].count("done") == 4
    assert any(name == "get_file" and count > 2 for (name, *_), count in erred.items())
    assert sum(name.startswith("/bucket/out/") for name in memory.store) == 4


def test_a_store_that_goes_on_erring_costs_its_pictures_a_line(network, memory, monkeypatch, impatient):
    good = type(memory).put_file

    def put_file(self, local, path, **options):
        if path.endswith("a_x2.png"):
            raise ConnectionResetError("reset by peer, secret_access_key=abc123abc")
        return good(self, local, path, **options)

    monkeypatch.setattr(type(memory), "put_file", put_file)
    rows = list(keras_sr.upscale_files("memory://bucket/in", "memory://bucket/out", network))
    (failed,) = [row for row in rows if row.job.given.endswith("/a.png")]
    assert failed.reason.startswith("cannot write 'memory://bucket/out/a_x2.png': reset by peer")
    assert "abc123" not in failed.reason
    assert sorted(below(memory, "/bucket/out")) == ["a_x2.jpg", "ä ö_x2.png"]


def test_secrets_are_in_no_word(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    text = redacted(
        "GET https://u:p@h/a?X-Amz-Credential=AKIA&X-Amz-Signature=ff&sig=z wJalrXUtnFEMI/K7MDENG"
    )
    assert text == "GET https://...@h/a?X-Amz-Credential=...&X-Amz-Signature=...&sig=... ..."


def test_warnings_speak_of_addresses(network, memory, caplog):
    with caplog.at_level(logging.WARNING):
        list(keras_sr.upscale_files("memory://bucket/in", "memory://bucket/out", network, extension="png"))
    assert "memory://bucket/in/a.jpg becomes a_jpg_x2.png" in caplog.text
    assert "/tmp" not in caplog.text
