"""Enlarge a picture with an engine: any size, type and number of bands, in tiles where memory asks for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.images.alpha import bleed, hold
from keras_sr.images.picture import Picture, from_pillow, opaque, read
from keras_sr.images.ranges import from_float, to_float
from keras_sr.images.storage import IN_MEMORY, Storage, release
from keras_sr.inference.engines import Engine, open_engine, out_of_memory
from keras_sr.inference.tiling import tile_size, tiles

#: Bytes of activations that a tile may take.
MEMORY = 1 << 30

#: Side of the largest tile in margins, and at least in pixels. In a larger one less is margin, and
#: yet it is slower: its activations no longer stay in the cache (benchmarks/tile_size.py).
_MARGINS, _SIDE = 20, 192

#: Weights of R, G and B in grey: BT.601, full range, as every image library converts.
_GREY = np.array([0.299, 0.587, 0.114], np.float32)

Progress = Callable[[float], None]


def upscale(
    picture: Any,
    engine: Engine | str | None = None,
    *,
    rgb: Sequence[int] | None = None,
    memory: int = MEMORY,
    tile: int | None = None,
    rounded: bool = True,
    progress: Progress | None = None,
) -> np.ndarray:
    """Enlarge a picture.

    The picture is mirrored a few pixels beyond its border, because outside of a picture a network sees black.
    Tiles overlap by the network's receptive field, so the result is that of the untiled network. Three bands
    are RGB. Any other number of bands is enlarged band by band, unless `rgb` names three of them: a band
    runs as RGB with three equal channels, and the BT.601 luma of the result is the band.

    Args:
        picture: Array (H, W) or (H, W, bands); uint8, uint16, or float in [0, 1] (other ranges of floats are
            mapped to [0, 1] and back). Or the path of a file, a Picture of `images.picture`, a
            PlainPicture, or a Pillow image: transparency is then one more band of the result, and is not a
            colour.
        engine: From `inference.engines`; or the name of a network in `weights.registry` or the path of
            an exported file, opened anew at each call; or None for the default network.
        rgb: Which bands are R, G and B.
        memory: Bytes that the activations of a tile may take; the smallest tile is taken below that.
        tile: Side of a tile in LR pixels, margins included, instead of `memory`.
        rounded: Whether the result has the type of the picture; else it is float32 in [0, 1], as the network
            gave it, not clipped.
        progress: Called with the share that is done, after each tile.

    Returns:
        Array (H * scale, W * scale) or (H * scale, W * scale, bands), as many axes as given.

    Raises:
        PictureError: The picture cannot be read or understood.
        KerasSRError: No such network, or no engine for it.

    Examples:
        >>> upscale(np.zeros((8, 9, 5), np.uint16)).shape
        (32, 36, 5)
    """
    if engine is None or isinstance(engine, str):
        engine = open_engine(find_network(engine), precision="auto")
    if isinstance(picture, str | Path):
        picture = read(picture)
    elif hasattr(picture, "mode") and hasattr(picture, "convert"):
        picture = from_pillow(picture)
    flat = False
    if not isinstance(picture, Picture):
        pixels = np.asarray(getattr(picture, "pixels", picture))
        if pixels.ndim not in (2, 3) or 0 in pixels.shape:
            raise PictureError(f"expected (H, W) or (H, W, bands) with pixels in it, got {pixels.shape}")
        flat = pixels.ndim == 2
        picture = Picture(pixels.reshape(*pixels.shape[:2], -1))
    larger = enlarge(picture, engine, rgb=rgb, memory=memory, tile=tile, rounded=rounded, progress=progress)
    if larger.alpha is not None:
        return np.concatenate([larger.pixels, larger.alpha[..., None]], axis=2)
    return larger.pixels[..., 0] if flat else larger.pixels


def enlarge(
    picture: Picture,
    engine: Engine,
    *,
    rgb: Sequence[int] | None = None,
    memory: int = MEMORY,
    tile: int | None = None,
    rounded: bool = True,
    progress: Progress | None = None,
    storage: Storage = IN_MEMORY,
) -> Picture:
    """Enlarge a picture with all that belongs to it: alpha, every page, resolution.

    Arguments as for `upscale`, and `storage`, where the pixels of the result go. What cannot be seen through
    transparency is filled from what can, so that no edge gets a halo; alpha is enlarged as a grey picture,
    and held between what surrounds each pixel: what is opaque stays opaque.
    """
    bands = picture.pixels.shape[2]
    groups = _band_groups(bands, rgb)
    seen_through = picture.alpha is not None and not opaque(picture.alpha)
    work = picture.pages * (len(groups) + seen_through)
    done = [0]

    def shown(share: float) -> None:
        if progress:
            progress((done[0] + share) / work)

    def run(pixels: np.ndarray, groups: list[tuple[int, ...]], out: np.ndarray) -> None:
        for group in groups:
            _enlarge_bands(pixels, group, engine, out, memory, tile, shown)
            done[0] += 1

    kind = _result_type(picture.pixels.dtype, rounded)
    size = len(picture.pixels) * engine.scale, picture.pixels.shape[1] * engine.scale
    larger = storage.empty((*size, bands), kind)
    alpha = None if picture.alpha is None else storage.empty(size, kind)
    for lr_page, sr_page in _pages(len(picture.pixels), picture.pages, engine.scale):
        pixels = picture.pixels[lr_page]
        if picture.alpha is not None and alpha is not None and seen_through:
            seen = to_float(picture.alpha[lr_page])
            pixels = bleed(to_float(pixels), seen)
            run(seen[..., None], [(0,)], alpha[sr_page][..., None])
            hold(alpha[sr_page], from_float(seen, kind), engine.scale)
        run(pixels, groups, larger[sr_page])
    if alpha is not None and not seen_through:
        alpha[:] = from_float(np.ones(1), kind)[0]
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
        >>> _band_groups(3, None), band_groups(2, None), band_groups(5, (3, 2, 1))
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
    progress: Progress,
) -> None:
    """Run one or three bands of a picture through the network, tile by tile, into the same bands of `out`.

    Where memory does not suffice for a tile, all is done again with tiles of half the size.
    """
    height, width = (side + 2 * engine.frame for side in pixels.shape[:2])
    limit = (tile, tile) if tile else _budget(engine, height, width, memory)
    while True:
        try:
            _run_tiles(pixels, group, engine, out, limit, progress)
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
    progress: Progress,
) -> None:
    """Do the work of `_enlarge_bands` with tiles of at most `limit` (height, width)."""
    height, width = pixels.shape[:2]
    low, span = _float_range(pixels[..., group]) if pixels.dtype.kind == "f" else (0.0, 1.0)
    bands = slice(None) if len(group) == out.shape[2] == 3 and group == (0, 1, 2) else group
    done = 0
    for part in tiles(height, width, tile=limit, margin=engine.receptive_field, frame=engine.frame):
        window = to_float(part.window(pixels)[..., bands])
        if (low, span) != (0.0, 1.0):
            window = (window - np.float32(low)) / np.float32(span)
        # A single band runs as three equal channels.
        sr = engine.run(np.broadcast_to(window, (*window.shape[:2], 3))[None])[0][part.inside(engine.scale)]
        if len(group) == 1:
            sr = (sr @ _GREY)[..., None]
        if (low, span) != (0.0, 1.0):
            sr = sr * np.float32(span) + np.float32(low)
        target = out[part.target(engine.scale)]
        target[..., bands] = from_float(sr, out.dtype)
        release(out, pixels)
        done += target[..., 0].size
        progress(done / out[..., 0].size)


def _float_range(pixels: np.ndarray) -> tuple[float, float]:
    """Return the least value and the span that floats are mapped by: 0 and 1 where they lie in [0, 1]."""
    low, high = float(pixels.min()), float(pixels.max())
    # NaN passes through, and is refused when it comes out.
    if (low >= 0.0 and high <= 1.0) or not np.isfinite(high - low):
        return 0.0, 1.0
    return low, (high - low) or 1.0


def _result_type(dtype: np.dtype, rounded: bool) -> np.dtype:
    """Return the type of a result: that of the picture, but float32 for all floats."""
    return np.dtype(np.float32) if not rounded or dtype.kind == "f" else dtype


def find_network(name: str | None) -> Path:
    """Return the exported file of a network given by name or path; None is the default network."""
    from keras_sr.weights import registry

    if name is not None and name.endswith((".onnx", ".xml")):
        return Path(name)
    return registry.onnx_path(name or registry.DEFAULT)


def _budget(engine: Engine, height: int, width: int, memory: int) -> tuple[int, int]:
    """Return the largest tile (height, width) that is fast and whose activations fit into `memory` bytes."""
    fast = max(_MARGINS * engine.receptive_field, _SIDE) ** 2
    pixels = min(memory // engine.bytes_per_pixel, fast)
    return tile_size(height, width, pixels=pixels, margin=engine.receptive_field)
