"""DISTS: how different two pictures look when a texture may be replaced by another of its kind.

Ding, Ma, Wang, Simoncelli: Image quality assessment: unifying structure and texture similarity. IEEE TPAMI
2020, arXiv 2004.07728. VGG16 with smooth pooling, in numpy, as LPIPS is.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError, WeightsError
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.lpips import NETWORKS, convolve, take
from keras_sr.metrics.planes import plane_pair
from keras_sr.metrics.weights import find_weights

#: ImageNet's mean and deviation of RGB in [0, 1], which VGG16 was trained with.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)

#: Keeps quotients finite where a feature is zero everywhere (section 3.3).
_EPSILON = 1e-6

#: Pixels on a side from which the deepest features have more than one.
_SMALLEST = 32

#: Channels of what is compared: the picture itself and five layers of VGG16.
LAYER_CHANNELS = (3, 64, 128, 256, 512, 512)


def dists(sr: Any, hr: Any, *, crop_border: int = 0, weights: str | Path | None = None) -> float:
    """Return the distance of two pictures in structure and texture: 0 when equal, about 0.1 for near ones.

    Args:
        sr: Picture (H, W, 1 or 3), uint8 or float in [0, 1]; grey counts as R = G = B.
        hr: The truth, of the same size.
        crop_border: Pixels shaved from each of the four sides.
        weights: File of the weights; None takes that of `metrics.weights`.

    Raises:
        PictureError: The pictures cannot be compared (the line says why), or have less than 32 pixels on a
            side after shaving.
        WeightsError: The weights are not there, or damaged.
    """
    a, b = plane_pair(sr, hr, crop_border=crop_border, channel="rgb")
    height, width = a.shape[1:]
    if min(height, width) < _SMALLEST:
        raise PictureError(
            f"DISTS needs {_SMALLEST}x{_SMALLEST} pixels or more after shaving, not {width}x{height}"
        )
    path = Path(weights) if weights else find_weights("dists")
    kernels, alpha, beta = _load(path, path.stat().st_mtime_ns if path.is_file() else 0)
    x, y = (_features(planes, kernels) for planes in (a, b))
    ends = np.cumsum(LAYER_CHANNELS)[:-1]
    parts = zip(x, y, np.split(alpha, ends), np.split(beta, ends), strict=True)
    return float(1.0 - sum(_likeness(*part) for part in parts))


def _features(planes: np.ndarray, kernels: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Return the picture in [0, 1] and its features, float32 (h, w, channels) each."""
    rgb = np.moveaxis(np.broadcast_to(planes, (3, *planes.shape[1:])), 0, 2).astype(np.float32) / 255
    found, x = [rgb], (rgb - _MEAN) / _DEVIATION
    for conv, (kernel, bias) in zip(NETWORKS["vgg"][1], kernels, strict=True):
        if conv.pool:
            x = _smooth_pool(x)
        x = np.maximum(convolve(x, kernel, conv.stride, conv.pad) + bias, np.float32(0))
        if conv.tapped:
            found.append(x)
    return found


def _smooth_pool(x: np.ndarray) -> np.ndarray:
    """Return the root of the squares' weighted mean, every second pixel: no aliasing (section 3.1)."""
    squares = np.pad(x * x, ((1, 1), (1, 1), (0, 0)))
    a, b, c = (squares[i : i + len(x) : 2] for i in range(3))
    squares = a + 2 * b + c
    a, b, c = (squares[:, i : i + x.shape[1] : 2] for i in range(3))
    return np.sqrt((a + 2 * b + c) / np.float32(16) + np.float32(1e-12))


def _likeness(x: np.ndarray, y: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> float:
    """Return the weighted likeness of means (texture) and of deviations from them (structure), one layer."""
    x, y = (z.reshape(-1, z.shape[2]).astype(np.float64) for z in (x, y))
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    texture = (2 * mean_x * mean_y + _EPSILON) / (mean_x**2 + mean_y**2 + _EPSILON)
    covariance = (x * y).mean(axis=0) - mean_x * mean_y
    structure = (2 * covariance + _EPSILON) / (x.var(axis=0) + y.var(axis=0) + _EPSILON)
    return float(alpha @ texture + beta @ structure)


@lru_cache(maxsize=1)
def _load(path: Path, changed: int) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray, np.ndarray]:
    """Read kernels with biases, alpha and beta, once for each state of the file; alpha + beta sum to 1.

    Raises:
        WeightsError: The file is missing, damaged, or of another network.
    """
    if not path.is_file():
        raise WeightsError(f"there are no weights of DISTS at {path}: check the path")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {key: np.asarray(file[key], np.float32) for key in file.files}
    except Exception as error:  # numpy raises whatever a damaged zip file brings about
        raise WeightsError(f"{path} holds no weights of DISTS, or is damaged ({error})") from None
    backbone, convs = NETWORKS["vgg"]
    kernels, channels = [], 3
    for i, conv in enumerate(convs):
        kernel = take(arrays, f"{backbone}.Conv_{i}.kernel", (3, 3, channels, conv.filters), path)
        kernels.append((kernel, take(arrays, f"{backbone}.Conv_{i}.bias", (conv.filters,), path)))
        channels = conv.filters
    total = (sum(LAYER_CHANNELS),)
    alpha, beta = (take(arrays, name, total, path).astype(np.float64) for name in ("alpha", "beta"))
    whole = alpha.sum() + beta.sum()
    return kernels, alpha / whole, beta / whole


class DISTS(PerPictureMean):
    """The mean over pictures of `dists`, whose options it takes."""

    unit = ""
    higher_is_better = False
    lowest = 0.0
    highest = 1.0
    source = "Ding et al., IEEE TPAMI 2020, arXiv 2004.07728"
    digits = 3
    columns = (Column("dists", "DISTS", weights="dists", usual=False),)
    measure = staticmethod(dists)
