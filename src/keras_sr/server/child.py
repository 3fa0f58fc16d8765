"""The other end of `helper.Helper`: a process that answers one request after the other."""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from keras_sr.errors import KerasSRError, Stopped

Message = dict[str, Any]


class Line:
    """What a handler can do while it works: say how far it is, and learn whether to go on."""

    def __init__(self, out: Any) -> None:
        self._out, self._lock = out, threading.Lock()
        self._cancelled = threading.Event()

    def say(self, message: Message) -> None:
        """Send a message to the parent."""
        with self._lock:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()

    def cancelled(self) -> bool:
        """Return whether nobody wants the answer any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Let the handler know that nobody wants its answer."""
        self._cancelled.set()

    def begin(self) -> None:
        """Forget a cancellation: it was of the request before."""
        self._cancelled.clear()


Handler = Callable[[Message, Line], Message]


def run(handlers: dict[str, Handler], nice: int = 0) -> None:
    """Answer requests from stdin on stdout until the parent is gone.

    Args:
        handlers: What to call for each value of a request's `do`.
        nice: How far to stand back behind the process that talks to browsers.
    """
    if hasattr(os, "nice"):
        os.nice(nice)
    line = Line(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what libraries print must not get into the answers
    requests: queue.Queue[Message] = queue.Queue()
    threading.Thread(target=_listen, args=(requests, line), daemon=True).start()
    line.say({"ready": True})
    while True:
        request = requests.get()
        line.say({"answer": True, **_answer(handlers[request["do"]], request, line)})


def _answer(handler: Handler, request: Message, line: Line) -> Message:
    try:
        return handler(request, line)
    except Stopped:
        return {"cancelled": True}
    except KerasSRError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "memory did not suffice: try a smaller picture or a smaller size"}
    # Decoders raise nearly every class there is on broken files.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}


def _listen(requests: "queue.Queue[Message]", line: Line) -> None:
    for text in sys.stdin:
        message = json.loads(text)
        if message["do"] == "cancel":
            line.cancel()
        else:
            line.begin()
            requests.put(message)
    # The parent is gone, and with it the folder that would be written to.
    os._exit(0)
