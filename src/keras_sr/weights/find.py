"""Where weights are: from a name, a run folder or a path to the file. No framework is imported here."""

from pathlib import Path

from keras_sr.errors import WeightsError
from keras_sr.weights import imported, registry

#: The files of a run folder that hold a generator: what a run ends with, and its checkpoint.
RUN_FILES = ("generator.npz", "state.npz")


def find(name: str | Path) -> Path:
    """Return the file that holds a generator's weights: shipped, imported, of a run, or of another program.

    Raises:
        WeightsError: Neither a file, nor a run folder with a checkpoint, nor a name of shipped weights.
    """
    path = Path(name)
    if path.is_dir():
        there = [path / file for file in RUN_FILES if (path / file).is_file()]
        if there:
            # A run that was ended and then made longer has a checkpoint newer than what it ended with.
            return max(there, key=lambda file: file.stat().st_mtime_ns)
        raise WeightsError(f"{path} holds no {' and no '.join(RUN_FILES)}: it is not a run folder")
    if path.is_file():
        return path
    if str(name) in registry.names():
        return registry.weights_path(str(name))
    others = imported.networks()
    if str(name) in others:
        return others[str(name)]
    raise WeightsError(
        f"{name} is neither a file, nor a run folder, nor one of the shipped weights: "
        f"{', '.join([*registry.names(), *others])}"
    )
