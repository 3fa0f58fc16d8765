"""LPIPS: how different two pictures are to a network that learned to see, calibrated by people's answers.

Zhang, Isola, Efros, Shechtman, Wang: The unreasonable effectiveness of deep features as a perceptual
metric. CVPR 2018, eq. 1; version 0.1 of the authors' weights. The network runs in numpy: five
convolutions need no framework, and without one the figure is the same everywhere.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError, WeightsError, unknown
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.planes import plane_pair
from keras_sr.metrics.weights import find_weights

#: What the networks were trained on: RGB in [-1, 1], less SHIFT, over SCALE.
_SHIFT = np.array([-0.030, -0.088, -0.188], np.float32)
_SCALE = np.array([0.458, 0.448, 0.450], np.float32)

#: Keeps the length of a feature vector above 0.
_EPSILON = 1e-10

#: Numbers that the windows of one matrix product may hold: what fits into the cache of a processor.
_WINDOWS = 1 << 21


@dataclass(frozen=True)
class _Conv:
    """A convolution with ReLU, and what comes before it.

    Attributes:
        size: Side of the kernel.
        filters: How many.
        stride: Between windows.
        pad: Zeros around the picture.
        pool: (side, stride) of the max-pooling before it, or None.
        tapped: Whether its features are compared.
    """

    size: int
    filters: int
    stride: int = 1
    pad: int = 1
    pool: tuple[int, int] | None = None
    tapped: bool = True


_HALVE = (2, 2)
#: The two backbones, as torchvision has them: AlexNet (Krizhevsky 2014) and VGG16 (Simonyan, Zisserman 2015).
NETWORKS = {
    "alex": (
        "AlexNet_0",
        (
            _Conv(11, 64, stride=4, pad=2),
            _Conv(5, 192, pad=2, pool=(3, 2)),
            _Conv(3, 384, pool=(3, 2)),
            _Conv(3, 256),
            _Conv(3, 256),
        ),
    ),
    "vgg": (
        "VGG16_0",
        (
            _Conv(3, 64, tapped=False),
            _Conv(3, 64),
            _Conv(3, 128, pool=_HALVE, tapped=False),
            _Conv(3, 128),
            _Conv(3, 256, pool=_HALVE, tapped=False),
            _Conv(3, 256, tapped=False),
            _Conv(3, 256),
            _Conv(3, 512, pool=_HALVE, tapped=False),
            _Conv(3, 512, tapped=False),
            _Conv(3, 512),
            _Conv(3, 512, pool=_HALVE, tapped=False),
            _Conv(3, 512, tapped=False),
            _Conv(3, 512),
        ),
    ),
}

#: The least side whose deepest features still have a pixel.
SMALLEST = {"alex": 31, "vgg": 16}


def lpips(
    sr: Any, hr: Any, *, crop_border: int = 0, net: str = "alex", weights: str | Path | None = None
) -> float:
    """Return the perceptual distance of two pictures: 0 when equal, about 0.1 for near, 0.7 for far ones.

    Args:
        sr: Picture (H, W, 1 or 3), uint8 or float in [0, 1]; grey counts as R = G = B.
        hr: The truth, of the same size.
        crop_border: Pixels shaved from each of the four sides.
        net: `"alex"`, what papers report, or `"vgg"`.
        weights: File of the weights; None takes that of `metrics.weights`.

    Raises:
        PictureError: The pictures cannot be compared (the line says why), or have less than 31 (vgg: 16)
            pixels on a side after shaving.
        WeightsError: The weights are not there, or damaged.
    """
    if net not in NETWORKS:
        raise PictureError(unknown("network of LPIPS", net, list(NETWORKS)))
    a, b = plane_pair(sr, hr, crop_border=crop_border, channel="rgb")
    height, width = a.shape[1:]
    if min(height, width) < SMALLEST[net]:
        raise PictureError(
            f"LPIPS with {net} needs {SMALLEST[net]}x{SMALLEST[net]} pixels or more after shaving, "
            f"not {width}x{height}"
        )
    path = Path(weights) if weights else find_weights(f"lpips_{net}")
    kernels, heads = load(net, path, path.stat().st_mtime_ns if path.is_file() else 0)
    pair = [features(_prepare(planes), net, kernels) for planes in (a, b)]
    return sum(_distance(x, y, head) for x, y, head in zip(*pair, heads, strict=True))


def _prepare(planes: np.ndarray) -> np.ndarray:
    """Return grey levels (1 or 3, H, W) as the network's input, float32 (H, W, 3)."""
    rgb = np.moveaxis(np.broadcast_to(planes, (3, *planes.shape[1:])), 0, 2)
    return ((rgb / 127.5 - 1.0).astype(np.float32) - _SHIFT) / _SCALE


def features(x: np.ndarray, net: str, kernels: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Return the compared features of a picture, float32 (h, w, channels) each."""
    found = []
    for conv, (kernel, bias) in zip(NETWORKS[net][1], kernels, strict=True):
        if conv.pool:
            x = max_pool(x, *conv.pool)
        x = np.maximum(convolve(x, kernel, conv.stride, conv.pad) + bias, np.float32(0))
        if conv.tapped:
            found.append(x)
    return found


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int, pad: int) -> np.ndarray:
    """Correlate (H, W, C) with (k, k, C, filters), zeros around: a matrix product for each band of rows."""
    size, _, channels, filters = kernel.shape
    x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))[::stride, ::stride]
    height, width = windows.shape[:2]
    matrix = kernel.transpose(2, 0, 1, 3).reshape(-1, filters)
    out = np.empty((height, width, filters), np.float32)
    rows = max(1, _WINDOWS // (width * channels * size * size))
    for top in range(0, height, rows):
        band = windows[top : top + rows]
        out[top : top + rows] = (band.reshape(-1, len(matrix)) @ matrix).reshape(len(band), width, filters)
    return out


def max_pool(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Return the largest of each window that lies inside: (H, W, C) to (h, w, C)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))
    return windows[::stride, ::stride].max(axis=(3, 4))


def _distance(x: np.ndarray, y: np.ndarray, head: np.ndarray) -> float:
    """Return the mean over pixels of the weighted squared difference of unit features (eq. 1), one layer."""
    x, y = (z / (np.sqrt((z * z).sum(axis=2, keepdims=True)) + np.float32(_EPSILON)) for z in (x, y))
    difference = x - y
    return float(((difference * difference) @ head).mean(dtype=np.float64))


@lru_cache(maxsize=2)
def load(net: str, path: Path, changed: int) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Read kernels with biases, and heads, once for each state of the file.

    Raises:
        WeightsError: The file is missing, damaged, or of another network.
    """
    backbone, convs = NETWORKS[net]
    if not path.is_file():
        raise WeightsError(f"there are no weights of LPIPS at {path}: check the path")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {key: np.asarray(file[key], np.float32) for key in file.files}
    except Exception as error:  # numpy raises whatever a damaged zip file brings about
        raise WeightsError(f"{path} holds no weights of LPIPS, or is damaged ({error})") from None
    kernels, heads, channels = [], [], 3
    for i, conv in enumerate(convs):
        shape = (conv.size, conv.size, channels, conv.filters)
        kernels.append(
            (
                take(arrays, f"{backbone}.Conv_{i}.kernel", shape, path),
                take(arrays, f"{backbone}.Conv_{i}.bias", (conv.filters,), path),
            )
        )
        channels = conv.filters
        if conv.tapped:
            name = f"NetLinLayer_{len(heads)}.Conv_0.kernel"
            heads.append(take(arrays, name, (1, 1, channels, 1), path).reshape(channels))
    return kernels, heads


def take(arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    """Return an array of the expected name and shape."""
    found = arrays.get(name)
    if found is None or found.shape != shape:
        came = "is missing" if found is None else f"has shape {found.shape}"
        raise WeightsError(f"{path} holds other weights: {name} {came}, expected {shape}")
    return found


class LPIPS(PerPictureMean):
    """The mean over pictures of `lpips`, whose options it takes."""

    unit = ""
    higher_is_better = False
    lowest = 0.0
    highest = float("inf")
    source = "Zhang et al., CVPR 2018, eq. 1; weights of version 0.1"
    digits = 3
    columns = (
        Column("lpips", "LPIPS", note="AlexNet", weights="lpips_alex"),
        Column("lpips_vgg", "LPIPS-VGG", {"net": "vgg"}, note="VGG16", weights="lpips_vgg", usual=False),
    )
    measure = staticmethod(lpips)
