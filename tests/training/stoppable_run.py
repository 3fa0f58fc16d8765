"""A run in a process of its own, for tests that send signals: `python stoppable_run.py FOLDER STEP`.

Signals belong to the main thread of a process, and a worker of pytest-xdist may run a test in another. Inside
STEP the run prints "waiting" and waits for a line on stdin, so a test knows when to send one.
"""

import signal
import sys
from pathlib import Path

import keras

from keras_sr.training.fit import fit
from keras_sr.training.interrupts import SIGNALS
from keras_sr.training.recipe import Recipe, from_json


class Wait(keras.callbacks.Callback):
    """Waits inside a step: the run's own callbacks come after this one, so for them it has not ended."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.left -= 1
        if self.left == 0:
            print("waiting", flush=True)
            sys.stdin.readline()


def batches(recipe: Recipe):
    # Found beside this script when it runs; pytest, which collects it for its doctests, has other conftests.
    from conftest import Noise

    return lambda start, steps: Noise(start, steps, recipe.crop, recipe.batch_size, recipe.scale)


def main(folder: str, step: str, recipe: dict) -> None:
    before = [signal.getsignal(one) for one in SIGNALS]
    chosen = from_json(recipe)
    try:
        fit(chosen, batches(chosen), Path(folder), callbacks=[Wait(int(step))], progress=False, say=say)
    finally:
        print("handlers are back:", [signal.getsignal(one) for one in SIGNALS] == before, flush=True)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    import json

    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
