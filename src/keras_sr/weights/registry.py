"""The weights that ship with the package, each with its passport. No framework is imported here."""

import json
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

from keras_sr.errors import WeightsError, unknown
from keras_sr.types import Json

FILES = Path(__file__).parent / "files"

#: Written out, so that a name is found by reading; each has NAME.npz and NAME.json in `files/`.
NAMES = (
    "compact_x4",
    "compact_x3",
    "compact_x2",
    "lite_x4",
    "lite_x3",
    "lite_x2",
    "photo_x4",
    "photo_grain_x4",
    "photo_psnr_x4",
    "photo_x2",
    "photo_psnr_x2",
    "photo_x1",
    "srresnet_mse",
    "srresnet_vgg22",
    "srresnet_vgg54",
    "srgan_mse",
    "srgan_vgg22",
    "srgan_vgg54",
)

#: Sets on which a precision must have been measured, and dB that it may cost on each, to be the default.
MEASURED_ON, HARMLESS = ("Set5", "Set14", "BSD100"), 0.01

#: Precisions that are faster than float32, the fastest first.
_FASTER = ("bf16",)

#: What `keras-sr upscale` takes for clean pictures without a name: the best-looking (docs/decisions/0014).
DEFAULT = "srgan_vgg54"

#: What it takes when a scale is given: the first that enlarges enough.
BY_SCALE = {1: "photo_x1", 2: "lite_x2", 3: "lite_x3", 4: DEFAULT}

#: What it takes instead, without a name, for pictures with traces of JPEG or noise (docs/decisions/0023);
#: x3 is made by shrinking x4.
FOR_DAMAGED = {"lite_x2": "photo_x2", "lite_x3": "photo_x4", DEFAULT: "photo_x4"}

#: What it takes, without a name, where `denoise` is given: the network that has the dial, at every scale.
WITH_DENOISE = "photo_x4"

#: What it takes, without a name, where `detail` is given and the network of the scale invents nothing.
WITH_DETAIL = {"lite_x2": "photo_x2", "lite_x3": "photo_x4"}


@dataclass(frozen=True)
class Passport:
    """Where weights come from and what they reach.

    Attributes:
        name: The name in the registry.
        generator: The network's name in `models.GENERATORS`.
        scale: SR size over LR size.
        recipe: Every field of the recipe that trained it.
        command: The command of its last run. One that starts from weights of its own name went on from
            an earlier state of them (docs/lab-log.md).
        commit: The commit of the code that trained it.
        data: The photographs it was trained on.
        licence: Under which terms the weights may be used.
        steps: Training steps of that run.
        hours: Hours of training, of all runs that led to it.
        hardware: What it was trained on.
        scores: set: {metric: mean over its pictures}. `psnr` and `ssim` are the paper's (Y, `scale` pixels
            shaved), `matlab_psnr` and `matlab_ssim` the same on Y rounded to whole levels; `lpips`, `niqe`,
            `lr_psnr` (dB, how well SR shrinks back to LR) and `drift_y`, `drift_cb`, `drift_cr` (levels) as
            `keras-sr benchmark` has them.
        kmac: Thousands of multiplications per LR pixel.
        sha256: Of the .npz.
        precision_loss: precision: {set: dB of PSNR that it costs against float32}; what is not in it was not
            measured.
        seconds_per_megapixel: precision: seconds per million SR pixels on two cores, not those of `hardware`;
            all networks took turns in one run, so their ratios hold where the seconds do not.
        partner: The weights that these were trained from, of the same network: `--detail` lies between.
        sister: The same network, taught to keep noise and compression: `--denoise` lies between.
        teacher: The network whose SR was one more target, with its author and licence; "" for none.
    """

    name: str
    generator: str
    scale: int
    recipe: Json
    command: str
    commit: str
    data: str
    licence: str
    steps: int
    hours: float
    hardware: str
    scores: dict[str, dict[str, float]]
    sha256: dict[str, str]
    kmac: float = 0.0
    precision_loss: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds_per_megapixel: dict[str, float] = field(default_factory=dict)
    partner: str = ""
    sister: str = ""
    teacher: str = ""


def names() -> tuple[str, ...]:
    """Return the names of the shipped weights."""
    return NAMES


def of_scale(scale: float | None) -> str:
    """Return the network that is taken for a scale; for a larger one than there is, that of the largest."""
    if scale is None:
        return DEFAULT
    if not isinstance(scale, Real):
        raise WeightsError(f"scale must be a number, such as 2, not {scale!r}")
    return next((BY_SCALE[known] for known in sorted(BY_SCALE) if known >= scale), BY_SCALE[max(BY_SCALE)])


def unnamed(scale: float | None, *, detail: float | None, denoise: float | None) -> str:
    """Return the network that is taken without a name: that of the scale, or the one that has the dial."""
    if denoise is not None:
        # Who says how much is to be cleaned has looked at the picture.
        return WITH_DENOISE
    chosen = of_scale(scale)
    return chosen if detail is None else WITH_DETAIL.get(chosen, chosen)


def passport(name: str) -> Passport:
    """Return the passport of shipped weights.

    Raises:
        WeightsError: No shipped weights have that name; the known ones are listed.
    """
    return Passport(**json.loads(_path_of(name, ".json").read_text("utf-8")))


def harmless_precisions(path: str | Path) -> list[str]:
    """Return the precisions, fastest first, that cost the shipped network at a path next to nothing.

    None for a file that is not of the registry: nothing is known about it.
    """
    path = Path(path)
    if path.resolve().parent != FILES.resolve() or path.stem not in NAMES:
        return []
    losses = passport(path.stem).precision_loss
    return [
        name
        for name in _FASTER
        if name in losses and all(losses[name].get(one, 1.0) <= HARMLESS for one in MEASURED_ON)
    ]


def weights_path(name: str) -> Path:
    """Return the .npz with the weights by layer and the plan of the network, for Keras and for engines."""
    return _path_of(name, ".npz")


def _path_of(name: str, suffix: str) -> Path:
    """Return one of the files of shipped weights."""
    if name not in NAMES:
        raise WeightsError(unknown("weights", name, NAMES))
    return FILES / f"{name}{suffix}"
