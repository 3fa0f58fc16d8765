"""Ctrl-C and SIGTERM while a run trains: noted inside a step, obeyed between two steps."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Holds interrupts back until the state of a run is whole.

    A step changes weights, moments and averages one after the other, and an interrupt may come in between:
    what is saved then is a state that no run ever had. Inside a step the first interrupt waits for its end;
    a second one, or one that comes between steps, raises KeyboardInterrupt at once.

    Args:
        say: Told that the run stops after this step.

    Attributes:
        asked: The signal that came, or None.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.busy = say, False
        self.asked: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python lets only the main thread have handlers.
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self.handle) for number in SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self.before = {}

    def entering(self, step: bool) -> None:
        """Note whether a step is being made."""
        self.busy = step

    def waits(self) -> bool:
        """Tell whether an interrupt waits for the end of the step."""
        return self.asked is not None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note an interrupt, or raise it."""
        second, self.asked = self.waits(), number
        if second or not self.busy:
            raise KeyboardInterrupt
        self.say("stopping after this step, with a checkpoint; once more stops now, without one")
