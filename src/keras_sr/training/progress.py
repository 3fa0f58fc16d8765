"""What a person sees while a run trains: a bar with the time left and the loss terms, on stderr."""

import time
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


class ProgressBar(keras.callbacks.Callback):
    """Counts steps over the whole run; without a terminal it says one line an epoch.

    Args:
        name: The recipe's name.
        steps: Steps of the whole run.
        done: Steps done before.
    """

    def __init__(self, name: str, steps: int, done: int) -> None:
        super().__init__()
        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn(f"[bold]{name}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[terms]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task(name, total=steps, completed=done, terms="")
        self.step = done

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Move the bar; `batch` is the last of a call of several steps, though an epoch may end before it."""
        self.step = self.first + min(batch + 1, self.span)
        if self.console.is_terminal:
            self.bar.update(self.task, completed=self.step, terms=describe(logs or {}))

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
                f"step {self.step}: {describe(logs or {})} | {seconds:.3f} s a step",
                highlight=False,
                soft_wrap=True,
            )

    def close(self) -> None:
        """Give the terminal back."""
        self.bar.stop()


def describe(logs: dict) -> str:
    """Return the numbers of a log as short text."""
    return " ".join(f"{name} {float(value):.4g}" for name, value in logs.items())
