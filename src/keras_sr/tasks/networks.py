"""From what a person calls a network to the exported file that an engine opens."""

import logging
from pathlib import Path
from typing import Any

from keras_sr.backend import prepare_keras
from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.files import sha256

log = logging.getLogger(__name__)


def open_network(
    name: str | None,
    scale: float | None,
    *,
    engine: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    detail: float | None = None,
    partner: str | None = None,
) -> Any:
    """Return an engine with a network, ready to run.

    Args:
        name: As for `network_file`.
        scale: As for `network_file`.
        engine: A name in `inference.engines.ENGINES`, `"auto"`, or `"keras"`.
        precision: As for `inference.engines.open_engine`.
        threads: As for `inference.engines.open_engine`.
        detail: The share of this network, the rest being its partner's; None takes the network as it is.
        partner: The network at detail 0; None takes the one that it was trained from.

    Raises:
        KerasSRError: There is no such network or engine, or they do not go with what is asked of them.
    """
    from keras_sr.inference.engines import open_engine
    from keras_sr.weights import registry

    if partner and detail is None:
        raise KerasSRError("--partner says what --detail lies towards: give --detail, too")
    if engine == "keras":
        if detail is not None or precision == "bf16" or threads:
            raise KerasSRError("--engine keras goes without --detail, --fast, --precision and --threads")
        return keras_network(name, scale)
    file = network_file(name, scale)
    if detail is None or detail == 1:
        return open_engine(file, engine=engine, precision=precision, threads=threads)
    base = network_file(partner or partner_of(name or registry.of_scale(scale)), None)
    if detail == 0:
        return open_engine(base, engine=engine, precision=precision, threads=threads)
    return open_engine(base, engine=engine, precision=precision, threads=threads, blend=(file, detail))


def identity(name: str | None, scale: float | None, detail: float | None, partner: str | None) -> str:
    """Return the hashes of the weights that `open_network` takes, as text."""
    from keras_sr.weights import registry
    from keras_sr.weights.find import find

    chosen = name or registry.of_scale(scale)
    if detail not in (None, 1):
        partner = partner or partner_of(chosen)
    return " ".join(
        sha256(Path(one) if one.endswith((".onnx", ".xml")) else find(one))
        for one in (chosen, partner)
        if one
    )


def keras_network(name: str | None, scale: float | None) -> Any:
    """Return an engine that runs a network by Keras, on the backend and the device that Keras has."""
    from keras_sr.weights import registry

    if name and name.endswith((".onnx", ".xml")):
        raise KerasSRError(
            f"{name} is exported for other engines: give Keras a name, a run folder or an .npz"
        )
    weights = name or registry.of_scale(scale)
    prepare_keras()
    from keras_sr.export import keras_engine
    from keras_sr.weights.load import load

    return keras_engine(load(weights))


def partner_of(name: str) -> str:
    """Return the network that another one was trained from: by its passport, or by what its run began with.

    Raises:
        WeightsError: It is not known.
    """
    from keras_sr.weights import registry

    if Path(name).is_dir():
        from keras_sr.weights import store
        from keras_sr.weights.find import find

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
    raise WeightsError(
        f"{name} was not trained from another network that is known: say by --partner what lies at --detail 0"
    )


def network_file(name: str | None, scale: float | None) -> Path:
    """Return the exported file of a network.

    Args:
        name: A name in the registry, an .onnx file, or weights that were trained here: a run folder or an
            .npz file, exported when they are first used. None takes the default.
        scale: Chooses the network when it has no name.

    Raises:
        KerasSRError: There is no such network.
    """
    from keras_sr.inference.enlarge import find_network
    from keras_sr.weights import registry

    if name and (Path(name).is_dir() or name.endswith(".npz")):
        return exported(Path(name))
    return find_network(name or registry.of_scale(scale))


def exported(weights: Path) -> Path:
    """Return the exported file of a run folder or weight file; made beside it, once for each state of it."""
    from keras_sr.weights import registry
    from keras_sr.weights.find import find

    file = find(weights)
    if file.stem in registry.names() and file.resolve().parent == registry.FILES.resolve():
        return registry.onnx_path(file.stem)
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
