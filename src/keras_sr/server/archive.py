"""Many results as one zip file, made while it is sent: nothing of it lies on the disk or in memory."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Bytes that are read at once.
_PIECE = 1 << 20


class _Sink:
    """A file that only takes, and hands on what it was given."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        data, self._parts = b"".join(self._parts), []
        return data


def stream(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield a zip file; pictures are packed already, so they are stored as they are.

    Args:
        files: Names in the zip, all different, and the files. One that is gone meanwhile is left out.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[arg-type]
        for name, path in files:
            try:
                source = path.open("rb")
            except FileNotFoundError:
                continue
            with source, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                while data := source.read(_PIECE):
                    entry.write(data)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()
