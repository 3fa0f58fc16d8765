"""The two ends of a batch: pictures are where they are, or come from a store and their results go to one."""

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from keras_sr.errors import KerasSRError, PictureError
from keras_sr.files import sha256
from keras_sr.tasks.batch.ledger import Ledger
from keras_sr.tasks.batch.listing import Listing, find
from keras_sr.tasks.batch.manifest import listed
from keras_sr.tasks.batch.plan import Job
from keras_sr.types import Json

#: What the name of a folder may end with.
_SLASHES = ("/", os.sep)


class Ends:
    """Pictures and results that are files of this machine: nothing has to be done."""

    #: Of the stores, one each.
    addresses: Sequence[str] = ()

    def local(self, given: str | Path) -> Path:
        """Return where something that was given is on this machine.

        Raises:
            PictureError: It ends with a slash, as a folder does, and is a file.
        """
        if str(given).endswith(_SLASHES) and Path(given).is_file():
            raise PictureError(f"{given} is not a folder but a file: give another output")
        return Path(given)

    def listing(
        self, sources: Sequence[str | Path], output: Path, lines: Sequence[str] | None, *, recursive: bool
    ) -> Listing:
        """Return the pictures of a batch.

        Args:
            sources: What was given.
            output: Where results go.
            lines: Of a manifest, or None.
            recursive: Whether folders inside folders count.

        Raises:
            KerasSRError: There is nothing of that kind.
        """
        if lines is None:
            return find(sources, output, recursive=recursive)
        return listed(list(lines), sources[0], output, recursive=recursive)

    def open_output(self, folder: Path) -> None:
        """See that results can be written, where that is known before the work."""

    def fetch(self, path: Path) -> None:
        """Bring a picture here before it is read."""

    def exists(self, path: Path) -> bool:
        """Return whether a result is there."""
        return path.exists()

    def content(self, path: Path) -> str:
        """Return what tells the content of a picture."""
        return sha256(path)

    def ledger(self, folder: Path, way: str, asked_for: bool, part: str) -> Ledger | None:
        """Return the ledger of a folder of results.

        Args:
            folder: Of results.
            way: All that decides how a file is enlarged, as text.
            asked_for: Whether somebody wants to go on with it.
            part: As of `Ledger`.
        """
        return Ledger(folder, way, asked_for, part, self.content)

    def stored(self, path: Path) -> bool:
        """Return whether a path stands for a place in a store."""
        return False

    def written(self, path: Path) -> Json:
        """Return what a ledger says of a result that is at its place."""
        return {"bytes": path.stat().st_size}

    def travelling(self, path: Path) -> str:
        """Return what another machine knows a path by."""
        return os.path.abspath(path)

    def known(self, path: Path) -> str:
        """Return what tells the content of a picture, where that is known without reading it; else ""."""
        return ""

    def length(self, path: Path) -> int:
        """Return the bytes of a picture's file; 0 where they are not known."""
        try:
            return path.stat().st_size
        except OSError:
            return 0

    def deliver(self, path: Path) -> None:
        """Take a file that is whole to where it belongs."""

    def forget(self, job: Job) -> None:
        """Remove what was brought here for a job that is done."""

    def address(self, path: Path) -> str:
        """Return what a person calls a file."""
        return str(path)

    def said(self, text: str) -> str:
        """Return a text with addresses in the places of files here."""
        return text

    def told(self, job: Job) -> Job:
        """Return a job that says what a person calls its picture and its result."""
        if not (self.stored(job.source) or self.stored(job.target)):
            return job
        return replace(job, addresses=(self.address(job.source), self.address(job.target)))

    def close(self) -> None:
        """Remove all that was brought here."""

    @contextmanager
    def speaking(self) -> Generator[None]:
        """Put addresses in the places of files here in all that is said inside the block."""

        def rewrite(record: logging.LogRecord) -> bool:
            record.msg, record.args = self.said(record.getMessage()), None
            return True

        logger = logging.getLogger("keras_sr.tasks.batch.plan")
        logger.addFilter(rewrite)
        try:
            yield
        except KerasSRError as error:
            raise type(error)(self.said(error.text), hint=self.said(error.hint)) from error
        finally:
            logger.removeFilter(rewrite)


#: Both ends on this machine.
HERE = Ends()
