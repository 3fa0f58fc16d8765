"""A batch on Ray, on two workers of this machine: what it makes is what one process makes."""

import json
import os
import random
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ray_workers import workers

import keras_sr
from keras_sr.errors import KerasSRError
from keras_sr.tasks.batch.look import Look
from keras_sr.tasks.batch.size import Size
from keras_sr.tasks.cluster.alone import made_alone
from keras_sr.tasks.cluster.loopback import start_here
from keras_sr.tasks.cluster.on_ray import Watch, _why
from keras_sr.tasks.cluster.settings import Cluster, as_cluster
from keras_sr.tasks.cluster.work import Order, Task, Work

PICTURES = 30

#: Runs in every process that has its folder on PYTHONPATH: one file is deadly to whoever opens it, and the
#: package is not installed while there is a file `hidden`.
POISON = """
import os
import sys

HERE = os.path.dirname(__file__)

def deadly(event, arguments):
    if event == "open" and str(arguments[0]).endswith("poison.png"):
        os._exit(11)

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "keras_sr" and os.path.exists(os.path.join(HERE, "hidden")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.addaudithook(deadly)
sys.meta_path.insert(0, Hidden())
"""


@pytest.fixture
def archive(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "archive"
    for k in range(PICTURES):
        path = folder / f"{k % 3}" / f"{k:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40 + k, 50, 3), np.uint8)).save(path)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def network(network_file):
    return keras_sr.open_network(network_file, engine="openvino", precision="f32", threads=1)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_a_cluster_is_given_in_the_words_of_people():
    assert as_cluster(None) is None
    assert as_cluster(False) is None
    assert as_cluster(True) == Cluster("local")
    assert as_cluster("auto", 3) == Cluster("auto", 3)
    with pytest.raises(KerasSRError, match="workers from 1"):
        Cluster(workers=(3, 2))


def test_a_picture_at_work_when_its_worker_died_is_known():
    watch = Watch()
    watch.begin(1)
    watch.begin(2)
    watch.end(1, {"number": 1})
    assert watch.known([1, 2, 3]) == ({1: {"number": 1}}, {2})
    assert [watch.begin_alone(2), watch.begin_alone(2)] == [1, 2]
    watch.forget([1])
    assert watch.known([1]) == ({}, set())


def test_a_worker_without_the_package_is_one_line():
    text = "The actor died.\nModuleNotFoundError: No module named 'keras_sr'\n  at x"
    assert _why(text).startswith("a worker of the cluster has no keras-sr")
    assert "\n" not in _why("Something\nlong\nhappened")


@pytest.mark.parametrize("installed", [False, True])
def test_no_ray_or_no_cluster_is_one_line(run, archive, network_file, tmp_path, monkeypatch, installed):
    import importlib

    if installed:
        pytest.importorskip("ray")
    else:
        good = importlib.import_module

        def missing(name, *arguments):
            if name.split(".")[0] == "ray":
                raise ImportError(name)
            return good(name, *arguments)

        monkeypatch.setattr("keras_sr.tasks.cluster.on_ray.import_module", missing)
    arguments = ["-o", tmp_path / "large", "-r", "-n", network_file, "--ray", "127.0.0.1:9"]
    code, out, err = run("upscale", archive, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert ("no cluster of Ray at '127.0.0.1:9'" if installed else "a cluster needs Ray") in err
    # Not even a ledger, which would bind whoever comes next to this network.
    assert list((tmp_path / "large").rglob("*.jsonl")) == []
    assert not contents(tmp_path / "large")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "4"], "give --ray, too"),
        (["--ray", "--workers", "many"], "'many' is not a number of workers: write 8 or 2-8"),
        (["--ray", "--workers", "8-2"], "workers from 1 up"),
    ],
)
def test_what_is_no_cluster_is_said(run, archive, network_file, tmp_path, arguments, said):
    code, out, err = run("upscale", archive, "-r", "-n", network_file, "-o", tmp_path / "large", *arguments)
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())
    assert not contents(tmp_path / "large")


def test_an_engine_of_ones_own_cannot_go_to_a_cluster(archive, tmp_path):
    class Nearest:
        name, scale, receptive_field, bytes_per_pixel, frame = "nearest", 2, 1, 100, 0

        def run(self, batch):
            return batch.repeat(2, axis=1).repeat(2, axis=2)

    with pytest.raises(KerasSRError, match="an engine of your own"):
        list(keras_sr.upscale_files(archive, tmp_path / "large", Nearest(), recursive=True, cluster=True))


def test_the_largest_pictures_go_out_first(archive, network, tmp_path, monkeypatch):
    went = []

    def rows(orders, *rest):
        went.extend(orders)
        yield from ({"number": order.number, "status": "made"} for order in orders)

    monkeypatch.setattr("keras_sr.tasks.cluster.batch.run_on_ray", rows)
    results = list(keras_sr.upscale_files(archive, tmp_path / "large", network, recursive=True, cluster=True))
    lengths = [os.path.getsize(order.source) for order in went]
    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) > PICTURES / 2
    assert [str(result.job.source) for result in results] == [order.source for order in went]


@pytest.fixture(scope="module")
def unkind(tmp_path_factory):
    """The folder that makes Python processes die of a file, or lack the package."""
    folder = tmp_path_factory.mktemp("unkind")
    (folder / "sitecustomize.py").write_text(POISON)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        yield folder


@pytest.fixture(scope="module")
def ray_here(unkind):
    ray = pytest.importorskip("ray", reason="Ray is not installed (extra ray)")
    os.environ["RAY_USAGE_STATS_ENABLED"], os.environ["RAY_AUTH_MODE"] = "0", "disabled"
    start_here(num_cpus=2)
    yield ray
    ray.shutdown()


@pytest.fixture
def task(archive, network, tmp_path):
    """What a worker is told of a batch."""
    settings = {"resume": False, "consistency": False, "rounded": True, "look": Look()}
    output = str(tmp_path / "large")
    return Task(network.opened, network.choice, Size(), settings, output, (), "as ever", max_pixels=10**8)


def orders(archive, output):
    names = ["0/00.png", "1/01.png", "broken.png"]
    return [Order(k, str(archive / name), str(output / name)) for k, name in enumerate(names)]


def test_a_worker_makes_what_one_process_makes(task, archive, network, tmp_path):
    list(keras_sr.upscale_files(archive, tmp_path / "one", network, recursive=True, suffix=""))
    begun = []
    rows = list(Work(task).rows(orders(archive, tmp_path / "large"), begun.append))
    assert sorted(begun) == [0, 1, 2]
    assert [row["status"] for row in rows] == ["done", "done", "failed"]
    assert [row["entry"] and row["entry"]["result"] for row in rows] == ["0/00.png", "1/01.png", None]
    assert rows[0]["network"] == network.name
    made = contents(tmp_path / "large")
    assert made == {name: contents(tmp_path / "one")[name] for name in ("0/00.png", "1/01.png")}


def test_a_worker_leaves_alone_what_is_made_already(task, archive, tmp_path):
    first = orders(archive, tmp_path / "large")
    rows = list(Work(task).rows(first, lambda number: None))
    again = replace(task, settings=task.settings | {"resume": True})
    known = [replace(order, entry=row["entry"]) for order, row in zip(first, rows, strict=True)]
    (archive / "1" / "01.png").write_bytes((archive / "2" / "02.png").read_bytes())
    rows = list(Work(again).rows(known, lambda number: None))
    assert [row["status"] for row in rows] == ["skipped", "done", "failed"]
    (row,) = Work(task).rows([replace(first[0], there=True)], lambda number: None)
    assert row["status"] == "skipped"


def test_a_worker_with_other_weights_is_refused(task):
    other = replace(task, choice=replace(task.choice, weights=("0",)))
    with pytest.raises(KerasSRError, match="give all machines the same files"):
        Work(other)


@pytest.mark.parametrize("name", [None, "compact_x4"])
def test_a_network_is_opened_elsewhere_as_it_is_here(name):
    network = keras_sr.open_network(name, scale=4, engine="openvino", precision="f32")
    assert network.opened["precision"] == "f32"
    assert keras_sr.open_network(**network.opened).choice == network.choice


@pytest.mark.slow
def test_a_deadly_picture_is_given_up_and_another_is_made_alone(task, archive, unkind, tmp_path):
    good = orders(archive, tmp_path / "large")[0]
    assert made_alone(task, good)["status"] == "done"
    row = made_alone(task, replace(good, number=7, source=str(archive / "poison.png")))
    assert (row["number"], row["status"]) == (7, "failed")
    assert row["reason"].endswith("poison.png has killed two workers: given up (exit code 11)")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_on_ray_with_killed_workers_and_a_deadly_picture(network, archive, tmp_path, ray_here):
    options = {"recursive": True}
    list(keras_sr.upscale_files(archive, tmp_path / "one", network, **options))
    (archive / "poison.png").write_bytes((archive / "0" / "00.png").read_bytes())
    rng, kills, told = random.Random(0), [], []

    def kill(part):
        """After every twelfth picture: by the clock, a slow machine would kill workers before they work."""
        told.append(part)
        if part.done % 12 == 0 and (found := workers()):
            os.kill(rng.choice(found), signal.SIGKILL)
            kills.append(part.done)

    report = tmp_path / "report.json"
    how = {"report": report, "progress": kill, "cluster": Cluster(threads=1, workers=(2, 2)), **options}
    rows = list(keras_sr.upscale_files(archive, tmp_path / "all", network, **how))
    assert kills
    assert contents(tmp_path / "all") == contents(tmp_path / "one")
    failed = {Path(row.job.given).name: row.reason for row in rows if row.status == "failed"}
    assert set(failed) == {"broken.png", "poison.png"}
    assert failed["poison.png"] == f"{archive / 'poison.png'} has killed two workers: given up (exit code 11)"
    assert len({row.job.given for row in rows}) == len(rows) == PICTURES + 2
    assert [part.done for part in told] == list(range(1, PICTURES + 3))
    assert not list((tmp_path / "all").rglob("*.part"))
    written = json.loads(report.read_text())
    assert (written["total"], written["done"], written["failed"]) == (PICTURES + 2, PICTURES, 2)
    assert [row["source"] for row in written["pictures"]] == sorted(row.job.given for row in rows)
    # Nothing is made twice, here or there.
    (archive / "poison.png").unlink()
    how |= {"report": None, "progress": lambda part: None}
    again = keras_sr.upscale_files(archive, tmp_path / "all", network, resume=True, **how)
    assert [row.status for row in again].count("skipped") == PICTURES
    alone = keras_sr.upscale_files(archive, tmp_path / "all", network, resume=True, **options)
    assert [row.status for row in alone].count("skipped") == PICTURES
    with pytest.raises(KerasSRError, match="another network, precision, size or look"):
        keras_sr.upscale_files(archive, tmp_path / "all", network, scale=3, **how)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_without_the_package_or_the_processors_is_one_line(
    network, archive, tmp_path, ray_here, unkind
):
    too_many = Cluster(threads=3)
    with pytest.raises(KerasSRError, match="no machine in the cluster has the 3 processors"):
        list(keras_sr.upscale_files(archive, tmp_path / "a", network, recursive=True, cluster=too_many))
    (unkind / "hidden").touch()
    try:
        with pytest.raises(KerasSRError, match="a worker of the cluster has no keras-sr"):
            list(keras_sr.upscale_files(archive, tmp_path / "b", network, recursive=True, cluster=True))
    finally:
        (unkind / "hidden").unlink()
    assert not contents(tmp_path / "b")
