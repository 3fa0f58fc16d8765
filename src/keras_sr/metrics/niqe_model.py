"""What NIQE compares a picture with: the statistics of many pictures that nobody spoiled.

The published model is that of Mittal, Soundararajan and Bovik, from 125 photographs; one's own comes
from any folder (`fit`), such as satellite pictures or scans, of which the published one knows nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError, WeightsError
from keras_sr.files import atomic_write
from keras_sr.metrics.nss import FEATURES, block_features, luma_of

#: Names in the published file.
_MEAN, _COVARIANCE = "mu_pris_param", "cov_pris_param"

#: Blocks count whose sharpness is above this share of the sharpest block's (section III.C of the paper).
_SHARPNESS = 0.75


@dataclass(frozen=True, eq=False)
class NiqeModel:
    """A multivariate Gaussian of natural-scene features.

    Attributes:
        mean: float64 (36,).
        covariance: float64 (36, 36).
    """

    mean: np.ndarray
    covariance: np.ndarray


def fit_niqe(pictures: Iterable[Any], *, sharpness_threshold: float = _SHARPNESS) -> NiqeModel:
    """Fit a model to pictures that nobody spoiled.

    Args:
        pictures: Pictures (H, W, 1 or 3), uint8 or float in [0, 1]; or paths of files. Sides of 96 or more.
        sharpness_threshold: Of each picture, the blocks whose mean local deviation is above this share of
            its sharpest block's.

    Raises:
        PictureError: A picture cannot be used, or all of them have less than 37 blocks: the covariance of
            36 features would have no inverse.
    """
    from keras_sr.images.plain import read_plain

    kept = []
    for picture in pictures:
        pixels = read_plain(picture).pixels if isinstance(picture, str | Path) else picture
        features, sharp = block_features(luma_of(pixels))
        kept.append(features[sharp > sharpness_threshold * sharp.max()])
    rows = np.concatenate(kept) if kept else np.empty((0, FEATURES))
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) <= FEATURES:
        raise PictureError(
            f"a NIQE model needs more than {FEATURES} sharp blocks of 96x96 pixels, these pictures have "
            f"{len(rows)}: give more or larger ones"
        )
    return NiqeModel(rows.mean(axis=0), np.cov(rows, rowvar=False))


def save_model(path: str | Path, model: NiqeModel) -> None:
    """Write a model as .npz, with the names of the published file; whole or not at all."""
    with atomic_write(path) as file:
        arrays: dict[str, Any] = {_MEAN: model.mean[None], _COVARIANCE: model.covariance}
        np.savez(file, **arrays)


def load_model(path: str | Path) -> NiqeModel:
    """Read a model that `save_model` or its authors wrote.

    Raises:
        WeightsError: The file is absent, damaged, or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"there is no NIQE model at {path}: check the path")
    return _cached(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _cached(path: Path, changed: int) -> NiqeModel:
    """Read a model once for each state of its file."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            mean, covariance = (np.asarray(file[key], np.float64) for key in (_MEAN, _COVARIANCE))
    except Exception as error:  # numpy raises whatever a damaged zip file brings about
        raise WeightsError(f"{path} is no NIQE model, or it is damaged ({error})") from None
    if mean.size != FEATURES or covariance.shape != (FEATURES, FEATURES):
        raise WeightsError(
            f"{path} is no NIQE model: {_MEAN} is {mean.shape} and {_COVARIANCE} {covariance.shape}, "
            f"expected {FEATURES} numbers and their covariance"
        )
    return NiqeModel(mean.reshape(FEATURES), covariance)
