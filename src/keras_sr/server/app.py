"""The application: routes put together with what they share, and what happens to errors."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from keras_sr import __version__
from keras_sr.server import routes
from keras_sr.server.helper import Helper
from keras_sr.server.jobs import Jobs, QueueFull
from keras_sr.server.security import Access, Guard
from keras_sr.server.settings import Settings
from keras_sr.server.uploads import Refused

#: Bytes of a form beside its picture, at most.
_AROUND = 1 << 16

_DESCRIPTION = """Enlarge pictures on this machine. Everything that changes something asks for the header
`Authorization: Bearer TOKEN`, with the token that the server shows when it starts. An error is
`{"error": "..."}`, one line that says what to do."""


@dataclass
class State:
    """What the routes of a server share."""

    settings: Settings
    access: Access
    folder: Path
    jobs: Jobs
    inspector: Helper = field(default_factory=lambda: Helper("keras_sr.server.reader"))
    viewer: Helper = field(default_factory=lambda: Helper("keras_sr.server.reader"))
    started: float = field(default_factory=time.monotonic)


def create_app(settings: Settings, access: Access, folder: Path) -> Guard:
    """Return the application of a server.

    Args:
        settings: Of the server.
        access: Who may ask for what.
        folder: A private one for temporary files.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state = app.state.server = State(settings, access, folder, Jobs(settings, folder))
        loop = asyncio.get_running_loop()
        guard.on_close = lambda: loop.call_soon_threadsafe(state.jobs.close)
        work = asyncio.create_task(state.jobs.run())
        try:
            yield
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await asyncio.gather(state.inspector.close(), state.viewer.close())

    room = settings.limits.upload_bytes + _AROUND
    app = FastAPI(
        title="keras-sr",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # Their scripts come from other hosts.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # One picture and a few short words.
        max_body_size=room,
        form_limits={"max_files": 1, "max_fields": 16, "max_part_size": 1 << 16},
    )
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.include_router(routes.router)
    guard = Guard(app, access, room, settings.limits.stall_seconds)
    return guard


def _problem(status: int, error: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": error}, status, headers)


def _refused(request: Request, error: Any) -> JSONResponse:
    return _problem(error.status, error.error)


def _fault(request: Request, error: Any) -> JSONResponse:
    return _problem(500, "something went wrong inside; the terminal of the server says what")


def _full(request: Request, error: Any) -> JSONResponse:
    return _problem(429, str(error), {"Retry-After": f"{error.seconds:.0f}"})


def _http_error(request: Request, error: Any) -> JSONResponse:
    words = {
        404: "there is nothing at this address",
        405: "this address does not take that method",
    }
    if error.status_code == 413:
        limit = request.app.state.server.settings.limits.upload_bytes
        return _problem(413, f"an upload has at most {limit / 2**20:.0f} MB")
    return _problem(error.status_code, words.get(error.status_code, str(error.detail)), error.headers)


def _invalid(request: Request, error: Any) -> JSONResponse:
    lines = [f"{'.'.join(map(str, one['loc'][1:])) or 'the request'}: {one['msg']}" for one in error.errors()]
    return _problem(422, "; ".join(lines))


_ANSWERS: dict[type[Exception], Any] = {
    HTTPException: _http_error,
    RequestValidationError: _invalid,
    Refused: _refused,
    QueueFull: _full,
    Exception: _fault,
}
