"""What goes wrong: a clear answer with the right status, nothing left over, and nobody else harmed."""

import io
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from serving import Served, encoded, photograph

from keras_sr.server import folder as folders
from keras_sr.server.uploads import disk_error


def png_of(width, height):
    """Return a PNG that says it has this size, with hardly any data: a bomb."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def frames(count):
    file = io.BytesIO()
    pictures = [Image.fromarray(photograph(8, 8, seed)) for seed in range(count)]
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:])
    return file.getvalue()


def heic():
    return b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(200)


PNG = encoded(photograph())
REFUSED = {
    "nothing": (b"", "cat.png", {}, 415, "empty"),
    "a text that is called a picture": (b"hello, I am a text", "cat.png", {}, 415, "not a picture"),
    "HEIC of a telephone": (heic(), "cat.heic", {}, 415, ""),
    "a vector drawing": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", {}, 415, "expected PNG"),
    "a script for another program": (b"%!PS-Adobe-3.0\n", "a.eps", {}, 415, "expected PNG"),
    "a PDF": (b"%PDF-1.4\n", "a.png", {}, 415, "expected PNG"),
    "a bomb": (png_of(60_000, 60_000), "bomb.png", {}, 413, "3600 million pixels"),
    "more frames than are taken": (frames(240), "a.gif", {}, 413, "240 frames"),
    "a network that does not exist": (PNG, "a.png", {"network": "waifu"}, 422, "unknown network"),
    "a scale and a width": (PNG, "a.png", {"scale": 2, "width": 9}, 422, "not both"),
    "a scale of nothing": (PNG, "a.png", {"scale": 0}, 422, "scale"),
    "no number": (PNG, "a.png", {"scale": "NaN"}, 422, "scale"),
    "a width without end": (PNG, "a.png", {"width": 10**9}, 422, "width"),
    "a result without end": (PNG, "a.png", {"width": 900_000}, 413, "million pixels"),
    "a format that is not written": (PNG, "a.png", {"format": "exe"}, 422, "format"),
    "a dial that the network lacks": (PNG, "a.png", {"detail": 0.5}, 422, "no detail dial"),
    "another dial that it lacks": (PNG, "a.png", {"denoise": 0.5}, 422, "no denoise dial"),
    "a dial turned too far": (PNG, "a.png", {"denoise": 1.5}, 422, "less than or equal to 1"),
    "a batch that does not exist": (PNG, "a.png", {"batch": "a" * 22}, 404, "no such batch"),
}


@pytest.mark.parametrize(("data", "name", "form", "status", "word"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/upscale"])
def test_what_cannot_be_done_is_refused_with_a_reason(served, path, data, name, form, status, word):
    if path == "/v1/upscale" and "batch" in form:
        pytest.skip("one call belongs to no batch")
    answer = served.post(data, name, path, **form)
    assert answer.status_code == status, answer.text
    assert word in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert "/tmp" not in answer.text
    assert "keras-sr-serve" not in answer.text


def test_a_request_without_a_file_says_so(served):
    for form in ({}, {"network": "fast"}):
        answer = served.client.post("/v1/jobs", data=form)
        assert answer.status_code == 422
        assert "file" in answer.json()["error"]
    two = [("file", ("a.png", b"x")), ("file", ("b.png", b"y"))]
    assert served.client.post("/v1/jobs", files=two).status_code == 400
    assert served.client.post("/v1/jobs", content=b"\xff" * 100).status_code in (400, 422)
    headers = {"Content-Type": "multipart/form-data"}
    assert served.client.post("/v1/jobs", headers=headers, content=b"x").status_code == 400


def test_a_picture_that_is_cut_short_fails_alone_and_says_why(served, png):
    photo = io.BytesIO()
    Image.fromarray(photograph(200, 200)).save(photo, "JPEG")
    broken = served.job(photo.getvalue()[: len(photo.getvalue()) // 2], "half.jpg")
    whole = served.job(png)
    failed = served.wait(broken)
    assert failed["state"] == "failed"
    assert "damaged or cut short" in failed["error"]
    assert "half.jpg" in failed["error"]
    assert "keras-sr-serve" not in failed["error"]
    assert "--" not in failed["error"]
    assert served.wait(whole)["state"] == "done"
    answer = served.post(photo.getvalue()[:2000], "half.jpg", "/v1/upscale")
    assert answer.status_code == 422
    assert "cut short" in answer.json()["error"]


def test_an_upload_that_is_too_large_is_cut_off(start_server):
    served = start_server("--max-upload", "1")
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    def in_chunks():
        chunks = (part(b"") if number == 0 else b"\xff" * 65536 for number in range(64))
        return served.client.post("/v1/jobs", content=chunks, headers=headers)

    assert in_chunks().status_code == 413
    answer = served.post(b"\xff" * (3 << 20))
    assert answer.status_code == 413
    assert "at most 1 MB" in answer.json()["error"]


def test_a_full_queue_says_when_to_come_back_and_slows_nobody(start_server, large_png):
    served = start_server("--queue", "3")
    jobs = [served.job(large_png, network="exact") for _ in range(4)]
    answer = served.post(large_png)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert "full" in answer.json()["error"]
    start = time.monotonic()
    assert served.stranger.get("/").status_code == 200
    assert time.monotonic() - start < 5
    for job in reversed(jobs):
        served.client.delete(f"/v1/jobs/{job}")
    assert {served.wait(job)["state"] for job in jobs} == {"cancelled"}


@pytest.mark.slow
def test_two_hundred_files_at_once_are_taken_or_told_to_wait(start_server, png):
    served = start_server("--queue", "500")
    with ThreadPoolExecutor(20) as pool:
        jobs = list(pool.map(lambda number: served.job(png, f"{number}.png"), range(200)))
    states = [served.wait(job)["state"] for job in jobs]
    assert states == ["done"] * 200


def test_a_disk_that_is_full_is_said(start_server, png):
    served = start_server("--max-storage", "0.001")
    answer = served.post(encoded(photograph(300, 400)))
    assert answer.status_code == 507
    assert "disk of the server is full" in answer.json()["error"]
    assert served.post(png).status_code == 202
    assert disk_error(OSError(28, "No space left on device")).status == 507


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_fills_up_while_a_result_is_written(start_server, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=68m", "tmpfs", small], capture_output=True
    ).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        served = start_server(folder=small)
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        assert served.wait(served.job(encoded(noise)))["state"] == "done"
        (small / "others").write_bytes(bytes(66 << 20))
        answer = served.post(encoded(noise))
        assert answer.status_code == 507
        assert served.stranger.get("/healthz").status_code == 200
        (small / "others").unlink()
        assert served.wait(served.job(encoded(noise)))["state"] == "done"
        served.stop()
    finally:
        subprocess.run(["umount", small], check=True)


def raw_post(served, body, length=None, path="/v1/jobs"):
    """Begin a request as bytes and return the socket."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{served.port}",
        f"Authorization: Bearer {served.token}",
        "Content-Type: multipart/form-data; boundary=x",
        f"Content-Length: {length or len(body)}",
    ]
    connection = socket.create_connection(("127.0.0.1", served.port))
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return connection


def part(data):
    return b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + data


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def test_an_upload_that_breaks_off_leaves_nothing(start_server, tmp_path, png):
    served = start_server()
    for _ in range(5):
        raw_post(served, part(png[: len(png) // 2]), len(png) + 200).close()
    assert served.wait(served.job(png))["state"] == "done"
    assert sorted(path.name for path in files_of(tmp_path / "served")) == ["result.png", "source"]
    assert "Traceback" not in "".join(served.lines)


def test_slow_uploads_harm_nobody(served, png):
    slow = [raw_post(served, part(png[:10]), 5000) for _ in range(20)]
    assert served.wait(served.job(png))["state"] == "done"
    for connection in slow:
        connection.close()


def test_an_upload_that_stalls_is_given_up():
    import asyncio

    from keras_sr.server.security import Access, Guard

    async def stalled():
        async def app(scope, receive, send):
            while (await receive())["type"] != "http.disconnect":
                pass

        async def never():
            await asyncio.sleep(60)

        sent = []

        async def send(message):
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"authorization", b"Bearer t")]
        guard = Guard(app, Access("t", False, frozenset({"localhost"})), 1 << 20, 0.1)
        await guard({"type": "http", "method": "POST", "path": "/v1/jobs", "headers": headers}, never, send)
        return sent[0]["status"]

    assert asyncio.run(stalled()) == 408


def test_a_client_that_leaves_while_it_waits_cancels_its_job(start_server, large_png):
    served = start_server()
    network = b'--x\r\nContent-Disposition: form-data; name="network"\r\n\r\nlite_x4\r\n'
    connection = raw_post(served, network + part(large_png) + b"\r\n--x--\r\n", path="/v1/upscale")
    wait_for(served, "keras_sr_jobs_running 1")
    connection.close()
    wait_for(served, "keras_sr_jobs_running 0")
    wait_for(served, 'keras_sr_jobs_total{state="cancelled"} 1')
    wait_for(served, "keras_sr_jobs_kept 0")


def wait_for(served, line, seconds=60):
    end = time.monotonic() + seconds
    while line not in served.client.get("/metrics").text.splitlines():
        assert time.monotonic() < end, line
        time.sleep(0.05)


def test_a_port_that_is_taken_is_one_line_and_an_exit_code(served):
    command = [sys.executable, "-m", "keras_sr", "serve", "--port", str(served.port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"port {served.port}" in ended.stderr
    assert "another port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_an_address_that_is_not_of_this_machine_is_one_line():
    command = [sys.executable, "-m", "keras_sr", "serve", "--host", "203.0.113.7", "--token", "x" * 16]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_a_worker_that_dies_fails_its_job_alone(start_server, large_png, png):
    served = start_server()
    job, next_job = served.job(large_png, network="exact"), served.job(png)
    served.wait(job, "running")
    worker = None
    while not worker:
        worker = next((pid for pid, what in served.children().items() if what.endswith("worker")), None)
    os.kill(worker, signal.SIGKILL)
    failed = served.wait(job)
    assert failed["state"] == "failed"
    assert "broke off" in failed["error"]
    assert served.wait(next_job)["state"] == "done"
    assert served.client.post(f"/v1/jobs/{job}/retry", data={"network": "fast"}).status_code == 202
    assert served.wait(job)["state"] == "done"


def test_a_reader_that_dies_refuses_its_picture_alone(start_server, png):
    served = start_server()
    served.job(png)
    for pid, what in served.children().items():
        if what.endswith("reader"):
            os.kill(pid, signal.SIGSTOP)
            with ThreadPoolExecutor(1) as pool:
                asked = pool.submit(served.post, png)
                time.sleep(0.5)
                os.kill(pid, signal.SIGKILL)
                assert asked.result().status_code == 415
    assert served.post(png).status_code == 202


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_clean_in_the_middle_of_work(start_server, tmp_path, large_png, how):
    served = start_server()
    batch = served.client.post("/v1/batches").json()["id"]
    job = served.job(large_png, network="exact", batch=batch)
    served.wait(job, "running")
    with served.client.stream("GET", f"/v1/batches/{batch}/events") as events:
        next(events.iter_lines())
        children = served.children()
        served.process.send_signal(how)
        assert served.process.wait(20) == 0
    assert children
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}/exe")]
    assert not list((tmp_path / "served").iterdir())


@pytest.mark.slow
def test_what_a_killed_server_left_is_gone_at_the_next_start(start_server, tmp_path, large_png):
    served = start_server()
    other = start_server()
    job = served.job(large_png, network="exact")
    served.wait(job, "running")
    children = served.children()
    served.stop(signal.SIGKILL)
    end = time.monotonic() + 10
    while [pid for pid in children if os.path.exists(f"/proc/{pid}/exe")]:
        assert time.monotonic() < end, "a child outlived its server"
        time.sleep(0.05)
    assert len(list((tmp_path / "served").iterdir())) == 2
    again = start_server()
    # Those of servers that live are left alone.
    assert len(list((tmp_path / "served").iterdir())) == 2
    assert other.stranger.get("/healthz").status_code == 200
    assert again.stranger.get("/healthz").status_code == 200


def test_links_and_folders_of_others_are_not_wiped(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / "keras-sr-serve-link").symlink_to(precious)
    (tmp_path / "keras-sr-serve-old").mkdir()
    assert [path.name for path in folders.wipe_left_over(tmp_path)] == ["keras-sr-serve-old"]
    assert precious.is_dir()


def test_results_expire(tmp_path):
    from keras_sr.server.jobs import Job, Jobs
    from keras_sr.server.schemas import Options, Picture, State
    from keras_sr.server.settings import Limits, Settings

    jobs = Jobs(Settings(limits=Limits(keep_seconds=10)), tmp_path)
    picture = Picture(format="PNG", width=1, height=1, frames=1, bytes=1)
    old, fetched, young, running = (
        Job("a.png", "", jobs.place(), picture, Options(), "compact_x4") for _ in range(4)
    )
    for job in (old, fetched, young, running):
        job.state = State.DONE
        jobs._jobs[job.id] = job
    old.touched -= 11
    fetched.touched -= 11
    fetched.readers = 1
    running.touched -= 11
    running.state = State.RUNNING
    jobs.expire()
    assert [job.place.exists() for job in (old, fetched, young, running)] == [False, True, True, True]
    assert jobs.get(old.id) is None


def test_a_server_that_does_not_start_says_why():
    with pytest.raises(RuntimeError, match="Invalid value for"):
        Served("--keep", "0")
