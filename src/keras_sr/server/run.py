"""Start a server, and stop it clean."""

import contextlib
import logging
import secrets
import signal
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from keras_sr.errors import KerasSRError
from keras_sr.server.app import create_app
from keras_sr.server.folder import PrivateFolder
from keras_sr.server.security import Access
from keras_sr.server.settings import Settings

#: Connections at once; more are answered 503 at once.
_CONNECTIONS = 512

#: Seconds that answers in progress have to end when the server stops.
_GRACE = 3


class _Server(uvicorn.Server):
    """A server that, told to stop, ends what would never end by itself, and then returns.

    Args:
        config: Of the server.
        close: Ends event streams.
    """

    def __init__(self, config: uvicorn.Config, close: Callable[[], None]) -> None:
        super().__init__(config)
        self._close = close

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at Ctrl-C and at SIGTERM while the block runs."""
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop."""
        super().handle_exit(sig, frame)
        self._close()


def serve(settings: Settings, say: Callable[[str], None], *, open_browser: bool = False) -> None:
    """Serve until Ctrl-C.

    Args:
        settings: How.
        say: Takes lines for the person who starts it.
        open_browser: Show the page in the browser of this machine.

    Raises:
        KerasSRError: The address is taken, or not of this machine.
    """
    listening = _listening(settings)
    port = listening.getsockname()[1]
    token = settings.token or secrets.token_urlsafe(16)
    address = f"http://{_shown(settings.host)}:{port}/"
    folder = PrivateFolder(settings.folder)
    # Uploads are spooled where temporary files are.
    tempfile.tempdir = str(folder.path)
    try:
        guard = create_app(settings, Access.of(settings, token, port), folder.path)
        config = uvicorn.Config(
            guard,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            # Headers that say who the client is are believed of nobody.
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE,
        )
        server = _Server(config, guard.close)
        logging.getLogger("uvicorn.error").handlers = [_Talk(say)]
        page = f"{address}#token={token}" if settings.token else address
        say(f"keras-sr: {page}")
        say(f"keras-sr: token for the API: {token}")
        say("keras-sr: Ctrl-C stops it; pictures stay on this machine and are deleted then")
        if open_browser:
            threading.Timer(0.5, webbrowser.open, [page]).start()
        server.run(sockets=[listening])
    finally:
        listening.close()
        tempfile.tempdir = None
        folder.close()


class _Talk(logging.Handler):
    """What goes wrong inside, for the person at the terminal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f"keras-sr: {self.format(record)}")


def _shown(host: str) -> str:
    """Return an address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _listening(settings: Settings) -> socket.socket:
    """Return a socket that listens at the address."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
    except OSError as error:
        raise KerasSRError(f"{settings.host!r} is no address of this machine: {error.strerror}") from error
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise KerasSRError(
            f"cannot listen at {settings.host} port {settings.port}: {error.strerror}; "
            "expected a free one: give another port, or 0 for any"
        ) from error
    return listening
