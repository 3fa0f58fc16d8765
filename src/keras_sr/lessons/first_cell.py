"""The first cell of a lesson: look at what is there, and say what to do where something is missing."""

import logging
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from keras_sr.backend import BACKENDS, prepare_keras
from keras_sr.errors import KerasSRError, WeightsError, install_hint

if TYPE_CHECKING:
    from keras_sr.data.sources import Source

#: The oldest Keras whose `MultiOptimizer` trains a GAN.
_KERAS = (3, 15)
#: module: what to install for it. PyTorch and jax serve as well as tensorflow.
_EXTRAS = {"matplotlib": "notebooks", "skimage": "notebooks", "IPython": "notebooks"}


@dataclass(frozen=True)
class Lesson:
    """What a lesson works with.

    Attributes:
        name: The recipe that the lesson tells of, or "".
        smoke: Whether everything shrinks to seconds, to see that it runs (`KERAS_SR_SMOKE=1`).
        folder: Where the lessons keep what they make; below the working folder.
        photos: Where training crops are cut from.
        benchmark: The folder of pictures to measure on.
        vgg_weights: What `vgg19_features(weights=...)` takes.
    """

    name: str
    smoke: bool
    folder: Path
    photos: "Source"
    benchmark: Path
    vgg_weights: str

    def steps(self, full: int) -> int:
        """Return a number of training steps: as given, or the 4 of smoke mode."""
        return 4 if self.smoke else full

    @property
    def small(self) -> dict:
        """The arguments of `srresnet` that the lessons train with: a thirtieth of the paper's weights."""
        size = {"features": 8, "blocks": 2} if self.smoke else {"features": 24, "blocks": 4}
        return {**size, "normalization": "none"}

    def fresh(self, name: str) -> Path:
        """Return a folder for what a training writes; one that no run before has used."""
        from keras_sr.evaluation.sheets import unused

        return unused(self.folder / name)


def start(name: str = "", *, photos: str = "", benchmark: str = "", vgg: bool = False) -> Lesson:
    """Check what the lesson needs, print what it found, and return it.

    Args:
        name: The recipe that the lesson tells of.
        photos: A folder of photographs to train on; without one `KERAS_SR_PHOTOS`, else the photographs
            that come with scikit-image.
        benchmark: A folder to measure on, or the name of a known set; without one `KERAS_SR_BENCHMARK`, else
            two of scikit-image's photographs that are not trained on.
        vgg: Whether the lesson needs the weights of VGG19.

    Raises:
        KerasSRError: Something is missing; the line says what to do.
    """
    _check_packages()
    backend = prepare_keras()
    # TensorFlow finds it worth a warning that pictures have different sizes.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from keras_sr.data.data_format import device
    from keras_sr.lessons.pictures import benchmark_folder, training_pictures

    smoke = os.environ.get("KERAS_SR_SMOKE", "0") not in ("", "0")
    folder = Path("runs") / ("lessons_smoke" if smoke else "lessons")
    processor = (
        "a GPU" if device() == "gpu" else "no GPU (none is needed: the lessons are sized for a processor)"
    )
    print(f"keras-sr {_own_version()}, Keras {version('keras')} on {backend}, {processor}")
    if smoke:
        print("smoke mode (KERAS_SR_SMOKE=1): everything runs for seconds, and nothing is learned")
    source, said = training_pictures(photos or os.environ.get("KERAS_SR_PHOTOS", ""))
    print(said)
    measured, said = benchmark_folder(
        benchmark or os.environ.get("KERAS_SR_BENCHMARK", ""), folder / "samples"
    )
    print(said)
    weights = _find_vgg(folder, smoke) if vgg else "imagenet"
    return Lesson(name, smoke, folder, source, measured, weights)


def welcome() -> None:
    """Print what is installed, and what the lessons after this one want; nothing has to be there."""
    print(f"keras-sr {_own_version()}")
    wanted = {"keras": "keras", "matplotlib": "notebooks", "skimage": "notebooks"}
    missing = sorted({extra for module, extra in wanted.items() if find_spec(module) is None})
    if missing:
        print(f"for the other lessons: {install_hint(','.join(missing))}; then restart the kernel")
    backends = [name for name in BACKENDS if find_spec(name)]
    found = ", ".join(f"{name} {_version_of(name)}" for name in backends)
    print(f"backends for training: {found or 'none; pip install tensorflow (or jax, or torch)'}")


def _version_of(module: str) -> str:
    """Return the version of a package by the name of its module."""
    for package in (module, f"{module}-cpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "of unknown version"


def _check_packages() -> None:
    """Raise KerasSRError for a package that is missing or too old."""
    for module, extra in _EXTRAS.items():
        if find_spec(module) is None:
            raise KerasSRError(f"the lessons need {module}: {install_hint(extra)}; then restart the kernel")
    try:
        found = version("keras")
    except PackageNotFoundError:
        return  # prepare_keras says what to do
    if tuple(int(part) for part in found.split(".")[:2]) < _KERAS:
        wanted = ".".join(map(str, _KERAS))
        raise KerasSRError(
            f"Keras {found} is too old, the lessons need {wanted}: pip install --upgrade keras, "
            "then restart the kernel"
        )


def _own_version() -> str:
    """Return the version of keras-sr."""
    import keras_sr

    return keras_sr.__version__


def _find_vgg(folder: Path, smoke: bool) -> str:
    """Return where the weights of VGG19 are; in smoke mode, random ones where there are none.

    Raises:
        WeightsError: They are not here and could not be downloaded; the line says what to do.
    """
    given = os.environ.get("KERAS_SR_VGG19")
    if smoke and not given:
        print("VGG19: random weights, for smoke mode only: its features mean nothing")
        return str(_random_vgg(folder / "vgg19_random.npz"))
    from keras_sr.models.vgg import vgg19_features

    try:
        vgg19_features(("block1_conv1",), weights="imagenet")
    except WeightsError as error:
        raise WeightsError(
            "this lesson compares pictures by VGG19, whose weights are not here and could not be downloaded: "
            "connect to the internet once, or set the environment variable KERAS_SR_VGG19 to a local file "
            f"and restart the kernel ({error})"
        ) from None
    print("VGG19: trained on ImageNet" + (", from the file in KERAS_SR_VGG19" if given else ""))
    return "imagenet"


def _random_vgg(path: Path) -> Path:
    """Write a VGG19 of random kernels of He's scale (arXiv 1502.01852): it knows nothing."""
    import numpy as np

    from keras_sr.files import atomic_write
    from keras_sr.models.vgg import BLOCKS

    if path.is_file():
        return path
    rng, arrays, channels = np.random.default_rng(0), {}, 3
    for block, (convs, filters) in enumerate(BLOCKS, start=1):
        for conv in range(1, convs + 1):
            kernel = rng.standard_normal((3, 3, channels, filters), "float32")
            arrays[f"block{block}_conv{conv}.kernel"] = kernel * np.float32((2 / (9 * channels)) ** 0.5)
            arrays[f"block{block}_conv{conv}.bias"] = np.zeros(filters, "float32")
            channels = filters
    with atomic_write(path) as file:
        np.savez(file, **arrays)
    return path
