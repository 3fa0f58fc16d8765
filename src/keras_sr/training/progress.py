"""What a person sees while a run trains: a bar with the time left and the loss terms, on stderr."""

import time
from collections.abc import Callable
from typing import Any

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

#: Steps after which the time that a run takes is said.
_TOLD_AFTER = 20
#: Columns that bar, steps and times need besides the name of the recipe and the number of steps.
_FIXED = 12 + 8 + 8 + 6


class ProgressBar(keras.callbacks.Callback):
    """Counts steps over the whole run; without a terminal it says one line an epoch.

    Args:
        name: The recipe's name.
        steps: Steps of the whole run.
        done: Steps done before.
        say: Is given the line that tells how long the run will take.
    """

    def __init__(
        self, name: str, steps: int, done: int, say: Callable[[str], None] = lambda line: None
    ) -> None:
        super().__init__()
        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("[bold]{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=12, table_column=Column(min_width=12)),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[terms]}", markup=False, table_column=Column(no_wrap=True)),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.name, self.steps, self.say = name, steps, say
        self.task = self.bar.add_task(name, total=steps, completed=done, terms="")
        self.step, self.begun = done, done
        self.clock: tuple[int, float] | None = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Move the bar; `batch` is the last of a call of several steps, though an epoch may end before it."""
        self.step = self.first + min(batch + 1, self.span)
        self.tell_time()
        if self.console.is_terminal:
            room = self.console.width - len(self.name) - 2 * len(str(self.steps)) - _FIXED
            self.bar.update(self.task, completed=self.step, terms=_fitting(logs or {}, room))

    def tell_time(self) -> None:
        """Say once how long the run will take; the first step, which compiles, does not count."""
        now = time.perf_counter()
        if self.clock is None:
            self.clock = (self.step, now)
        elif self.begun is not None and self.step >= self.begun + _TOLD_AFTER:
            step, at = self.clock
            pace = (now - at) / max(1, self.step - step)
            left = self.steps - self.step
            self.say(f"{self.name}: {_duration(pace * left)} for {left:,} more steps ({pace:.2g} s a step)")
            self.begun = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the clock of the epoch."""
        self.bar.start()
        self.began, self.first = time.perf_counter(), self.step
        params: Any = self.params
        self.span: int = params["steps"]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Say a line where there is no terminal."""
        if not self.console.is_terminal:
            seconds = (time.perf_counter() - self.began) / max(1, self.step - self.first)
            self.console.print(
                f"step {self.step}: {_describe(logs or {})} | {seconds:.3f} s a step",
                highlight=False,
                soft_wrap=True,
            )

    def close(self) -> None:
        """Give the terminal back."""
        self.bar.stop()


def _describe(logs: dict) -> str:
    """Return the numbers of a log as short text."""
    return " ".join(f"{name} {float(value):.4g}" for name, value in logs.items())


#: What is shown first where there is no room for all: whether it learns, and who is winning.
_FIRST = ("loss", "d_hr", "d_sr")


def _fitting(logs: dict, room: int) -> str:
    """Return as many numbers of a log, whole, as there is room for, the ones that matter first.

    Examples:
        >>> _fitting({"adversarial": 1.0, "d_hr": 0.5, "d_sr": 0.25, "loss": 2.5}, 30)
        'loss 2.5 d_hr 0.5 d_sr 0.25'
        >>> _fitting({"loss": 2.5}, 3)
        ''
    """
    shown: dict[str, float] = {}
    for name in sorted(logs, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST)):
        if len(_describe({**shown, name: logs[name]})) <= room:
            shown[name] = logs[name]
    return _describe(shown)


def _duration(seconds: float) -> str:
    """Return a time as people say it.

    Examples:
        >>> _duration(42), _duration(600), _duration(12_000), _duration(400_000)
        ('about 42 seconds', 'about 10 minutes', 'about 3.3 hours', 'about 4.6 days')
    """
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            value = seconds / size
            return (
                f"about {value:.1f} {unit}"
                if value < 10 and unit != "minutes"
                else f"about {value:.0f} {unit}"
            )
    return f"about {seconds:.0f} seconds"
