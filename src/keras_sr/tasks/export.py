"""A network as a file of another runtime, written only where that runtime computes what Keras computes."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sr.backend import prepare_keras
from keras_sr.errors import KerasSRError, WeightsError, unknown
from keras_sr.facts import NetworkFacts
from keras_sr.files import atomic_write
from keras_sr.graphs.facts import facts_of, simplify
from keras_sr.graphs.graph import Graph
from keras_sr.graphs.plan import assemble
from keras_sr.images.plain import read_rgb
from keras_sr.inference.tiling import FRAME
from keras_sr.types import Json
from keras_sr.weights import store
from keras_sr.weights.find import find
from keras_sr.weights.foreign import is_foreign, read_network
from keras_sr.weights.foreign.names import foreign_names
from keras_sr.weights.foreign.safetensors_file import safetensors_bytes

if TYPE_CHECKING:
    import keras

#: The largest difference between Keras and the file's own runtime that a file may have, white being 1.
LIMIT = 1e-4
#: Chelsea the cat, by Stéfan van der Walt (CC0): fur, an eye and its highlight.
PHOTOGRAPH = Path(__file__).parent / "chelsea.png"
#: Top, left, height and width of the crops that both are compared on.
CROPS = ((45, 30, 24, 24), (30, 70, 33, 47), (40, 20, 56, 80))

Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Source:
    """The network to write.

    Attributes:
        model: As Keras has it, channels last.
        graph: What it computes, rewritten for speed.
        facts: What an engine has to know of it.
        values: Arguments of `models.build_generator`; empty where they are not known.
    """

    model: "keras.Model"
    graph: Graph
    facts: NetworkFacts
    values: Json


@dataclass(frozen=True)
class ExportFormat:
    """A kind of file.

    Attributes:
        suffix: Its ending; "" for a folder.
        write: Writes a network to a path.
        open: From the path to a function of (1, h, w, bands), in the file's own runtime.
        fills_up: Whether a network that computes at half the size takes odd sides from this file, too; else
            whoever runs it fills them up to `NetworkFacts.multiple`.
    """

    suffix: str
    write: Callable[[_Source, Path], None]
    open: Callable[[Path], Run]
    fills_up: bool = False


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: The file, or the folder.
        format: A key of `FORMATS`.
        differences: By size "HxW", the largest difference to Keras, white being 1.
        facts: Of the network.
    """

    path: str
    format: str
    differences: dict[str, float]
    facts: dict[str, Any]


def export(name: str | Path, to: str, out: str | Path | None = None) -> Exported:
    """Write a network as a file of another runtime, once that runtime has computed the same from it.

    Beside the file, `FILE.json` keeps what was compared and what the network needs: scale, receptive field,
    range, bands, licence.

    Args:
        name: As for `weights.load.load`.
        to: A key of `FORMATS`.
        out: The file, or the folder for `"saved_model"`; the network's name in the current folder by default.

    Raises:
        KerasSRError: The format is unknown, its packages are not installed, the network has no such form, or
            the file's runtime computes something else: then there is no file.
        WeightsError: There is no such network.
    """
    if to not in EXPORT_FORMATS:
        raise KerasSRError(unknown("format", to, [*EXPORT_FORMATS]))
    chosen, file = EXPORT_FORMATS[to], find(name)
    target = Path(out) if out else Path(f"{Path(name).stem}{chosen.suffix or '_saved_model'}")
    if chosen.suffix and target.suffix != chosen.suffix:
        raise KerasSRError(f"a file for {to} ends in {chosen.suffix}, not {target.name}: rename it")
    if target.is_dir() and any(target.iterdir()):
        raise KerasSRError(f"{target} is a folder with files in it: give a new one")
    source = _source(file, Path(name).stem)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
        written = Path(folder) / target.name
        _in_quiet(chosen.write, source, written)
        multiple = 1 if chosen.fills_up else source.facts.multiple
        differences = _compared(source.model, chosen.open(written), multiple)
        for part in sorted(Path(folder).iterdir()):
            _move(part, target.with_name(part.name))
    done = Exported(target.name, to, differences, asdict(source.facts))
    with atomic_write(target.with_name(f"{target.name}.json"), "w") as beside:
        json.dump(asdict(done), beside, indent=1)
    return done


def _source(file: Path, name: str) -> _Source:
    """Open a network as Keras and as a graph."""
    prepare_keras()
    from keras_sr.graphs.layers import channels, read_plan
    from keras_sr.weights.load import load

    model = load(file, data_format=None if file.suffix == ".keras" else "channels_last")
    frame, licence, values = FRAME, "", {}
    if is_foreign(file):
        network = read_network(file)
        frame, licence, values = 0, network.licence, network.values
    elif file.suffix == ".npz":
        meta = store.read(file)[1]
        frame, licence = int(meta.get("frame", FRAME)), str(meta.get("licence", ""))
        values = meta.get("recipe", {})
    graph = assemble(read_plan(model), store.network_arrays(model), channels(model))
    simplify(graph)
    return _Source(model, graph, facts_of(graph, name, frame=frame, licence=licence), values)


def _compared(model: "keras.Model", run: Run, multiple: int) -> dict[str, float]:
    """Return by size how far a file's runtime is from Keras, on sides that are multiples of something.

    Raises:
        KerasSRError: Farther than `LIMIT` somewhere, or something that is no number came out.
    """
    from keras import ops

    differences: dict[str, float] = {}
    for picture in _crops(model.input_shape[-1], multiple):
        _, height, width, _ = picture.shape
        expected = np.asarray(ops.convert_to_numpy(model(picture)))
        found = np.asarray(run(picture))
        if found.shape != expected.shape:
            raise KerasSRError(f"the file gives {found.shape} for {picture.shape}, Keras {expected.shape}")
        difference = float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))
        # NaN is not smaller than anything.
        if not difference <= LIMIT:
            raise KerasSRError(
                f"the file's runtime differs from Keras by {difference:.1e} at {height}x{width}, "
                f"more than {LIMIT:g}: nothing was written"
            )
        differences[f"{height}x{width}"] = difference
    return differences


def _crops(bands: int, multiple: int) -> Iterator[np.ndarray]:
    """Yield crops (1, height, width, bands) of a photograph; a fourth band is the green one, mirrored."""
    photograph = read_rgb(PHOTOGRAPH).astype(np.float32) / 255
    photograph = np.concatenate([photograph, photograph[:, ::-1, 1:2]], axis=2)
    for top, left, *sides in CROPS:
        height, width = (side - side % multiple for side in sides)
        yield photograph[None, top : top + height, left : left + width, :bands]


def _move(part: Path, target: Path) -> None:
    """Put a file or folder in the place of another."""
    if target.is_dir():
        target.rmdir()
    os.replace(part, target)


def _in_quiet(write: Callable[[_Source, Path], None], source: _Source, path: Path) -> None:
    """Write, and turn what frameworks raise into one line."""
    try:
        write(source, path)
    except KerasSRError:
        raise
    except ImportError as error:
        raise KerasSRError(f"this format needs a package that is not installed ({error})") from None
    except Exception as error:
        shutil.rmtree(path, ignore_errors=True)
        raise KerasSRError(
            f"this network cannot be written in this format: {' '.join(str(error).split())[:200]}"
        ) from error


# === Formats ===


def _write_onnx(source: _Source, path: Path) -> None:
    from keras_sr.graphs.onnx_file import to_bytes

    path.write_bytes(to_bytes(source.graph, source.facts.as_metadata()))


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda x: np.asarray(session.run(None, {"lr": _first(x)})[0]).transpose(0, 2, 3, 1)


def _write_openvino(source: _Source, path: Path) -> None:
    from keras_sr.graphs.openvino_model import openvino_model
    from keras_sr.inference.engines import import_openvino

    openvino = import_openvino()
    model = openvino_model(source.graph, openvino, source.facts.name)
    for key, value in source.facts.as_metadata().items():
        model.set_rt_info(value, ["framework", key])
    openvino.save_model(model, path, compress_to_fp16=False)


def _open_openvino(path: Path) -> Run:
    from keras_sr.inference.engines import import_openvino

    core = import_openvino().Core()
    # By its own name: our engine would read it the same way, and prove less.
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda x: compiled([_first(x)])[0].transpose(0, 2, 3, 1)


def _write_saved_model(source: _Source, path: Path) -> None:
    _need_tensorflow("saved_model")
    source.model.export(path, format="tf_saved_model", verbose=False)


def _open_saved_model(path: Path) -> Run:
    import tensorflow

    loaded: Any = tensorflow.saved_model.load(str(path))
    return lambda x: loaded.serve(x).numpy()


def _write_litert(source: _Source, path: Path) -> None:
    _need_tensorflow("litert")
    from keras_sr.export.litert import with_known_channels

    with_known_channels(source.model).export(path, format="litert", verbose=False)


def _open_litert(path: Path) -> Run:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise KerasSRError("checking a file for LiteRT needs ai-edge-litert: pip install it") from error
    interpreter = Interpreter(model_path=str(path))

    def run(x: np.ndarray) -> np.ndarray:
        (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.resize_tensor_input(entry["index"], x.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(entry["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(result["index"])

    return run


def _write_keras(source: _Source, path: Path) -> None:
    source.model.save(path)


def _open_keras(path: Path) -> Run:
    from keras import ops

    from keras_sr.weights.load import load

    model = load(path)
    return lambda x: np.asarray(ops.convert_to_numpy(model(x)))


def _write_safetensors(source: _Source, path: Path) -> None:
    if not source.values:
        raise WeightsError("what the network is made of is not known: give its weight file")
    named = foreign_names(source.values, store.network_arrays(source.model))
    licence = {"license": source.facts.licence} if source.facts.licence else {}
    notes = {"format": "pt", **licence, **source.facts.as_metadata()}
    path.write_bytes(safetensors_bytes(named, notes))


def _open_safetensors(path: Path) -> Run:
    """Read the names again and compute by numpy: no layer of ours that could hide a mistake."""
    from keras_sr.graphs.compute import compute
    from keras_sr.graphs.plans import plan_of

    network = read_network(path)
    graph = assemble(plan_of(network.values), network.arrays, network.values.get("bands", 3))
    return lambda x: np.stack([compute(graph, one) for one in x]).astype(np.float32)


def _first(x: np.ndarray) -> np.ndarray:
    """Return a batch with its channels first."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def _need_tensorflow(to: str) -> None:
    """Refuse another backend: Keras writes these formats by TensorFlow."""
    import keras

    if keras.config.backend() != "tensorflow":
        raise KerasSRError(f"Keras writes {to} by TensorFlow: set KERAS_BACKEND=tensorflow")


#: What a network can be written as.
EXPORT_FORMATS = {
    "onnx": ExportFormat(".onnx", _write_onnx, _open_onnx),
    "openvino": ExportFormat(".xml", _write_openvino, _open_openvino),
    "litert": ExportFormat(".tflite", _write_litert, _open_litert, fills_up=True),
    "saved_model": ExportFormat("", _write_saved_model, _open_saved_model, fills_up=True),
    "keras": ExportFormat(".keras", _write_keras, _open_keras, fills_up=True),
    "safetensors": ExportFormat(".safetensors", _write_safetensors, _open_safetensors),
}
