"""ONNX files of other programs: read by the names of their weights, or run as they are, or refused."""

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx")
pytest.importorskip("openvino")

import keras_sr
from keras_sr.errors import WeightsError
from keras_sr.inference.engines import ENGINES, open_engine
from keras_sr.tasks.convert import MARGIN, converted, describe, import_network

from .conftest import compact_state, mild, onnx_file, pth

STATE = mild(compact_state())
LR = np.random.default_rng(3).random((1, 12, 16, 3), np.float32)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_SR_NETWORKS", str(tmp_path / "networks"))


@pytest.fixture
def expected(write):
    return open_engine(converted(write("truth.pth", pth(STATE)))).run(LR)


def test_weights_with_names_become_a_weight_file(write, expected):
    file = converted(write("a.onnx", onnx_file(STATE)))
    assert file.suffix == ".npz"
    np.testing.assert_allclose(open_engine(file).run(LR), expected, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("half", [False, True])
def test_weights_without_names_are_run_as_they_are(half, engine, write, expected):
    pytest.importorskip(engine)
    file = converted(write("a.onnx", onnx_file(STATE, named=False, half=half)))
    assert file.suffix == ".onnx"
    network = open_engine(file, engine=engine)
    # Three convolutions see five pixels; what is enlarged, one more.
    assert (network.scale, network.receptive_field) == (4, 4)
    np.testing.assert_allclose(network.run(LR), expected, atol=2e-3 if half else 1e-5)


def test_a_file_that_clips_at_its_end_is_the_same_network(write):
    assert converted(write("a.onnx", onnx_file(STATE, end=["Relu"]))).suffix == ".npz"


def test_a_file_that_computes_something_else_with_known_weights_is_run_as_it_is(write):
    file = converted(write("a.onnx", onnx_file(STATE, end=["Erf"])))
    assert file.suffix == ".onnx"


def test_tiles_overlap_by_what_was_seen_in_a_trial(write):
    network = open_engine(converted(write("a.onnx", onnx_file(STATE, named=False))))
    lr = np.random.default_rng(5).random((60, 50, 3), np.float32)
    whole = keras_sr.upscale(lr, network, tile=4 * 60, rounded=False)
    np.testing.assert_allclose(keras_sr.upscale(lr, network, tile=24, rounded=False), whole, atol=1e-5)
    assert network.receptive_field <= MARGIN


def test_a_grey_network_takes_each_band(write):
    file = converted(write("a.onnx", onnx_file(mild(compact_state(bands=1)), named=False)))
    assert open_engine(file).run(LR).shape == (1, 48, 64, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (onnx_file(STATE, size=(24, 32)), r"one size only \(height and width 24 and 32\).*dynamic"),
        (onnx_file(STATE, size=(24, 32), named=False), "one size only"),
        (onnx_file(STATE, high=255.0), r"takes pictures in \[0, 255\]: export it again"),
        (onnx_file(STATE, end=["Neg"]), "something else than an enlarged picture"),
        (onnx_file(STATE, end=["GlobalAveragePool"]), "enlarges no picture"),
        (onnx_file(STATE)[:900], "damaged"),
        (b"no onnx", "damaged"),
        (b"", "damaged"),
    ],
)
def test_what_cannot_be_used_is_refused_by_every_command(content, words, write, run, tmp_path, monkeypatch):
    path = write("a.onnx", content)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "lr.png")
    before = sorted(tmp_path.rglob("*"))
    for command in (("upscale", tmp_path / "lr.png", "-o", tmp_path / "b.png", "-n", path), ("import", path)):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert str(path) in err
        with pytest.raises(WeightsError, match=words):
            converted(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_imported_file_is_listed_and_used(write, run, tmp_path):
    path = write("a.onnx", onnx_file(STATE, named=False))
    code, _, err = run("import", path, "-o", "mine", "--licence", "MIT")
    assert code == 0, err
    path.unlink()
    line = run("weights")[1].splitlines()[-1]
    assert all(word in line for word in ("mine", "x4", "ONNX", "MIT", "cost not known"))
    assert json.loads(run("weights", "mine")[1])["kmac"] is None
    Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(tmp_path / "lr.png")
    assert run("upscale", tmp_path / "lr.png", "-o", tmp_path / "b.png", "-n", "mine")[0] == 0
    with Image.open(tmp_path / "b.png") as picture:
        assert picture.size == (36, 32)


def test_an_onnx_of_ours_is_imported_as_it_is(write, run, network_file):
    ours = write("ours.onnx", network_file.read_bytes())
    assert run("import", ours)[0] == 0
    row = describe(ours)
    assert (row.kind, row.scale) == ("ONNX", 2)


def test_the_licence_of_a_file_that_names_none_is_unknown(write):
    assert describe(import_network(write("a.onnx", onnx_file(STATE, named=False)))).licence.startswith(
        "unknown"
    )
