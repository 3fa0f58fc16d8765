"""Benchmark sets from SelfExSR's repository (Huang, Singh, Ahuja, CVPR 2015), checked as git checks them.

A folder of a git repository has one id, made from the names and contents of all its files. So one
number a folder tells whether every picture is the one that the anchors were measured on.
"""

import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from http.client import HTTPException
from pathlib import Path
from tempfile import mkdtemp
from urllib.error import HTTPError
from urllib.request import urlopen

from keras_sr import files
from keras_sr.errors import DataError
from keras_sr.evaluation.sets.known import KnownSet

#: A commit, not a branch: what it holds cannot change.
_BASE = "https://raw.githubusercontent.com/jbhuang0604/SelfExSR/8f6dd8c1d20cb7e8792a7177b4f6fd677633f598/data"

#: Seconds without an answer after which a download is given up, and how often each file is tried.
_PATIENCE = 30
_TRIES = 3


def cache_folder() -> Path:
    """Return where downloaded sets are kept: `KERAS_SR_CACHE/sets`, else `~/.cache/keras-sr/sets`."""
    return files.cache_folder("sets")


def fetch_set(
    known: KnownSet,
    scale: int,
    folder: Path,
    *,
    base: str = _BASE,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Download a set at one scale into `folder/NAME/image_SRF_s`: there whole and checked, or not at all.

    Args:
        known: From `sets.SETS`.
        scale: HR size over LR size.
        folder: The cache.
        base: Where `NAME/image_SRF_s/img_001_SRF_s_HR.png` and the others are.
        progress: Called with how many files are there, and how many there will be.

    Returns:
        `folder/NAME`.

    Raises:
        DataError: The set is not handed round at this scale, the server cannot be reached, or what came
            is not the set.
    """
    if scale not in known.trees:
        scales = ", ".join(f"x{s}" for s in known.trees)
        raise DataError(f"{known.name} can be downloaded at {scales}, not at x{scale}")
    name = f"image_SRF_{scale}"
    files = [
        f"img_{i:03d}_SRF_{scale}_{kind}.png" for i in range(1, known.pictures + 1) for kind in ("HR", "LR")
    ]
    home = folder / known.name
    home.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=".part-", dir=home))
    try:
        with ThreadPoolExecutor(8) as pool:
            jobs = [
                pool.submit(_fetch, f"{base}/{known.name}/{name}/{file}", partial / file) for file in files
            ]
            try:
                for done, job in enumerate(as_completed(jobs), 1):
                    job.result()
                    if progress:
                        progress(done, len(files))
            finally:
                pool.shutdown(cancel_futures=True)
        if git_tree(partial) != known.trees[scale]:
            raise DataError(f"what came from {base} is not {known.name} at x{scale}: nothing was kept")
        partial.replace(home / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return home


def _fetch(url: str, path: Path) -> None:
    """Download one file; a fault of the network is tried again.

    Raises:
        DataError: It does not come.
    """
    for left in reversed(range(_TRIES)):
        try:
            with urlopen(url, timeout=_PATIENCE) as answer:
                path.write_bytes(answer.read())
            return
        except (HTTPException, OSError) as error:
            if isinstance(error, HTTPError):
                error.close()  # an answer that says no is still a connection
            if not left or getattr(error, "code", 500) < 500:
                said = getattr(error, "reason", None) or error
                raise DataError(
                    f"cannot download {url} ({said}): get the set yourself and give its folder as `data`"
                ) from error


def git_tree(folder: Path) -> str:
    """Return the id that git gives to a folder of plain files."""
    entries = b"".join(
        b"100644 " + path.name.encode() + b"\0" + _git_id(b"blob", path.read_bytes())
        for path in sorted(folder.iterdir())
    )
    return _git_id(b"tree", entries).hex()


def _git_id(kind: bytes, content: bytes) -> bytes:
    """Return git's SHA-1 of an object."""
    head = kind + b" " + str(len(content)).encode() + b"\0"
    return hashlib.sha1(head + content, usedforsecurity=False).digest()
