"""Where the weights of learned metrics are: LPIPS' networks, DISTS' and NIQE's model.

Each is looked for in a file that an environment variable names, then in the cache folder, then among those
that come with the package: LPIPS with AlexNet, and NIQE's model. VGG is too large to come along.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from keras_sr import files
from keras_sr.errors import WeightsError, unknown

#: What comes with the package; its README says from whom and under which licence.
SHIPPED = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Known:
    """A file of weights.

    Attributes:
        variable: The environment variable that may name it.
        remedy: What to do when it is nowhere; "" where it comes along.
    """

    variable: str
    remedy: str = ""


METRIC_FILES = {
    "lpips_alex": Known("KERAS_SR_LPIPS_ALEX"),
    "lpips_vgg": Known(
        "KERAS_SR_LPIPS_VGG",
        "make it once from the authors' package: pip install lpips torch torchvision, then "
        "python -m keras_sr.metrics.lpips_weights vgg",
    ),
    "dists": Known(
        "KERAS_SR_DISTS",
        "DISTS needs VGG16, which torchvision downloads: make it once from the authors' package: pip install "
        "DISTS-pytorch torch torchvision, then python -m keras_sr.metrics.dists_weights",
    ),
    "niqe": Known("KERAS_SR_NIQE"),
}


def cache_folder() -> Path:
    """Return where weights that were made are kept: `KERAS_SR_CACHE/metrics`, else the system's cache."""
    return files.cache_folder("metrics")


def find_weights(name: str) -> Path:
    """Return the file with the weights of a metric.

    Args:
        name: `"lpips_alex"`, `"lpips_vgg"`, `"dists"` or `"niqe"`.

    Raises:
        WeightsError: It is not there; the line says how to get it.
    """
    if name not in METRIC_FILES:
        raise WeightsError(unknown("weights of a metric", name, list(METRIC_FILES)))
    there = local_weights(name)
    if there:
        return there
    known, kept = METRIC_FILES[name], cache_folder() / f"{name}.npz"
    remedy = known.remedy or "the package lacks it: install it again"
    raise WeightsError(f"{kept} is not there: {remedy}, or name it by {known.variable}")


def local_weights(name: str) -> Path | None:
    """Return the file with the weights of a metric where it is on this machine, else None.

    Raises:
        WeightsError: The environment variable names no file.
    """
    named = os.environ.get(METRIC_FILES[name].variable)
    if named:
        if not Path(named).is_file():
            raise WeightsError(f"{METRIC_FILES[name].variable} names {named}, which is no file")
        return Path(named)
    places = (cache_folder() / f"{name}.npz", SHIPPED / f"{name}.npz")
    return next((place for place in places if place.is_file()), None)
