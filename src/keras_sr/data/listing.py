"""Find the pictures of folders, and the partners of pairs. Opens no picture."""

import hashlib
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_sr.errors import DataError
from keras_sr.images.folders import is_picture, walk
from keras_sr.images.pair import Pair
from keras_sr.images.plain import SUFFIXES

log = logging.getLogger("keras_sr")


@dataclass(frozen=True)
class Skipped:
    """A file that is left out, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def find_pictures(folders: str | Path | Iterable[str | Path]) -> list[Pair]:
    """List the pictures of one or several folders and of the folders in them.

    Sorted by relative path inside each folder, so the order is the same on every file system. Suffixes in
    capitals count, hidden files (`._photo.jpg`) do not; linked folders are followed once.

    Args:
        folders: A folder or several; a trailing slash makes no difference.

    Returns:
        One `Pair` a picture, named `folder/relative/path.jpg`.

    Raises:
        DataError: A folder is missing, is a file, or has no picture in it.
    """
    if isinstance(folders, str | Path):
        folders = [folders]
    folders = [Path(folder).expanduser() for folder in folders]
    if not folders:
        raise DataError("no folder of pictures was given: give at least one")
    return [
        Pair(f"{folder.resolve().name}/{relative}", folder / relative)
        for folder in folders
        for relative in relative_paths(folder)
    ]


def pair_by_name(
    hr_folder: str | Path, lr_folder: str | Path, scale: int
) -> tuple[list[Pair], list[Skipped]]:
    """List the pictures that are in both folders: an LR and an HR file of the same name.

    Names match when they are equal without suffix, or equal once endings are taken off: `x4` (the scale's own
    number only), `_SRF_4`, `_LR`, `_HR`, `_GT`, `_bicubic`. So `0801.png` goes with `0801x4.png`, and
    `a_HR.png` with `a_LR.png`. What lies in folders below must have the same relative path.

    Args:
        hr_folder: The folder of HR pictures.
        lr_folder: The folder of LR pictures.
        scale: HR size over LR size.

    Returns:
        The pairs in the order of their HR names, and the files of either folder that have no partner.

    Raises:
        DataError: A folder is missing or has no picture, or nothing matches.
    """
    hr_folder, lr_folder = Path(hr_folder).expanduser(), Path(lr_folder).expanduser()
    lr_names = relative_paths(lr_folder)
    exact = {_without_suffix(name): name for name in lr_names}
    bare = {_undecorated(name, scale): name for name in reversed(lr_names)}
    pairs, skipped, unused = [], [], set(lr_names)
    for name in relative_paths(hr_folder):
        lr = exact.get(_without_suffix(name)) or bare.get(_undecorated(name, scale))
        if lr not in unused:
            skipped.append(Skipped(str(hr_folder / name), f"no LR picture of this name in {lr_folder}"))
            continue
        unused.remove(lr)
        pairs.append(Pair(f"{hr_folder.resolve().name}/{name}", hr_folder / name, lr_folder / lr))
    skipped += [
        Skipped(str(lr_folder / name), f"no HR picture of this name in {hr_folder}")
        for name in sorted(unused)
    ]
    if not pairs:
        raise DataError(
            f"no picture of {hr_folder} has a partner in {lr_folder}: "
            f"name them alike, such as fox.png and fox.png, foxx{scale}.png or fox_LR.png"
        )
    return pairs, skipped


def held_out(names: Sequence[str], count: int) -> list[int]:
    """Return the places of `count` names chosen by their SHA-256: the same ones on every machine.

    A picture that joins the folder later takes the place of at most one of them.

    Raises:
        DataError: Nothing would be left to train on.

    Examples:
        >>> held_out(["a.png", "b.png", "c.png"], 1)
        [2]
    """
    if not 0 <= count < len(names):
        raise DataError(f"cannot hold out {count} of {len(names)} pictures: at least one must be left")
    ranks = sorted(range(len(names)), key=lambda k: hashlib.sha256(names[k].encode()).digest())
    return sorted(ranks[:count])


def describe(skipped: Sequence[Skipped], most: int = 20) -> str:
    """Return the skipped files as text: how many, then one a line.

    Examples:
        >>> print(describe([Skipped("a.jpg", "truncated"), Skipped("b.png", "2x2 pixels")]))
        2 files skipped
          a.jpg: truncated
          b.png: 2x2 pixels
    """
    lines = [f"{len(skipped)} file{'s' * (len(skipped) != 1)} skipped"]
    lines += [f"  {one}" for one in skipped[:most]]
    if len(skipped) > most:
        lines.append(f"  and {len(skipped) - most} more")
    return "\n".join(lines)


def tell(skipped: Sequence[Skipped]) -> None:
    """Log the skipped files, all in one message."""
    if skipped:
        log.warning("%s", describe(skipped))


def none_left(skipped: Sequence[Skipped]) -> DataError:
    """Return the error for folders in which every picture was skipped."""
    first = f" (the first of {len(skipped)}: {skipped[0]})" if skipped else ""
    return DataError(f"none of the pictures can be used: mend what is said of them, or give others{first}")


def relative_paths(folder: Path) -> list[str]:
    """Return the relative POSIX paths of all pictures below a folder, sorted."""
    if not folder.exists():
        raise DataError(f"there is no folder {folder}: give the folder that holds the pictures")
    if not folder.is_dir():
        raise DataError(f"{folder} is a file: give the folder that holds the pictures")
    found = [
        path.relative_to(folder).as_posix()
        for one in (walk(folder, enter=_no_run) if _no_run(folder) else ())
        for path in one.files
        if is_picture(path, SUFFIXES)
    ]
    if not found:
        raise DataError(
            f"no pictures in {folder} or the folders in it: put files there that end with one of "
            + " ".join(sorted(SUFFIXES))
        )
    return sorted(found)


def _no_run(folder: Path) -> bool:
    """Return whether a folder is none of a training run: its sheets show what the run is measured on."""
    return not all((folder / name).exists() for name in ("recipe.json", "versions.json"))


def _without_suffix(name: str) -> str:
    """Return a relative path in lower case and without its suffix."""
    return Path(name).with_suffix("").as_posix().casefold()


def _undecorated(name: str, scale: int) -> str:
    """Return the same without the endings that tell LR from HR.

    Examples:
        >>> [_undecorated(name, 4) for name in ("a/0801x4.png", "a/0801_SRF_4_HR.png", "1x2.png")]
        ['a/0801', 'a/0801', '1x2']
    """
    stem = _without_suffix(name)
    ending = rf"(?<=[^/])([_-]?x{scale}|[_-]srf[_-]{scale}|[_-](lr|hr|gt|bicubic))$"
    while (shorter := re.sub(ending, "", stem)) != stem:
        stem = shorter
    return stem
