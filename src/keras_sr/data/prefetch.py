"""Batches made ahead of time, in threads."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from keras_sr.types import Json

Batch = tuple[np.ndarray, np.ndarray]


class Ahead:
    """Makes the batches that follow the last one asked for in threads, while they are asked for in order.

    It changes when a batch is made, never what is in it. Keras' own workers are not used: after an epoch that
    was left early (Keras does so to build a model) they hand out the rest of it first.

    Args:
        make: Function of a step.
        workers: Threads; 0 to make each batch when it is asked for.
        end: The step that nobody will ask for, nor for those after it; None for no end.
    """

    def __init__(self, make: Callable[[int], Batch], workers: int, end: int | None = None):
        self.make, self.workers, self.end = make, workers, end
        self.reset()

    def reset(self) -> None:
        """Start without threads and without batches made ahead."""
        self.pool: ThreadPoolExecutor | None = None
        self.futures: dict[int, Future] = {}
        self.last: int | None = None
        self.lock = threading.Lock()

    def get(self, step: int) -> Batch:
        """Return batch `step`."""
        if self.workers < 1:
            return self.make(step)
        with self.lock:
            future = self.futures.pop(step, None)
            if self.last is not None and step == self.last + 1:
                self.start(step)
            self.last = step
        return self.make(step) if future is None else future.result()

    def start(self, step: int) -> None:
        """Have the next batches made, and drop those that nobody will ask for."""
        if self.pool is None:
            self.pool = ThreadPoolExecutor(self.workers, thread_name_prefix="keras-sr-batches")
        last = step + 2 * self.workers
        wanted = range(step + 1, 1 + (last if self.end is None else min(last, self.end - 1)))
        for old in [old for old in self.futures if old not in wanted]:
            self.futures.pop(old).cancel()
        for new in wanted:
            if new not in self.futures:
                self.futures[new] = self.pool.submit(self.make, new)

    def __getstate__(self) -> Json:
        return {"make": self.make, "workers": self.workers, "end": self.end}

    def __setstate__(self, state: Json) -> None:
        self.__dict__.update(state)
        self.reset()
