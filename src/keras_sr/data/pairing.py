"""Which pictures of a folder are the truth (HR), and which small one (LR) belongs to each.

The one pairing of training, `--evaluate`, benchmark and callbacks. The layouts of the field are recognised,
in any case and nested in any way (`s` stands for the scale):

    HR/a.png, LR/a.png                  also GT and LQ; LR_bicubic/Xs/axs.png, LR_bicubic_Xs, LRbicxs, LR_xs
    DIV2K_train_HR, DIV2K_train_LR_bicubic/Xs    side by side; one of them may be the folder that is given
    GTmod12, LRbicx2, LRbicx3, LRbicx4, original    BasicSR's benchmark sets
    a.png, axs.png                      LR beside HR; also a_HR.png, a_LR.png, a_LRs.png, a_SRF_s_HR.png
    test_HR/a_xs.png, test_LR/a_x1.png  DRealSR
    sharp/000/a.png, sharp_bicubic/Xs/000/a.png    REDS
    a.png                               any folder of photographs: each is an HR

LR pictures of other scales are passed over. What looks like LR and has no partner is an error, never a truth.
Only headers of pictures are read, and only where names leave something open.
"""

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from keras_sr.data.decoding import size_of
from keras_sr.data.listing import Skipped, pair_by_name, relative_paths
from keras_sr.data.naming import PictureName, read_folder, read_path
from keras_sr.errors import DataError, PictureError
from keras_sr.images.pair import Pair

log = logging.getLogger("keras_sr")

#: (height, width) of a file, or None where it cannot be told.
Size = tuple[int, int]
_SCALES = (2, 3, 4, 8)


@dataclass(frozen=True)
class Match:
    """One picture: the path of its HR file, and that of its LR file if there is one."""

    hr: str
    lr: str | None = None


@dataclass(frozen=True)
class Pairing:
    """What was found in a folder.

    Attributes:
        matches: The pictures, sorted by the path of HR.
        alone: HR pictures without LR although others have one.
        twice: (path, why) of pictures that have two partners.
        left_out: (path, why) of what is neither HR nor LR of this scale.
        notes: Lines about how the folder was read.
    """

    matches: tuple[Match, ...]
    alone: tuple[str, ...] = ()
    twice: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def pair_up(paths: Iterable[str], scale: int, size: Callable[[str], Size | None], where: str) -> Pairing:
    """Pair the pictures of a folder.

    Args:
        paths: Relative POSIX paths of all its pictures.
        scale: HR size over LR size.
        size: Tells the size of one of them.
        where: The folder, for errors.

    Raises:
        DataError: A picture looks like LR and belongs to no HR, or LR is of another scale than it says.
    """
    names = _as_roles(_read_all(paths), size)
    lr = [name for name in names if name.role == "lr"]
    truths, left_out = _truths_of(names, scale, bool(lr))
    ours = [name for name in lr if name.scale in (None, scale)]
    others = Counter(name.scale for name in lr if name.scale not in (None, scale))
    notes = [f"{count} LR pictures of x{other} are passed over" for other, count in sorted(others.items())]
    taken, alone, twice = _partners(truths, ours)
    paired = bool(taken or twice)
    known = {key for truth in truths for key in (truth.exact, truth.key)}
    _refuse_strays([name for name in ours if not {name.exact, name.key} & known], where)
    matches = []
    for truth in truths:
        found = taken.get(truth.path, [])
        if len(found) > 1:
            twice.append((truth.path, f"it has two LR pictures, {found[0].path} and {found[1].path}"))
        elif found or not paired:
            matches.append(Match(truth.path, found[0].path if found else None))
    _refuse_other_scale(matches, scale, size, where)
    if not paired:
        alone = []
        notes += _doubtful(truths)
    return Pairing(
        tuple(matches),
        tuple(alone),
        tuple(sorted(twice)),
        tuple(sorted(left_out)),
        tuple(notes),
    )


def _read_all(paths: Iterable[str]) -> list[PictureName]:
    """Return what all paths say, sorted."""
    paths = sorted(paths)
    beside = frozenset(part for path in paths for part in PurePosixPath(path).parts[:-1])
    return [read_path(path, beside) for path in paths]


def _as_roles(names: list[PictureName], size: Callable[[str], Size | None]) -> list[PictureName]:
    """Return the names with the roles that follow from those of others.

    Pictures in a folder `x4` are LR where other folders say HR. `ax4.png` beside `a.png` is LR, unless it is
    larger: then it is `a.png` enlarged, and `"sr"`.
    """
    some_hr = any(name.folder_role == "hr" for name in names)
    bases = {name.exact: name for name in names if name.role != "lr"}
    result = []
    for name in names:
        if not name.role and some_hr and _in_scale_folder(name):
            name = replace(name, role="lr", folder_role="lr")
        elif name.tagged and (base := bases.get(name.key)) and base is not name:
            name = replace(name, role="sr" if larger(size(name.path), size(base.path)) else "lr")
        result.append(name)
    return result


def _in_scale_folder(name: PictureName) -> bool:
    """Tell whether a picture lies in a folder called by a scale alone, such as `X4`."""
    return any(read_folder(part).is_scale for part in PurePosixPath(name.path).parts[:-1])


def larger(one: Size | None, other: Size | None) -> bool:
    """Tell whether a picture is known to be larger than another."""
    return one is not None and other is not None and min(one) > min(other)


def _truths_of(
    names: list[PictureName], scale: int, paired: bool
) -> tuple[list[PictureName], list[tuple[str, str]]]:
    """Return the HR pictures, and (path, why) of those that are neither HR nor LR."""
    hr = [name for name in names if name.role == "hr" and name.scale in (None, scale, 1)]
    if not hr and paired and any(name.role == "hr" for name in names):
        first = next(name for name in names if name.role == "hr")
        raise DataError(f"{first.path!r} and its neighbours are for another scale than x{scale}")
    # Folders that say HR hold all truths; files that say it do so where LR pictures are there, too.
    by_folder = [name for name in hr if name.folder_role == "hr"]
    left_out = [
        (name.path, f"{PurePosixPath(name.path).name} is an enlarged copy of the picture beside it")
        for name in names
        if name.role == "sr"
    ]
    if by_folder and (paired or any(_is_plain_hr(name) for name in by_folder)):
        truths = by_folder
    elif hr and paired:
        truths = hr
    else:
        truths = [name for name in names if name.role in ("", "hr")]
    kept = {name.path for name in truths}
    left_out += [
        (name.path, "it is in no folder of HR pictures, as others are")
        for name in names
        if name.role in ("", "hr") and name.path not in kept
    ]
    return truths, left_out


def _is_plain_hr(name: PictureName) -> bool:
    """Tell whether a folder above a picture says HR and could be nothing else (GT is a car, too)."""
    folders = [part.lower() for part in PurePosixPath(name.path).parts[:-1]]
    return any(read_folder(part).role == "hr" and part != "gt" for part in folders)


def _partners(
    truths: list[PictureName], smalls: list[PictureName]
) -> tuple[dict[str, list[PictureName]], list[str], list[tuple[str, str]]]:
    """Return the LR pictures of each HR (a whole name comes before a key), who has none, and twins."""
    by_exact, by_key = _group(smalls, lambda name: name.exact), _group(smalls, lambda name: name.key)
    owners = _group(truths, lambda name: name.key)
    exact = {name.exact for name in truths}
    taken: dict[str, list[PictureName]] = {}
    alone, twice = [], []
    for truth in truths:
        own = by_exact.get(truth.exact)
        # A small one whose whole name is that of another HR belongs to that.
        own = own or [one for one in by_key.get(truth.key, []) if one.exact not in exact]
        own = _preferred(own)
        same = [other for other in owners[truth.key] if other.exact == truth.exact]
        if own and len(same) > 1:
            twin = next(other for other in same if other is not truth)
            twice.append((truth.path, f"its LR picture {own[0].path} is that of {twin.path}, too"))
        elif own:
            taken[truth.path] = own
        else:
            alone.append(truth.path)
    return taken, alone, twice


def _doubtful(truths: Sequence[PictureName]) -> list[str]:
    """Return a line where all pictures, which have no partners, are named as LR pictures often are."""
    if not truths or not all(not name.role and (name.tagged or _in_scale_folder(name)) for name in truths):
        return []
    return [
        f"all pictures are named by a scale, as LR pictures are ({truths[0].path}): they are taken for HR; "
        "if they are LR, give the folder of their HR pictures"
    ]


def _group(names: list[PictureName], key: Callable[[PictureName], tuple]) -> dict[tuple, list[PictureName]]:
    """Return the names by a key."""
    found: dict[tuple, list[PictureName]] = defaultdict(list)
    for name in names:
        found[key(name)].append(name)
    return found


def _preferred(found: list[PictureName]) -> list[PictureName]:
    """Return the bicubic ones where LR was made in several ways: those of the benchmarks."""
    kinds = {name.kind for name in found}
    return (
        [name for name in found if name.kind == "bicubic"] if len(kinds) > 1 and "bicubic" in kinds else found
    )


def _refuse_strays(strays: Sequence[PictureName], where: str) -> None:
    """Refuse what looks like LR and belongs to nothing.

    Raises:
        DataError: Names the first.
    """
    if strays:
        raise DataError(
            f"{str(Path(where, strays[0].path))!r} has no HR picture ({len(strays)} such): it looks like LR "
            "by its name, so it is no truth to train on or to measure by; add its HR picture, or rename it"
        )


def _refuse_other_scale(
    matches: Sequence[Match], scale: int, size: Callable[[str], Size | None], where: str
) -> None:
    """Refuse pairs that fit each other at another scale, or the other way round.

    Raises:
        DataError: Names the scale that was measured.
    """
    _refuse_exchanged([match for match in matches[:50] if match.lr], size, where)
    measured = [(match, times(size(match.hr), size(match.lr))) for match in matches[:50] if match.lr]
    wrong = [(match, found) for match, found in measured if found and found != scale]
    if wrong and len(wrong) == len(measured):
        match, found = wrong[0]
        raise DataError(
            f"the LR pictures in {where} are of x{found}, not of x{scale} ({match.lr} and {match.hr}): "
            f"give LR pictures of x{scale}, or a network of x{found}"
        )


def _refuse_exchanged(matches: Sequence[Match], size: Callable[[str], Size | None], where: str) -> None:
    """Refuse pairs that are the other way round: every LR is larger than its HR.

    Raises:
        DataError: Names the first of them.
    """
    if matches and all(larger(size(match.lr or ""), size(match.hr)) for match in matches):
        raise DataError(
            f"the LR pictures in {where} are larger than their HR pictures ({matches[0].lr} and "
            f"{matches[0].hr}): exchange the names of the folders"
        )


def times(hr: Size | None, lr: Size | None) -> int | None:
    """Return how many times larger HR is, or None where it is no whole number from 2 on."""
    if hr is None or lr is None:
        return None
    found = [scale for scale in _SCALES if fits(lr, hr, scale)]
    return found[0] if len(found) == 1 else None


def fits(lr: Sequence[int], hr: Sequence[int], scale: int) -> bool:
    """Tell whether the size of LR is that of HR over the scale, rounded up or down.

    Args:
        lr: Height and width, and whatever follows them in a shape.
        hr: The same.
        scale: HR size over LR size.
    """
    return all(h // scale <= n <= -(-h // scale) for h, n in zip(hr[:2], lr[:2], strict=True))


def _size_below(folder: Path) -> Callable[[str], Size | None]:
    """Return a function from a relative path to (height, width); None for what is no picture."""

    def size(path: str) -> Size | None:
        try:
            height, width = size_of(folder / path)
        except (PictureError, OSError):
            return None
        return height, width

    return size


def _neighbours(folder: Path) -> list[Path]:
    """Return the folders of LR pictures beside a folder of HR pictures, such as that of `DIV2K_train_HR`."""
    own = read_folder(folder.name)
    if own.role != "hr":
        return []
    beside = sorted(path for path in folder.parent.iterdir() if path.is_dir())
    return [
        path
        for path, says in ((path, read_folder(path.name)) for path in beside)
        if (says.role == "lr" and says.rest == own.rest) or (says.is_scale and not own.rest)
    ]


def _refuse_lr_folder(folder: Path, paths: Sequence[str]) -> None:
    """Refuse a folder that says LR by its name, unless the names in it tell HR from LR.

    Raises:
        DataError: Names it.
    """
    own, above = read_folder(folder.name), read_folder(folder.parent.name)
    if own.role != "lr" and not (own.is_scale and above.role == "lr"):
        return
    if not any(name.role == "hr" for name in _read_all(paths)):
        raise DataError(
            f"{str(folder)!r} is a folder of LR pictures by its name: give that of the HR pictures, or the "
            "one above both; a folder of photographs needs another name"
        )


@dataclass(frozen=True)
class Folder:
    """A folder read as pairs: `pairing`, whose paths start at `root`, above it where LR lies `beside` it."""

    root: Path
    pairing: Pairing
    beside: bool = False

    @property
    def truths(self) -> Path:
        """The folder that holds all HR pictures: names of pictures start there."""
        places = {_hr_folder(match.hr) for match in self.pairing.matches}
        return self.root / places.pop() if len(places) == 1 else self.root


def _hr_folder(path: str) -> str:
    """Return the part of a path up to the last folder that says HR; "" where none does."""
    folders = PurePosixPath(path).parts[:-1]
    last = max((i for i, part in enumerate(folders, 1) if read_folder(part).role == "hr"), default=0)
    return str(PurePosixPath(*folders[:last])) if last else ""


def pair_folder(folder: str | Path, scale: int) -> Folder:
    """Pair the pictures of a folder, and those of LR folders beside it where it holds HR.

    Raises:
        DataError: As `pair_up`; or the folder is missing, has no picture, or is one of LR pictures.
    """
    folder = Path(folder).expanduser()
    paths = relative_paths(folder)
    # Not resolved: whoever links Set5 to a store means Set5.
    root, full = folder, Path(os.path.abspath(folder))
    _refuse_lr_folder(full, paths)
    if beside := _neighbours(full):
        root = full.parent
        paths = [f"{full.name}/{path}" for path in paths]
        paths += [f"{one.name}/{path}" for one in beside for path in _pictures_below(one)]
    return Folder(root, pair_up(paths, scale, _size_below(root), str(root)), bool(beside))


def _pictures_below(folder: Path) -> list[str]:
    """Return the relative paths of the pictures below a folder, which may hold none."""
    try:
        return relative_paths(folder)
    except DataError:
        return []


def find(
    folders: str | Path | Iterable[str | Path], lr_folder: str | Path | None, scale: int
) -> tuple[list[Pair], list[Skipped]]:
    """List the pictures of folders with their partners, in one folder's or in several folders' own layouts.

    A file that two folders hold is taken once.

    Args:
        folders: A folder or several.
        lr_folder: The LR folder of the one HR folder; None reads the layouts.
        scale: HR size over LR size.

    Returns:
        The pictures by folder and path, and what is left out.

    Raises:
        DataError: As `pair_folder` and `listing.pair_by_name`; or an LR folder for several HR folders.
    """
    folders = [folders] if isinstance(folders, str | Path) else list(folders)
    if lr_folder is not None:
        if len(folders) != 1:
            raise DataError(f"an LR folder goes with one HR folder, not with {len(folders)}: give one")
        pairs, skipped = pair_by_name(folders[0], lr_folder, scale)
        matches = [Match(str(pair.hr), str(pair.lr)) for pair in pairs]
        _refuse_other_scale(matches, scale, _size_below(Path()), str(lr_folder))
        return pairs, skipped
    if not folders:
        raise DataError("no folder of pictures was given: give at least one")
    found: list[Pair] = []
    skipped: list[Skipped] = []
    for folder in folders:
        read = pair_folder(folder, scale)
        found += [_as_found(read, match) for match in read.pairing.matches]
        skipped += list(_as_skipped(read))
        for note in read.pairing.notes:
            log.warning("%s: %s", folder, note)
    found = _distinct(once(found))
    if not found:
        raise DataError(
            f"none of the pictures in {folders[0]} can be used{': ' * bool(skipped)}{first(skipped)}"
        )
    if paired := sum(one.lr is not None for one in found):
        log.info("%d of %d pictures have an LR partner in the folder", paired, len(found))
    return found, skipped


def first(skipped: Sequence[Skipped]) -> str:
    """Return the first of what is left out, as text."""
    return str(skipped[0]) if skipped else ""


def _as_found(read: Folder, match: Match) -> Pair:
    """Return a pair under the name that it has in training."""
    name = f"{Path(os.path.realpath(read.root)).name}/{match.hr}" if not read.beside else match.hr
    return Pair(name, read.root / match.hr, None if match.lr is None else read.root / match.lr)


def _as_skipped(read: Folder) -> Iterable[Skipped]:
    """Yield what a folder has that is neither truth nor partner, and why."""
    for path in read.pairing.alone:
        yield Skipped(str(read.root / path), "no LR picture, though others have one")
    for path, why in (*read.pairing.twice, *read.pairing.left_out):
        yield Skipped(str(read.root / path), why)


def _distinct(found: Sequence[Pair]) -> list[Pair]:
    """Return the pictures under names of their own: two folders may be called alike, and hold `0001.png`."""
    taken: set[str] = set()
    named: list[Pair] = []
    for one in found:
        folder, _, rest = one.name.partition("/")
        names = (f"{folder} ({n})/{rest}" for n in range(2, len(found) + 2))
        name = one.name if one.name not in taken else next(name for name in names if name not in taken)
        taken.add(name)
        named.append(replace(one, name=name))
    return named


def once(found: Sequence[Pair]) -> list[Pair]:
    """Return the pictures without those that are there before, by another folder or a link."""
    seen: dict[str, Pair] = {}
    for one in found:
        seen.setdefault(os.path.realpath(one.hr), one)
    if len(seen) < len(found):
        log.warning(
            "%d pictures are there again, in another folder or by a link: each is taken once",
            len(found) - len(seen),
        )
    return list(seen.values())
