"""A benchmark set whose LR pictures have been damaged, kept so that others can measure on the same."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keras_sr.data.crops import crop_to_multiple
from keras_sr.data.fixed import FIXED, damaged
from keras_sr.errors import DataError, PictureError, unknown
from keras_sr.files import atomic_write, sha256
from keras_sr.images.pair import Pair
from keras_sr.images.plain import read_rgb, write_plain


def degrade(pairs: Sequence[Pair], scale: int, kind: str, folder: Path) -> tuple[Pair, ...]:
    """Return the pairs with LR made anew from HR by a fixed damage.

    LR is written into the folder as PNG, with `manifest.json`: the damage, the scale, and the SHA-256 of HR
    and LR of each picture. A picture that cannot be read keeps its pair: measuring it says why it fails.

    Args:
        pairs: Of a set; their own LR is not used.
        scale: HR size over LR size.
        kind: A name in `data.fixed.FIXED`.
        folder: Where LR and manifest go; what is there is replaced.

    Raises:
        DataError: There is no such damage, or nothing can be written there.
    """
    if kind not in FIXED:
        raise DataError(unknown("degradation", kind, list(FIXED)))
    made, hashes = list[Pair](), dict[str, dict[str, str]]()
    for pair in pairs:
        lr = folder / f"{pair.name}.png"
        try:
            hr = crop_to_multiple(read_rgb(pair.hr), scale)
            write_plain(lr, damaged(hr, scale, kind, pair.name))
        except PictureError:
            made.append(pair)
            continue
        made.append(replace(pair, lr=lr))
        hashes[pair.name] = {"hr_sha256": sha256(pair.hr), "lr_sha256": sha256(lr)}
    manifest = {"degradation": kind, "scale": scale, "pictures": hashes}
    try:
        with atomic_write(folder / "manifest.json", "w") as file:
            json.dump(manifest, file, indent=1)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror or error}") from error
    return tuple(made)
