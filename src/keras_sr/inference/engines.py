"""Engines: what runs a network. Each is a class with its `facts` and one method, `run`.

One for exported files takes the arguments of `OpenVINOEngine`, and stands in `ENGINES` under the one name by
which pip installs its package, Python imports it and `importlib.metadata` knows it. OpenVINO is the default
on a processor, ONNX Runtime stands in where it is missing, and a Keras model runs on any backend and device.
Imports happen inside: an engine that is not used costs nothing.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from keras_sr.errors import KerasSRError, WeightsError, unknown
from keras_sr.facts import NetworkFacts
from keras_sr.inference.fitting import fitted
from keras_sr.inference.interpolation import Move, blended
from keras_sr.inference.stored import read_stored


@runtime_checkable
class Engine(Protocol):
    """A network that is ready to run. One engine serves one thread at a time."""

    @property
    def name(self) -> str:
        """What the network is called."""
        ...

    @property
    def scale(self) -> int:
        """SR size over LR size."""
        ...

    @property
    def receptive_field(self) -> int:
        """How many LR pixels away an SR pixel can see; the margin that tiles need."""
        ...

    @property
    def bytes_per_pixel(self) -> int:
        """Memory of the activations per LR pixel, an estimate that tile sizes follow from."""
        ...

    @property
    def frame(self) -> int:
        """By how many LR pixels a picture is mirrored around itself before it runs (`tiling.FRAME`)."""
        ...

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Map LR float32 (N, h, w, 3) in [0, 1] to SR float32 (N, h * scale, w * scale, 3), not clipped."""
        ...


class FromFacts:
    """What every engine says of its network, from its facts.

    Attributes:
        facts: Of the network.
        runs_on: What runs it, and in which precision: `"openvino f32"`; `open_engine` says so.
        MEMORY: What it takes of `bytes_per_pixel` as a file states it; `facts` hold the product.
        PRECISIONS: What it can compute in.
    """

    MEMORY: int = 1
    PRECISIONS: tuple[str, ...] = ("f32",)

    facts: NetworkFacts
    runs_on: str = ""

    def of(self, pixels: np.ndarray, codec: str = "") -> "tuple[Engine, str]":
        """Return what enlarges a picture (H, W, bands), and the traces that decided: see `engine_for`."""
        return cast(Engine, self), ""

    @property
    def name(self) -> str:
        """What the network is called."""
        return self.facts.name

    @property
    def scale(self) -> int:
        """SR size over LR size."""
        return self.facts.scale

    @property
    def receptive_field(self) -> int:
        """How many LR pixels away an SR pixel can see."""
        return self.facts.receptive_field

    @property
    def bytes_per_pixel(self) -> int:
        """Memory of the activations per LR pixel."""
        return self.facts.bytes_per_pixel

    @property
    def frame(self) -> int:
        """By how many LR pixels a picture is mirrored around itself before it runs."""
        return self.facts.frame

    def _in_range(self, batch: np.ndarray) -> np.ndarray:
        """Return LR of [0, 1] in the network's range."""
        low, high = self.facts.value_range
        return batch if (low, high) == (0.0, 1.0) else batch * np.float32(high - low) + np.float32(low)

    def _out_of_range(self, batch: np.ndarray) -> np.ndarray:
        """Return SR of the network's range in [0, 1]."""
        low, high = self.facts.value_range
        return batch if (low, high) == (0.0, 1.0) else (batch - np.float32(low)) / np.float32(high - low)


def facts_of(engine: Engine) -> NetworkFacts:
    """Return the facts of any engine; one of somebody's own may have the five attributes alone."""
    known = getattr(engine, "facts", None)
    if isinstance(known, NetworkFacts):
        return known
    return NetworkFacts(
        engine.name, engine.scale, engine.receptive_field, engine.bytes_per_pixel, engine.frame
    )


def engine_for(engine: Engine, pixels: np.ndarray, codec: str = "") -> tuple[Engine, str]:
    """Return the engine for a picture: itself, but for the default, which is one of two.

    Args:
        engine: Any engine.
        pixels: (H, W, bands), the first page of the picture.
        codec: What its file was compressed by with a loss that leaves no trace in pixels; empty for nothing.

    Returns:
        The engine, and what in the picture decided: `"JPEG"`, `"noise"`, `"WebP"`, or `""` where nothing did.
    """
    of = getattr(engine, "of", None)
    return of(pixels, codec) if of else (engine, "")


class OpenVINOEngine(FromFacts):
    """An exported network on OpenVINO, on the processor.

    Args:
        path: A weight file (.npz), an ONNX file written by `keras_sr.export`, or such a network in OpenVINO's
            format (.xml).
        precision: `"f32"`, or `"bf16"` where the processor has it: twice as fast and less exact.
        threads: Number of threads; None leaves it to OpenVINO.
        assume: Facts (scale, receptive_field, ...) of a file that does not tell them itself.
        blend: Moves of the weights towards those of other files, one after the other.

    Raises:
        KerasSRError: OpenVINO is not installed, or there is no such precision.
        WeightsError: A file is missing, damaged or not of keras-sr.
    """

    PRECISIONS = ("f32", "bf16")

    def __init__(
        self,
        path: str | Path,
        *,
        precision: str = "f32",
        threads: int | None = None,
        assume: dict[str, str] | None = None,
        blend: Sequence[Move] = (),
    ):
        _check_precision("openvino", precision, self.PRECISIONS)
        openvino = import_openvino()
        core = openvino.Core()
        model, self.facts = _read_network(core, path, assume)
        for move in blend:
            other, facts = _read_network(core, move.file, assume)
            model = blended(model, other, move.share, (path, move.file))
            called = move.called.format(here=self.facts.name, there=facts.name, share=move.share)
            self.facts = replace(self.facts, name=called)
        steps = openvino.preprocess.PrePostProcessor(model)
        # NHWC outside, NCHW inside: OpenVINO transposes faster than numpy does.
        for port in (steps.input(), steps.output()):
            port.tensor().set_layout(openvino.Layout("NHWC"))
            # Files of other programs may take and give float16.
            port.tensor().set_element_type(openvino.Type.f32)
            port.model().set_layout(openvino.Layout("NCHW"))
        settings: dict[str, Any] = {
            # Left alone, OpenVINO silently computes in bf16 where the processor can.
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            # Pinned, two processes land on the same cores and run at half their speed.
            "ENABLE_CPU_PINNING": False,
        }
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._request = core.compile_model(steps.build(), "CPU", settings).create_infer_request()

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Map LR float32 (N, h, w, 3) in [0, 1] to SR float32 (N, h * scale, w * scale, 3), not clipped."""
        return self._out_of_range(fitted(self._infer, self._in_range(batch), self.facts))

    def _infer(self, batch: np.ndarray) -> np.ndarray:
        """Run the network itself."""
        return self._request.infer([np.ascontiguousarray(batch, np.float32)], share_inputs=True)[0]


def _read_network(core: Any, path: str | Path, assume: dict[str, str] | None) -> tuple[Any, NetworkFacts]:
    """Return the network in a file, as OpenVINO sees it, and its facts."""
    if _is_stored(path):
        # Only here: what it imports is half of what a help text would wait for.
        from keras_sr.graphs.openvino_model import openvino_model

        graph, facts = read_stored(path)
        return openvino_model(graph, import_openvino(), facts.name), facts
    try:
        model = core.read_model(_check_file(path))
    except RuntimeError as error:
        raise _not_a_network(path) from error
    properties = {**(assume or {}), **_metadata(model)}
    return model, NetworkFacts.from_metadata(properties, str(path), Path(path).stem)


def _is_stored(path: str | Path) -> bool:
    """Return whether a file is a weight file of keras-sr."""
    return _check_file(path).suffix == ".npz"


def _metadata(network: Any) -> dict[str, str]:
    """Return the metadata properties of an ONNX file, where OpenVINO keeps them."""
    return network.get_rt_info(["framework"]).value if network.has_rt_info(["framework"]) else {}


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    Importing it would otherwise fork a process that reports to Google Analytics, and write an
    identifier into the home folder. Without that package it uses a stub of its own.
    """
    blocked = "openvino_telemetry" not in sys.modules
    if blocked:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if blocked:
            del sys.modules["openvino_telemetry"]
    return openvino


class OnnxRuntimeEngine(FromFacts):
    """An exported network on ONNX Runtime, on the processor. Arguments as for `OpenVINOEngine`; no blend."""

    #: Its arena keeps what OpenVINO reuses: 22.6 kB a pixel for SRResNet, where OpenVINO took 6.1.
    MEMORY = 3

    def __init__(
        self,
        path: str | Path,
        *,
        precision: str = "f32",
        threads: int | None = None,
        assume: dict[str, str] | None = None,
        blend: Sequence[Move] = (),
    ):
        _check_precision("onnxruntime", precision, self.PRECISIONS)
        if blend:
            raise KerasSRError("only openvino interpolates between networks: pip install openvino")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        try:
            file, facts = _onnx_of(path)
            self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except KerasSRError:
            raise
        except Exception as error:  # its exceptions have no common base of their own
            raise _not_a_network(path) from error
        if facts is None:
            properties = {**(assume or {}), **self._session.get_modelmeta().custom_metadata_map}
            facts = NetworkFacts.from_metadata(properties, str(path), Path(path).stem)
        self.facts = replace(facts, bytes_per_pixel=self.MEMORY * facts.bytes_per_pixel)
        entry = self._session.get_inputs()[0]
        self._input, self._kind = entry.name, np.float16 if "float16" in entry.type else np.float32

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Map LR float32 (N, h, w, 3) in [0, 1] to SR float32 (N, h * scale, w * scale, 3), not clipped."""
        return self._out_of_range(fitted(self._infer, self._in_range(batch), self.facts))

    def _infer(self, batch: np.ndarray) -> np.ndarray:
        """Run the network itself."""
        batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2), self._kind)
        sr = np.asarray(self._session.run(None, {self._input: batch})[0], np.float32)
        return sr.transpose(0, 2, 3, 1)


def _onnx_of(path: str | Path) -> tuple[Any, NetworkFacts | None]:
    """Return a file's path, or of a weight file the bytes of its network in ONNX and its facts."""
    if not _is_stored(path):
        return str(path), None
    from keras_sr.graphs.onnx_file import to_bytes

    graph, facts = read_stored(path)
    return to_bytes(graph, facts.as_metadata()), facts


class KerasEngine(FromFacts):
    """A Keras model, compiled by its backend. `keras_sr.export.keras_engine(model)` knows the facts.

    Args:
        model: Generator, channels last or first.
        facts: Of the network.
    """

    def __init__(self, model: Any, facts: NetworkFacts):
        self.facts = facts
        self.runs_on = "keras"
        self._model, self._first = model, model.input_shape[1] == facts.bands

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Map LR float32 (N, h, w, 3) in [0, 1] to SR float32 (N, h * scale, w * scale, 3), not clipped."""
        return self._out_of_range(fitted(self._infer, self._in_range(batch), self.facts))

    def _infer(self, batch: np.ndarray) -> np.ndarray:
        """Run the network itself."""
        batch = np.asarray(batch, np.float32)
        if not self._first:
            return np.asarray(self._model.predict_on_batch(batch))
        return np.asarray(self._model.predict_on_batch(batch.transpose(0, 3, 1, 2))).transpose(0, 2, 3, 1)


#: Engines for exported files, the preferred one first.
ENGINES: dict[str, Any] = {"openvino": OpenVINOEngine, "onnxruntime": OnnxRuntimeEngine}


def open_engine(
    path: str | Path,
    *,
    engine: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
    assume: dict[str, str] | None = None,
    blend: Sequence[Move] = (),
) -> Engine:
    """Load an exported network.

    Args:
        path: A weight file (.npz), an ONNX file of `keras_sr.export`, or a network of OpenVINO (.xml).
        engine: A name in `ENGINES`, or `"auto"`: the first of them that is installed.
        precision: `"f32"`, `"bf16"`, or `"auto"`: the fastest that this machine has in hardware and that is
            known to cost the network no more than 0.01 dB (its passport says so), else `"f32"`.
        threads: Number of threads; None leaves it to the engine.
        assume: Facts (scale, receptive_field, ...) of a file that does not tell them itself.
        blend: Moves of the weights towards those of other files, one after the other.

    Raises:
        KerasSRError: The engine is unknown or not installed, or cannot compute in that precision.
        WeightsError: The file is missing, damaged or not of keras-sr.
    """
    name, precision = settled(path, engine=engine, precision=precision, blended=bool(blend))
    made = ENGINES[name](path, precision=precision, threads=threads, assume=assume, blend=blend)
    made.runs_on = f"{name} {precision}"
    return made


def settled(path: str | Path, *, engine: str, precision: str, blended: bool = False) -> tuple[str, str]:
    """Return the engine and the precision that `open_engine` takes, without opening anything.

    Args:
        path: As for `open_engine`.
        engine: The same.
        precision: The same.
        blended: Whether weights between files are asked for.

    Raises:
        KerasSRError: The engine is unknown, not installed, or not for such a file.
    """
    if engine not in ("auto", *ENGINES):
        raise KerasSRError(unknown("engine", engine, ["auto", *ENGINES]))
    wanted = list(ENGINES) if engine == "auto" else [engine]
    if str(path).endswith(".xml"):
        if engine not in ("auto", "openvino"):
            raise KerasSRError(f"{path} is a network of OpenVINO, which {engine} cannot run")
        wanted = ["openvino"]
    installed = [name for name in wanted if find_spec(name)]
    if not installed:
        raise KerasSRError(f"no engine to run a network with: pip install {' (or) '.join(wanted)}")
    if precision == "auto":
        precision = "f32" if blended else best_precision(installed[0], path)
    return installed[0], precision


def facts_in(path: str | Path, engine: str = "auto") -> NetworkFacts:
    """Return the facts of a weight file (.npz) as an engine will have them, without opening it."""
    name, _ = settled(path, engine=engine, precision="f32")
    facts = read_stored(path)[1]
    return replace(facts, bytes_per_pixel=ENGINES[name].MEMORY * facts.bytes_per_pixel)


def best_precision(engine: str, path: str | Path) -> str:
    """Return the fastest precision that costs a network next to nothing, by its passport, and runs here."""
    from keras_sr.weights import registry

    harmless = registry.harmless_precisions(path)
    return next((known for known in harmless if known in precisions(engine)), "f32")


def capabilities() -> dict[str, list[str]]:
    """Return the engines that are installed, the preferred one first, and the precisions each has here."""
    return {name: precisions(name) for name in ENGINES if find_spec(name)}


def precisions(engine: str) -> list[str]:
    """Return the precisions that an engine can compute in and that the processor has in hardware."""
    known = list(ENGINES[engine].PRECISIONS)
    if "bf16" in known and "BF16" not in openvino_capabilities():
        known.remove("bf16")
    return known


def openvino_capabilities() -> list[str]:
    """Return what OpenVINO says the processor computes in hardware."""
    return list(import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


#: How engines and frameworks say that memory did not suffice; none has an exception for it alone.
_NO_MEMORY = re.compile(
    r"bad[_ ]alloc|alloc\w*\b.*\bmemory|out of memory|\bOOM\b|RESOURCE_EXHAUSTED", re.I | re.S
)


def out_of_memory(error: Exception) -> bool:
    """Return whether an engine failed because memory did not suffice."""
    return isinstance(error, MemoryError) or bool(_NO_MEMORY.search(str(error)))


def _check_precision(engine: str, precision: str, known: tuple[str, ...]) -> None:
    """Refuse a precision that the engine cannot be asked for."""
    if precision not in known:
        raise KerasSRError(unknown(f"precision for {engine}", precision, known))


def _check_file(path: str | Path) -> Path:
    """Return the path if it is a file; engines say it in words that help nobody."""
    if not Path(path).is_file():
        raise WeightsError(f"no weight file at {path}: `keras-sr weights` lists the networks that come along")
    return Path(path)


def _not_a_network(path: str | Path) -> WeightsError:
    """Return the error for a file that no engine can read."""
    return WeightsError(f"{path} is not an ONNX network, or it is damaged: export it again")
