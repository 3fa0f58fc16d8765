"""Talk for the person at the terminal: on stderr, so that stdout holds results only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def log_to_stderr() -> None:
    """Say what the package logs, pictures that are left out above all."""
    import logging

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(f"keras-sr: {record.getMessage()}")

    logging.getLogger("keras_sr").handlers = [Said()]


@contextmanager
def progress_bar(label: str, total: float) -> Iterator[Callable[[float, str], None]]:
    """Show a bar on stderr while the block runs, if stderr is a terminal.

    Args:
        label: Stands before the bar.
        total: What the bar counts to.

    Yields:
        A function that sets how much is done, and a word about what is going on.
    """
    if not sys.stderr.isatty():
        yield lambda done, now="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        TextColumn("{task.fields[now]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    ) as bar:
        task = bar.add_task(label, total=total, now="")
        yield lambda done, now="": bar.update(task, completed=done, now=now)
