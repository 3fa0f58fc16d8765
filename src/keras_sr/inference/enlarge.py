"""Enlarge a picture with an engine: any size, type and number of bands, in tiles where memory asks for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from keras_sr.errors import PictureError, Stopped
from keras_sr.images.alpha import bleed, hold
from keras_sr.images.brightness import hold_brightness
from keras_sr.images.picture import Picture, opaque
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.storage import IN_MEMORY, Storage, fill, pieces, release
from keras_sr.inference.engines import Engine, facts_of, out_of_memory
from keras_sr.inference.tiling import tile_size, tiles

#: Bytes of activations that a tile may take.
MEMORY = 1 << 30

#: Side of the largest tile in margins, and at least in pixels. In a larger one less is margin, and
#: yet it is slower: its activations no longer stay in the cache (benchmarks/tile_size.py).
_MARGINS, _SIDE = 20, 192

#: Weights of R, G and B in grey: BT.601, full range, as every image library converts.
_GREY = np.array([0.299, 0.587, 0.114], np.float32)

#: Called with the share that is done, after each tile.
Progress = Callable[[float], None]
#: Asked before each tile whether to stop.
Stop = Callable[[], bool]


class _Work:
    """How far a picture has come, over all of its passes through the network; and whether to go on."""

    def __init__(self, passes: int, progress: Progress | None, stop: Stop | None) -> None:
        self._passes, self._progress, self._stop = passes, progress, stop
        self._done = 0

    def check(self) -> None:
        """Raise Stopped when somebody wants to stop."""
        if self._stop and self._stop():
            raise Stopped("stopped before the picture was finished")

    def part(self, share: float) -> None:
        """Tell of a share of the present pass."""
        if self._progress:
            self._progress((self._done + share) / self._passes)

    def next_pass(self) -> None:
        """Count a pass as done."""
        self._done += 1


def enlarge(
    picture: Picture,
    engine: Engine,
    *,
    rgb: Sequence[int] | None = None,
    memory: int = MEMORY,
    tile: int | None = None,
    rounded: bool = True,
    progress: Progress | None = None,
    stop: Stop | None = None,
    storage: Storage = IN_MEMORY,
) -> Picture:
    """Enlarge a picture with all that belongs to it: alpha, every page, resolution.

    The picture is mirrored a few pixels beyond its border: a network's zero padding would show up as a dark
    frame. Tiles overlap by the network's receptive field, so the result is that of the untiled network. Three
    bands are RGB. Any other number of bands is enlarged band by band, unless `rgb` names three of them: a
    band runs as RGB with three equal channels, and the BT.601 luma of the result is the band. A picture whose
    R, G and B are equal everywhere is grey, and so is its result: a network gives grey some colour.

    What cannot be seen through transparency is filled from what can, so that no edge gets a halo; alpha is
    enlarged as a grey picture, and held between what surrounds each pixel: what is opaque stays opaque.
    Where pixels jump, as in dithers and thin lines, each neighbourhood stays as bright as it was, within a
    level; a network that leaves the size as it is may change brightness on purpose.

    Args:
        picture: The picture.
        engine: The network.
        rgb: Which bands are R, G and B.
        memory: Bytes that the activations of a tile may take; the smallest tile is taken below that.
        tile: Side of a tile in LR pixels, margins included, instead of `memory`.
        rounded: Whether the result has the type of the picture; else it is float32 in [0, 1], as the network
            gave it, not clipped.
        progress: Called with the share that is done, after each tile.
        stop: Asked before each tile; the work ends when it returns True.
        storage: Where the pixels of the result go.

    Raises:
        PictureError: `rgb` does not name three of the bands.
        Stopped: `stop` returned True.
    """
    bands = picture.pixels.shape[2]
    groups = _band_groups(bands, rgb)
    seen_through = picture.alpha is not None and not opaque(picture.alpha)
    work = _Work(picture.pages * (len(groups) + seen_through), progress, stop)

    grey = {group for group in groups if len(group) == 3 and _is_grey(picture.pixels, group)}

    def run(pixels: np.ndarray, groups: list[tuple[int, ...]], out: np.ndarray) -> None:
        for group in groups:
            _enlarge_bands(pixels, group, engine, out, memory, tile, work, as_grey=group in grey)
            work.next_pass()

    kind = _result_type(picture.pixels.dtype, rounded)
    size = len(picture.pixels) * engine.scale, picture.pixels.shape[1] * engine.scale
    larger = storage.empty((*size, bands), kind)
    alpha = None if picture.alpha is None else storage.empty(size, kind)
    for lr_page, sr_page in _pages(len(picture.pixels), picture.pages, engine.scale):
        pixels = picture.pixels[lr_page]
        if picture.alpha is not None and alpha is not None and seen_through:
            seen = picture.alpha[lr_page]
            run(seen[..., None], [(0,)], alpha[sr_page][..., None])
            if engine.scale > 1:
                hold_brightness(alpha[sr_page][..., None], seen[..., None], engine.scale)
            if not picture.alpha_is_data:
                pixels = bleed(pixels, seen, storage)
                hold(alpha[sr_page], seen, engine.scale)
        run(pixels, groups, larger[sr_page])
        if engine.scale > 1:
            hold_brightness(larger[sr_page], pixels, engine.scale)
    if alpha is not None and not seen_through:
        fill(alpha, from_float(np.ones(1), kind)[0])
    return replace(
        picture,
        pixels=larger,
        alpha=alpha,
        resolution=(picture.resolution[0] * engine.scale, picture.resolution[1] * engine.scale),
    )


def _pages(height: int, count: int, scale: int) -> Iterator[tuple[slice, slice]]:
    """Yield the rows of each page in the picture and in the result."""
    rows = height // count
    for page in range(count):
        yield slice(page * rows, (page + 1) * rows), slice(page * rows * scale, (page + 1) * rows * scale)


def _band_groups(bands: int, rgb: Sequence[int] | None) -> list[tuple[int, ...]]:
    """Return which bands go through the network together: three as RGB, others each by itself.

    Examples:
        >>> _band_groups(3, None), _band_groups(2, None), _band_groups(5, (3, 2, 1))
        ([(0, 1, 2)], [(0,), (1,)], [(3, 2, 1), (0,), (4,)])
    """
    if rgb is None:
        return [(0, 1, 2)] if bands == 3 else [(band,) for band in range(bands)]
    colours = tuple(rgb)
    if len(colours) != 3 or len(set(colours)) != 3 or not all(0 <= band < bands for band in colours):
        raise PictureError(f"rgb must name three of the bands 0 to {bands - 1}, not {colours}")
    return [colours, *((band,) for band in range(bands) if band not in colours)]


def _enlarge_bands(
    pixels: np.ndarray,
    group: tuple[int, ...],
    engine: Engine,
    out: np.ndarray,
    memory: int,
    tile: int | None,
    work: _Work,
    *,
    as_grey: bool,
) -> None:
    """Run one or three bands of a picture through the network, tile by tile, into the same bands of `out`.

    Where memory does not suffice for a tile, all is done again with tiles of half the size.
    """
    height, width = (side + 2 * engine.frame for side in pixels.shape[:2])
    limit = (tile, tile) if tile else _budget(engine, height, width, memory)
    while True:
        try:
            _run_tiles(pixels, group, engine, out, limit, work, as_grey=as_grey)
        except Exception as error:
            smallest = tile_size(height, width, pixels=0, margin=engine.receptive_field)
            if not out_of_memory(error) or limit <= smallest:
                raise
            area = min(limit[0], height) * min(limit[1], width) // 2
            limit = tile_size(height, width, pixels=area, margin=engine.receptive_field)
        else:
            return


def _run_tiles(
    pixels: np.ndarray,
    group: tuple[int, ...],
    engine: Engine,
    out: np.ndarray,
    limit: tuple[int, int],
    work: _Work,
    *,
    as_grey: bool,
) -> None:
    """Do the work of `_enlarge_bands` with tiles of at most `limit` (height, width)."""
    height, width = pixels.shape[:2]
    low, span = _float_range(pixels, group) if pixels.dtype.kind == "f" else (0.0, 1.0)
    bands = slice(None) if len(group) == out.shape[2] == 3 and group == (0, 1, 2) else group
    done = 0
    facts = facts_of(engine)
    cut = {"margin": facts.receptive_field, "frame": facts.frame, "multiple": facts.multiple}
    for part in tiles(height, width, tile=limit, **cut):
        work.check()
        window = to_float(part.window(pixels)[..., bands])
        if (low, span) != (0.0, 1.0):
            window = (window - np.float32(low)) / np.float32(span)
        # A single band runs as three equal channels.
        sr = engine.run(np.broadcast_to(window, (*window.shape[:2], 3))[None])[0][part.inside(engine.scale)]
        if len(group) == 1 or as_grey:
            sr = (sr @ _GREY)[..., None]
        if (low, span) != (0.0, 1.0):
            sr = sr * np.float32(span) + np.float32(low)
        target = out[part.target(engine.scale)]
        target[..., bands] = from_float(sr, out.dtype)
        release(out, pixels)
        done += target[..., 0].size
        work.part(done / out[..., 0].size)


def _is_grey(pixels: np.ndarray, group: tuple[int, ...]) -> bool:
    """Return whether three bands are equal in every pixel; a colour picture shows it early."""
    for rows in pieces(len(pixels), pixels[:1].nbytes):
        part = pixels[rows]
        first = part[..., group[0]]
        same = all(np.array_equal(first, part[..., band]) for band in group[1:])
        release(pixels)
        if not same:
            return False
    return True


def _float_range(pixels: np.ndarray, group: tuple[int, ...]) -> tuple[float, float]:
    """Return the least value and the span that bands are mapped by: 0 and 1 where they lie in [0, 1]."""
    low, high = np.inf, -np.inf
    for rows in pieces(len(pixels), pixels[:1].nbytes):
        part = pixels[rows][..., list(group)]
        low, high = float(np.minimum(low, part.min())), float(np.maximum(high, part.max()))
        release(pixels)
    # NaN passes through, and is refused when it comes out.
    if (low >= 0.0 and high <= 1.0) or not np.isfinite(high - low):
        return 0.0, 1.0
    return low, (high - low) or 1.0


def _result_type(dtype: np.dtype, rounded: bool) -> np.dtype:
    """Return the type of a result: that of the picture, but float32 for all floats."""
    return np.dtype(np.float32) if not rounded or dtype.kind == "f" else dtype


def _budget(engine: Engine, height: int, width: int, memory: int) -> tuple[int, int]:
    """Return the largest tile (height, width) that is fast and whose activations fit into `memory` bytes."""
    pixels = tile_bytes(engine, memory) // engine.bytes_per_pixel
    return tile_size(height, width, pixels=pixels, margin=engine.receptive_field)


def tile_bytes(engine: Engine, memory: int) -> int:
    """Return the bytes that the activations of a tile take, at most `memory`: larger ones are not faster."""
    fast = max(_MARGINS * engine.receptive_field, _SIDE) ** 2
    return min(memory, fast * engine.bytes_per_pixel)
