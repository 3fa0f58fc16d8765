"""Networks as files of other runtimes: those compute what Keras computes, or there is no file."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("tensorflow")

import keras

from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.images.plain import read_rgb
from keras_sr.models import build_generator
from keras_sr.tasks.export import CROPS, EXPORT_FORMATS, LIMIT, PHOTOGRAPH, export
from keras_sr.weights import store
from keras_sr.weights.load import load

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="Keras writes two of the formats by TensorFlow alone"
)
NEEDS = {"onnx": "onnxruntime", "openvino": "openvino", "litert": "ai_edge_litert"}
SIZES = ("24x24", "33x47", "56x80")
SUFFIXES = {to: format.suffix or "_folder" for to, format in EXPORT_FORMATS.items()}

NETWORKS = {
    "compact": {"generator": "compact", "scale": 2, "features": 6, "blocks": 1},
    "grey": {"generator": "compact", "scale": 3, "features": 6, "blocks": 1, "bands": 1},
    "four bands": {"generator": "compact", "scale": 2, "features": 6, "blocks": 1, "bands": 4},
    "cleans": {"generator": "compact", "scale": 1, "features": 6, "blocks": 1, "activation": "relu"},
    "rrdb": {"generator": "rrdb", "scale": 4, "features": 6, "blocks": 1, "growth": 4},
    "rrdb x8": {"generator": "rrdb", "scale": 8, "features": 6, "blocks": 1, "growth": 4},
    "x2plus": {"generator": "rrdb", "scale": 2, "features": 6, "blocks": 1, "growth": 4, "unshuffle": 2},
    "span": {"generator": "span", "scale": 2, "features": 6, "blocks": 2},
    "srresnet": {"generator": "srresnet", "scale": 4, "filters": 8, "blocks": 1},
    "chain": {"generator": "chain", "scale": 3, "features": 6, "blocks": 1, "activation": "leakyrelu"},
}
#: What other programs have no names for.
ALONE = ("chain", "span", "srresnet")


def network(folder, name):
    """A weight file of a network with random weights."""
    values = NETWORKS[name]
    keras.utils.set_random_seed(1)
    model = build_generator(values)
    path = folder / f"{name.replace(' ', '_')}.npz"
    store.save(path, store.network_arrays(model), {"recipe": values, "licence": "CC0-1.0"})
    return path


def test_the_gate_looks_at_a_photograph_at_several_sizes():
    rows, columns, bands = read_rgb(PHOTOGRAPH).shape
    assert bands == 3
    for top, left, height, width in CROPS:
        assert top + height <= rows
        assert left + width <= columns
    assert len({(height, width) for _, _, height, width in CROPS}) >= 3
    assert any(height % 2 and width % 2 for _, _, height, width in CROPS)


@pytest.mark.parametrize("to", EXPORT_FORMATS)
@pytest.mark.parametrize("name", ["compact", "rrdb"])
def test_every_format_is_written_with_its_differences_beside_it(name, to, tmp_path):
    pytest.importorskip(NEEDS.get(to, "keras"))
    path = tmp_path / f"out{SUFFIXES[to]}"
    done = export(network(tmp_path, name), to, path)
    assert path.exists()
    assert tuple(done.differences) == SIZES
    assert all(0 <= difference <= LIMIT for difference in done.differences.values())
    beside = json.loads((tmp_path / f"{path.name}.json").read_text())
    assert beside["differences"] == done.differences
    facts = beside["facts"]
    assert (facts["scale"], facts["licence"], facts["value_range"]) == (
        NETWORKS[name]["scale"],
        "CC0-1.0",
        [0, 1],
    )
    assert facts["receptive_field"] > 1
    assert not list(tmp_path.glob(".export-*"))


@pytest.mark.slow
@pytest.mark.parametrize("to", EXPORT_FORMATS)
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("compact", "rrdb")])
def test_networks_of_every_kind_leave_by_every_format(name, to, tmp_path):
    pytest.importorskip(NEEDS.get(to, "keras"))
    source, path = network(tmp_path, name), tmp_path / f"out{SUFFIXES[to]}"
    if to == "safetensors" and name in ALONE:
        with pytest.raises(WeightsError, match="has no layout that other programs read: compact, rrdb have"):
            export(source, to, path)
        assert sorted(tmp_path.iterdir()) == [source]
    else:
        assert max(export(source, to, path).differences.values()) <= LIMIT


def test_facts_are_in_the_metadata_of_formats_that_have_one(tmp_path):
    ort, openvino = pytest.importorskip("onnxruntime"), pytest.importorskip("openvino")
    safetensors = pytest.importorskip("safetensors")
    source = network(tmp_path, "compact")
    for to in ("onnx", "openvino", "safetensors"):
        export(source, to, tmp_path / f"a{SUFFIXES[to]}")
    onnx = ort.InferenceSession(tmp_path / "a.onnx").get_modelmeta().custom_metadata_map
    model = openvino.Core().read_model(tmp_path / "a.xml")
    with safetensors.safe_open(tmp_path / "a.safetensors", "np") as file:
        notes = file.metadata()
    for key, value in {
        "scale": "2",
        "licence": "CC0-1.0",
        "receptive_field": onnx["receptive_field"],
    }.items():
        assert onnx[key] == model.get_rt_info(["framework", key]).astype(str) == notes[key] == value
    assert notes["format"] == "pt"


@pytest.fixture
def spandrel(torchvision_operators):
    """Spandrel, which needs of torchvision only that it can be imported."""
    return pytest.importorskip("spandrel", reason="needs spandrel: pip install spandrel")


def test_a_safetensors_of_ours_is_a_network_of_spandrel(tmp_path, spandrel):
    torch = pytest.importorskip("torch")
    photograph = read_rgb(PHOTOGRAPH).astype(np.float32)[None] / 255
    for name in ("compact_x4", "compact_x2"):
        export(name, "safetensors", tmp_path / f"{name}.safetensors")
        theirs = spandrel.ModelLoader().load_from_file(tmp_path / f"{name}.safetensors")
        ours = load(name)
        with torch.no_grad():
            sr = theirs.model(torch.from_numpy(photograph.transpose(0, 3, 1, 2).copy())).numpy()
        assert theirs.scale == int(name[-1])
        expected = keras.ops.convert_to_numpy(ours(photograph))
        np.testing.assert_allclose(sr.transpose(0, 2, 3, 1), expected, atol=1e-5)


# --- the gate


def wrong(change):
    """Return the keras format with a file that was changed after it was written."""

    def write(source, path):
        model = load(network(path.parent, "compact"))
        change(model)
        model.save(path)
        (path.parent / "compact.npz").unlink()

    return replace(EXPORT_FORMATS["keras"], write=write)


def shifted(by):
    def change(model):
        bias = model.get_layer("tail_conv").bias
        bias.assign(bias.numpy() + by)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (shifted(1e-3), r"differs from Keras by 1\.0e-03 at 24x24, more than 0.0001: nothing was written"),
        (shifted(np.nan), "differs from Keras by nan"),
    ],
)
def test_a_file_that_computes_something_else_is_refused(change, words, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPORT_FORMATS, "keras", wrong(change))
    source = network(tmp_path, "compact")
    (tmp_path / "out.keras").write_bytes(b"an older one")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KerasSRError, match=words):
        export(source, "keras", tmp_path / "out.keras")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "out.keras").read_bytes() == b"an older one"


def test_a_difference_below_the_limit_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPORT_FORMATS, "keras", wrong(shifted(5e-5)))
    done = export(network(tmp_path, "compact"), "keras", tmp_path / "out.keras")
    assert all(4e-5 < difference < 6e-5 for difference in done.differences.values())


def test_a_file_of_one_size_is_refused(tmp_path, monkeypatch):
    opened = EXPORT_FORMATS["safetensors"].open

    def fixed(path):
        run = opened(path)
        return lambda x: run(x[:, :24, :24])

    monkeypatch.setitem(EXPORT_FORMATS, "safetensors", replace(EXPORT_FORMATS["safetensors"], open=fixed))
    with pytest.raises(KerasSRError, match=r"gives \(1, 48, 48, 3\) for \(1, 33, 47, 3\)"):
        export(network(tmp_path, "compact"), "safetensors", tmp_path / "out.safetensors")


def test_a_writer_that_fails_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def fails(source, path):
        path.mkdir()
        (path / "half").write_bytes(b"half")
        raise ValueError("no\nroom")

    monkeypatch.setitem(EXPORT_FORMATS, "saved_model", replace(EXPORT_FORMATS["saved_model"], write=fails))
    source = network(tmp_path, "compact")
    with pytest.raises(KerasSRError, match="this network cannot be written in this format: no room"):
        export(source, "saved_model", tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == [source]


# --- mistakes, as a user makes them


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("compact_x4", "--to", "tflite"),
            "unknown format 'tflite': the known ones are onnx, openvino, litert",
        ),
        (("compact_x4", "--to", "onnx", "-o", "a.xml"), "a file for onnx ends in .onnx, not a.xml"),
        (("compact_x4", "--to", "saved_model", "-o", "full"), "full is a folder with files in it"),
        (("nothing", "--to", "onnx"), "nothing is neither a file"),
        (("srresnet_mse", "--to", "safetensors"), "has no layout that other programs read"),
    ],
)
def test_mistakes_are_one_line(arguments, words, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    code, out, err = run("export", *arguments)
    assert code
    assert out == ""
    assert words in err
    assert err.strip().count("\n") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def test_the_command_prints_what_was_compared(run, tmp_path):
    pytest.importorskip("onnxruntime")
    code, _, err = run("export", "compact_x2", "--to", "onnx", "-o", tmp_path / "a.onnx")
    assert code == 0
    assert "a.onnx: differs from Keras by" in err
    assert all(f"at {size}" in err for size in SIZES)
