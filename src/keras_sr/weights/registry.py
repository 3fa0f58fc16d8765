"""The weights that ship with the package, each with its passport. No framework is imported here."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

from keras_sr.errors import WeightsError, unknown

FILES = Path(__file__).parent / "files"

#: Written out, so that a name is found by reading; each has NAME.npz, NAME.onnx and NAME.json in `files/`.
NAMES = ("compact_x4", "compact_x3", "compact_x2")

#: What `keras-sr upscale` takes when no name is given.
DEFAULT = "compact_x4"


@dataclass(frozen=True)
class Passport:
    """Where weights come from and what they reach.

    Attributes:
        name: The name in the registry.
        generator: The network's name in `models.GENERATORS`.
        scale: SR size over LR size.
        recipe: Every field of the recipe that trained it.
        command: The command that trains it again.
        commit: The commit of the code that trained it.
        data: The photographs it was trained on.
        licence: Under which terms the weights may be used.
        steps: Training steps.
        hours: Hours of training.
        hardware: What it was trained on.
        scores: set: {psnr, ssim} under the paper's protocol (Y, `scale` pixels shaved).
        sha256: Of the .npz and of the .onnx.
    """

    name: str
    generator: str
    scale: int
    recipe: dict
    command: str
    commit: str
    data: str
    licence: str
    steps: int
    hours: float
    hardware: str
    scores: dict[str, dict[str, float]]
    sha256: dict[str, str]


def names() -> tuple[str, ...]:
    """Return the names of the shipped weights."""
    return NAMES


def passport(name: str) -> Passport:
    """Return the passport of shipped weights.

    Raises:
        WeightsError: No shipped weights have that name; the known ones are listed.
    """
    values = json.loads(path_of(name, ".json").read_text("utf-8"))
    return Passport(**{field.name: values[field.name] for field in fields(Passport)})


def weights_path(name: str) -> Path:
    """Return the .npz with the weights by layer, for Keras."""
    return path_of(name, ".npz")


def onnx_path(name: str) -> Path:
    """Return the exported network, for the engines."""
    return path_of(name, ".onnx")


def path_of(name: str, suffix: str) -> Path:
    """Return one of the files of shipped weights."""
    if name not in NAMES:
        raise WeightsError(unknown("weights", name, NAMES))
    return FILES / f"{name}{suffix}"
