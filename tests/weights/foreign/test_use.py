"""What a user does with a network of another program: enlarge, import, list. No framework is needed."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

import keras_sr
from keras_sr.errors import WeightsError
from keras_sr.graphs.compute import compute
from keras_sr.graphs.plan import assemble
from keras_sr.graphs.plans import plan_of
from keras_sr.inference.engines import ENGINES, open_engine
from keras_sr.tasks.convert import MARGIN, converted, describe, import_network
from keras_sr.weights.foreign import read_network

from .conftest import compact_state, pth, rrdb_state, safetensors, span_state

STATES = {
    "compact": compact_state(),
    "rrdb": rrdb_state(blocks=1),
    "x2plus": rrdb_state(blocks=1, inputs=12),
    "x1": rrdb_state(blocks=1, inputs=48),
    "grey": rrdb_state(blocks=1, inputs=1, bands=1),
    "four bands": compact_state(bands=4),
    "span": span_state(),
}
RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Nothing is read from or written to the folders of whoever runs the tests."""
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_SR_NETWORKS", str(tmp_path / "networks"))


@pytest.fixture
def picture(tmp_path):
    pixels = RNG.integers(0, 256, (9, 11, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line as a user does: returns (exit code, stdout, stderr)."""
    from keras_sr.cli import main

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["keras-sr", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capsys.readouterr()
        return leaving.value.code or 0, out, err

    return call


def size_of(path):
    """Width and height of a picture file."""
    with Image.open(path) as picture:
        return picture.size


def by_numpy(path, lr):
    """What the network computes of a picture whose sides fit it, without an engine."""
    network = read_network(path)
    bands = network.values.get("bands", 3)
    graph = assemble(plan_of(network.values), network.arrays, bands)
    if bands == 1:
        return np.concatenate([compute(graph, lr[..., i : i + 1]) for i in range(3)], -1)
    if bands == 4:
        lr = np.concatenate([lr, np.ones_like(lr[..., :1])], -1)
    return compute(graph, lr)[..., :3]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", STATES)
def test_engines_compute_what_the_weights_say(name, engine, write):
    pytest.importorskip(engine)
    path = write("a.pth", pth(STATES[name]))
    lr = RNG.random((8, 12, 3)).astype(np.float32)
    expected = by_numpy(path, lr)
    sr = open_engine(converted(path), engine=engine).run(lr[None])[0]
    np.testing.assert_allclose(sr, expected, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("name", ["x2plus", "x1"])
def test_tiles_of_a_network_that_unshuffles_pixels_equal_the_whole(name, write):
    path = write("a.pth", pth(STATES[name]))
    engine = open_engine(converted(path))
    lr = RNG.random((4 * engine.receptive_field + 20, 24, 3)).astype(np.float32)
    lr = lr[: len(lr) // 4 * 4]
    whole = keras_sr.upscale(lr, engine, tile=4 * len(lr), rounded=False)
    tiled = keras_sr.upscale(lr, engine, tile=2 * engine.receptive_field + 35, rounded=False)
    np.testing.assert_allclose(tiled, whole, atol=2e-6 * max(1, np.abs(whole).max()))


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (5, 8)])
def test_sides_that_are_no_multiples_are_filled_up_and_cut_off(size, write):
    engine = open_engine(converted(write("a.pth", pth(STATES["x2plus"]))))
    assert engine.run(np.zeros((2, *size, 3), np.float32)).shape == (2, 2 * size[0], 2 * size[1], 3)


def test_tiles_overlap_by_a_measured_margin_where_a_network_sees_hundreds_of_pixels(write):
    near = open_engine(converted(write("near.pth", pth(rrdb_state(blocks=1, features=4, growth=2)))))
    far = open_engine(converted(write("far.pth", pth(rrdb_state(blocks=6, features=4, growth=2)))))
    assert near.receptive_field < MARGIN
    assert far.receptive_field == MARGIN


def test_a_file_is_converted_once(write, monkeypatch):
    path = write("a.pth", pth(STATES["compact"]))
    first = converted(path)
    monkeypatch.setattr("keras_sr.tasks.convert.read_network", None)
    assert converted(path) == first


def test_a_file_that_changes_is_converted_anew(write):
    first = converted(write("a.pth", pth(STATES["compact"])))
    assert converted(write("a.pth", pth(compact_state(scale=2)))) != first


def test_nothing_is_kept_of_a_file_that_is_refused(write, tmp_path):
    with pytest.raises(WeightsError):
        converted(write("a.pth", pth({"a.weight": np.zeros((3, 3), np.float32)})))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("form", ["pth", "safetensors"])
def test_a_picture_is_enlarged_by_the_command(form, run, picture, write, tmp_path):
    state = STATES["compact"]
    path = write(f"net.{form}", pth(state, "params") if form == "pth" else safetensors(state))
    code, _, err = run("upscale", picture, "-o", tmp_path / "large.png", "-n", path)
    assert code == 0, err
    assert size_of(tmp_path / "large.png") == (44, 36)


def test_an_imported_network_is_known_by_its_name(run, picture, write, tmp_path):
    path = write("RealThing.safetensors", safetensors(STATES["rrdb"], {"license": "CC0-1.0"}))
    code, _, err = run("import", path, "-o", "mine")
    assert code == 0, err
    path.unlink()
    code, out, _ = run("weights")
    line = out.splitlines()[-1]
    assert all(word in line for word in ("mine", "x4", "RRDB", "kMAC", "CC0-1.0"))
    assert json.loads(run("weights", "mine")[1])["kind"] == "RRDB (Real-ESRGAN)"
    assert run("upscale", picture, "-o", tmp_path / "large.png", "-n", "mine")[0] == 0
    assert size_of(tmp_path / "large.png") == (44, 36)


def test_a_folder_of_downloaded_files_is_a_folder_of_networks(run, picture, write, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_NETWORKS", str(tmp_path))
    write("4xThing.pth", pth(STATES["span"]))
    write("broken.pth", b"PK\x03\x04")
    out = run("weights")[1]
    assert "4xThing  x4" in out
    assert "broken  cannot be used: " in out
    assert run("upscale", picture, "-o", tmp_path / "large.png", "-n", "4xThing")[0] == 0


@pytest.mark.parametrize("name", ["compact_x4", "../x", ".x", "-x"])
def test_names_that_are_taken_or_no_names_are_refused(name, write, tmp_path):
    with pytest.raises(WeightsError, match="cannot be called"):
        import_network(write("a.pth", pth(STATES["compact"])), name)
    assert not (tmp_path / "networks").exists()


def test_a_network_is_imported_under_one_name_once(write):
    path = write("a.pth", pth(STATES["compact"]))
    import_network(path)
    with pytest.raises(WeightsError, match="cannot be called 'a'"):
        import_network(path)


def test_the_licence_may_be_said_where_the_file_does_not(write):
    path = write("a.pth", pth(STATES["compact"]))
    assert describe(import_network(path, "a")).licence == "unknown: ask its author"
    assert describe(import_network(path, "b", "MIT")).licence == "MIT"


def test_an_unknown_network_leaves_with_one_line(run, picture, write, tmp_path):
    path = write("a.pth", pth({"layers.0.weight": np.zeros((3, 3), np.float32)}))
    for command in (("upscale", picture, "-o", tmp_path / "b.png", "-n", path), ("import", path)):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert "layers.0.weight" in err


@pytest.mark.parametrize(("activation", "slope"), [("relu", 0.0), ("leakyrelu", 0.1)])
def test_activations_without_weights_are_known_by_what_comes_out(activation, slope, write):
    # Two features a band, x and -x; what leaks of -x is made good only where the slope is this one.
    first, last = np.zeros((6, 3, 3, 3), np.float32), np.zeros((3, 6, 3, 3), np.float32)
    for band in range(3):
        first[[band, band + 3], band, 1, 1] = 1, -1
        last[band, [band, band + 3], 1, 1] = slope, 1
    state = {"body.0.weight": first, "body.0.bias": np.zeros(6, np.float32)}
    state |= {"body.2.weight": last, "body.2.bias": np.zeros(3, np.float32)}
    assert read_network(write("a.pth", pth(state))).values["activation"] == activation
