"""What happens to photographs on their way to a user: blur, resampling, noise, JPEG and WebP, in numpy.

Each function maps a picture to a picture: float32 RGB (H, W, 3) in grey levels of [0, 255], not rounded
unless it says so. Randomness comes in as a `numpy.random.Generator`, so a result is a function of its seed.
The presets in `presets.py` put them in order.
"""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, features

from keras_sr.errors import DataError
from keras_sr.images.resize import axis_matrix
from keras_sr.types import Json

# === Blur ===


def gaussian_kernel(
    size: int, sigma_x: float, sigma_y: float, angle: float = 0.0, beta: float = 1.0
) -> np.ndarray:
    """Return a kernel exp(-|d|^(2 beta) / 2), normalised, with d the distance in units of the sigmas.

    Args:
        size: Its side, odd.
        sigma_x: Standard deviation along the first axis of the turned ellipse, in pixels.
        sigma_y: The same along the second.
        angle: Of the ellipse, in radians.
        beta: 1 is the Gaussian; above is flatter on top, below more pointed (the generalised Gaussian of
            Wang et al. 2021, arXiv 2107.10833, section 3.1).

    Returns:
        float32 (size, size), sum 1.
    """
    return _normalised(np.exp(-0.5 * _squared(size, sigma_x, sigma_y, angle) ** beta))


def plateau_kernel(size: int, sigma_x: float, sigma_y: float, angle: float, beta: float) -> np.ndarray:
    """Return the plateau-shaped kernel 1 / (1 + |d|^(2 beta)), normalised (arXiv 2107.10833, section 3.1)."""
    return _normalised(1.0 / (1.0 + _squared(size, sigma_x, sigma_y, angle) ** beta))


def sinc_kernel(size: int, cutoff: float) -> np.ndarray:
    """Return the ideal low-pass of a circle of frequencies: ringing and overshoot (arXiv 2107.10833, eq. 6).

    Args:
        size: Its side, odd.
        cutoff: Highest angular frequency that passes, in radians a pixel, up to pi.
    """
    axis = np.arange(size) - size // 2
    distance = np.hypot(axis[:, None], axis[None, :])
    with np.errstate(invalid="ignore", divide="ignore"):
        kernel = cutoff * _bessel_j1(cutoff * distance) / (2 * np.pi * distance)
    kernel[size // 2, size // 2] = cutoff**2 / (4 * np.pi)
    return _normalised(kernel)


def _bessel_j1(x: np.ndarray) -> np.ndarray:
    """Return the Bessel function J1 by its integral: the mean of cos(t - x sin t) over half a turn.

    The trapezoidal rule is exact to the last digits for what is periodic, up to x = 100.
    """
    turn = (np.arange(256) + 0.5) * (np.pi / 256)
    return np.cos(turn - x[..., None] * np.sin(turn)).mean(axis=-1)


def blur(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve every band with a square kernel; the border is mirrored, again and again where it is short.

    Raises:
        DataError: A side has one pixel, so that there is nothing to mirror.
    """
    half = len(kernel) // 2
    if min(picture.shape[:2]) < 2:
        raise DataError(
            f"a picture of {picture.shape[1]}x{picture.shape[0]} pixels is too small for a blur: "
            "both sides need at least 2; take larger crops"
        )
    padded = np.pad(picture, ((half, half), (half, half), (0, 0)), mode="reflect")
    shape = padded.shape[:2]
    spectrum = np.fft.rfft2(padded, axes=(0, 1)) * np.fft.rfft2(kernel, s=shape)[..., None]
    whole = np.fft.irfft2(spectrum, s=shape, axes=(0, 1))
    return whole[2 * half :, 2 * half :].astype(np.float32)


def _squared(size: int, sigma_x: float, sigma_y: float, angle: float) -> np.ndarray:
    """Return the squared distance from the centre in units of the sigmas of a turned ellipse."""
    axis = np.arange(size) - size // 2
    x, y = axis[None, :], axis[:, None]
    along = (np.cos(angle) * x + np.sin(angle) * y) / sigma_x
    across = (np.cos(angle) * y - np.sin(angle) * x) / sigma_y
    return along**2 + across**2


def _normalised(kernel: np.ndarray) -> np.ndarray:
    return (kernel / kernel.sum()).astype(np.float32)


# === Resampling ===

#: How pictures are made smaller or larger: name: (kernel of `images.resize`, antialiased).
RESAMPLERS = {
    "area": ("area", True),
    "bilinear": ("bilinear", False),
    "bicubic": ("bicubic", False),
    "smooth_bilinear": ("bilinear", True),
    "smooth_bicubic": ("bicubic", True),
    "lanczos": ("lanczos3", True),
}


def resample(picture: np.ndarray, size: tuple[int, int], how: str) -> np.ndarray:
    """Resize to (height, width) by one of `RESAMPLERS`; floats, neither rounded nor clipped."""
    rows = _matrix(picture.shape[0], size[0], how)
    columns = _matrix(picture.shape[1], size[1], how)
    tall = np.tensordot(rows, picture, 1)
    return np.ascontiguousarray(np.matmul(columns, tall))


@lru_cache(maxsize=512)
def _matrix(size_in: int, size_out: int, how: str) -> np.ndarray:
    """Return what every output pixel of an axis reads, float32 (out, in)."""
    kernel, antialias = RESAMPLERS[how]
    if kernel == "area":
        return _area_matrix(size_in, size_out)
    return axis_matrix(size_in, size_out, size_out / size_in, kernel, antialias).astype(np.float32)


def _area_matrix(size_in: int, size_out: int) -> np.ndarray:
    """Return the mean over the input pixels that an output pixel covers, whole pixels as torch's `area`."""
    first = np.arange(size_out) * size_in // size_out
    last = -(-(np.arange(size_out) + 1) * size_in // size_out)
    at = np.arange(size_in)
    covered = (at >= first[:, None]) & (at < last[:, None])
    return (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)


# === Noise ===


def gaussian_noise(picture: np.ndarray, sigma: float, grey: bool, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of `sigma` grey levels, the same in all bands where it is `grey`."""
    noise = rng.standard_normal((*picture.shape[:2], 1 if grey else 3), dtype=np.float32)
    return picture + np.float32(sigma) * noise


def poisson_noise(picture: np.ndarray, scale: float, grey: bool, rng: np.random.Generator) -> np.ndarray:
    """Add `scale` times the shot noise of a sensor that counts the picture's own levels (arXiv 2107.10833).

    The variance at a level v of [0, 255] is scale^2 * 255 * v / n, with n the number of levels that the
    picture uses, rounded up to a power of two.
    """
    source = np.clip(picture, 0, 255) / 255.0
    if grey:
        source = (source @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    levels = np.unique(np.round(source * 255)).size
    count = 2.0 ** np.ceil(np.log2(max(levels, 2)))
    noise = rng.poisson(source * count) / count - source
    return picture + (255.0 * scale * noise).astype(np.float32)


# === Compression ===

#: Names of chroma subsampling and Pillow's numbers for them.
SUBSAMPLING = {"4:4:4": 0, "4:2:0": 2}


def jpeg(
    picture: np.ndarray, quality: int, subsampling: str = "4:2:0", shift: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """Compress as JPEG and decode.

    Args:
        picture: In grey levels; rounded and clipped first.
        quality: 1 to 95, as libjpeg has it.
        subsampling: Of chroma, in `SUBSAMPLING`.
        shift: (y, x): where the picture starts in the grid of 8x8 blocks (16x16 with 4:2:0).

    Returns:
        float32, whole levels.
    """
    options = {"quality": int(quality), "subsampling": SUBSAMPLING[subsampling]}
    return _through(picture, "JPEG", options, shift)


def webp(picture: np.ndarray, quality: int) -> np.ndarray:
    """Compress as lossy WebP and decode; float32, whole levels.

    Raises:
        DataError: Pillow was built without WebP.
    """
    if not features.check("webp"):
        raise DataError("this Pillow cannot write WebP, which the preset needs: install one from PyPI")
    return _through(picture, "WEBP", {"quality": int(quality), "method": 2}, (0, 0))


def _through(picture: np.ndarray, format: str, options: Json, shift: tuple[int, int]) -> np.ndarray:
    """Return what is left of a picture after a file format, from a place in its grid of blocks."""
    y, x = shift
    levels = as_levels(picture)
    if y or x:
        levels = np.pad(levels, ((y, 0), (x, 0), (0, 0)), mode="edge")
    file = io.BytesIO()
    Image.fromarray(levels).save(file, format, **options)
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))[y:, x:].astype(np.float32)


def as_levels(picture: np.ndarray) -> np.ndarray:
    """Return grey levels rounded and clipped to uint8."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
