"""`python -m keras_sr.tasks.cluster.alone`: one picture in a process of its own, which it may kill.

A picture that was at work when a worker died is made here: if it dies again, it was the picture; a worker
that somebody else has killed costs its pictures nothing.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

from keras_sr.tasks.cluster.work import Order, Task, Work
from keras_sr.types import Json


def made_alone(task: Task, order: Order) -> Json:
    """Return the row of a picture that is made in a process of its own, failed where that dies."""
    done = subprocess.run(
        [sys.executable, "-m", "keras_sr.tasks.cluster.alone"],
        input=pickle.dumps((task, order)),
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        return json.loads(done.stdout)
    return given_up(order, _death(done.returncode, done.stderr.decode(errors="replace")))


def given_up(order: Order, why: str) -> Json:
    """Return the row of a picture that is not tried again."""
    reason = f"{order.source} has killed two workers: given up ({why})"
    return {"number": order.number, "status": "failed", "reason": reason}


def _death(code: int, said: str) -> str:
    r"""Return how a process has ended.

    Examples:
        >>> _death(-11, "..."), _death(11, ""), _death(1, "Traceback...\nMemoryError\n")
        ('Segmentation fault', 'exit code 11', 'exit code 1: MemoryError')
    """
    if code < 0:
        return signal.strsignal(-code) or f"signal {-code}"
    last = (said.strip().splitlines() or [""])[-1].strip()[:200]
    return f"exit code {code}: {last}" if last else f"exit code {code}"


def _end_with(parent: int) -> None:
    """End this process when that which has started it is gone: the picture is somebody else's then."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _main() -> None:
    """Make the picture that stdin tells of; its row goes to stdout."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # From the process that has started this one, as multiprocessing has it.
    task, order = pickle.loads(sys.stdin.buffer.read())
    (row,) = Work(task).rows([order], lambda number: None)
    sys.stdout.write(json.dumps(row))


if __name__ == "__main__":
    _main()
