"""Enlarge a picture with an engine: any size, type and number of bands, in tiles where memory asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.images.alpha import bleed
from keras_sr.images.picture import Picture, from_pillow, read
from keras_sr.images.ranges import from_float, to_float
from keras_sr.inference.engines import Engine, open_engine
from keras_sr.inference.tiling import tile_size, tiles

#: Bytes of activations that a tile may take.
MEMORY = 512 << 20

#: Weights of R, G and B in grey: BT.601, full range, as every image library converts.
GREY = np.array([0.299, 0.587, 0.114], np.float32)

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

    Tiles overlap by the network's receptive field, so the result is that of the untiled network. Three bands
    are RGB. Any other number of bands is enlarged band by band, unless `rgb` names three of them: a band
    runs as RGB with three equal channels, and the BT.601 luma of the result is the band.

    Args:
        picture: Array (H, W) or (H, W, bands); uint8, uint16, or float in [0, 1] (other ranges of floats are
            mapped to [0, 1] and back). Or the path of a file, a Picture of `images.picture` or `images.io`,
            or a Pillow image: transparency is then one more band of the result, and is not a colour.
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

    Example:
        >>> upscale(np.zeros((8, 9, 5), np.uint16)).shape
        (32, 36, 5)
    """
    if engine is None or isinstance(engine, str):
        engine = open_engine(find_network(engine))
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
) -> Picture:
    """Enlarge a picture with all that belongs to it: alpha, every page, resolution.

    Arguments as for `upscale`. What cannot be seen through transparency is filled from what can, so that no
    edge gets a halo; alpha is enlarged as a grey picture. Where it is opaque throughout, it stays so.
    """
    groups = band_groups(picture.pixels.shape[2], rgb)
    opaque = picture.alpha is None or (picture.alpha == from_float(np.ones(1), picture.alpha.dtype)).all()
    work = picture.pages * (len(groups) + (not opaque))
    done = [0]

    def shown(share: float) -> None:
        if progress:
            progress((done[0] + share) / work)

    def run(pixels: np.ndarray, groups: list[tuple[int, ...]], dtype: np.dtype) -> np.ndarray:
        height, width, bands = pixels.shape
        out = np.empty((height * engine.scale, width * engine.scale, bands), dtype)
        for group in groups:
            enlarge_bands(pixels, group, engine, out, memory, tile, shown)
            done[0] += 1
        return out

    kind = result_type(picture.pixels.dtype, rounded)
    pages, alphas = [], []
    for page in range(picture.pages):
        height = len(picture.pixels) // picture.pages
        rows = slice(page * height, (page + 1) * height)
        pixels = picture.pixels[rows]
        if picture.alpha is not None and not opaque:
            seen = to_float(picture.alpha[rows])
            pixels = bleed(to_float(pixels), seen)
            alphas.append(run(seen[..., None], [(0,)], kind)[..., 0])
        pages.append(run(pixels, groups, kind))
    alpha = None
    if picture.alpha is not None:
        shape = (len(picture.alpha) * engine.scale, picture.alpha.shape[1] * engine.scale)
        alpha = np.full(shape, from_float(np.ones(1), kind)[0]) if opaque else np.concatenate(alphas)
    return replace(
        picture,
        pixels=pages[0] if picture.pages == 1 else np.concatenate(pages),
        alpha=alpha,
        resolution=(picture.resolution[0] * engine.scale, picture.resolution[1] * engine.scale),
    )


def band_groups(bands: int, rgb: Sequence[int] | None) -> list[tuple[int, ...]]:
    """Return which bands go through the network together: three as RGB, others each by itself.

    Example:
        >>> band_groups(3, None), band_groups(2, None), band_groups(5, (3, 2, 1))
        ([(0, 1, 2)], [(0,), (1,)], [(3, 2, 1), (0,), (4,)])
    """
    if rgb is None:
        return [(0, 1, 2)] if bands == 3 else [(band,) for band in range(bands)]
    colours = tuple(rgb)
    if len(colours) != 3 or len(set(colours)) != 3 or not all(0 <= band < bands for band in colours):
        raise PictureError(f"rgb must name three of the bands 0 to {bands - 1}, not {colours}")
    return [colours, *((band,) for band in range(bands) if band not in colours)]


def enlarge_bands(
    pixels: np.ndarray,
    group: tuple[int, ...],
    engine: Engine,
    out: np.ndarray,
    memory: int,
    tile: int | None,
    progress: Progress,
) -> None:
    """Run one or three bands of a picture through the network, tile by tile, into the same bands of `out`."""
    height, width = pixels.shape[:2]
    low, span = float_range(pixels[..., group]) if pixels.dtype.kind == "f" else (0.0, 1.0)
    limit = (tile, tile) if tile else budget(engine, height, width, memory)
    done = 0
    for part in tiles(height, width, tile=limit, margin=engine.receptive_field):
        window = to_float(pixels[part.window][..., group])
        if (low, span) != (0.0, 1.0):
            window = (window - np.float32(low)) / np.float32(span)
        # A single band runs as three equal channels.
        sr = engine.run(np.broadcast_to(window, (*window.shape[:2], 3))[None])[0][part.inside(engine.scale)]
        if len(group) == 1:
            sr = (sr @ GREY)[..., None]
        if (low, span) != (0.0, 1.0):
            sr = sr * np.float32(span) + np.float32(low)
        place = part.target(engine.scale)
        target = out[place]
        target[..., group] = from_float(sr, out.dtype)
        done += target[..., 0].size
        progress(done / out[..., 0].size)


def float_range(pixels: np.ndarray) -> tuple[float, float]:
    """Return the least value and the span that floats are mapped by: 0 and 1 where they lie in [0, 1]."""
    low, high = float(pixels.min()), float(pixels.max())
    # NaN passes through, and is refused when it comes out.
    if (low >= 0.0 and high <= 1.0) or not np.isfinite(high - low):
        return 0.0, 1.0
    return low, (high - low) or 1.0


def result_type(dtype: np.dtype, rounded: bool) -> np.dtype:
    """Return the type of a result: that of the picture, but float32 for all floats."""
    return np.dtype(np.float32) if not rounded or dtype.kind == "f" else dtype


def find_network(name: str | None) -> Path:
    """Return the exported file of a network given by name or path; None is the default network."""
    from keras_sr.weights import registry

    if name is not None and name.endswith((".onnx", ".xml")):
        return Path(name)
    return registry.onnx_path(name or registry.DEFAULT)


def budget(engine: Engine, height: int, width: int, memory: int) -> tuple[int, int]:
    """Return the largest tile whose activations fit into `memory` bytes."""
    pixels = memory // engine.bytes_per_pixel
    return tile_size(height, width, pixels=pixels, margin=engine.receptive_field)
