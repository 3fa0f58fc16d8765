"""How a task tells how far it has come: one callback for all of them, whoever listens."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far one part of a task has come.

    Attributes:
        what: The part, such as `"upscale"` or `"reading photographs"`.
        done: How much of it is done, in [0, total].
        total: What `done` counts to.
        now: A word about what is going on, or "".
    """

    what: str
    done: float
    total: float
    now: str = ""


#: What every task takes as `progress`.
OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Take progress and do nothing with it: the default of every task."""
