"""Benchmark folders: which picture is the truth (HR), and which small one (LR) belongs to it.

The pairing is that of training (`data/pairing.py` lists the layouts); here a doubt is an error.
"""

import logging
import os
from collections import Counter
from pathlib import Path

from keras_sr.data.naming import read_folder, read_path
from keras_sr.data.pairing import Folder, pair_folder
from keras_sr.errors import DataError
from keras_sr.images.folders import is_picture, walk
from keras_sr.images.pair import Pair
from keras_sr.images.plain import SUFFIXES

log = logging.getLogger(__name__)


def find_pairs(folder: str | Path, scale: int) -> list[Pair]:
    """Find the pictures of a benchmark set, sorted by name.

    LR pictures of another scale are passed over: a set that comes with x2 only has `lr=None` at x4.

    Args:
        folder: The folder of the set, its HR folder, or any folder of photographs.
        scale: HR size over LR size.

    Raises:
        DataError: There is no such folder or no picture in it, it holds several sets, a picture lacks its
            partner although LR pictures of this scale are there, or what looks like LR has no HR.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"there is no folder {str(folder)!r}: give the folder of a benchmark set")
    if scale < 1 or scale != int(scale):
        raise DataError(f"the scale of a set is a whole number, 1 or more, not {scale}")
    scale = int(scale)
    _refuse_several(folder)
    if (folder / f"image_SRF_{scale}").is_dir():
        folder = folder / f"image_SRF_{scale}"
    read = pair_folder(folder, scale)
    _refuse_untagged(read)
    _refuse_missing(read)
    if read.pairing.twice:
        path, why = read.pairing.twice[0]
        raise DataError(f"{str(read.root / path)!r}: {why}: leave one ({len(read.pairing.twice)} such)")
    for note in read.pairing.notes:
        log.info("%s: %s", folder, note)
    names = _short_names([read.root / match.hr for match in read.pairing.matches], read.truths)
    pairs = (
        Pair(names[read.root / match.hr], read.root / match.hr, read.root / match.lr if match.lr else None)
        for match in read.pairing.matches
    )
    return sorted(pairs, key=lambda pair: pair.name)


def set_name(folder: str | Path) -> str:
    """Return what a set is called: its folder's name, or that of the folder above `HR` or `image_SRF_4`."""
    # Not resolved: whoever links Set5 to a store means Set5.
    folder = Path(os.path.abspath(folder))
    says = read_folder(folder.name)
    is_part = (says.role == "hr" and not says.rest) or folder.name.startswith("image_SRF_")
    return folder.parent.name if is_part else folder.name


def _refuse_several(folder: Path) -> None:
    """Refuse a folder in which several sets lie side by side.

    Raises:
        DataError: Names them.
    """
    inside = sorted(p.name for p in folder.iterdir() if p.is_dir() and read_folder(p.name).role == "hr")
    if len({read_folder(name).rest for name in inside}) > 1:
        raise DataError(f"{str(folder)!r} holds several sets: give one of the folders {', '.join(inside)}")


def _refuse_untagged(read: Folder) -> None:
    """Refuse a picture that belongs to none of those called `..._HR`, where there are such in no HR folder.

    Beside them may lie `..._LR` and results of methods (`..._bicubic`), but nothing unrelated.

    Raises:
        DataError: Names the first.
    """
    paths = [match.hr for match in read.pairing.matches] + [path for path, _ in read.pairing.left_out]
    names = [read_path(path) for path in paths]
    if any(name.folder_role for name in names):
        return
    bases = {(name.place, name.stem.removesuffix("_hr")) for name in names if name.stem.endswith("_hr")}
    strays = [
        name
        for name in names
        if not name.stem.endswith("_hr") and (name.place, name.stem.rpartition("_")[0]) not in bases
    ]
    if bases and strays:
        raise DataError(
            f"{str(read.root / strays[0].path)!r} belongs to no picture called ..._HR, although there are "
            "such: call all the truths ..._HR, or none"
        )


def _refuse_missing(read: Folder) -> None:
    """Raise a DataError that names the first picture without a partner."""
    alone, total = read.pairing.alone, len(read.pairing.alone) + len(read.pairing.matches)
    if alone:
        lr = next((Path(match.lr) for match in read.pairing.matches if match.lr), None)
        beside = lr is not None and lr.parent == Path(alone[0]).parent
        where = "called ..._LR beside it" if beside or lr is None else f"in {str(read.root / lr.parent)!r}"
        raise DataError(
            f"{str(read.root / alone[0])!r} has no LR picture {where} ({len(alone)} of {total} have none)"
        )


def list_pictures(folder: Path) -> list[Path]:
    """Return the picture files below a folder, sorted; links to folders are not followed."""
    inside = (path for one in walk(folder, links=False) for path in one.files)
    return sorted(path for path in inside if is_picture(path, SUFFIXES) and path.is_file())


def _short_names(truths: list[Path], root: Path) -> dict[Path, str]:
    """Name each picture by its path below `root` without suffix and `_HR`; keep the suffix of twins."""
    names = {hr: hr.relative_to(root).with_suffix("").as_posix().removesuffix("_HR") for hr in truths}
    count = Counter(names.values())
    return {hr: name if count[name] == 1 else hr.relative_to(root).as_posix() for hr, name in names.items()}
