"""Walk folders of pictures: every list of files that the package makes comes from here. Opens no file."""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folder:
    """A folder on a walk.

    Attributes:
        path: Where it is.
        files: What it holds beside folders, sorted; links to nothing and pipes are among them.
        error: Why it cannot be looked into, or None.
    """

    path: Path
    files: tuple[Path, ...] = ()
    error: OSError | None = None


def walk(
    folder: Path, *, deep: bool = True, links: bool = True, enter: Callable[[Path], bool] | None = None
) -> Iterator[Folder]:
    """Yield a folder and those below it, each real folder once; never what is hidden (`.name`).

    A folder's own place comes before a link to it that lies beside it, or deeper.

    Args:
        folder: Where to begin.
        deep: Whether to look into folders inside.
        links: Whether to follow links to folders.
        enter: Whether to look into a folder inside; asked once for each.
    """
    seen = {os.path.realpath(folder)}
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                visible = sorted((one for one in entries if one.name[0] != "."), key=lambda one: one.name)
        except OSError as error:
            yield Folder(here, error=error)
            continue
        folders = {one.name: one for one in visible if _is_folder(one)}
        yield Folder(here, tuple(here / one.name for one in visible if one.name not in folders))
        # Of a folder and a link to it beside it, the folder comes first.
        inside = sorted(folders.items(), key=lambda item: item[1].is_symlink())
        for name, one in inside if deep else ():
            path, place = here / name, os.path.realpath(one)
            if place not in seen and (links or not one.is_symlink()) and (enter is None or enter(path)):
                seen.add(place)
                waiting.append(path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def is_picture(path: str | Path, suffixes: Collection[str]) -> bool:
    """Return whether a name ends like a picture, in small letters or capitals.

    Args:
        path: The name.
        suffixes: Of the reader that is to open it: `picture.READ`, or `plain.SUFFIXES` (docs/decisions/0008).

    Examples:
        >>> is_picture("photos/FOX.JPG", {".jpg", ".png"})
        True
    """
    return Path(path).suffix.lower() in suffixes
