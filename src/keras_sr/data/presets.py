"""What a photograph has been through, at random: two presets, each a frozen dataclass that is called.

`web` is what pictures suffer today between camera and screen; `realesrgan` is the model of Wang et al. 2021
with its published numbers. A preset maps an HR crop, a scale and a random generator to LR; all numbers are
fields, so that a page, a test and `keras-sr train --help` show the ones in use. A name may change some:
`web:blur=0.8,quality=30-95`.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from keras_sr.data import damage
from keras_sr.data.fast_imresize import shrink
from keras_sr.errors import DataError, unknown

Range = tuple[float, float]
#: What turns up, down and nothing are called in the paper's options.
UP, DOWN, KEEP = range(3)


@dataclass(frozen=True)
class Web:
    """Photographs of today: light blur, resampling by any program, light noise, JPEG once or twice, WebP.

    A third stays clean, shrunk by MATLAB's kernel: a network that never sees a clean picture softens it.

    Attributes:
        clean: Share of crops that are only shrunk.
        blur: Probability of a blur of HR.
        blur_sigma: Its standard deviation in HR pixels at x4; in proportion at other scales.
        anisotropic: Share of blurs that are wider along one axis.
        detour: Probability of going to LR by way of another size.
        detour_scale: That size over the size of LR.
        noise: Probability of noise.
        noise_sigma: Standard deviation of Gaussian noise in grey levels.
        poisson: Share of noise that is shot noise.
        poisson_scale: Its strength, as Real-ESRGAN has it.
        grey_noise: Share of noise that is the same in all bands.
        compressed: Probability of being compressed at the end.
        quality: Of JPEG.
        webp: Share of compression by WebP.
        webp_quality: Of WebP.
        before: Probability of a JPEG before that, which has lost its place in the grid since.
        before_quality: Of that one.
        full_chroma: Share of JPEGs with 4:4:4 instead of 4:2:0.
    """

    clean: float = 1 / 3
    blur: float = 0.5
    blur_sigma: Range = (0.2, 2.8)
    anisotropic: float = 0.4
    detour: float = 0.4
    detour_scale: Range = (0.6, 2.0)
    noise: float = 0.4
    noise_sigma: Range = (0.5, 8.0)
    poisson: float = 0.4
    poisson_scale: Range = (0.05, 0.6)
    grey_noise: float = 0.4
    compressed: float = 0.9
    quality: Range = (40, 95)
    webp: float = 0.12
    webp_quality: Range = (45, 95)
    before: float = 0.3
    before_quality: Range = (55, 95)
    full_chroma: float = 0.3

    def __call__(
        self, hr: np.ndarray, scale: int, rng: np.random.Generator, *, blurred: bool = True
    ) -> np.ndarray:
        """Return LR of HR.

        Args:
            hr: uint8 (H, W, 3), sides multiples of `scale`.
            scale: HR size over LR size.
            rng: Where all chance comes from.
            blurred: False leaves out the blur and nothing else: from a generator in the same state, all other
                choices are the same.

        Returns:
            uint8 (H / scale, W / scale, 3).
        """
        if rng.random() < self.clean:
            return shrink(hr, scale)
        size = hr.shape[0] // scale, hr.shape[1] // scale
        picture = hr.astype(np.float32)
        if rng.random() < self.blur:
            kernel = self._kernel(scale, rng)
            picture = damage.blur(picture, kernel) if blurred else picture
        if scale > 1 and rng.random() < self.detour:
            factor = min(rng.uniform(*self.detour_scale), scale)
            picture = damage.resample(picture, _times(size, factor), _resampler(rng))
        if rng.random() < self.before:
            picture = self._jpeg(picture, self.before_quality, rng)
        if picture.shape[:2] != size:
            picture = damage.resample(picture, size, _resampler(rng))
        if rng.random() < self.noise:
            picture = self._noise(picture, rng)
        if rng.random() < self.compressed:
            picture = self._compress(picture, rng)
        return damage.as_levels(picture)

    def _kernel(self, scale: int, rng: np.random.Generator) -> np.ndarray:
        sigma = rng.uniform(*self.blur_sigma) * scale / 4
        other = rng.uniform(*self.blur_sigma) * scale / 4 if rng.random() < self.anisotropic else sigma
        size = 2 * int(np.ceil(3 * max(sigma, other))) + 1
        return damage.gaussian_kernel(size, sigma, other, rng.uniform(0, np.pi))

    def _noise(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        grey = rng.random() < self.grey_noise
        if rng.random() < self.poisson:
            return damage.poisson_noise(picture, rng.uniform(*self.poisson_scale), grey, _apart(rng))
        return damage.gaussian_noise(picture, rng.uniform(*self.noise_sigma), grey, rng)

    def _compress(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < self.webp:
            return damage.webp(picture, _whole(self.webp_quality, rng))
        return self._jpeg(picture, self.quality, rng)

    def _jpeg(self, picture: np.ndarray, quality: Range, rng: np.random.Generator) -> np.ndarray:
        subsampling = "4:4:4" if rng.random() < self.full_chroma else "4:2:0"
        y, x = rng.integers(0, 16, 2).tolist()
        return damage.jpeg(picture, _whole(quality, rng), subsampling, (y, x))


@dataclass(frozen=True)
class Order:
    """An order of Real-ESRGAN's model: blur, resize, noise, JPEG (arXiv 2107.10833, section 3.2).

    Attributes:
        blur: Probability of a blur.
        sigma: Of the blur, in pixels.
        resize: Probabilities of up, down and keep.
        resize_scale: Smallest and largest factor of the resize.
        noise_sigma: Of Gaussian noise, in grey levels.
        poisson_scale: Strength of Poisson noise.
        quality: Of JPEG.
    """

    blur: float
    sigma: Range
    resize: tuple[float, float, float]
    resize_scale: Range
    noise_sigma: Range
    poisson_scale: Range
    quality: Range = (30, 95)


@dataclass(frozen=True)
class RealESRGAN:
    """The two-order model of Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833, sections 3.2 to 3.4, 4.1).

    Its numbers are those of the released options. The sharpening of HR (USM) is no part of it.

    Attributes:
        first: The first order.
        second: The second.
        kernel_sizes: Smallest and largest side of a kernel, odd.
        sinc: Probability that a blur is a sinc filter.
        kernels: Probabilities of isotropic, anisotropic, generalised isotropic and anisotropic, plateau
            isotropic and anisotropic kernels.
        beta_generalised: Range of the generalised kernels' shape.
        beta_plateau: Range of the plateau kernels' shape.
        gaussian: Probability that noise is Gaussian; else it is Poisson's.
        grey_noise: Probability that noise is the same in all bands.
        final_sinc: Probability of the last sinc filter, beside the last JPEG.
    """

    first: Order = Order(1.0, (0.2, 3.0), (0.2, 0.7, 0.1), (0.15, 1.5), (1, 30), (0.05, 3.0))
    second: Order = Order(0.8, (0.2, 1.5), (0.3, 0.4, 0.3), (0.3, 1.2), (1, 25), (0.05, 2.5))
    kernel_sizes: tuple[int, int] = (7, 21)
    sinc: float = 0.1
    kernels: tuple[float, ...] = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
    beta_generalised: Range = (0.5, 4.0)
    beta_plateau: Range = (1.0, 2.0)
    gaussian: float = 0.5
    grey_noise: float = 0.4
    final_sinc: float = 0.8

    def __call__(
        self, hr: np.ndarray, scale: int, rng: np.random.Generator, *, blurred: bool = True
    ) -> np.ndarray:
        """Return LR of HR; arguments and result as those of `Web`. The last sinc filter always stays."""
        whole = hr.shape[0], hr.shape[1]
        size = whole[0] // scale, whole[1] // scale
        picture = self._order(hr.astype(np.float32), whole, self.first, rng, blurred)
        picture = damage.jpeg(picture, _whole(self.first.quality, rng))
        picture = self._order(picture, size, self.second, rng, blurred)
        quality, last = _whole(self.second.quality, rng), self._last_kernel(rng)
        if rng.random() < 0.5:
            picture = damage.resample(picture, size, _published_resampler(rng))
            return damage.as_levels(damage.jpeg(_filtered(picture, last), quality))
        picture = damage.jpeg(picture, quality)
        picture = damage.resample(picture, size, _published_resampler(rng))
        return damage.as_levels(_filtered(picture, last))

    def _order(
        self,
        picture: np.ndarray,
        size: tuple[int, int],
        order: Order,
        rng: np.random.Generator,
        blurred: bool,
    ) -> np.ndarray:
        """Blur, resize to a factor of `size`, add noise."""
        if rng.random() < order.blur:
            kernel = self._kernel(order, rng)
            picture = damage.blur(picture, kernel) if blurred else picture
        picture = damage.resample(picture, _times(size, _factor(order, rng)), _published_resampler(rng))
        grey = rng.random() < self.grey_noise
        if rng.random() < self.gaussian:
            picture = damage.gaussian_noise(picture, rng.uniform(*order.noise_sigma), grey, rng)
        else:
            picture = damage.poisson_noise(picture, rng.uniform(*order.poisson_scale), grey, _apart(rng))
        return np.clip(picture, 0, 255)

    def _kernel(self, order: Order, rng: np.random.Generator) -> np.ndarray:
        """Return the kernel of a blur."""
        size = self._size(rng)
        if rng.random() < self.sinc:
            return damage.sinc_kernel(size, rng.uniform(np.pi / 3 if size < 13 else np.pi / 5, np.pi))
        kind = rng.choice(len(self.kernels), p=self.kernels)
        sigma = other = rng.uniform(*order.sigma)
        angle = 0.0
        if kind % 2:
            other, angle = rng.uniform(*order.sigma), rng.uniform(-np.pi, np.pi)
        if kind < 2:
            return damage.gaussian_kernel(size, sigma, other, angle)
        if kind < 4:
            return damage.gaussian_kernel(size, sigma, other, angle, _around_one(self.beta_generalised, rng))
        return damage.plateau_kernel(size, sigma, other, angle, _around_one(self.beta_plateau, rng))

    def _last_kernel(self, rng: np.random.Generator) -> np.ndarray | None:
        if rng.random() >= self.final_sinc:
            return None
        return damage.sinc_kernel(self._size(rng), rng.uniform(np.pi / 3, np.pi))

    def _size(self, rng: np.random.Generator) -> int:
        low, high = self.kernel_sizes
        return low + 2 * int(rng.integers((high - low) // 2 + 1))


#: Every random degradation, by the name that a recipe's `degradation` gives.
PRESETS: dict[str, Any] = {"web": Web(), "realesrgan": RealESRGAN()}


#: What the ranges of a preset may lie in, by the end of their name.
BOUNDS: dict[str, Range] = {
    "sigma": (0.01, 100),
    "scale": (0.01, 100),
    "quality": (1, 100),
    "beta_generalised": (0.1, 20),
    "beta_plateau": (0.1, 20),
}


def preset(name: str) -> Any:
    """Return the preset of a name, with the fields that stand behind it changed; None where there is none.

    Args:
        name: `web`, or `web:blur=0.8,quality=30-95`: probabilities in [0, 1], and ranges from low to high; a
            single number is a range, too. What is no number, as the orders of `realesrgan`, is fixed.

    Raises:
        DataError: There is no such field, or the value is not one that it may have.

    Examples:
        >>> preset("web:noise=0.9,noise_sigma=2-15").noise_sigma
        (2.0, 15.0)
    """
    known, _, changes = name.partition(":")
    found = PRESETS.get(known)
    if found is None or not changes:
        return found
    values = {}
    for change in changes.split(","):
        field, _, text = change.partition("=")
        values[field.strip()] = _changed(known, field.strip(), text.strip())
    return replace(found, **values)


def _changed(of: str, name: str, text: str) -> float | Range:
    """Return the value of a preset's field that a text gives."""
    known = {field.name: field.type for field in fields(PRESETS[of]) if field.type in (float, Range)}
    if name not in known:
        raise DataError(unknown(f"field of {of}", name, list(known)))
    try:
        values = tuple(float(part) for part in text.split("-"))
    except ValueError:
        values = ()
    if known[name] is float:
        if len(values) != 1 or not 0 <= values[0] <= 1:
            raise DataError(f"{name} is a probability from 0 to 1, such as {name}=0.5, not {text!r}")
        return values[0]
    low, high = next(bounds for end, bounds in BOUNDS.items() if name.endswith(end))
    values = values * 2 if len(values) == 1 else values
    if len(values) != 2 or not low <= values[0] <= values[1] <= high:
        example = "-".join(f"{number:g}" for number in getattr(PRESETS[of], name))
        span = f"between {low:g} and {high:g}, such as {name}={example}"
        raise DataError(f"{name} is a range, low-high, {span}, not {text!r}")
    if name.startswith("beta") and not values[0] <= 1 <= values[1]:
        raise DataError(f"{name} is a range around 1, such as {name}=0.5-4, not {text!r}")
    return values[0], values[1]


def describe(name: str) -> str:
    """Return the numbers of a preset in one line, as `field=value` items."""
    preset = PRESETS[name]
    return ", ".join(f"{field.name}={_short(getattr(preset, field.name))}" for field in fields(preset))


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple):
        return "(" + ", ".join(_short(item) for item in value) + ")"
    return str(value)


def _times(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Return a size times a factor, at least one pixel."""
    return max(int(size[0] * factor), 1), max(int(size[1] * factor), 1)


def _factor(order: Order, rng: np.random.Generator) -> float:
    """Return the factor of a resize: up, down or 1."""
    way = rng.choice(3, p=order.resize)
    if way == KEEP:
        return 1.0
    low, high = order.resize_scale
    return rng.uniform(1, high) if way == UP else rng.uniform(low, 1)


def _around_one(beta: Range, rng: np.random.Generator) -> float:
    """Return a shape: below and above 1 are as likely."""
    return rng.uniform(beta[0], 1) if rng.random() < 0.5 else rng.uniform(1, beta[1])


def _apart(rng: np.random.Generator) -> np.random.Generator:
    """Return a generator for what draws more or fewer numbers by the pixels, as Poisson's noise does."""
    return np.random.default_rng(rng.integers(2**63))


def _whole(quality: Range, rng: np.random.Generator) -> int:
    """Return a quality of a range, its ends included."""
    return int(rng.integers(int(quality[0]), int(quality[1]) + 1))


def _resampler(rng: np.random.Generator) -> str:
    """Return how some program resizes: nearly all of them antialias now, a few do not."""
    return ("smooth_bicubic", "smooth_bilinear", "lanczos", "area", "bilinear")[
        rng.choice(5, p=(0.35, 0.2, 0.2, 0.15, 0.1))
    ]


def _published_resampler(rng: np.random.Generator) -> str:
    return ("area", "bilinear", "bicubic")[rng.integers(3)]


def _filtered(picture: np.ndarray, kernel: np.ndarray | None) -> np.ndarray:
    return picture if kernel is None else damage.blur(picture, kernel)
