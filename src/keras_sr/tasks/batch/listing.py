"""Which pictures a batch is of: files, folders and globs looked through; nothing is opened but odd files."""

import glob
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from keras_sr.errors import PictureError
from keras_sr.images.folders import is_picture, walk
from keras_sr.images.picture import NOT_READ, READ, format_of
from keras_sr.tasks.batch.ledger import made_in

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Odd:
    """A file in a folder that is a picture to everybody, and is not read.

    Attributes:
        source: The file.
        base: The folder that was given.
        why: Why it is not read, in one line.
    """

    source: Path
    base: Path
    why: str


@dataclass(frozen=True)
class Listing:
    """Pictures to enlarge, before it is decided where to.

    Attributes:
        inputs: What was given, globs replaced by what they match.
        found: Each picture with the folder that its place is relative to.
        odd: Files that look like pictures, or were named, and are not read.
    """

    inputs: tuple[Path, ...]
    found: tuple[tuple[Path, Path], ...]
    odd: tuple[Odd, ...] = ()


def find(inputs: Iterable[str | Path], output: str | Path, *, recursive: bool = False) -> Listing:
    """Return the pictures of files, folders and globs such as `photos/**/*.jpg`.

    Args:
        inputs: What was given.
        output: Where results go: if that is a folder inside, what is in it is not searched.
        recursive: Take the pictures of folders inside, too.

    Raises:
        PictureError: A glob matches nothing.
    """
    paths = [path for given in inputs for path in _matches(given)]
    found: list[tuple[Path, Path]] = []
    odd: list[Odd] = []
    for path in paths:
        look_through(path, path.parent, Path(output), recursive, found, odd)
    return Listing(tuple(paths), tuple(dict.fromkeys(found)), tuple(dict.fromkeys(odd)))


def look_through(
    path: Path,
    base: Path,
    output: Path,
    recursive: bool,
    found: list[tuple[Path, Path]],
    odd: list[Odd],
    keep_base: bool = False,
) -> None:
    """Add a file, or what is in a folder, to what is found.

    Args:
        path: The file or folder.
        base: What the place of a file is relative to; of the files of a folder it is the folder.
        output: Where results go.
        recursive: Whether folders inside folders count.
        found: Pictures, and what their places are relative to.
        odd: Files that are not read.
        keep_base: Whether the places of a folder's files are relative to `base`, too.
    """
    if not path.is_dir():
        found.append((path, base))
        return
    base = base if keep_base else path
    for file in list_files(path, recursive, leave_out=output):
        if why := _no_file(file):
            odd.append(Odd(file, base, f"cannot read {str(file)!r}: {why}"))
        elif is_picture(file, READ):
            found.append((file, base))
        elif why := _why_not(file):
            odd.append(Odd(file, base, f"cannot read {str(file)!r}: {why}"))


def _no_file(path: Path) -> str:
    """Return why what a folder holds cannot be opened: no file, although it is called like a picture."""
    if path.is_dir():
        return "the folder cannot be opened"
    if path.is_file():
        return ""
    return "it is not a file but a device or a pipe" if path.exists() else "it is a broken link"


def _why_not(file: Path) -> str:
    """Return why a file that looks like a picture is not read; "" of files that are none."""
    kind = NOT_READ.get(file.suffix.lower())
    if kind:
        return f"{kind.name} is not read: {kind.advice}"
    try:
        with file.open("rb") as opened:
            kind = format_of(opened.read(_HEAD))
    except OSError:
        return ""
    if kind and kind.name in _SURE:
        if not kind.loader:
            return f"{kind.name} is not read: {kind.advice}"
        return f"it is a {kind.name} by another name: give it an extension such as {kind.suffixes[0]}"
    return ""


#: Bytes that tell a format, and formats whose beginning no other file has by chance.
_HEAD = 32
_SURE = (
    *("PNG", "JPEG", "TIFF", "WebP", "GIF", "AVIF", "HEIC", "JPEG XL", "JPEG 2000", "QOI"),
    *("Photoshop", "GIMP", "DDS", "KTX", "OpenEXR", "DjVu", "BPG", "FLIF", "JNG or MNG"),
)


def list_files(
    folder: Path, recursive: bool = False, leave_out: Path | None = None, *, quiet: bool = False
) -> list[Path]:
    """Return the files of a folder by name, hidden ones left out; links to folders are followed once.

    Folders inside that cannot be looked into are among them, and what is called like a picture and is no
    file: a link to nothing, a pipe.

    Args:
        folder: The folder.
        recursive: Whether to look into folders inside.
        leave_out: Where results go: if that is a folder inside, what is in it is not searched. Nor are files
            that a ledger of an earlier batch names as its results.
        quiet: Whether nobody is told of what is left out.

    Raises:
        PictureError: The folder itself cannot be looked into.
    """
    say = log.debug if quiet else log.warning
    results = None if leave_out is None else os.path.realpath(leave_out)

    def enter(inside: Path) -> bool:
        if os.path.realpath(inside) != results:
            return True
        say("left out %s, where results go", inside)
        return False

    found: list[Path] = []
    made: set[Path] = set()
    for here in walk(folder, deep=recursive, enter=enter):
        if here.error is not None:
            if here.path == folder:
                reason = here.error.strerror or here.error
                raise PictureError(f"cannot open {folder}: {reason}") from here.error
            found.append(here.path)
            continue
        earlier = made_in(here.path) if here.path != folder else set[Path]()
        made |= earlier
        found += [
            path for path in here.files if path not in made and (is_picture(path, _NAMED) or path.is_file())
        ]
        if earlier:
            say("left out the results of an earlier run in %s", here.path)
    return sorted(found)


#: Suffixes of files that are told of even where they are no files.
_NAMED = READ | NOT_READ.keys()


def _matches(given: str | Path) -> list[Path]:
    """Return the path, or the files that it matches as a glob, in order: shells leave quoted ones alone."""
    path = Path(given)
    if path.exists() or not glob.has_magic(str(given)):
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(given), recursive=True))]
    if not found:
        raise PictureError(f"nothing matches {str(given)!r}")
    return [one for one in found if one.is_dir() or is_picture(one, READ)] or found
