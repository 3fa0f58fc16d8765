"""From what a person calls a network to the exported file that an engine opens."""

from pathlib import Path

from keras_sr.cli.backend import prepare_keras
from keras_sr.cli.say import say
from keras_sr.files import sha256


def network_file(name: str | None, scale: float | None) -> Path:
    """Return the exported file of a network.

    Args:
        name: A name in the registry, an .onnx file, or weights that were trained here: a run folder or an
            .npz file, exported when they are first used. None takes the default.
        scale: Chooses the network when it has no name.

    Raises:
        KerasSRError: There is no such network.
    """
    from keras_sr.inference.upscale import find_network

    if name and (Path(name).is_dir() or name.endswith(".npz")):
        return exported(Path(name))
    return find_network(name) if name or scale is None else of_scale(scale)


def of_scale(scale: float) -> Path:
    """Return the network that enlarges the least of those that enlarge enough; else the one with the most."""
    from keras_sr.weights import registry

    scales = {name: registry.passport(name).scale for name in registry.names()}
    enough = [name for name in scales if scales[name] >= scale]
    chosen = min(enough, key=scales.__getitem__) if enough else max(scales, key=scales.__getitem__)
    return registry.onnx_path(chosen)


def exported(weights: Path) -> Path:
    """Return the exported file of a run folder or weight file; made beside it, once for each state of it."""
    file = weights / "generator.npz" if weights.is_dir() else weights
    if not file.is_file():
        from keras_sr.weights.find import find

        file = find(weights)
    target = file.with_name(f"{file.stem}-{sha256(file)[:12]}.onnx")
    if not target.exists():
        prepare_keras()
        from keras_sr.export import export_onnx
        from keras_sr.weights.load import load

        export_onnx(load(file), target, name=weights.stem)
        for old in set(file.parent.glob(f"{file.stem}-{'[0-9a-f]' * 12}.onnx")) - {target}:
            old.unlink()
        say(f"exported {file} to {target}")
    return target
