"""Where the weights of learned metrics are: LPIPS' networks and NIQE's model. None come with the package.

Each is looked for in a file that an environment variable names, then in the cache folder.
"""

import hashlib
import os
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from keras_sr import files
from keras_sr.errors import WeightsError, unknown
from keras_sr.files import atomic_write

#: Seconds without an answer after which a download is given up.
PATIENCE = 30


@dataclass(frozen=True)
class Known:
    """A file of weights.

    Attributes:
        variable: The environment variable that may name it.
        remedy: What to do when it is nowhere.
        url: Where it can be downloaded, or "".
        sha256: Of what is downloaded.
    """

    variable: str
    remedy: str
    url: str = ""
    sha256: str = ""


LPIPS_REMEDY = (
    "make it once from the authors' package: pip install lpips torch torchvision, then "
    "python -m keras_sr.metrics.lpips_weights {net}"
)

FILES = {
    "lpips_alex": Known("KERAS_SR_LPIPS_ALEX", LPIPS_REMEDY.format(net="alex")),
    "lpips_vgg": Known("KERAS_SR_LPIPS_VGG", LPIPS_REMEDY.format(net="vgg")),
    "dists": Known(
        "KERAS_SR_DISTS",
        "DISTS needs VGG16, which torchvision downloads: make it once from the authors' package: pip install "
        "DISTS-pytorch torch torchvision, then python -m keras_sr.metrics.dists_weights",
    ),
    "niqe": Known(
        "KERAS_SR_NIQE",
        "download it by hand",
        # A commit, not a branch: what it holds cannot change.
        url="https://raw.githubusercontent.com/XPixelGroup/BasicSR/"
        "8d56e3a045f9fb3e1d8872f92ee4a4f07f886b0a/basicsr/metrics/niqe_pris_params.npz",
        sha256="2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296",
    ),
}


def cache_folder() -> Path:
    """Return where such weights are kept: `KERAS_SR_CACHE/metrics`, else `~/.cache/keras-sr/metrics`."""
    return files.cache_folder("metrics")


def find_weights(name: str) -> Path:
    """Return the file with the weights of a metric; one that can be downloaded is, once.

    Args:
        name: `"lpips_alex"`, `"lpips_vgg"`, `"dists"` or `"niqe"`.

    Raises:
        WeightsError: It is not there; the line says how to get it.
    """
    if name not in FILES:
        raise WeightsError(unknown("weights of a metric", name, list(FILES)))
    known = FILES[name]
    there = local_weights(name)
    if there:
        return there
    kept = cache_folder() / f"{name}.npz"
    if not known.url:
        raise WeightsError(f"{kept} is not there: {known.remedy}, or name it by {known.variable}")
    download(known, kept)
    return kept


def local_weights(name: str) -> Path | None:
    """Return the file with the weights of a metric where it is on this machine, else None.

    Raises:
        WeightsError: The environment variable names no file.
    """
    named = os.environ.get(FILES[name].variable)
    if named:
        if not Path(named).is_file():
            raise WeightsError(f"{FILES[name].variable} names {named}, which is no file")
        return Path(named)
    kept = cache_folder() / f"{name}.npz"
    return kept if kept.is_file() else None


def download(known: Known, target: Path) -> None:
    """Download a file: there whole and checked, or not at all.

    Raises:
        WeightsError: It does not come, or is another one.
    """
    way_out = f"{known.remedy} from {known.url} to {target}, or name it by {known.variable}"
    try:
        with urlopen(known.url, timeout=PATIENCE) as answer:
            content = answer.read()
    except (HTTPException, OSError) as error:
        if isinstance(error, HTTPError):
            error.close()
        said = getattr(error, "reason", None) or error
        raise WeightsError(f"no weights at {target}, and no download ({said}): {way_out}") from error
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise WeightsError(f"what came from {known.url} is another file than expected: {way_out}")
    try:
        with atomic_write(target) as file:
            file.write(content)
    except OSError as error:
        raise WeightsError(f"cannot write {target} ({error.strerror}): {way_out}") from error
