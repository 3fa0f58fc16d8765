"""Does LR show what HR shows, and at the same place? Measured on pixels, to a fraction of an HR pixel.

A network that is trained on pairs that are shifted learns to shift, and to blur; a benchmark of such pairs
ranks networks by luck. Pairs made by MATLAB's, Pillow's or OpenCV's resizing lie within a tenth of a pixel;
`hr[::4, ::4]` lies 1.5 pixels off, and photographs taken twice as far as the hand that held the camera.
"""

from dataclasses import dataclass

import numpy as np

from keras_sr.images.resize import imresize

#: LR pixels of each side that are looked at, from the middle.
_WINDOW = 192
#: LR pixels of a shift that is still found.
_REACH = 8
#: LR pixels of the shorter side below which nothing is measured.
_SMALL = 24
#: HR pixels from which a pair counts as shifted.
_SHIFTED = 0.75
#: Correlation of the two below which they are not one picture.
_ALIKE = 0.5
#: Standard deviation in grey levels below which a picture shows nothing to measure by.
_FLAT = 2.0


@dataclass(frozen=True)
class Offset:
    """Where an LR picture lies against its HR picture.

    Attributes:
        down: HR pixels by which LR's contents lie lower than HR's.
        right: The same to the right.
        likeness: Correlation of the two once they are aligned, at most 1.
    """

    down: float
    right: float
    likeness: float

    @property
    def same(self) -> bool:
        """Whether both show one picture."""
        return self.likeness >= _ALIKE

    @property
    def shifted(self) -> bool:
        """Whether they lie apart by about a pixel of HR or more."""
        return self.same and max(abs(self.down), abs(self.right)) >= _SHIFTED

    @property
    def fault(self) -> str:
        """Why they are no pair, or ""."""
        return str(self) if self.shifted or not self.same else ""

    def __str__(self) -> str:
        if not self.same:
            return f"LR and HR show different pictures (correlation {self.likeness:.2f})"
        down, right = (0.0 if abs(n) < 0.05 else n for n in (self.down, self.right))
        return f"LR is shifted against HR by {down:+.1f} pixels down and {right:+.1f} right"


def offset(lr: np.ndarray, hr: np.ndarray, scale: int) -> Offset | None:
    """Measure where LR lies against HR; None where there is too little to measure by.

    Args:
        lr: uint8 (h, w, 3).
        hr: uint8 (h * scale, w * scale, 3).
        scale: HR size over LR size.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> hr = imresize(rng.integers(0, 256, (40, 40, 3), np.uint8), 6)
        >>> moved = offset(imresize(np.roll(hr, 2, axis=1), 1 / 4), hr, 4)
        >>> round(moved.down), round(moved.right), moved.shifted
        (0, 2, True)
    """
    ours, theirs = middle(_gray(lr)), _gray(hr)
    if min(lr.shape[:2]) < _SMALL or ours.std() < _FLAT:
        return None
    small = middle(imresize(theirs, 1 / scale))
    if small.std() < _FLAT:
        return None
    a, b = normal(ours), normal(small)
    whole = _coarse(a, b)
    down, right = fine(a, b, whole)
    likeness = float((a * _shifted(b, down, right))[_inner(a)].mean())
    likeness /= float(a[_inner(a)].std() * _shifted(b, down, right)[_inner(a)].std() + 1e-9)
    return Offset(down * scale, right * scale, min(likeness, 1.0))


def _gray(image: np.ndarray) -> np.ndarray:
    """Return the mean of the channels, float64 (H, W)."""
    return image.astype(np.float64).mean(axis=2)


def middle(image: np.ndarray) -> np.ndarray:
    """Return the middle of a picture."""
    top, left = (max(0, (side - _WINDOW) // 2) for side in image.shape)
    return image[top : top + _WINDOW, left : left + _WINDOW]


def normal(image: np.ndarray) -> np.ndarray:
    """Return a picture with mean 0 and deviation 1."""
    return (image - image.mean()) / (image.std() + 1e-9)


def _inner(image: np.ndarray) -> tuple[slice, slice]:
    """Return the part that no shift within reach brings beyond the picture."""
    y, x = (min(_REACH + 1, side // 4) for side in image.shape)
    return slice(y, image.shape[0] - y), slice(x, image.shape[1] - x)


def _coarse(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """Return the whole pixels by which `a` lies lower and further right than `b`, by phase correlation."""
    window = np.hanning(a.shape[0])[:, None] * np.hanning(a.shape[1])[None]
    cross = np.fft.fft2(a * window) * np.conj(np.fft.fft2(b * window))
    peak = np.fft.ifft2(cross / (np.abs(cross) + 1e-9)).real
    reach = [min(_REACH, side // 4) for side in a.shape]
    near = peak[np.ix_(*(np.arange(-r, r + 1) for r in reach))]
    y, x = np.unravel_index(int(near.argmax()), near.shape)
    return int(y) - reach[0], int(x) - reach[1]


def fine(a: np.ndarray, b: np.ndarray, start: tuple[int, int]) -> tuple[float, float]:
    """Return the same to a fraction of a pixel: least squares on the gradient (Lucas and Kanade 1981)."""
    best = np.array(min(((0, 0), start), key=lambda at: _error_of(a, b, at)), float)
    for _ in range(8):
        moved = _shifted(b, *best)
        slope = np.stack([part[_inner(a)].ravel() for part in np.gradient(moved)])
        step, *_ = np.linalg.lstsq(slope.T, (moved - a)[_inner(a)].ravel(), rcond=None)
        # Farther than a pixel the gradient knows nothing.
        best = (best + step.clip(-1, 1)).clip(-_REACH, _REACH)
        if np.abs(step).max() < 1e-3:
            break
    return float(best[0]), float(best[1])


def _error_of(a: np.ndarray, b: np.ndarray, at: tuple[int, int]) -> float:
    """Return how far `a` is from `b` moved by whole pixels."""
    return float(np.square((a - _shifted(b, *at))[_inner(a)]).mean())


def _shifted(image: np.ndarray, down: float, right: float) -> np.ndarray:
    """Return a picture moved down and to the right, between pixels by cubic convolution; edges repeat."""
    for axis, by in enumerate((down, right)):
        whole = int(np.floor(by))
        part = by - whole
        weights = [-0.5 * part * (1 - part) ** 2, 0, 0, -0.5 * part**2 * (1 - part)]
        weights[1] = 1 - 2.5 * part**2 + 1.5 * part**3
        weights[2] = 1 - weights[0] - weights[1] - weights[3]
        at = np.arange(image.shape[axis])
        taps = [(at - whole + 1 - k).clip(0, len(at) - 1) for k in range(4)]
        rows = np.stack([np.take(image, tap, axis) for tap in taps])
        image = np.tensordot(weights, rows, 1)
    return image
