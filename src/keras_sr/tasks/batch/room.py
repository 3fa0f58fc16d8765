"""How the memory that there is is shared: tiles, pixels, and codecs that hold a whole picture."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keras_sr.errors import PictureError
from keras_sr.images.picture import MAX_PIXELS, header
from keras_sr.images.storage import Room, Storage
from keras_sr.inference.engines import Engine
from keras_sr.inference.enlarge import tile_bytes
from keras_sr.inference.memory import working_memory
from keras_sr.tasks.batch.plan import Job, results_folder
from keras_sr.tasks.batch.run import Settings, bytes_for_result
from keras_sr.tasks.batch.size import Size

#: Of the memory to work in, at most: what a tile may take, and all pixels before they go to the disk. The
#: rest is for decoders and encoders that hold a whole picture.
SHARE_OF_TILE, SHARE_OF_PIXELS = 2, 4

#: A tile does not get less than this, whatever such an encoder needs.
_LEAST_SHARE_OF_TILE = 4


def file_settings(
    size: Size,
    output: Path | None,
    engine: Engine,
    *,
    max_memory: int | None = None,
    tile: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
) -> Settings:
    """Return how files are enlarged, by the memory that there is.

    Args:
        size: How large results are to be.
        output: Where results go, and large arrays meanwhile; None keeps those among the temporary files.
        engine: The network.
        max_memory: Megabytes to work in; None takes a quarter of what is free.
        tile: Side of a tile in LR pixels; None follows the memory.
        max_pixels: Pictures with more pixels are refused; None refuses none.
    """
    memory = max_memory << 20 if max_memory else working_memory()
    return Settings(
        size,
        tile_bytes(engine, memory // SHARE_OF_TILE),
        tile or None,
        max_pixels=max_pixels,
        storage=_storage(
            memory, tile_bytes(engine, memory // SHARE_OF_TILE), output, promised=bool(max_memory)
        ),
    )


def _storage(memory: int, for_tile: int, output: Path | None, *, promised: bool) -> Storage:
    """Return where pixels go, with the room that tiles and pixels leave for whole pictures."""
    pixels = memory // SHARE_OF_PIXELS
    folder = None if output is None else results_folder(output)
    return Storage(pixels, folder, Room(memory - pixels - for_tile), promised)


def room_for_whole_pictures(
    settings: Settings, jobs: Sequence[Job], engine: Engine, memory: int, output: Path
) -> Settings:
    """Return settings whose tiles are as small as decoders and encoders of whole pictures ask for."""
    most = memory - memory // SHARE_OF_PIXELS
    least = memory // _LEAST_SHARE_OF_TILE
    needed = [_memory_for(job, engine, settings) for job in jobs if not job.refused]
    # What fits in no case is refused; it need not make the tiles of the others small.
    for_tile = max(least, most - max((size for size in needed if size <= most - least), default=0))
    return with_tiles_of(for_tile, settings, memory, output)


def with_tiles_of(for_tile: int, settings: Settings, memory: int, output: Path) -> Settings:
    """Return settings whose tiles take no more bytes than this; whole pictures have the rest.

    Args:
        for_tile: Bytes of a tile.
        settings: From `file_settings`.
        memory: Bytes to work in.
        output: Where results go.
    """
    if for_tile >= settings.memory:
        return settings
    return replace(settings, memory=for_tile, storage=_storage(memory, for_tile, output, promised=True))


def _memory_for(job: Job, engine: Engine, settings: Settings) -> int:
    """Return the bytes that reading or writing one picture holds, as its header says."""
    try:
        said = header(job.source)
    except (PictureError, OSError):
        return 0
    size = settings.size.of(said.height, said.width, engine.scale)
    return max(said.memory, bytes_for_result(said, job.target.suffix.lower(), size, settings.look))
