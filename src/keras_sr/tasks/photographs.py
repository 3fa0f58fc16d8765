"""The pictures of a training: what is learned from, what is left out, and what it is measured on."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_sr.data.audit import audit, overlap, thumbnail
from keras_sr.data.cache import build_cache
from keras_sr.data.listing import held_out
from keras_sr.data.pairing import find
from keras_sr.errors import PictureError
from keras_sr.files import atomic_write
from keras_sr.images.pair import Pair
from keras_sr.images.plain import read_rgb, write_plain
from keras_sr.tasks.progress import OnProgress, Progress, ignore

if TYPE_CHECKING:
    from keras_sr.data.sources import Source
    from keras_sr.training.recipe import Recipe

log = logging.getLogger(__name__)

#: What was decided about the pictures of a run, in its folder: a resumed run keeps to it.
_FILE = "audit.json"
#: How many pictures are held out of a folder, and the fewest that it must have for that.
COUNT, FEWEST = 10, 20
#: Where the pictures that are held out are, and the side of what is taken of each, in HR pixels.
HELD, SIDE = "held_out", 384


@dataclass(frozen=True)
class Plan:
    """What becomes of the pictures.

    Attributes:
        total: How many there were.
        left_out: Names of those that are not trained on.
        held: Names of those that are measured on instead.
        seen: Names, in the set to measure on, of pictures that are trained on all the same.
        lines: What was said.
    """

    total: int
    left_out: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Photographs:
    """The pictures of a training.

    Attributes:
        source: What is trained on.
        held: Pictures held out to measure on; none where a set was given or nothing is to be measured.
        plan: What became of the rest.
    """

    source: "Source"
    held: tuple[Pair, ...]
    plan: Plan


def open_photographs(
    folders: list[Path], recipe: "Recipe", progress: OnProgress = ignore, lr: Path | None = None
) -> "Source":
    """Decode the photographs once into the cache and return them."""
    source = build_cache(
        folders,
        recipe.scale,
        lr_folder=lr,
        degradation=recipe.degradation,
        progress=lambda done, total: progress(
            Progress("reading photographs", done, total, f"{done} of {total}")
        ),
    )
    skipped = f", {len(source.skipped)} skipped" if source.skipped else ""
    log.info("%d photograph%s%s", len(source), "s" * (len(source) != 1), skipped)
    return source


def prepare(
    folders: list[Path],
    recipe: "Recipe",
    run: Path,
    *,
    lr: Path | None = None,
    measured: Sequence[Pair] = (),
    hold_out: bool = False,
    progress: OnProgress = ignore,
) -> Photographs:
    """Open the photographs of a run, look at them, and decide what each is for.

    Args:
        folders: The folders.
        recipe: What is trained.
        run: The run folder: what was decided there before stays.
        lr: The LR folder of the one HR folder.
        measured: The set that the run is measured on.
        hold_out: Hold pictures out to measure on, where there are enough.
        progress: Told how far reading has come.
    """
    source = open_photographs(folders, recipe, progress, lr)
    plan = kept(run, len(source))
    if plan is None:
        found, _ = find(folders, lr, recipe.scale)
        paired = all(one.lr is not None for one in found)
        plan = decide(source, measured, hold_out, progress, paired)
        with atomic_write(run / _FILE, "w") as file:
            json.dump(asdict(plan), file, indent=1)
    for line in plan.lines:
        log.info("%s", line)
    small = int((source.sizes < recipe.crop).any(axis=1).sum())
    if 0 < small < len(source):
        crop = f"{recipe.crop}x{recipe.crop}"
        log.info("%d of them are smaller than a crop of %s and are left out", small, crop)
    out = {*plan.left_out, *plan.held} - set(plan.seen)
    rest = [k for k, name in enumerate(source.names) if name not in out]
    pairs = save_held(source, plan.held, run)
    return Photographs(source.select(rest) if len(rest) < len(source) else source, pairs, plan)


def kept(run: Path, total: int) -> Plan | None:
    """Return what a run has decided before about as many pictures, or None."""
    try:
        values = json.loads((run / _FILE).read_text("utf-8"))
        total_then = int(values.pop("total"))
        plan = Plan(total_then, **{key: tuple(v) for key, v in values.items()})
    except (OSError, ValueError, TypeError):
        return None
    return plan if plan.total == total and (run / "state.npz").exists() else None


def decide(
    source: "Source",
    measured: Sequence[Pair],
    hold_out: bool,
    progress: OnProgress,
    paired: bool = False,
) -> Plan:
    """Look at the pictures and decide what each is for; `paired`: every one came with its LR."""
    found = audit(
        source,
        progress=lambda done, total: progress(Progress("looking at photographs", done, total)),
        paired=paired,
    )
    names, lines = source.names, list(found.lines())
    out = set(found.left_out)
    if measured:
        thumbs = _every_thumb(source, found.thumbs, progress)
        same = {k: j for k, j in shared(measured, thumbs).items() if k not in out}
        if same and len(out | set(same)) < len(source):
            lines.append(
                f"{len(same)} of the photographs are pictures that the run is measured on "
                f"({names[min(same)]}): left out of the training"
            )
            return Plan(len(source), tuple(names[k] for k in sorted(out | set(same))), lines=tuple(lines))
        seen = tuple(measured[j].name for j in sorted(set(same.values())))
        if seen:
            lines.append("the photographs are those that the run is measured on: they are trained on, too")
        return Plan(len(source), tuple(names[k] for k in sorted(out)), (), seen, tuple(lines))
    rest = [name for k, name in enumerate(names) if k not in out]
    left = tuple(names[k] for k in sorted(out))
    if not hold_out:
        return Plan(len(source), left, lines=tuple(lines))
    if len(rest) >= FEWEST:
        held = tuple(rest[k] for k in held_out(rest, COUNT))
        lines.append(f"{len(held)} of {len(rest)} photographs are held out to measure on")
        # The audit finds doubles among those that it looks at, which are not all of many.
        if found.looked_at < found.total and (again := _doubles_of(source, held, found.thumbs, progress)):
            lines.append(f"{len(again)} more show the same as those: left out of the training")
            left += again
        return Plan(len(source), left, held, lines=tuple(lines))
    lines.append(
        f"{len(rest)} photographs are too few to hold any out: it is measured on those it learns from"
    )
    held = tuple(rest[:COUNT])
    return Plan(len(source), left, held, held, tuple(lines))


def _every_thumb(
    source: "Source", known: Mapping[int, np.ndarray], progress: OnProgress
) -> dict[int, np.ndarray]:
    """Return a thumbnail of every picture, by place: of many pictures the audit looks at some."""
    thumbs: dict[int, np.ndarray] = {}
    for k in range(len(source)):
        thumbs[k] = known[k] if k in known else thumbnail(source.picture(k)[1])
        progress(Progress("looking for pictures to measure on", k + 1, len(source)))
    return thumbs


def _doubles_of(
    source: "Source", names: Sequence[str], known: Mapping[int, np.ndarray], progress: OnProgress
) -> tuple[str, ...]:
    """Return the names of other pictures of a source that show the same as these."""
    thumbs, chosen = _every_thumb(source, known, progress), set(names)
    theirs = [thumbs[k] for k, name in enumerate(source.names) if name in chosen]
    others = [k for k, name in enumerate(source.names) if name not in chosen]
    return tuple(source.names[others[i]] for i in sorted(overlap([thumbs[k] for k in others], theirs)))


def save_held(source: "Source", names: Sequence[str], run: Path) -> tuple[Pair, ...]:
    """Write the middles of pictures to the run folder, LR as training makes it, and return them as pairs.

    Whole photographs would take longer to measure than an epoch to train.
    """
    places = {name: k for k, name in enumerate(source.names)}
    pairs: list[Pair] = []
    for name, plain in zip(names, _plain_names(names), strict=True):
        lr, hr = source.picture(places[name])
        side = SIDE // source.scale
        top, left = (max(0, (n - side) // 2) for n in lr.shape[:2])
        small = lr[top : top + side, left : left + side]
        large = hr[source.scale * top :, source.scale * left :]
        large = large[: source.scale * small.shape[0], : source.scale * small.shape[1]]
        files = [run / HELD / kind / f"{plain}.png" for kind in ("HR", "LR")]
        for file, part in zip(files, (large, small), strict=True):
            if not file.exists():
                write_plain(file, np.ascontiguousarray(part))
        pairs.append(Pair(plain, *files))
    return tuple(pairs)


def _plain_names(names: Sequence[str]) -> list[str]:
    """Return names for files, each of its own: without folders and suffix.

    Examples:
        >>> _plain_names(["p/a.png", "p/a.jpg", "p_a.png"])
        ['p_a', 'p_a_2', 'p_a_3']
    """
    plain: list[str] = []
    for name in names:
        stem = Path(name).with_suffix("").as_posix().replace("/", "_")
        numbered = (f"{stem}_{n}" for n in range(2, len(names) + 2))
        plain.append(stem if stem not in plain else next(one for one in numbered if one not in plain))
    return plain


def shared(pairs: Sequence[Pair], thumbs: dict[int, np.ndarray]) -> dict[int, int]:
    """Return which training pictures (by place) show the same as pictures to measure on (by place)."""
    places = sorted(thumbs)
    theirs: list[np.ndarray] = []
    for pair in pairs:
        try:
            theirs.append(thumbnail(read_rgb(pair.hr)))
        except PictureError:
            theirs.append(np.zeros((16, 16), np.float32))
    found = overlap([thumbs[k] for k in places], theirs)
    return {places[k]: j for k, j in found.items()}
