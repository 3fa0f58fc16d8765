"""From what a person calls a network to one that is open and ready."""

import logging
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.backend import prepare_keras
from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.files import sha256
from keras_sr.inference.engines import (
    Engine,
    FromFacts,
    capabilities,
    facts_in,
    facts_of,
    open_engine,
    settled,
)
from keras_sr.inference.interpolation import Move
from keras_sr.tasks.way import NetworkChoice
from keras_sr.weights import imported, keras_file, registry, store
from keras_sr.weights.find import find
from keras_sr.weights.foreign import is_foreign
from keras_sr.weights.stored import generator_arrays

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dials:
    """How far a network is turned from its own weights; None leaves a dial alone.

    Attributes:
        detail: 0 to 1: how much detail is invented.
        denoise: 0 to 1: how much of noise and compression is taken for damage.
    """

    detail: float | None = None
    denoise: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not 0 <= value <= 1:
                raise KerasSRError(f"`{name}` must lie between 0 and 1, not {value}")


class Network(FromFacts):
    """A network that is open and ready: what every task takes, and an engine itself.

    Attributes:
        facts: What it is called, how far it enlarges, what it needs.
        files: The files that were opened.
        opened: What `open_network` takes to open the same again, also on another machine that has the files;
            empty of a network that it did not open.
    """

    def __init__(
        self,
        engine: Engine,
        files: tuple[Path, ...],
        *,
        dials: Dials | None = None,
        self_ensemble: bool = False,
        consistent: bool = False,
    ) -> None:
        self.files = files
        self.opened = dict[str, Any]()
        self.runs_on = getattr(engine, "runs_on", type(engine).__name__)
        self._options: dict[str, Any] = {
            **asdict(dials or Dials()),
            "self_ensemble": self_ensemble,
            "consistent": consistent,
        }
        if self_ensemble:
            # Imported when asked for: a cold start should not wait for it.
            from keras_sr.inference.ensemble import EnsembleEngine

            engine = EnsembleEngine(engine)
        if consistent:
            from keras_sr.inference.projection import ConsistentEngine

            engine = ConsistentEngine(engine)
        self.facts = facts_of(engine)
        self._engine = engine

    @cached_property
    def choice(self) -> NetworkChoice:
        """What decides about pixels, read from the files when somebody asks for it."""
        return NetworkChoice(tuple(map(sha256, self.files)), self.runs_on, **self._options)

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Map LR float32 (N, h, w, 3) in [0, 1] to SR float32 (N, h * scale, w * scale, 3), not clipped."""
        return self._engine.run(batch)

    def __repr__(self) -> str:
        return f"<{self.name} x{self.scale} on {self.runs_on}>"


def open_network(
    name: str | Path | None = None,
    scale: float | None = None,
    *,
    engine: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    detail: float | None = None,
    denoise: float | None = None,
    partner: str | Path | None = None,
    self_ensemble: bool = False,
    consistent: bool = False,
) -> Network:
    """Open a network: once, for as many pictures as you like.

    Args:
        name: A name that `keras-sr weights` lists, or a file or folder of one of the kinds in `KINDS`:
            a run folder, an .npz file, an exported network (.onnx, .xml), a network of another program
            (.pth, .safetensors, .param of ncnn), a model that Keras saved (.keras). None takes the default:
            one of two, by what each picture shows (`tasks.by_picture`).
        scale: Chooses the network when it has no name: the first that enlarges this much.
        engine: `"openvino"`, `"onnxruntime"`, `"auto"` for the first of them that is installed, or `"keras"`:
            any backend, and a GPU.
        precision: `"f32"`, `"bf16"`, or `"auto"`: bf16 where the processor has it and it was measured to cost
            the network no more than 0.01 dB.
        threads: Threads to compute with; None leaves it to the engine.
        detail: How much detail is invented, in [0, 1]: the share of this network, the rest being its
            partner's; None takes the network as it is.
        denoise: How much of noise and compression is taken for damage, in [0, 1]: the share of this network,
            the rest being its sister's that keeps them; None takes the network as it is. Without a name,
            every picture gets the network that has this dial; so it does with `detail` at x2 and x3.
        partner: The network at detail 0, or at denoise 0; None takes the one that is known.
        self_ensemble: Average over eight turned copies: eight times slower.
        consistent: Make results shrink back to their pictures exactly.

    Raises:
        KerasSRError: The engine is unknown or not installed, or does not go with the rest.
        WeightsError: There is no such network, or its file is damaged.

    Examples:
        >>> open_network("compact_x4", engine="openvino", precision="f32")
        <compact_x4 x4 on openvino f32>
    """
    dials = Dials(detail, denoise)
    if partner and (detail is None) == (denoise is None):
        raise KerasSRError("`partner` is the other end of a dial: give `detail` or `denoise`, one of them")
    if name:
        chosen = str(name)
    else:
        chosen = registry.unnamed(scale, detail=None if partner else detail, denoise=denoise)
    options: dict[str, Any] = {"self_ensemble": self_ensemble, "consistent": consistent}
    if not name and engine != "keras" and not partner and chosen in registry.FOR_DAMAGED:
        # Imported here: it is a Network, too.
        from keras_sr.tasks.by_picture import ByPicture

        def opens(which: str) -> Network:
            return open_network(
                which,
                engine=engine,
                precision=precision,
                threads=threads,
                detail=detail,
                denoise=denoise,
                self_ensemble=self_ensemble,
                consistent=consistent,
            )

        def planned(which: str) -> NetworkChoice:
            turned = _turned(which, dials, None)
            files = turned.files
            runs_on = " ".join(settled(files[0], engine=engine, precision=precision, blended=len(files) > 1))
            shares = {**asdict(turned.dials), **options}
            return NetworkChoice(tuple(map(sha256, files)), runs_on, **shares)

        clean, damaged = chosen, registry.FOR_DAMAGED[chosen]
        # A dial that one of them lacks is refused now, not at the first picture that needs it.
        _turned(clean, dials, None)
        facts, others = (facts_in(registry.weights_path(one), engine) for one in (clean, damaged))
        return ByPicture(
            partial(opens, clean),
            partial(opens, damaged),
            replace(
                facts,
                name="default",
                receptive_field=max(facts.receptive_field, others.receptive_field),
                bytes_per_pixel=max(facts.bytes_per_pixel, others.bytes_per_pixel),
            ),
            partial(planned, clean),
            partial(planned, damaged),
            {"scale": scale, **asdict(dials), **options},
        )
    if engine == "keras":
        if dials != Dials() or precision == "bf16" or threads:
            raise KerasSRError(
                "`engine=keras` goes without `detail`, `denoise`, `precision` and `threads`: leave them out"
            )
        file = _keras_file(chosen)
        return _on_keras(chosen, file, options)
    try:
        network_file(chosen)
    except KerasSRError as error:
        if engine != "auto" or dials != Dials() or not runs_on_keras_alone(chosen, error):
            raise
        log.warning("%s runs on Keras, on whole pictures: %s", chosen, error)
        return _on_keras(chosen, find(chosen), options)
    turned = _turned(chosen, dials, partner)
    opened = open_engine(
        turned.start, engine=engine, precision=precision, threads=threads, blend=turned.moves
    )
    network = Network(opened, turned.files, dials=turned.dials, **options)
    # As they were chosen here: another machine might choose another precision, and make other pixels.
    engine, _, precision = network.runs_on.partition(" ")
    network.opened = {
        "name": _anywhere(chosen),
        "engine": engine,
        "precision": precision or "auto",
        **options,
    }
    if dials != Dials():
        network.opened |= asdict(dials)
        network.opened["partner"] = None if partner is None else _anywhere(str(partner))
    return network


def _on_keras(name: str, file: Path, options: dict[str, Any]) -> Network:
    """Return a network that Keras runs."""
    network = Network(_keras_engine(name, file), (file,), **options)
    network.opened = {"name": _anywhere(name), "engine": "keras", **options}
    return network


def _anywhere(name: str) -> str:
    """Return a name as it is, and a path as it is from any folder."""
    return str(Path(name).absolute()) if Path(name).exists() else name


@dataclass(frozen=True)
class _Turned:
    """Where the weights of a network come from once its dials are turned.

    Attributes:
        start: The file that is opened.
        moves: Where the weights are moved to then.
        dials: What of the dials is not yet told by the files alone.
    """

    start: Path
    moves: tuple[Move, ...] = ()
    dials: Dials = Dials()

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.start, *(Path(move.file) for move in self.moves))

    def by(self, move: Move, dials: Dials) -> "_Turned":
        """Move on; at the end of the way lies a file as it is."""
        if move.share in (0, 1):
            return _Turned(Path(move.file)) if move.share else self
        return _Turned(self.start, (*self.moves, move), dials)


def _turned(chosen: str, dials: Dials, partner: str | Path | None) -> _Turned:
    """Turn detail first, then denoise: what comes out lies between networks that are known."""
    file = network_file(chosen)
    turned = _Turned(file)
    if dials.detail is not None and dials.detail < 1:
        turned = _Turned(network_file(partner or partner_of(chosen)))
        back = Move(file, dials.detail, "{there}, detail {share:g}")
        turned = turned.by(back, Dials(dials.detail))
    if dials.denoise is not None and dials.denoise < 1:
        sister = network_file(partner or _sister_of(chosen))
        away = Move(sister, 1 - dials.denoise, f"{{here}}, denoise {dials.denoise:g}")
        turned = turned.by(away, replace(turned.dials, denoise=dials.denoise))
    return turned


def fast_precision(engine: str = "auto") -> str:
    """Return bf16 where the processor computes in it, f32 where it would be imitated, four times slower."""
    if engine == "keras":
        return "bf16"  # No engine of ours: `open_network` says what goes without it.
    installed = capabilities()
    name = next(iter(installed), "") if engine == "auto" else engine
    if "bf16" in installed.get(name, []):
        return "bf16"
    log.warning("this processor has no bf16, which would be slower here: f32 is as fast as it gets")
    return "f32"


def as_network(network: "Engine | str | Path | None", scale: float | None = None) -> Engine:
    """Return a network that is open, from one that is, from a Keras model, or from what `open_network` takes.

    Raises:
        KerasSRError: It is none of these, or a Keras model that enlarges nothing.
    """
    if network is None or isinstance(network, str | Path):
        return open_network(network, scale)
    keras: Any = sys.modules.get("keras")
    if keras is not None and isinstance(network, keras.Model):
        from keras_sr.export import keras_engine

        # A model in training holds the network to use.
        model: Any = getattr(network, "network", network)
        return keras_engine(model)
    if not hasattr(network, "run"):
        raise KerasSRError(
            "expected a network from open_network, a Keras model, a name or a path, "
            f"got {type(network).__name__}"
        )
    return network


@dataclass(frozen=True)
class Kind:
    """A kind of thing that a network can be given as.

    Attributes:
        what: In words, for errors.
        fits: Whether something that a person has typed is of this kind.
        exported: The file that engines open; made when it is not there.
        weights: The weight file that Keras reads; None where Keras cannot.
    """

    what: str
    fits: Callable[[str], bool]
    exported: Callable[[str], Path]
    weights: Callable[[str], Path] | None = None


def _is_exported(name: str) -> bool:
    return name.endswith((".onnx", ".xml"))


def _as_exported(name: str) -> Path:
    """Return an exported file as it is; of an .onnx that is not ours, what it becomes when it is read."""
    path = Path(name)
    if path.suffix != ".onnx" or not path.is_file():
        return path
    from keras_sr.tasks.convert import converted, says_its_facts

    return path if says_its_facts(path) else converted(path)


def _is_other(name: str) -> bool:
    return is_foreign(name) or (not Path(name).exists() and name in imported.networks())


def _of_other(name: str) -> Path:
    """Return the weight file of a network of another program, or of one that was imported."""
    file = find(name)
    if not is_foreign(file):
        return file
    from keras_sr.tasks.convert import converted

    return _as_exported(str(file)) if file.suffix == ".onnx" else converted(file)


def _is_trained(name: str) -> bool:
    return Path(name).is_dir() or name.endswith(".npz")


def _exported(name: str) -> Path:
    """Return what an engine opens of a run folder or weight file: itself, or what is made beside it of it."""
    weights = Path(name)
    file = find(weights)
    if "plan" in store.read(file)[1]:
        return file
    # Weight files of older versions tell an engine nothing of their network.
    target = file.with_name(f"{file.stem}-{sha256(file)[:12]}.onnx")
    if not target.exists():
        prepare_keras()
        from keras_sr.export import export_onnx
        from keras_sr.weights.load import load

        export_onnx(load(file), target, name=weights.stem)
        for old in set(file.parent.glob(f"{file.stem}-{'[0-9a-f]' * 12}.onnx")) - {target}:
            old.unlink()
        log.info("exported %s to %s", file, target)
    return target


def _of_keras(name: str) -> Path:
    """Return the weight file of a model that Keras saved."""
    from keras_sr.tasks.convert import converted

    return converted(find(name))


def runs_on_keras_alone(name: str, error: KerasSRError) -> bool:
    """Tell, by what went wrong, whether a model of Keras has layers that no other engine knows."""
    return keras_file.is_model(name) and not isinstance(error, WeightsError)


#: How a network is found, in this order. Another kind of file is one line here, and what it needs.
_KINDS = [
    Kind("a model that Keras saved (.keras)", keras_file.is_model, _of_keras, find),
    Kind(
        "weights that Keras saved (.weights.h5)",
        keras_file.is_weights,
        keras_file.refuse_weights,
        keras_file.refuse_weights,
    ),
    Kind("an exported network (.onnx, .xml)", _is_exported, _as_exported),
    Kind("a run folder or an .npz file", _is_trained, _exported, find),
    Kind("a network of another program (.pth, .safetensors, .param)", _is_other, _of_other, find),
    # Last: it takes whatever is left, and its error lists the names.
    Kind("a name that `keras-sr weights` lists", lambda name: True, registry.weights_path, find),
]


def _kind_of(name: str | Path) -> Kind:
    """Return what kind of thing a network is given as."""
    return next(kind for kind in _KINDS if kind.fits(str(name)))


def network_file(name: str | Path | None, scale: float | None = None) -> Path:
    """Return the exported file of a network.

    Args:
        name: As for `open_network`.
        scale: Chooses the network when it has no name.

    Raises:
        KerasSRError: There is no such network.
    """
    chosen = str(name) if name else registry.of_scale(scale)
    return _kind_of(chosen).exported(chosen)


def partner_of(name: str) -> str:
    """Return the network that another one was trained from: by its passport, or by what its run began with.

    Raises:
        WeightsError: It is not known.
    """
    if Path(name).is_dir():
        meta = store.read(find(name))[1]
        # Runs of older versions did not say what they began with, only what their recipe asks for.
        start = meta.get("start") or meta.get("recipe", {}).get("start_from", "")
        for place in (Path(start), Path(name).parent / Path(start).name):
            if start and place.exists():
                return str(place)
        if start in registry.names():
            return start
    elif name in registry.names():
        known = registry.passport(name).partner
        if known:
            return known
    able = ", ".join(one for one in registry.names() if registry.passport(one).partner)
    raise WeightsError(
        f"{name} was not trained from a network that is known: `detail` goes with {able}; for others, "
        "name the network at detail 0 with `partner`"
    )


def _sister_of(name: str) -> str:
    """Return the network that keeps the noise and compression that another one of its kind takes away.

    Raises:
        WeightsError: There is none that is known.
    """
    sister = registry.passport(name).sister if name in registry.names() else ""
    if sister:
        return sister
    able = ", ".join(one for one in registry.names() if registry.passport(one).sister)
    raise WeightsError(
        f"no network is known that keeps the noise {name} removes: `denoise` goes with {able}; "
        "for others, name the network at 0 with `partner`"
    )


def recipe_of(name: str) -> str:
    """Return the name of the recipe that trained a network, or ""."""
    if name in registry.names():
        return registry.passport(name).recipe["name"]
    if _kind_of(name).weights is None or keras_file.is_model(name) or is_foreign(find(name)):
        return ""
    return store.read(find(name))[1].get("recipe", {}).get("name", "")


def _keras_file(name: str) -> Path:
    """Return the weight file that Keras reads."""
    weights = _kind_of(name).weights
    if weights is None:
        raise KerasSRError(
            f"{name} is exported for other engines: give Keras a name, a run folder or an .npz"
        )
    return weights(name)


def _keras_engine(name: str, file: Path) -> Engine:
    """Return an engine that runs a network by Keras, on the backend and the device that Keras has.

    Args:
        name: What `weights.load` takes.
        file: Where its weights are; a weight file of keras-sr also says what the network is called.
    """
    backend = prepare_keras()
    from keras_sr.export import keras_engine
    from keras_sr.weights.load import load

    engine = keras_engine(load(name))
    engine.runs_on = f"keras {backend}"
    if file.suffix == ".npz":
        # Keras' model is called after its build, which many networks share.
        engine.facts = replace(engine.facts, name=str(generator_arrays(file)[1].get("name", file.stem)))
    return engine
