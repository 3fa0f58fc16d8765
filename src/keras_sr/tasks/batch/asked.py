"""How large results are to become, from a size that was asked for and the headers of the pictures."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from keras_sr.errors import PictureError
from keras_sr.images.picture import MAX_PIXELS, Header, header
from keras_sr.tasks.batch.listing import list_files
from keras_sr.tasks.batch.size import Size


def largest_factor(
    sources: Sequence[str | Path], size: Size, output: Path | None = None, *, recursive: bool = False
) -> float | None:
    """Return how many times larger a size asks pictures to become, at most; None where it does not say.

    Args:
        sources: Files and folders of pictures; only their headers are read.
        size: A scale, or a width and height.
        output: Where results go, which is not looked into.
        recursive: Whether folders inside folders count.
    """
    if size.scale or not (size.width or size.height):
        return size.scale
    factors: list[float] = []
    for said in _headers(sources, output, recursive):
        rows, columns = size.of(said.height, said.width, 1)
        factors.append(max(rows / said.height, columns / said.width))
    return max(factors, default=None)


def largest_result(
    sources: Sequence[str | Path],
    size: Size,
    scale: int,
    output: Path | None = None,
    *,
    recursive: bool = False,
) -> tuple[int, int]:
    """Return (height, width) of the largest result, as headers say; (0, 0) where none can be read."""
    largest = (0, 0)
    for said in _headers(sources, output, recursive):
        if said.height * said.width * said.pages > MAX_PIXELS:
            continue  # refused when it is read
        rows, columns = size.of(said.height, said.width, scale)
        largest = max(largest, (rows * said.pages, columns), key=lambda one: one[0] * one[1])
    return largest


def _headers(sources: Sequence[str | Path], output: Path | None, recursive: bool) -> Iterator[Header]:
    """Yield what the headers of pictures say; those that cannot be read say nothing yet."""
    for source in map(Path, sources):
        folder = source.is_dir()
        for file in list_files(source, recursive, output, quiet=True) if folder else [source]:
            if file.is_file():
                with suppress(PictureError, OSError):
                    yield header(file)
