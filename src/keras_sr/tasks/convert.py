"""Networks of other programs made into weight files of keras-sr: once, without torch.

Files of Keras alone need Keras for it; what they are made into does not.
"""

import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from keras_sr.backend import prepare_keras
from keras_sr.errors import WeightsError
from keras_sr.facts import NetworkFacts
from keras_sr.files import atomic_write, cache_folder, sha256
from keras_sr.graphs.analyse import multiplications, receptive_field, scale
from keras_sr.graphs.compute import compute
from keras_sr.graphs.plan import as_json, assemble, from_json
from keras_sr.graphs.plans import plan_of
from keras_sr.types import Json
from keras_sr.weights import imported, keras_file, registry, store
from keras_sr.weights.foreign import is_foreign, read_network
from keras_sr.weights.foreign.network import UNKNOWN_LICENCE
from keras_sr.weights.foreign.onnx_weights import read_onnx_metadata
from keras_sr.weights.stored import generator_arrays

if TYPE_CHECKING:
    from keras_sr.weights.foreign.network import ForeignNetwork

log = logging.getLogger(__name__)

#: By how many pixels (of the size that it computes at) tiles overlap for a network that sees farther. On
#: Real-ESRGAN's networks, what is farther changed a result by 0.7 of a level of 8 bits at most
#: (docs/how-to/use-other-networks.md).
MARGIN = 64
#: Part of the cache's key: raised when the same file is converted into something else.
_VERSION = 1


def converted(path: str | Path) -> Path:
    """Return the weight file of a network of another program or of Keras; made when it is first asked for.

    Raises:
        WeightsError: The file holds no network that is read; nothing is kept then.
        KerasSRError: A model of Keras has layers that no other engine runs.
    """
    path = Path(path)
    target = cache_folder("networks") / f"{path.stem[:40]}-{_file_hash(path)[:16]}-{_VERSION}.npz"
    known = [one for one in (target, target.with_suffix(".onnx")) if one.exists()]
    if known:
        return known[0]
    written = _write_keras(target, path) if keras_file.is_model(path) else _write(target, read(path), path)
    log.info("read %s: %s", path, written)
    return written


def read(path: Path, licence: str | None = None) -> "ForeignNetwork | bytes":
    """Read a network of another program; an ONNX of no known kind becomes one that says what engines need.

    Raises:
        WeightsError: As for `weights.foreign.read_network`; or an ONNX takes one size only, another range
            than [0, 1], or enlarges nothing.
    """
    if path.suffix.lower() != ".onnx" or not path.is_file() or not find_spec("openvino"):
        return _licensed(read_network(path), licence)
    if says_its_facts(path):
        _facts_of_onnx(path)
        return path.read_bytes()
    from keras_sr.inference.onnx_trial import is_apart, opened, tried, with_facts

    try:
        run, bands = opened(path)
        with suppress(WeightsError):
            network = read_network(path)
            graph = assemble(plan_of(network.values), network.arrays, network.values.get("bands", 3))
            # Its weights by their names, where the file computes with them what we do.
            if not is_apart(run, lambda lr: compute(graph, lr), bands, network.values.get("unshuffle", 1)):
                return _licensed(network, licence)
        facts, _ = tried(path, MARGIN, licence or UNKNOWN_LICENCE)
    except WeightsError as error:
        raise WeightsError(f"{path} {error}") from None
    return with_facts(path.read_bytes(), facts)


def _licensed(network: "ForeignNetwork", licence: str | None) -> "ForeignNetwork":
    """Return a network with the licence that is given, or its own."""
    return replace(network, licence=licence) if licence else network


def _write(target: Path, network: "ForeignNetwork | bytes", source: Path, name: str | None = None) -> Path:
    """Write what `read` returns: a weight file, or beside its name an .onnx."""
    if not isinstance(network, bytes):
        return write(target, network, source, name)
    target = target.with_suffix(".onnx")
    with atomic_write(target) as file:
        file.write(network)
    return target


def import_network(path: str | Path, name: str | None = None, licence: str | None = None) -> Path:
    """Put a network of another program beside those that ship, so that it is known by its name.

    Args:
        path: As for `weights.foreign.read_network`.
        name: What to call it; the name of the file by default.
        licence: Under which terms it may be used, where the file does not say.

    Returns:
        The weight file, in the first folder of `weights.imported.folders`.

    Raises:
        WeightsError: The file holds no network that is read, or the name is taken.
    """
    path = Path(path)
    name = name or path.stem
    if name in registry.names() or name in imported.networks() or Path(name).name != name or name[0] in ".-":
        raise WeightsError(
            f"a network cannot be called {name!r}: it is taken or not a file name; choose another"
        )
    return _write(imported.folders()[0] / f"{name}.npz", read(path, licence), path, name)


def write(target: Path, network: "ForeignNetwork", source: Path, name: str | None = None) -> Path:
    """Write a network as a weight file with everything that an engine and Keras ask for."""
    plan = plan_of(network.values)
    bands, unshuffle = network.values.get("bands", 3), network.values.get("unshuffle", 1)
    meta = {
        "name": name or source.stem,
        "kind": network.kind,
        "recipe": network.values,
        "plan": as_json(plan),
        "bands": bands,
        # A network runs as its author ran it: what lies outside of the picture is black.
        "frame": 0,
        "licence": network.licence,
        "source": {"file": source.name, "sha256": _file_hash(source), **network.notes},
    }
    if receptive_field(assemble(plan, network.arrays, bands)) > MARGIN * unshuffle:
        meta["margin"] = MARGIN * unshuffle
    store.save(target, network.arrays, meta)
    return target


def _write_keras(target: Path, source: Path) -> Path:
    """Write a model of Keras as a weight file, for engines that do without Keras."""
    prepare_keras()
    from keras_sr.graphs.layers import as_meta

    model = keras_file.read_model(source)
    plan = as_meta(model)
    axis = 1 if model.input_shape[1] == plan["bands"] else 3
    if model.output_shape[axis] != plan["bands"]:
        raise WeightsError(
            f"{source} makes {model.output_shape[axis]} bands of {plan['bands']}: "
            "expected a network that enlarges"
        )
    meta = {"name": source.stem, "source": {"file": source.name, "sha256": _file_hash(source)}}
    store.save(target, store.network_arrays(model), {**meta, **plan})
    return target


@dataclass(frozen=True)
class Description:
    """A network in a line.

    Attributes:
        kind: Its architecture in words; why it cannot be used, where `scale` is 0.
        scale: SR size over LR size.
        kmac: Thousands of multiplications per LR pixel; None where nobody has counted them.
        licence: Under which terms it may be used.
        sha256: Of the file that it came in.
    """

    kind: str
    scale: int
    kmac: float | None
    licence: str
    sha256: str


def describe(path: str | Path) -> Description:
    """Return what a network in a folder of networks is: a weight file, or a file of another program.

    Raises:
        WeightsError: It is none that is read.
    """
    path = Path(path)
    if path.suffix.lower() == ".onnx":
        path = path if says_its_facts(path) else converted(path)
        if path.suffix == ".onnx":
            return _described_onnx(path)
    if is_foreign(path):
        network = read_network(path)
        return _described(network.values, network.arrays, network.kind, network.licence, _file_hash(path))
    arrays, meta = generator_arrays(path)
    if "plan" not in meta:
        raise WeightsError(f"{path} was written without the plan of its network: import it again")
    graph = assemble(from_json(meta["plan"]), arrays, int(meta.get("bands", 3)))
    kind = meta.get("kind") or str(meta.get("recipe", {}).get("generator", "network"))
    digest = meta.get("source", {}).get("sha256") or sha256(path)
    return Description(kind, scale(graph), multiplications(graph) / 1e3, meta.get("licence", ""), digest)


def _described(values: Json, arrays: Json, kind: str, licence: str, digest: str) -> Description:
    graph = assemble(plan_of(values), arrays, values.get("bands", 3))
    return Description(kind, scale(graph), multiplications(graph) / 1e3, licence, digest)


def says_its_facts(path: Path) -> bool:
    """Return whether an ONNX file has what engines ask for in its metadata."""
    return b"receptive_field" in path.read_bytes()


def _facts_of_onnx(path: Path) -> tuple[dict[str, str], NetworkFacts]:
    """Return the metadata of an ONNX file, and the facts in it."""
    notes = read_onnx_metadata(path)
    return notes, NetworkFacts.from_metadata(notes, str(path), path.stem)


def _described_onnx(path: Path) -> Description:
    """Return what an ONNX file says of itself; what it costs, nobody has counted."""
    notes, facts = _facts_of_onnx(path)
    return Description(notes.get("kind", "ONNX"), facts.scale, None, facts.licence, sha256(path))


def _file_hash(path: Path) -> str:
    """Return the SHA-256 of a file; of an ncnn pair, of both."""
    if path.suffix.lower() not in (".param", ".bin"):
        return sha256(path)
    pair = [path.with_suffix(suffix) for suffix in (".param", ".bin")]
    return hashlib.sha256("".join(sha256(one) for one in pair if one.is_file()).encode()).hexdigest()
