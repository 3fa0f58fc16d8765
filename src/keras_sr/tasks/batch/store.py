"""A bucket, or any other store that fsspec knows: lists, fetches and puts files, patiently."""

import logging
import os
import random
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from keras_sr.errors import KerasSRError, install_hint
from keras_sr.tasks.batch.address import redacted
from keras_sr.types import Json

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Stores where an upload shows only when it is whole; in others it is uploaded beside, and then renamed.
_WHOLE = frozenset(["s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "memory"])

#: Packages that fsspec asks for, and the extra they come with.
_EXTRA = "s3"

#: What the stores of a scheme are opened with, besides what fsspec's own settings and environment say.
_OPTIONS: dict[str, dict[str, Any]] = {}

#: How often something is tried, and seconds between: each time twice as many, a random part of them.
TRIES, FIRST_WAIT, LONGEST_WAIT = 6, 0.5, 30.0

#: What no patience mends.
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError)
_FINAL_NAMES = frozenset(["NoCredentialsError", "PartialCredentialsError", "ParamValidationError"])


@dataclass(frozen=True)
class Entry:
    """A file in a store.

    Attributes:
        bytes: Its length.
        tag: What the store says of its content (ETag, MD5), or "" where it says nothing.
        age: When it was written, as text that sorts, or "".
    """

    bytes: int
    tag: str = ""
    age: str = ""


def _entry(info: Json) -> Entry:
    """Return what a listing says of a file."""
    tag = next((info[key] for key in _TAGS if info.get(key)), "")
    age = next((info[key] for key in _AGES if info.get(key)), "")
    return Entry(int(info.get("size") or 0), str(tag).strip('"'), str(age))


#: What stores call the tag of a content, and when it was written.
_TAGS = ("ETag", "etag", "md5Hash", "content_md5")
_AGES = ("LastModified", "updated", "last_modified", "created")


class Store:
    """Files behind addresses of one scheme.

    Args:
        scheme: Such as `"s3"`.

    Raises:
        KerasSRError: Nobody knows the scheme, or a package for it is missing.
    """

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        try:
            fsspec: Any = import_module("fsspec")
        except ImportError:
            raise KerasSRError(f"{scheme}:// needs a package: {install_hint(_EXTRA)}") from None
        try:
            kind = fsspec.get_filesystem_class(scheme)
        except ValueError:
            raise KerasSRError(
                f"{scheme}:// is an address of an unknown kind: give a path, or s3://, gs://, az:// or "
                "another that fsspec knows"
            ) from None
        except ImportError as error:
            hint = install_hint(_EXTRA) if scheme in ("s3", "s3a") else " ".join(str(error).split())
            raise KerasSRError(f"{scheme}:// needs a package: {hint}") from None
        try:
            more = _OPTIONS.get(scheme, {})
            self._files = kind(use_listings_cache=False, skip_instance_cache=scheme != "memory", **more)
        except Exception as error:
            raise KerasSRError(f"cannot open {scheme}://: {said(error)}") from None

    def kind(self, path: str) -> str:
        """Return `"file"` or `"directory"`.

        Raises:
            KerasSRError: There is nothing, or it may not be read.
        """
        try:
            info = _patiently(lambda: self._files.info(path.rstrip("/")))
        except FileNotFoundError:
            raise KerasSRError(
                f"there is nothing at {self.scheme}://{path}, or no such bucket: check the address"
            ) from None
        except Exception as error:
            raise KerasSRError(f"cannot read {self.scheme}://{path}: {said(error)}") from None
        return info["type"]

    def list(self, path: str, *, recursive: bool = False) -> dict[str, Entry]:
        """Return the files below a folder by their whole keys, in order; none where there is no folder.

        Raises:
            KerasSRError: It may not be read.
        """
        folder = path.rstrip("/")

        def look() -> dict[str, Json]:
            if recursive:
                return self._files.find(folder, detail=True)
            return {one["name"]: one for one in self._files.ls(folder, detail=True)}

        try:
            found = _patiently(look)
        except FileNotFoundError:
            return {}
        except Exception as error:
            raise KerasSRError(f"cannot list {self.scheme}://{path}: {said(error)}") from None
        return {
            self._key(name): _entry(info) for name, info in sorted(found.items()) if info["type"] == "file"
        }

    def _key(self, name: str) -> str:
        """Return a name as it stands in an address: some stores begin theirs with a slash."""
        return name.lstrip("/") if self.scheme == "memory" else name

    def glob(self, path: str) -> dict[str, Entry]:
        """Return the files that match."""
        try:
            found = _patiently(lambda: self._files.glob(path, detail=True))
        except Exception as error:
            raise KerasSRError(f"cannot list {self.scheme}://{path}: {said(error)}") from None
        return {
            self._key(name): _entry(info) for name, info in sorted(found.items()) if info["type"] == "file"
        }

    def entry(self, path: str) -> Entry:
        """Return what the store says of a file.

        Raises:
            OSError: It is not there, or the store does not answer.
        """
        return _patiently(lambda: _entry(self._files.info(path)))

    def get(self, path: str, to: Path) -> None:
        """Fetch a file, all of it.

        Raises:
            OSError: It is not there, may not be read, or the store does not answer.
        """

        def fetch() -> None:
            size = self._files.info(path).get("size")
            self._files.get_file(path, str(to))
            if size is not None and to.stat().st_size != size:
                raise ConnectionError(f"received {to.stat().st_size} of {size} bytes")

        _patiently(fetch)

    def put(self, file: Path, path: str) -> Entry:
        """Put a file, which is there whole or not at all; return what the store then says of it.

        Raises:
            OSError: The store does not take it.
        """

        def store() -> Entry:
            if self.scheme in _WHOLE:
                self._files.put_file(str(file), path)
            else:
                folder, _, name = path.rpartition("/")
                beside = f"{folder}/.{name[:40]}.{secrets.token_hex(4)}.part"
                self._files.makedirs(folder, exist_ok=True)
                self._files.put_file(str(file), beside)
                self._files.mv(beside, path)
            entry = _entry(self._files.info(path))
            if entry.bytes != file.stat().st_size:
                raise ConnectionError(f"sent {file.stat().st_size} bytes, {entry.bytes} arrived")
            return entry

        return _patiently(store)

    def read(self, path: str) -> bytes:
        """Return the bytes of a small file."""
        return _patiently(lambda: self._files.cat_file(path))

    def write(self, data: bytes, path: str) -> None:
        """Write a small file."""
        _patiently(lambda: self._files.pipe_file(path, data))

    def remove(self, path: str) -> None:
        """Remove a file, where that is allowed."""
        with suppress(Exception):
            self._files.rm_file(path)

    def see_writable(self, folder: str) -> None:
        """See that results can be written.

        Raises:
            KerasSRError: They cannot.
        """
        probe = f"{folder.rstrip('/')}/.keras-sr.probe-{secrets.token_hex(4)}"
        try:
            self.write(b"", probe)
        except FileNotFoundError:
            bucket = folder.split("/")[0]
            raise KerasSRError(f"there is no bucket {self.scheme}://{bucket}: create it first") from None
        except Exception as error:
            raise KerasSRError(f"cannot write to {self.scheme}://{folder}: {said(error)}") from None
        self.remove(probe)


def said(error: Exception) -> str:
    """Return what a store's error says, on one line, without secrets."""
    text = " ".join(str(error).split()) or type(error).__name__
    return redacted(text)[:300]


def _patiently(call: Callable[[], T]) -> T:
    """Call something, again and again where the store errs in passing: 503, a reset, a read that stalls.

    Raises:
        Exception: What the last try raised.
    """
    for attempt in range(TRIES - 1):
        try:
            return call()
        except _FINAL:
            raise
        except Exception as error:
            if type(error).__name__ in _FINAL_NAMES or isinstance(
                error, TypeError | ValueError | KerasSRError
            ):
                raise
            log.debug("the store failed, trying again: %s", said(error))
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
            time.sleep(wait * random.uniform(0.5, 1.0))
    return call()


def free_name(text: str) -> bool:
    """Return whether the parts of a key can be folders and a file here, too.

    Examples:
        >>> free_name("bucket/a/b.png"), free_name("bucket/a//b.png"), free_name("bucket/../b.png")
        (True, False, False)
    """
    return all(part not in ("", ".", "..") and len(os.fsencode(part)) <= 255 for part in text.split("/"))
