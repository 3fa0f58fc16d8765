"""What a benchmark compares: bicubic, networks, and folders of pictures that other tools made.

Each becomes a `Candidate`, which gives the SR picture of a pair. Nothing here needs keras.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_sr.errors import DataError, PictureError
from keras_sr.evaluation.score import bicubic
from keras_sr.evaluation.sets.layouts import list_pictures
from keras_sr.files import sha256
from keras_sr.images.pair import Pair
from keras_sr.images.picture import Picture
from keras_sr.images.plain import read_rgb
from keras_sr.inference.engines import open_engine
from keras_sr.inference.enlarge import enlarge
from keras_sr.inference.ensemble import self_ensemble

#: A receptive field so wide that no picture is cut into tiles: for networks that do not tell theirs.
_WHOLE = str(1 << 20)


@dataclass(frozen=True, eq=False)
class Candidate:
    """Something that has an SR picture for each LR picture.

    Attributes:
        name: What tables call it.
        kind: `"bicubic"`, `"network"`, `"pictures"`, or `"truth"`: HR itself, for metrics without reference.
        enlarge: (pair, LR uint8 (h, w, 3)) to SR (H, W, 3), uint8 or float in [0, 1]; None for a folder of
            pictures, which `own_pictures` looks up.
        scale: Of a network; None for what takes any.
        file: Where it is.
        sha256: Of the network's file; of OpenVINO's two files, one number for both.
        engine: What runs the network.
        precision: What it computes in.
        recipe: What trained it, where that is known.
    """

    name: str
    kind: str
    enlarge: Callable[[Pair, np.ndarray], np.ndarray] | None
    scale: int | None = None
    file: str | None = None
    sha256: str | None = None
    engine: str | None = None
    precision: str | None = None
    recipe: str = ""


def bicubic_candidate(scale: int) -> Candidate:
    """Return the first row of every table."""
    upscaler = bicubic(scale)
    return Candidate("bicubic", "bicubic", lambda pair, lr: upscaler(lr))


def network_candidate(
    name: str,
    file: Path,
    *,
    scale: int,
    engine: str = "auto",
    precision: str = "f32",
    threads: int | None = None,
    ensemble: bool = False,
    recipe: str = "",
) -> Candidate:
    """Open a network file (ONNX, or OpenVINO's .xml).

    Networks of other projects are taken to map LR (N, 3, h, w) in [0, 1] RGB to SR the same way, and
    run on whole pictures.

    Args:
        name: What tables call it.
        file: The network.
        scale: Of a network that does not tell its own.
        engine: As for `open_engine`.
        precision: As for `open_engine`.
        threads: As for `open_engine`.
        ensemble: Average over the eight symmetries of the square.
        recipe: What trained it, or "".

    Raises:
        KerasSRError: The engine cannot run it.
        WeightsError: The file is missing or damaged.
    """
    network = open_engine(
        file,
        engine=engine,
        precision=precision,
        threads=threads,
        assume={"scale": str(scale), "receptive_field": _WHOLE},
    )

    def run(lr: np.ndarray) -> np.ndarray:
        return enlarge(Picture(lr), network, rounded=not ensemble).pixels

    upscaler = self_ensemble(run) if ensemble else run
    return Candidate(
        name,
        "network",
        lambda pair, lr: upscaler(lr),
        scale=network.scale,
        file=str(file),
        sha256=network_sha256(file),
        engine=type(network).__name__.removesuffix("Engine").lower(),
        precision=precision,
        recipe=recipe,
    )


def network_sha256(file: Path) -> str:
    """Return the hash of a network's file; of OpenVINO's two, the layers and the weights, of both."""
    weights = file.with_suffix(".bin")
    if file.suffix == ".xml" and weights.is_file():
        return hashlib.sha256((sha256(file) + sha256(weights)).encode()).hexdigest()
    return sha256(file)


def picture_candidate(name: str, folder: Path) -> Candidate:
    """Return a folder of ready-made SR pictures as a candidate: any tool's output can be measured.

    Raises:
        DataError: There is no picture in the folder.
    """
    if not list_pictures(folder):
        raise DataError(f"there is no picture in {str(folder)!r}: expected one for each HR picture")
    return Candidate(name, "pictures", None, file=str(folder))


def own_pictures(folder: Path, pairs: Sequence[Pair]) -> dict[Pair, list[Path]]:
    """Return which pictures of a folder belong to each pair of a set: one, where all is well.

    The picture of `img_001` is called `img_001`, or that with something behind it that does not begin
    with a digit or a letter (`img_001_x4`, `img_001-result`), or `img_001x4`. `cat-2_x4` belongs to
    `cat-2` where there is one, not to `cat`. Of pairs of one name in several folders, the picture belongs to
    the one in the folder of its own name. HR and LR themselves are nobody's result.
    """
    names: dict[str, list[Pair]] = {}
    for pair in pairs:
        for stem in _stems_of(pair):
            names.setdefault(stem, []).append(pair)
    given = {path.resolve() for pair in pairs for path in (pair.hr, pair.lr) if path}
    found: dict[Pair, list[Path]] = {pair: [] for pair in pairs}
    for path in list_pictures(folder):
        if path.resolve() in given:
            continue
        starts = (path.stem[:end] for end in range(len(path.stem), 0, -1))
        name = next((start for start in starts if start in names and _belongs(path.stem, start)), None)
        owners = names[name] if name else []
        place = path.relative_to(folder).parent
        near = [pair for pair in owners if Path(pair.name).parent == place]
        for pair in near or owners:
            found[pair].append(path)
    return found


def picture_of(pair: Pair, folder: Path, found: dict[Pair, list[Path]]) -> Path:
    """Return the one picture that belongs to a pair; one of its very name comes first.

    Args:
        pair: A pair of the set.
        folder: Where pictures were looked for.
        found: From `own_pictures`.

    Raises:
        PictureError: There is none, or there are several, or it might as well be that of another pair.
    """
    named = [path for path in found[pair] if path.stem in _stems_of(pair)]
    paths = named or found[pair]
    if len(paths) != 1:
        names = ", ".join(path.name for path in paths[:3]) or "none"
        raise PictureError(f"expected one picture in {folder} for {pair.hr.name}, found {names}")
    twin = next((one for one, theirs in found.items() if one != pair and paths[0] in theirs), None)
    if twin:
        raise PictureError(
            f"{paths[0]} may belong to {pair.name} or to {twin.name}: "
            "put results into folders as their HR pictures are"
        )
    return paths[0]


def _stems_of(pair: Pair) -> set[str]:
    """Return what the result of a pair may be called."""
    stems = {Path(pair.name).name, pair.hr.stem, pair.hr.stem.removesuffix("_HR")}
    return stems | {pair.lr.stem} if pair.lr else stems


def _belongs(stem: str, base: str) -> bool:
    """Tell whether a name is another, or that with something behind it.

    Examples:
        >>> [_belongs(name, "img_001") for name in ("img_001_x4", "img_001x4", "img_0012")]
        [True, True, False]
    """
    rest = stem.removeprefix(base)
    return stem.startswith(base) and (not rest[:1].isalnum() or (rest[0] in "xX" and rest[1:2].isdigit()))


def truth_candidate() -> Candidate:
    """Return HR itself: what a metric without reference gives for the truth."""
    return Candidate("HR", "truth", lambda pair, lr: read_rgb(pair.hr))
