"""Keras' callbacks over a run: one training for them, though Keras is asked for one epoch at a time.

A run asks Keras for its epochs one by one, because only so are its batches a function of the step. Callbacks
that begin anew with every call of `fit` would forget what they wait for (EarlyStopping), or write over what
they wrote (CSVLogger): here `on_train_begin` and `on_train_end` come once, as Keras documents them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras


class OneTraining(keras.callbacks.CallbackList):
    """The callbacks of a run.

    Args:
        callbacks: The user's.
        own: Those of the run itself; they come later, so they see what the user's add to the logs.
        model: The model in training.
        epochs: All epochs of the run.
        cut: Tells whether the epoch is being cut short by an interrupt: then the user's are not told of its
            end, which they could only take for that of a whole one.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        own: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        epochs: int,
        cut: Callable[[], bool],
    ) -> None:
        self.own, self.cut = list(own), cut
        super().__init__(
            [*callbacks, *own], add_history=True, model=model, verbose=0, epochs=epochs, steps=None
        )

    def begin(self, logs: dict) -> None:
        """Tell all that the run begins; what they put into `logs` was measured before the first step."""
        for callback in self.callbacks:
            callback.on_train_begin(logs)

    def end(self, logs: dict) -> None:
        """Tell all that the run ends."""
        for callback in self.callbacks:
            callback.on_train_end(logs)

    def expect(self, steps: int) -> None:
        """Say how many steps the next epoch has."""
        self.set_params({**(self.params or {}), "steps": steps})

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Nothing: one epoch of many begins."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """Nothing: one epoch of many ends."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Tell all, or the run's own alone where an interrupt cuts the epoch."""
        if not self.cut():
            super().on_epoch_end(epoch, logs)
            return
        for callback in self.own:
            callback.on_epoch_end(epoch, logs)


class LastLogs(keras.callbacks.Callback):
    """Keeps the logs of the last epoch; it runs last, so it sees what other callbacks have added."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, float] = {}

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep them."""
        self.logs = {name: float(value) for name, value in (logs or {}).items()}


class Keeper(keras.callbacks.Callback):
    """Counts the steps that were made, saves by the clock, and stops between two steps when asked to.

    Args:
        save: Writes a checkpoint of a step inside an epoch: (step, logs of the epoch so far).
        stop: Tells whether an interrupt waits for the end of the step.
        entering: Told True when a step begins and False when it has ended.
        minutes: Between two checkpoints, at most.
        clock: Seconds.

    Attributes:
        step: Steps made so far.
        logs: Means over the epoch so far.
    """

    def __init__(
        self,
        save: Callable[[int, dict], None],
        stop: Callable[[], bool],
        entering: Callable[[bool], None],
        minutes: float,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self.save, self.stop, self.entering = save, stop, entering
        self.seconds, self.clock = 60 * minutes, clock
        self.saved_at, self.first, self.span, self.step = clock(), 0, 0, 0
        self.logs: dict[str, float] = {}

    def expect(self, first: int, span: int) -> None:
        """Begin an epoch, or the rest of one: its first step and how many there are."""
        self.first, self.span, self.step, self.logs = first, span, first, {}

    def saved(self) -> None:
        """Note that a checkpoint was written."""
        self.saved_at = self.clock()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Note that the state is being changed."""
        self.entering(True)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Count; `batch` is the last of a call of several steps, though an epoch may end before it."""
        self.step = self.first + min(batch + 1, self.span)
        self.logs = dict(logs or {})
        # On jax the property brings the weights of the model up to date.
        model: Any = self.model
        due = self.step < self.first + self.span and self.clock() - self.saved_at >= self.seconds
        if due and not self.stop():
            self.save(self.step, self.logs)
            self.saved()
        self.entering(False)
        if self.stop():
            model.stop_training = True
