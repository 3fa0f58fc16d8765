"""Jobs through the API: what comes out is what the command writes, and what is asked for happens."""

import asyncio
import io
import json
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from PIL import Image
from serving import command, encoded, photograph

from keras_sr.images.picture import read
from keras_sr.server.helper import Helper


def animation():
    frames = [Image.fromarray(photograph(20, 24, seed)) for seed in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], duration=80, lossless=True)
    return file.getvalue()


def with_exif():
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned
    exif[0x010E] = "a cat"
    Image.fromarray(photograph(30, 40)).save(file, "JPEG", exif=exif, quality=90)
    return file.getvalue()


def transparent():
    file = io.BytesIO()
    pixels = np.dstack([photograph(24, 24), np.tile(np.arange(24, dtype=np.uint8) * 10, (24, 1))])
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


DEEP = encoded((photograph(24, 30).astype(np.uint16) * 257), ".tif")


def damaged():
    file = io.BytesIO()
    Image.fromarray(photograph(64, 80)).save(file, "JPEG", quality=50)
    return file.getvalue()


DAMAGED = damaged()
SMALL = encoded(photograph(20, 20))
SAME = [
    ("cat.png", encoded(photograph()), {"network": "compact_x4"}, ["-n", "compact_x4"]),
    ("turned.JPG", with_exif(), {"network": "compact_x2", "scale": 2}, ["-n", "compact_x2", "-s", "2"]),
    (
        "moving.webp",
        animation(),
        {"network": "compact_x4", "width": 99},
        ["-n", "compact_x4", "--width", "99"],
    ),
    (
        "glass.png",
        transparent(),
        {"network": "lite_x3", "consistent": True},
        ["-n", "lite_x3", "--consistent"],
    ),
    ("deep.tif", DEEP, {"network": "lite_x4", "format": "png"}, ["-n", "lite_x4", "--ext", "png"]),
    ("turned.png", SMALL, {"network": "", "scale": 2, "detail": 0.5}, ["-s", "2", "--detail", "0.5"]),
    ("drawn.png", SMALL, {"network": "srgan_vgg54", "detail": 0.5}, ["-n", "srgan_vgg54", "--detail", "0.5"]),
    ("grainy.png", SMALL, {"network": "photograph", "denoise": 0.5}, ["-n", "photo_x4", "--denoise", "0.5"]),
    ("cleaned.png", SMALL, {"network": "", "denoise": 0.25}, ["--denoise", "0.25"]),
    ("plain.png", SMALL, {"network": ""}, []),
    ("damaged.jpg", DAMAGED, {"network": ""}, []),
    ("twice.jpg", DAMAGED, {"network": "", "scale": 2}, ["-s", "2"]),
    (
        "wide.jpg",
        DAMAGED,
        {"network": "", "width": 70, "denoise": 0.5},
        ["--width", "70", "--denoise", "0.5"],
    ),
]


@pytest.mark.parametrize(("name", "data", "form", "options"), SAME, ids=[name for name, *_ in SAME])
def test_the_result_of_a_job_is_byte_for_byte_what_the_command_writes(
    served, tmp_path, name, data, form, options
):
    job = served.wait(served.job(data, name, **form))
    answer = served.client.get(f"/v1/jobs/{job['id']}/result")
    made_name, made = command(tmp_path, name, data, *options)
    assert answer.content == made
    assert job["result"]["name"] == made_name
    assert (job["result"]["traces"] == "JPEG") == (name in ("damaged.jpg", "twice.jpg"))
    assert f'filename="{made_name}"' in answer.headers["content-disposition"]
    assert answer.headers["etag"]


def test_one_call_gives_the_same_file_and_leaves_nothing_behind(served, png, tmp_path):
    kept = served.client.get("/metrics").text
    answer = served.post(png, path="/v1/upscale", network="compact_x4")
    assert answer.status_code == 200
    assert answer.content == command(tmp_path, "cat.png", png, "-n", "compact_x4")[1]
    assert metric(served, "jobs_kept") == metric_in(kept, "jobs_kept")


def metric_in(text, name):
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"keras_sr_{name}"))


def metric(served, name):
    return metric_in(served.client.get("/metrics").text, name)


def told(served, path):
    """Yield what a stream of events tells."""
    with served.client.stream("GET", path) as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        for line in events.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line[5:])


def test_events_tell_of_the_queue_until_the_end(served, large_png, png):
    first = served.job(large_png, network="lite_x4")
    second = served.job(png)
    events = told(served, f"/v1/jobs/{second}/events")
    assert next(events)["position"] == 1
    served.client.delete(f"/v1/jobs/{first}")
    *_, last = events
    assert last["state"] == "done"


def test_events_tell_of_tiles(served, large_png):
    seen = [
        (event["tiles_done"], event["progress"])
        for event in told(served, f"/v1/jobs/{served.job(large_png, network='lite_x4')}/events")
    ]
    assert seen == sorted(seen)
    assert len({tiles for tiles, _ in seen}) > 2
    assert seen[-1][1] == 1


def test_a_job_that_computes_is_cancelled_between_two_tiles(served, large_png):
    job = served.job(large_png, network="lite_x4")
    served.wait(job, "running")
    while not served.state(job)["tiles_done"]:
        time.sleep(0.02)
    served.client.delete(f"/v1/jobs/{job}")
    ended = served.wait(job)
    assert ended["state"] == "cancelled"
    assert 0 < ended["progress"] < 1
    assert served.client.get(f"/v1/jobs/{job}/result").status_code == 409


def test_a_cancel_that_comes_before_the_worker_has_started_is_not_lost(tmp_path):
    source = tmp_path / "source.png"
    source.write_bytes(encoded(photograph(1500, 2000)))
    options = dict.fromkeys(("scale", "width", "height", "detail", "denoise", "max_memory", "threads"))
    options["network_scale"] = 4
    request = {"source": str(source), "target": str(tmp_path / "result.png"), "network": "srresnet_mse"}

    async def ask_and_cancel():
        helper = Helper("keras_sr.server.worker")
        asked = asyncio.create_task(helper.ask({"do": "upscale", "consistent": False, **options, **request}))
        await asyncio.sleep(0)
        assert helper.pid is None
        helper.tell({"do": "cancel"})
        answer = await asked
        await helper.close()
        return answer

    assert asyncio.run(ask_and_cancel())["cancelled"] is True


def test_a_cancelled_job_can_be_done_again_with_other_options(served, large_png, png):
    blocker, job = served.job(large_png, network="lite_x4"), served.job(png)
    assert served.client.delete(f"/v1/jobs/{job}").json()["state"] == "cancelled"
    served.client.delete(f"/v1/jobs/{blocker}")
    answer = served.client.post(f"/v1/jobs/{job}/retry", data={"network": "fast", "scale": "2"})
    assert answer.status_code == 202
    assert served.wait(job)["result"]["width"] == 128
    again = served.client.post(f"/v1/jobs/{job}/retry", data={"network": "fast", "width": "100"})
    assert again.status_code == 202
    done = served.wait(job)
    assert (done["result"]["width"], done["result"]["name"]) == (100, "cat_w100.png")


def test_a_batch_gives_a_zip_with_folders_and_no_name_twice(served, png):
    batch = served.client.post("/v1/batches").json()["id"]
    wanted = [("cat.png", "holiday"), ("cat.png", "holiday"), ("Cat.png", "../../etc"), ("sub/dog.png", "")]
    jobs = [served.job(png, name, batch=batch, folder=folder) for name, folder in wanted]
    for job in jobs:
        served.wait(job, "done")
    answer = served.client.get(f"/v1/batches/{batch}/results.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["holiday/cat_x4.png", "holiday/cat_x4 (2).png", "etc/Cat_x4.png", "dog_x4.png"]
        assert archive.read(names[0]) == served.client.get(f"/v1/jobs/{jobs[0]}/result").content
    one = served.client.get(f"/v1/batches/{batch}/results.zip", params={"job": jobs[3]})
    assert zipfile.ZipFile(io.BytesIO(one.content)).namelist() == ["dog_x4.png"]


def test_both_pictures_can_be_looked_at_in_tiles(served):
    data = encoded(photograph(200, 300))
    job = served.wait(served.job(data))["id"]
    views = served.client.get(f"/v1/jobs/{job}/view").json()
    assert (views["before"]["width"], views["after"]["width"], views["after"]["height"]) == (300, 1200, 800)
    whole = np.zeros((800, 1200, 3), np.uint8)
    level, tile = views["after"]["levels"] - 1, views["after"]["tile"]
    for row in range(2):
        for column in range(3):
            answer = served.client.get(f"/v1/jobs/{job}/view/after/{level}/{column}_{row}.png")
            part = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))
            whole[row * tile :, column * tile :][: part.shape[0], : part.shape[1]] = part
    result = read(served.client.get(f"/v1/jobs/{job}/result").content).pixels
    np.testing.assert_array_equal(whole, result)
    before = served.client.get(f"/v1/jobs/{job}/view/before/0/0_0.png").content
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(before))), photograph(200, 300))
    small = Image.open(io.BytesIO(served.client.get(f"/v1/jobs/{job}/thumbnail").content))
    assert max(small.size) == 192


@pytest.mark.parametrize(
    "data", [with_exif(), transparent(), animation(), DEEP], ids=["exif", "alpha", "frames", "deep"]
)
def test_any_kind_of_picture_can_be_looked_at_upright(served, data):
    job = served.wait(served.job(data, "any.png", format="png"))
    views = served.client.get(f"/v1/jobs/{job['id']}/view").json()
    shape = [views["before"][side] * 4 for side in ("width", "height")]
    assert [views["after"][side] for side in ("width", "height")] == shape
    assert shape == [job["picture"][side] * 4 for side in ("width", "height")]


def test_the_network_for_a_purpose_follows_the_scale(served, png):
    for form, network in (
        ({"scale": 2}, "_x2"),
        ({"scale": 3}, "_x3"),
        ({"width": 90}, "_x2"),
        ({"width": 500}, "_x4"),
    ):
        job = served.job(png, **form)
        assert served.state(job)["network"].endswith(network)


def test_the_command_that_a_job_names_exists(served, png, tmp_path):
    import shlex

    job = served.wait(served.job(png, network="fast", scale=2.5, consistent="true"))
    words = shlex.split(job["command"])
    (tmp_path / "cat.png").write_bytes(png)
    subprocess.run(
        [sys.executable, "-m", "keras_sr", *words[1:]], check=True, cwd=tmp_path, capture_output=True
    )
    made = (tmp_path / job["result"]["name"]).read_bytes()
    assert made == served.client.get(f"/v1/jobs/{job['id']}/result").content


def test_every_network_that_ships_is_offered_and_every_purpose_has_one(served):
    from keras_sr.weights import registry

    told = served.client.get("/v1/networks").json()
    assert [one["name"] for one in told["networks"]] == list(registry.names())
    assert {name for purpose in told["purposes"] for name in purpose["networks"]} <= set(registry.names())
    assert all(purpose["networks"] for purpose in told["purposes"])
    assert len(told["purposes"]) == 4
    assert told["default"] == told["purposes"][0]["name"]
