"""From what a person calls a benchmark set to its pictures."""

import logging
import os
from pathlib import Path

from keras_sr.errors import DataError
from keras_sr.evaluation.harness import Dataset
from keras_sr.evaluation.sets.degraded import degrade
from keras_sr.evaluation.sets.download import cache_folder, fetch_set
from keras_sr.evaluation.sets.known import find_set, known_set
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.tasks.progress import OnProgress, Progress, ignore

log = logging.getLogger(__name__)


def open_set(data: str, scale: int, progress: OnProgress = ignore) -> Dataset:
    """Return a set by folder or name; a known one that is nowhere is downloaded.

    Args:
        data: A folder, or the name of a set in `evaluation.sets.known`.
        scale: SR size over LR size.
        progress: Told how a download goes.

    Raises:
        DataError: There is no such set or folder, or it has no pairs at this scale.
    """
    known, places = known_set(data), set_places()
    try:
        name, folder = find_set(data, scale, places)
    except DataError:
        if known is None or scale not in known.trees:
            raise
        said = ", ".join(map(str, places))
        log.info("%s is not in %s: downloading it (for research; cite it)", known.name, said)
        count = 2 * known.pictures
        fetch_set(
            known,
            scale,
            cache_folder(),
            progress=lambda done, total: progress(Progress(known.name, done, count)),
        )
        name, folder = find_set(data, scale, places)
    return Dataset(name, folder, tuple(find_pairs(folder, scale)))


def damaged_set(data: Dataset, scale: int, kind: str, out: Path) -> Dataset:
    """Return a set whose LR pictures have suffered a fixed damage, such as `jpeg75`.

    Args:
        data: The set.
        scale: SR size over LR size.
        kind: A name in `data.fixed.FIXED`; it becomes part of the set's name.
        out: Folder in which LR and the manifest of hashes are kept.

    Raises:
        DataError: There is no such damage, or nothing can be written there.
    """
    name = f"{data.name}_{kind}"
    return Dataset(name, data.folder, degrade(data.pairs, scale, kind, out / "degraded" / name))


def set_places() -> list[Path]:
    """Return the folders that known sets are looked for in, besides the one that is worked in."""
    own = os.environ.get("KERAS_SR_DATA")
    return [*([Path(own)] if own else []), cache_folder()]
