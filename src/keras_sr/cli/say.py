"""Talk for the person at the terminal: on stderr, so that stdout holds results only."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from keras_sr.tasks.progress import OnProgress, Progress, ignore


def say(line: str) -> None:
    """Write a line to stderr; names in it may hold what would move the cursor or paint."""
    sys.stderr.write(f"{escaped(line)}\n")
    sys.stderr.flush()


#: Characters that a terminal obeys instead of showing them, or that turn the text around.
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")


def escaped(line: str) -> str:
    """Return a line with such characters as Python writes them."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), line)


def log_to_stderr() -> None:
    """Say what the package logs: its warnings (pictures that are left out above all), and what tasks do."""
    import logging

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            prefix = "keras-sr: " if record.levelno >= logging.WARNING else ""
            say(f"{prefix}{record.getMessage()}")

    logging.getLogger("keras_sr").handlers = [Said()]
    logging.getLogger("keras_sr.tasks").setLevel(logging.INFO)


@contextmanager
def progress_bar() -> Iterator[OnProgress]:
    """Show on stderr how far a task has come while the block runs, if stderr is a terminal.

    Yields:
        What a task takes as `progress`; each part of the task has a bar of its own, one at a time.
    """
    if not sys.stderr.isatty():
        yield ignore
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[now]}", markup=False),
    )
    console = Console(stderr=True)
    with rich.Progress(*columns, console=console, transient=True, redirect_stdout=False) as bars:
        shown: dict[str, rich.TaskID] = {}

        def show(part: Progress) -> None:
            if part.what not in shown:
                for other in shown.values():
                    bars.update(other, visible=False)
                shown[part.what] = bars.add_task(part.what, now="")
            bars.update(shown[part.what], completed=part.done, total=part.total, now=part.now)

        yield show
