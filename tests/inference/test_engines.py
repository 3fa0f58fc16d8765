import subprocess
import sys

import numpy as np
import pytest

import keras_sr
from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.inference import open_engine
from keras_sr.inference.engines import ENGINES, FromFacts, capabilities, facts_in
from keras_sr.inference.stored import read_stored
from keras_sr.weights import registry


def test_the_file_tells_the_engine_what_it_is(engine):
    assert (engine.name, engine.scale, engine.receptive_field, engine.frame) == ("random", 2, 4, 3)
    assert engine.bytes_per_pixel >= 1000


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 1, 17, 3), (2, 9, 5, 3), (3, 32, 48, 3)])
def test_any_size_and_batch(engine, shape):
    sr = engine.run(np.random.default_rng(0).random(shape, np.float32))
    assert sr.dtype == np.float32
    assert sr.shape == (shape[0], shape[1] * 2, shape[2] * 2, 3)


def test_pictures_of_a_batch_do_not_touch(engine):
    batch = np.random.default_rng(0).random((3, 8, 9, 3), np.float32)
    one_by_one = np.concatenate([engine.run(batch[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(engine.run(batch), one_by_one, atol=1e-6)


def test_the_result_is_not_overwritten_by_the_next_run(engine):
    first = engine.run(np.zeros((1, 8, 8, 3), np.float32))
    kept = first.copy()
    engine.run(np.ones((1, 8, 8, 3), np.float32))
    np.testing.assert_array_equal(first, kept)


def test_engines_agree(engine, network_file):
    pytest.importorskip("openvino")
    x = np.random.default_rng(0).random((1, 33, 21, 3), np.float32)
    expected = open_engine(network_file, engine="openvino").run(x)
    np.testing.assert_allclose(engine.run(x), expected, atol=2e-6)


def test_a_class_with_facts_and_run_is_an_engine_in_all_that_asks_for_one(monkeypatch):
    """In f32, with the memory that the file states."""

    class NumpyEngine(FromFacts):
        def __init__(self, path, *, precision, threads, assume, blend):
            self.facts = facts_in(path, "numpy")

        def run(self, batch):
            return batch.repeat(self.scale, 1).repeat(self.scale, 2)

    monkeypatch.setitem(ENGINES, "numpy", NumpyEngine)
    path = registry.weights_path("compact_x4")
    assert capabilities()["numpy"] == ["f32"]
    assert facts_in(path, "numpy") == read_stored(path)[1]
    network = keras_sr.open_network(str(path), engine="numpy")
    assert network.runs_on == "numpy f32"
    lr = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    np.testing.assert_array_equal(keras_sr.upscale(lr, network), lr.repeat(4, 0).repeat(4, 1))


def test_openvino_computes_in_float32_unless_told_otherwise(network_file):
    # Left to itself it takes bf16 where the processor has it, an error of some 1e-2.
    pytest.importorskip("openvino")
    engine = open_engine(network_file, engine="openvino")
    settings = engine._request.get_compiled_model()
    assert settings.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
    assert settings.get_property("ENABLE_CPU_PINNING") is False


def test_threads_are_taken(network_file):
    pytest.importorskip("openvino")
    engine = open_engine(network_file, engine="openvino", threads=1)
    assert engine._request.get_compiled_model().get_property("INFERENCE_NUM_THREADS") == 1


def test_a_non_contiguous_batch_in_float64_is_understood(engine):
    batch = np.random.default_rng(0).random((1, 16, 18, 3))
    expected = engine.run(batch[:, ::2, ::3].astype(np.float32).copy())
    np.testing.assert_array_equal(engine.run(batch[:, ::2, ::3]), expected)


@pytest.mark.parametrize("name", ENGINES)
def test_a_file_that_is_no_network(name, tmp_path, network_file):
    pytest.importorskip(name)
    for content in (b"", b"not a network", network_file.read_bytes()[:500]):
        path = tmp_path / "broken.onnx"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"broken\.onnx (is not an ONNX network|does not say)"):
            open_engine(path, engine=name)
    with pytest.raises(WeightsError, match="no weight file at"):
        open_engine(tmp_path / "absent.onnx", engine=name)


@pytest.mark.parametrize("name", ENGINES)
def test_a_network_from_elsewhere_is_refused(name, tmp_path, network_file):
    pytest.importorskip(name)
    onnx = pytest.importorskip("onnx")
    model = onnx.load(network_file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(WeightsError, match="does not say its scale"):
        open_engine(tmp_path / "foreign.onnx", engine=name)


def test_unknown_names_list_the_known_ones(network_file):
    with pytest.raises(KerasSRError, match=f"known ones are {', '.join(['auto', *ENGINES])}"):
        open_engine(network_file, engine="tensorrt")
    with pytest.raises(KerasSRError, match="known ones are f32, bf16"):
        open_engine(network_file, engine="openvino", precision="int8")
    with pytest.raises(KerasSRError, match="unknown precision for onnxruntime 'bf16'"):
        open_engine(network_file, engine="onnxruntime", precision="bf16")


def test_without_an_engine_it_says_what_to_install(network_file, monkeypatch):
    monkeypatch.setattr("keras_sr.inference.engines.find_spec", lambda name: None)
    with pytest.raises(KerasSRError, match="pip install openvino"):
        open_engine(network_file)


def test_the_next_engine_stands_in(network_file, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("keras_sr.inference.engines.find_spec", lambda name: name == "onnxruntime")
    assert type(open_engine(network_file)).__name__ == "OnnxRuntimeEngine"


def test_opening_a_network_forks_nothing_and_reports_nowhere(network_file):
    # Importing OpenVINO starts a process that reports to Google Analytics; ours must not.
    pytest.importorskip("openvino")
    code = f"""
import os, sys
os.fork = lambda: os._exit(7)
from keras_sr.inference import open_engine
open_engine({str(network_file)!r}, engine="openvino")
import multiprocessing
assert not any(name.startswith("openvino_telemetry") for name in sys.modules), "telemetry is loaded"
assert not any(name.split(".")[0] in ("keras", "tensorflow", "torch", "jax") for name in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_keras_engine(data_format):
    keras = pytest.importorskip("keras")
    from keras_sr.export import keras_engine
    from keras_sr.models import compact

    model = compact(2, features=4, blocks=1, data_format=data_format)
    engine = keras_engine(model)
    assert (engine.scale, engine.receptive_field, engine.name) == (2, 3, "compact")
    x = np.random.default_rng(0).random((2, 6, 5, 3), np.float32)
    sr = engine.run(x)
    assert sr.shape == (2, 12, 10, 3)
    other = compact(2, features=4, blocks=1)
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(sr, keras.ops.convert_to_numpy(other(x)), atol=1e-6)


@pytest.mark.parametrize("where", ["name", "file"])
def test_keras_runs_a_network_under_its_name(where):
    pytest.importorskip("keras")
    name = "photo_x4" if where == "name" else registry.FILES / "photo_x4.npz"
    assert keras_sr.open_network(name, engine="keras").name == keras_sr.open_network(name).name == "photo_x4"


@pytest.mark.parametrize("has_bf16", [False, True])
def test_the_default_precision_is_the_fastest_that_costs_nothing(network_file, monkeypatch, has_bf16):
    pytest.importorskip("openvino")
    from keras_sr.inference import engines

    monkeypatch.setattr(engines, "openvino_capabilities", lambda: ["FP32", *["BF16"] * has_bf16])
    shipped = registry.weights_path("compact_x4")
    assert engines.best_precision("openvino", shipped) == ("bf16" if has_bf16 else "f32")
    assert engines.best_precision("onnxruntime", shipped) == "f32"
    # Nothing is known about other files.
    assert engines.best_precision("openvino", network_file) == "f32"


def test_a_precision_must_have_been_measured_on_all_sets(monkeypatch):
    from dataclasses import replace

    passport = registry.passport("compact_x4")

    def harmless(losses):
        changed = replace(passport, precision_loss={"bf16": losses})
        monkeypatch.setattr(registry, "passport", lambda name: changed)
        return registry.harmless_precisions(registry.weights_path("compact_x4"))

    assert harmless({"Set5": 0.01, "Set14": 0.0, "BSD100": -0.1}) == ["bf16"]
    assert harmless({"Set5": 0.011, "Set14": 0.0, "BSD100": 0.0}) == []
    assert harmless({"Set5": 0.0, "Set14": 0.0}) == []


@pytest.mark.parametrize(
    "said",
    [
        "std::bad_alloc",
        "Failed to allocate memory for requested buffer of size 4096",
        "[CPU] bad alloc: Failed to allocate 8589934592 bytes of memory",
        "OOM when allocating tensor with shape[1,9]",
        "CUDA out of memory. Tried to allocate 110.72 GiB",
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes",
    ],
)
def test_every_way_to_say_that_memory_did_not_suffice(said):
    from keras_sr.inference.engines import out_of_memory

    assert out_of_memory(RuntimeError(said))
    assert not out_of_memory(RuntimeError("Shape mismatch in ZOOM layer memory"))
