"""Enlarge a picture with an engine: any size, grey or RGB, in tiles where memory asks for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.images.ranges import from_float, to_float
from keras_sr.inference.engines import Engine, open_engine
from keras_sr.inference.tiling import tile_size, tiles

#: Bytes of activations that a tile may take.
MEMORY = 512 << 20

#: Weights of R, G and B in grey: BT.601, full range, as every image library converts.
GREY = np.array([[0.299], [0.587], [0.114]], np.float32)


def upscale(
    picture: Any,
    engine: Engine | str | None = None,
    *,
    memory: int = MEMORY,
    tile: int | None = None,
    rounded: bool = True,
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Enlarge a picture.

    Tiles overlap by the network's receptive field, so the result is that of the untiled network. A grey
    picture runs as RGB with three equal channels; the grey of the result is its BT.601 luma.

    Args:
        picture: Array (H, W), (H, W, 1) or (H, W, 3); uint8, uint16, or float in [0, 1]. Or a Picture
            of `images.io`, a Pillow image of mode L or RGB, or the path of a file.
        engine: From `inference.engines`; or the name of a network in `weights.registry` or the path of
            an exported file, opened anew at each call; or None for the default network.
        memory: Bytes that the activations of a tile may take; the smallest tile is taken below that.
        tile: Side of a tile in LR pixels, margins included, instead of `memory`.
        rounded: Whether to round to 8 bits; else float32 in [0, 1], as the network gave it, not clipped.
        progress: Called with the share that is done, after each tile.

    Returns:
        uint8 (or float32) array (H * scale, W * scale) or (H * scale, W * scale, C), as many axes and
        channels as given.

    Raises:
        PictureError: The picture cannot be read, or is neither grey nor RGB.
        KerasSRError: No such network, or no engine for it.
    """
    pixels = load_pixels(picture)
    if engine is None or isinstance(engine, str):
        engine = open_engine(find_network(engine))
    lr = pixels.reshape(*pixels.shape[:2], -1)
    grey = lr.shape[2] == 1
    height, width = lr.shape[:2]
    limit = (tile, tile) if tile else budget(engine, height, width, memory)
    dtype = np.uint8 if rounded else np.float32
    out = np.empty((height * engine.scale, width * engine.scale, lr.shape[2]), dtype)
    done = 0
    for part in tiles(height, width, tile=limit, margin=engine.receptive_field):
        window = to_float(lr[part.window])
        sr = engine.run(np.repeat(window, 3, axis=2)[None] if grey else window[None])[0]
        sr = sr[part.inside(engine.scale)]
        place = part.target(engine.scale)
        sr = sr @ GREY if grey else sr
        out[place] = from_float(sr) if rounded else sr
        if progress:
            done += out[place][..., 0].size
            progress(done / out[..., 0].size)
    return out.reshape(*out.shape[:2], *pixels.shape[2:])


def load_pixels(picture: Any) -> np.ndarray:
    """Return the pixels of what `upscale` takes, after a look at their shape."""
    if isinstance(picture, str | Path):
        from keras_sr.images.io import read

        picture = read(picture)
    # Of a Pillow image in another mode the array is not what one sees: palette indices, inks.
    if getattr(picture, "mode", "RGB") not in ("L", "RGB"):
        raise PictureError(f"expected a Pillow image of mode L or RGB, got {picture.mode}: convert it first")
    pixels = np.asarray(getattr(picture, "pixels", picture))
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or pixels.shape[2:] not in ((), (1,), (3,)):
        raise PictureError(f"expected (H, W), (H, W, 1) or (H, W, 3) with pixels in it, got {pixels.shape}")
    return pixels


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
