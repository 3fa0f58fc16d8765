"""What is wrong with pictures before a network is trained on them: measured, counted, said.

A network learns its truths as they are: blurred ones teach blur, damaged ones blocks, doubles count twice.
Every fault is measured on the pixels alone, so that a damaged JPEG that was saved as PNG is found, too.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from keras_sr.data.sources import Source

#: Side of the square in the middle that is looked at; a multiple of 8: JPEG's blocks keep their place.
_WINDOW = 768
#: Standard deviation in grey levels below which a picture is one colour.
_FLAT = 1.0
#: `detail` below which a picture is soft. Of 741 sharp photographs the lowest has 0.88; enlarged to twice its
#: size by a bicubic kernel the median has 0.77, blurred by a Gaussian of 1.5 pixels 0.47 (docs/lab-log.md).
_SOFT = 0.8
#: `coarser` above which a soft picture is as sharp at half its size as photographs are: it was enlarged.
_CRISP = 0.88
#: `period` above which a soft picture was enlarged by that factor.
_PERIODIC = 0.12
#: `blocks` above which JPEG shows. Sharp photographs have at most 0.11, of quality 30 0.4 in the median.
_BLOCKS = 0.2
#: Correlation of two thumbnails from which they are one picture.
_DOUBLE = 0.995

#: fault: what a line says of one picture, and of several.
FAULTS = {
    "one colour": ("is of one colour", "are of one colour"),
    "double": ("is there twice", "are doubles of others"),
    "enlarged": ("was enlarged before", "were enlarged before"),
    "blurred": ("is blurred", "are blurred"),
    "jpeg": ("is damaged by JPEG", "are damaged by JPEG"),
}


@dataclass(frozen=True, eq=False)
class Look:
    """What was measured of one picture.

    Attributes:
        spread: Standard deviation of brightness in grey levels.
        grey: Whether R = G = B.
        detail: Strength of the finest octave over that of the next, where there is structure; NaN without.
        coarser: The same one octave below.
        period: The unevenness of three and four neighbouring columns and rows, the larger one.
        blocks: The step at every eighth column and row.
        thumb: (16, 16), mean 0 and norm 1: to find doubles by.
    """

    spread: float
    grey: bool
    detail: float
    coarser: float
    period: float
    blocks: float
    thumb: np.ndarray

    @property
    def fault(self) -> str:
        """The key of its worst fault in `FAULTS`, or ""."""
        if self.spread < _FLAT:
            return "one colour"
        if self.detail < _SOFT:
            return "enlarged" if self.period > _PERIODIC or self.coarser > _CRISP else "blurred"
        if np.isnan(self.detail) and np.isfinite(self.coarser):
            return "blurred"
        return "jpeg" if self.blocks > _BLOCKS else ""


@dataclass(frozen=True)
class Audit:
    """What was found in a source.

    Attributes:
        total: How many pictures it has.
        looked_at: How many of them were measured.
        faults: key of `FAULTS`: the places of pictures that have it.
        grey: How many are grey.
        left_out: The places of pictures that are not to be trained on.
        names: Of all pictures.
        thumbs: By place, as `thumbnail` makes them: to look for the same pictures elsewhere.
        paired: Whether every picture came with its LR.
    """

    total: int
    looked_at: int
    faults: dict[str, tuple[int, ...]]
    grey: int
    left_out: tuple[int, ...]
    names: Sequence[str]
    thumbs: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    paired: bool = False

    def lines(self) -> list[str]:
        """Return a line for each kind of fault: how many, which, and what was done about it."""
        lines, out = [], set(self.left_out)
        for key, places in self.faults.items():
            one, many = FAULTS[key]
            which = ", ".join(self.names[k] for k in places[:3]) + (", ..." if len(places) > 3 else "")
            done = (
                "left out"
                if out.issuperset(places)
                else "kept, because they came with their LR: the network learns what they show"
                if self.paired
                else "kept, because too little else would be left: the network learns what they show"
            )
            what = f"1 picture {one}" if len(places) == 1 else f"{len(places)} pictures {many}"
            lines.append(f"{what} ({which}): {done}")
        if 2 * self.grey >= self.looked_at:
            lines.append(
                f"{self.grey} of {self.looked_at} pictures are grey: kept; they teach no colours"
                + (", and there are no others" if self.grey == self.looked_at else "")
            )
        if self.looked_at < self.total:
            lines.append(f"{self.looked_at} of {self.total} pictures were looked at")
        return lines


def audit(
    source: Source,
    most: int = 1000,
    progress: Callable[[int, int], None] | None = None,
    paired: bool = False,
) -> Audit:
    """Look at the pictures of a source.

    A fault is reason to leave pictures out as long as half of all remain: of a folder of blurred pictures
    nothing is left out, nor of pairs: whoever brings LR has chosen what HR is to be, such as what a stronger
    network makes of it. A picture of one colour teaches nothing and a double nothing new: they always are,
    while another picture is left.

    Args:
        source: Pictures; LR is not looked at.
        most: Of more pictures than this, every n-th is looked at.
        progress: Called with (pictures done, pictures in all).
        paired: Whether every picture came with its LR.
    """
    step = max(1, -(-len(source) // most))
    places = range(0, len(source), step)
    looks = {}
    for done, k in enumerate(places, 1):
        looks[k] = look(source.picture(k)[1])
        if progress:
            progress(done, len(places))
    faults: dict[str, list[int]] = {}
    for k, seen in looks.items():
        if seen.fault:
            faults.setdefault(seen.fault, []).append(k)
    flat = set(faults.get("one colour", []))
    twins = _doubles({k: seen.thumb for k, seen in looks.items() if k not in flat})
    if twins:
        faults["double"] = sorted(twins)
    found = {key: tuple(faults[key]) for key in FAULTS if key in faults}
    return Audit(
        len(source),
        len(looks),
        found,
        sum(seen.grey for seen in looks.values()),
        tuple(sorted(_leave_out(found, len(looks), paired))),
        source.names,
        {k: seen.thumb for k, seen in looks.items()},
        paired,
    )


def _leave_out(faults: dict[str, tuple[int, ...]], total: int, paired: bool) -> set[int]:
    """Return the places to leave out, kind by kind in the order of `FAULTS`, while enough are left."""
    out: set[int] = set()
    for key, places in faults.items():
        least = 1 if key in ("one colour", "double") else total if paired else total / 2
        if total - len(out | set(places)) >= least:
            out |= set(places)
    return out


def look(hr: np.ndarray) -> Look:
    """Measure one picture, uint8 (H, W, 3)."""
    top, left = (max(0, (side - _WINDOW) // 2) // 8 * 8 for side in hr.shape[:2])
    part = hr[top : top + _WINDOW, left : left + _WINDOW]
    y = brightness(part)
    octaves = _octave_energies(y)
    return Look(
        spread=float(brightness(hr[:: max(1, len(hr) // 256), :: max(1, hr.shape[1] // 256)]).std()),
        grey=bool((part[..., :1] == part).all()),
        detail=_ratio(octaves[0], octaves[1]),
        coarser=_ratio(octaves[1], octaves[2]),
        period=max(_unevenness(y, 3), _unevenness(y, 4)),
        blocks=_blocks(y),
        thumb=thumbnail(hr),
    )


def brightness(image: np.ndarray) -> np.ndarray:
    """Return the brightness of uint8 RGB (H, W, 3) as float32 (H, W)."""
    return image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _octave_energies(y: np.ndarray) -> list[np.ndarray]:
    """Return the mean square of three octaves (a Laplacian pyramid, Burt and Adelson 1983) in tiles of 32."""
    energies = []
    for side in (32, 16, 8):
        low = _smooth(y)
        energies.append(_tile_means(np.square(y - low), side))
        y = low[::2, ::2]
    height, width = (min(e.shape[axis] for e in energies) for axis in (0, 1))
    return [e[:height, :width] for e in energies]


def _smooth(y: np.ndarray) -> np.ndarray:
    """Filter rows and columns with 1 4 6 4 1."""
    for _ in range(2):
        p = np.pad(y, ((2, 2), (0, 0)), "symmetric")
        y = ((p[:-4] + p[4:] + 4 * (p[1:-3] + p[3:-1]) + 6 * p[2:-2]) / 16).T
    return y


def _tile_means(values: np.ndarray, side: int) -> np.ndarray:
    """Return the means of square tiles; what is left at the right and lower side is not in one."""
    height, width = (n // side for n in values.shape)
    return values[: height * side, : width * side].reshape(height, side, width, side).mean((1, 3))


def _ratio(fine: np.ndarray, coarse: np.ndarray) -> float:
    """Return how strong an octave is against the next where the picture is sharpest; NaN where it is flat.

    The sharpest fifth of all tiles with structure counts: a portrait is sharp at the eyes alone.
    """
    structured = coarse > 4
    if structured.sum() < 4:
        return float("nan")
    return float(np.percentile(np.sqrt(fine[structured] / coarse[structured]), 80))


def _unevenness(y: np.ndarray, period: int) -> float:
    """Return how much the second difference depends on the place in each period, in rows and columns.

    Between the pixels that an enlargement starts from the curve is smooth (Gallagher, CRV 2005).
    """
    found = []
    for z in (y, y.T):
        bends = np.minimum(np.abs(np.diff(z, 2, axis=1)), 24).mean(axis=0)
        means = [bends[at::period].mean() if len(bends) > period else 0.0 for at in range(period)]
        found.append((max(means) - min(means)) / (float(np.mean(means)) + 0.05))
    return float(min(found))


def _blocks(y: np.ndarray) -> float:
    """Return how much larger the step at one of eight columns (and rows) is than at the others."""
    found = []
    for z in (y, y.T):
        # Large steps are edges of things.
        steps = np.minimum(np.abs(np.diff(z, axis=1)), 12).mean(axis=0)
        if len(steps) < 24:
            return 0.0
        peaks = steps[1:-1] - (steps[:-2] + steps[2:]) / 2
        means = np.sort([peaks[at::8].mean() for at in range(8)])
        found.append((means[-1] - means[-2]) / (steps.mean() + 0.25))
    return float(min(found))


def thumbnail(hr: np.ndarray) -> np.ndarray:
    """Return a picture as 16x16 means of brightness, mean 0 and norm 1; zeros for one colour."""
    step = [max(1, side // 128) for side in hr.shape[:2]]
    y = brightness(hr[:: step[0], :: step[1]])
    rows, columns = (np.linspace(0, side, 17).astype(int)[:-1] for side in y.shape)
    if min(y.shape) < 16:
        return np.zeros((16, 16), np.float32)
    cells = np.add.reduceat(np.add.reduceat(y, rows, axis=0), columns, axis=1)
    count = np.add.reduceat(np.add.reduceat(np.ones_like(y), rows, axis=0), columns, axis=1)
    small = cells / count
    small -= small.mean()
    norm = float(np.linalg.norm(small))
    return small / norm if norm > 16 * _FLAT else np.zeros_like(small)


def _doubles(thumbs: dict[int, np.ndarray]) -> dict[int, int]:
    """Return the place of each double and that of the picture it is a double of, the first of its kind."""
    return _matching(thumbs, None)


def overlap(ours: Iterable[np.ndarray], theirs: Iterable[np.ndarray]) -> dict[int, int]:
    """Return which of our thumbnails show the same as one of theirs: place to place."""
    return _matching(dict(enumerate(ours)), dict(enumerate(theirs)))


def _matching(thumbs: dict[int, np.ndarray], among: dict[int, np.ndarray] | None) -> dict[int, int]:
    """Return place: place of the pictures that match an earlier one, or one of others.

    Candidates share one of four parts of a hash: equal pictures differ in few bits, so most parts are equal.
    """
    shelves: dict[tuple[int, bytes], list[tuple[int, np.ndarray]]] = {}
    for k, thumb in (among or {}).items():
        put(shelves, k, thumb)
    found = {}
    for k, thumb in thumbs.items():
        if not thumb.any():
            continue
        near = {id(t): (j, t) for part in _parts(thumb) for j, t in shelves.get(part, [])}
        twin = next((j for j, t in near.values() if float((t * thumb).sum()) >= _DOUBLE), None)
        if twin is not None:
            found[k] = twin
        elif among is None:
            put(shelves, k, thumb)
    return found


def put(shelves: dict[tuple[int, bytes], list[tuple[int, np.ndarray]]], k: int, thumb: np.ndarray) -> None:
    """Put a thumbnail where those like it are looked for."""
    if thumb.any():
        for part in _parts(thumb):
            shelves.setdefault(part, []).append((k, thumb))


def _parts(thumb: np.ndarray) -> list[tuple[int, bytes]]:
    """Return the four parts of a thumbnail's hash: whether 8x8 means are above their median."""
    small = thumb.reshape(8, 2, 8, 2).mean((1, 3)).ravel()
    bits = np.packbits(small > np.median(small)).reshape(4, 2)
    return [(i, part.tobytes()) for i, part in enumerate(bits)]
