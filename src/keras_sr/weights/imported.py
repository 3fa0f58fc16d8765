"""Networks that a user has put beside those that ship: folders of files, known by their names.

`KERAS_SR_NETWORKS` names the folders (several are separated as in PATH); without it there is one in the
user's data folder. A folder may hold weight files of keras-sr and files of other programs, as they came.
No framework is imported here.
"""

import os
from pathlib import Path

from keras_sr.weights.foreign import FOREIGN_SUFFIXES

_VARIABLE = "KERAS_SR_NETWORKS"
#: Endings of files that are networks, the preferred one first. A .bin is named by its .param.
_ENDINGS = (".npz", *(suffix for suffix in FOREIGN_SUFFIXES if suffix != ".bin"))


def folders() -> list[Path]:
    """Return the folders of networks, existing or not; what is imported goes to the first."""
    named = [Path(one).expanduser() for one in os.environ.get(_VARIABLE, "").split(os.pathsep) if one]
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return named or [Path(data) / "keras-sr" / "networks"]


def networks() -> dict[str, Path]:
    """Return the files of all networks by name; of two of one name, the one that is found first."""
    found: dict[str, Path] = {}
    for folder in folders():
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        for suffix in _ENDINGS:
            for file in files:
                if file.suffix.lower() == suffix and file.is_file():
                    found.setdefault(file.stem, file)
    return dict(sorted(found.items()))
