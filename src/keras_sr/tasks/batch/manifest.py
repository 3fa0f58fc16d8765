"""A list of pictures in a file: one path a line, as `find` and spreadsheets write them."""

import os
import sys
from pathlib import Path

from keras_sr.errors import KerasSRError
from keras_sr.tasks.batch.listing import Listing, Odd, look_through


def read_manifest(path: str | Path) -> list[str]:
    """Return the lines of a manifest that name something.

    Empty lines and lines that begin with # are left out; write `./#1.jpg` for a name that begins so. Where
    the file holds NUL bytes (`find -print0`), they end the names. A name need not be UTF-8.

    Args:
        path: The file; `-` is stdin.

    Raises:
        KerasSRError: It cannot be read, or names nothing.
    """
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
    except OSError as error:
        raise KerasSRError(
            f"cannot read the manifest {str(path)!r}: {error.strerror or error}; give a file that names a "
            "picture a line"
        ) from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    ends = b"\0" if b"\0" in data else b"\n"
    lines = [os.fsdecode(line.removesuffix(b"\r")) for line in data.split(ends)]
    named = [line for line in lines if line.strip() and not line.startswith("#")]
    if not named:
        raise KerasSRError(f"the manifest {str(path)!r} names no picture: write one path a line")
    return named


def listed(lines: list[str], folder: str | Path, output: str | Path, *, recursive: bool = False) -> Listing:
    """Return the pictures that a manifest names.

    Args:
        lines: From `read_manifest`: files, or folders whose pictures are taken, relative to `folder`.
        folder: What they are relative to, and what the places of results are.
        output: Where results go.
        recursive: Take the pictures of folders inside folders, too.

    Returns:
        The pictures; those that are not there, or not in the folder, are said in `odd`.

    Raises:
        KerasSRError: There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise KerasSRError(
            f"{str(folder)!r} is not a folder: with `manifest`, give the folder its lines are relative to"
        )
    found: list[tuple[Path, Path]] = []
    odd: list[Odd] = []
    for line in dict.fromkeys(lines):
        inside = _inside(line, folder)
        if inside is None:
            path = folder / Path(line).name
            odd.append(Odd(path, folder, f"{line!r} of the manifest is not in {str(folder)!r}"))
        elif not os.path.lexists(folder / inside):
            path = folder / inside
            odd.append(
                Odd(path, folder, f"cannot read {str(path)!r}: the manifest names it, but it is not there")
            )
        else:
            look_through(folder / inside, folder, Path(output), recursive, found, odd, keep_base=True)
    files = tuple(path for path, _ in dict.fromkeys(found))
    return Listing((folder, *files), tuple(dict.fromkeys(found)), tuple(dict.fromkeys(odd)))


def _inside(line: str, folder: Path) -> Path | None:
    """Return a line as a path below a folder; None where it is not in it."""
    path = os.path.normpath(os.path.join(os.path.abspath(folder), line))
    try:
        return Path(path).relative_to(os.path.abspath(folder))
    except ValueError:
        return None
