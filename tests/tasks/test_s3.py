"""Buckets of S3, by moto on loopback."""

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ray_workers import workers

import keras_sr
from keras_sr.tasks.batch import store as stores
from keras_sr.tasks.cluster.loopback import start_here
from keras_sr.tasks.cluster.settings import Cluster

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

SECRET = "not-a-real-secret-0123456789"


def neighbour(name):
    """Return a module beside this one: tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def server(monkeypatch):
    server = neighbour("erring_s3").Server()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0123456789ABCDEF")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    monkeypatch.setattr(stores, "FIRST_WAIT", 0.01)
    yield server
    server.close()


@pytest.fixture
def archive(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "archive"
    for k in range(24):
        path = folder / f"{k % 3}" / f"{k:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (20 + k, 30, 3), np.uint8)).save(path)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def bucket(server, archive):
    import fsspec

    files = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    files.mkdir("bucket")
    for path in archive.rglob("*.png"):
        files.put_file(str(path), f"bucket/in/{path.relative_to(archive).as_posix()}")
    return files


@pytest.fixture
def network(network_file):
    return keras_sr.open_network(network_file, engine="openvino", precision="f32")


def below(files, folder):
    return {
        name.removeprefix(f"{folder}/"): files.cat_file(name)
        for name in files.find(folder)
        if not name.rpartition("/")[2].startswith(".")
    }


def on_disk(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_bucket_to_bucket_while_the_store_errs(network, server, bucket, archive, tmp_path, monkeypatch):
    """A fifth of all requests: 503, connections that end half-way, reads that stall."""
    monkeypatch.setattr(
        stores, "_OPTIONS", {"s3": {"config_kwargs": {"read_timeout": 0.7, "retries": {"max_attempts": 2}}}}
    )
    list(keras_sr.upscale_files(archive, tmp_path / "large", network, recursive=True))
    server.app.share = 0.2
    report = tmp_path / "report.json"
    how = {"recursive": True, "resume": True}
    rows = list(keras_sr.upscale_files("s3://bucket/in", "s3://bucket/out", network, report=report, **how))
    erred = dict(server.app.erred)
    server.app.share = 0.0
    assert set(erred) == {"busy", "reset", "stall"}, erred
    assert [row.status for row in rows].count("done") == 24
    assert len({row.job.place for row in rows}) == 25
    assert below(bucket, "bucket/out") == on_disk(tmp_path / "large")
    assert SECRET not in report.read_text()
    ledgers = [name for name in bucket.find("bucket/out") if ".keras-sr" in name]
    text = b"".join(map(bucket.cat_file, ledgers))
    assert text.count(b'"tag"') == 24
    assert SECRET.encode() not in text
    again = keras_sr.upscale_files("s3://bucket/in", "s3://bucket/out", network, **how)
    assert [row.status for row in again].count("skipped") == 24
    # The ETag of a picture tells that it is another one.
    bucket.put_file(str(archive / "0" / "00.png"), "bucket/in/0/03.png")
    again = keras_sr.upscale_files("s3://bucket/in", "s3://bucket/out", network, **how)
    assert [row.status for row in again].count("done") == 1


@pytest.fixture
def ray_here(server):
    """Ray of this machine, whose workers have the environment of the store."""
    ray = pytest.importorskip("ray", reason="Ray is not installed (extra ray)")
    os.environ["RAY_USAGE_STATS_ENABLED"], os.environ["RAY_AUTH_MODE"] = "0", "disabled"
    start_here(num_cpus=2)
    yield ray
    ray.shutdown()


def test_bucket_to_bucket_on_ray_with_killed_workers_while_the_store_errs(
    network, server, bucket, archive, tmp_path, ray_here
):
    list(keras_sr.upscale_files(archive, tmp_path / "large", network, recursive=True))
    server.app.share = 0.05
    kills = []

    def kill(part):
        if part.done % 12 == 0 and (found := workers()):
            os.kill(found[0], signal.SIGKILL)
            kills.append(part.done)

    how = {"recursive": True, "resume": True, "cluster": Cluster(workers=(2, 2))}
    report = tmp_path / "report.json"
    rows = list(
        keras_sr.upscale_files(
            "s3://bucket/in", "s3://bucket/out", network, report=report, progress=kill, **how
        )
    )
    server.app.share = 0.0
    assert kills
    assert [row.status for row in rows].count("done") == 24
    assert len({row.job.place for row in rows}) == len(rows) == 25
    (reason,) = (row.reason for row in rows if row.status == "failed")
    assert "s3://bucket/in/broken.png" in reason
    assert below(bucket, "bucket/out") == on_disk(tmp_path / "large")
    assert SECRET not in report.read_text()
    # The workers' entries hold for whoever goes on, with or without a cluster.
    again = keras_sr.upscale_files("s3://bucket/in", "s3://bucket/out", network, recursive=True, resume=True)
    assert [row.status for row in again].count("skipped") == 24
    bucket.put_file(str(archive / "0" / "00.png"), "bucket/in/0/03.png")
    again = keras_sr.upscale_files("s3://bucket/in", "s3://bucket/out", network, **how)
    assert sorted(row.status for row in again) == ["done", "failed", *["skipped"] * 23]


def test_no_bucket_is_one_line(run, server, bucket, network_file):
    for source, output in (("s3://none/in", "s3://bucket/out"), ("s3://bucket/in", "s3://none/out")):
        code, out, err = run("upscale", source, "-o", output, "-r", "-n", network_file)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert "no bucket s3://none" in err or "no such bucket" in err


def test_a_bucket_that_may_not_be_written_is_one_line(run, server, bucket, network_file, monkeypatch):
    inner = server.app.app

    def denying(environ, start_response):
        if environ["REQUEST_METHOD"] in ("PUT", "POST"):
            body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            start_response(
                "403 Forbidden", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))]
            )
            return [body]
        return inner(environ, start_response)

    server.app.app = denying
    code, out, err = run("upscale", "s3://bucket/in", "-o", "s3://bucket/out", "-r", "-n", network_file)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert "cannot write to s3://bucket/out: " in err
    assert "denied" in err.lower() or "forbidden" in err.lower()


def test_no_credentials_are_one_line(run, server, bucket, network_file, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    code, out, err = run("upscale", "s3://bucket/in", "-o", "s3://bucket/out", "-r", "-n", network_file)
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1


def test_the_command_goes_from_bucket_to_bucket(run, server, bucket, network_file, tmp_path):
    report = tmp_path / "r.json"
    arguments = ("-r", "-n", network_file, "--report", report)
    code, out, err = run("upscale", "s3://bucket/in/", "-o", "s3://bucket/out/", *arguments)
    assert code == 1
    assert "s3://bucket/in/broken.png" in err
    assert "s3://bucket/out/0/00_x2.png" in out.splitlines()
    assert json.loads(report.read_text())["done"] == 24
    assert SECRET not in out + err
