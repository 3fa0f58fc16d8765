"""A child process that is asked one thing at a time, in lines of JSON.

What it does may crash, hang or eat all memory; the parent goes on, and starts another one.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, cast

Message = dict[str, Any]

#: Seconds that a child may take until it is ready.
_START = 120.0

#: Characters of a line that are read; a larger answer is a fault.
_LONGEST_LINE = 1 << 20


class HelperDied(Exception):
    """The child ended before it answered.

    Args:
        reason: How, in words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Helper:
    """The parent's end.

    Args:
        module: What the child runs, as `python -m`; it calls `child.run`.
        idle_seconds: The child is ended when it was not asked for this long, and gives its memory back.
    """

    def __init__(self, module: str, idle_seconds: float = 300.0) -> None:
        self._module, self._idle_seconds = module, idle_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._asked = False
        self._early: list[Message] = []

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def ask(
        self,
        request: Message,
        on_event: Callable[[Message], None] | None = None,
        timeout: float | None = None,
    ) -> Message:
        """Return the child's answer; what it says before goes to `on_event`.

        Raises:
            HelperDied: It crashed, was ended, or did not answer in time.
        """
        async with self._turn:
            if self._idle:
                self._idle.cancel()
            try:
                # Starting is not the request's to answer for: on a busy machine it may take longer.
                process = await self._started()
                async with asyncio.timeout(timeout):
                    return await self._exchange(process, request, on_event)
            except TimeoutError:
                self.kill()
                raise HelperDied(f"no answer within {timeout:g} seconds") from None
            except BaseException:
                self.kill()  # it may be in the middle of something that nobody waits for any more
                raise
            finally:
                self._early.clear()
                self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self.kill)

    async def _exchange(
        self,
        process: asyncio.subprocess.Process,
        request: Message,
        on_event: Callable[[Message], None] | None,
    ) -> Message:
        to_child, from_child = (
            cast(asyncio.StreamWriter, process.stdin),
            cast(asyncio.StreamReader, process.stdout),
        )
        try:
            to_child.write(_line(request))
            self._asked = True
            while self._early:
                self.tell(self._early.pop(0))
            await to_child.drain()
            while line := await from_child.readline():
                message = json.loads(line)
                if message.get("answer"):
                    return message
                if on_event:
                    on_event(message)
        except (OSError, ValueError):
            self.kill()
        finally:
            self._asked = False
        raise HelperDied(_how(await process.wait()))

    def tell(self, message: Message) -> None:
        """Say something about the request under way, and wait for nothing.

        A child that is still starting, and has not been asked yet, is told right after it is asked.
        """
        if not self._asked:
            if self._turn.locked():
                self._early.append(message)
        elif self._process and self._process.stdin and self.pid:
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.write(_line(message))

    def kill(self) -> None:
        """End the child at once."""
        if self._process and self.pid:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self) -> None:
        """End the child and wait until it is gone."""
        if self._idle:
            self._idle.cancel()
        self.kill()
        if self._process:
            await self._process.wait()
            transport = getattr(self._process, "_transport", None)
            if transport:
                transport.close()

    async def _started(self) -> asyncio.subprocess.Process:
        """Return the child, ready to be asked.

        Raises:
            HelperDied: It ended, or was not ready in time.
        """
        if not self.pid:
            self._process = await asyncio.create_subprocess_exec(
                # -P: no module is taken from the folder that the server happens to be started in.
                *(sys.executable, "-P", "-m", self._module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
                # Ctrl-C at the terminal is the parent's to handle.
                start_new_session=os.name == "posix",
            )
            try:
                async with asyncio.timeout(_START):
                    ready = await cast(asyncio.StreamReader, self._process.stdout).readline()
            except TimeoutError:
                self.kill()
                raise HelperDied(f"not ready within {_START:g} seconds") from None
            if not ready:
                raise HelperDied(_how(await self._process.wait()))
        return cast(asyncio.subprocess.Process, self._process)


def _line(message: Message) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _how(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, as when memory runs out" if name == "SIGKILL" else name
