"""From what a person calls a benchmark set to its pictures."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from keras_sr.cli.say import progress_bar, say
from keras_sr.errors import DataError

if TYPE_CHECKING:
    from keras_sr.evaluation.benchmark import Dataset


def open_set(data: str, scale: int) -> "Dataset":
    """Return a set by folder or name; a known one that is nowhere is downloaded."""
    from keras_sr.evaluation.benchmark import Dataset
    from keras_sr.evaluation.download import cache_folder, fetch_set
    from keras_sr.evaluation.folders import find_pairs
    from keras_sr.evaluation.sets import find_set, known_set

    own = os.environ.get("KERAS_SR_DATA")
    places = [*([Path(own)] if own else []), cache_folder()]
    known = known_set(data)
    try:
        name, folder = find_set(data, scale, places)
    except DataError:
        if known is None or scale not in known.trees:
            raise
        say(f"{known.name} is not in {', '.join(map(str, places))}: downloading it (for research; cite it)")
        with progress_bar(known.name, 2 * known.pictures) as show:
            fetch_set(known, scale, cache_folder(), progress=lambda done, total: show(done, ""))
        name, folder = find_set(data, scale, places)
    return Dataset(name, folder, tuple(find_pairs(folder, scale)))
