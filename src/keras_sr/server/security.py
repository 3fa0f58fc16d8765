"""Who may ask for what: checked for every request before anything else looks at it.

Any page that somebody visits can make their browser send requests to a server on their own machine, and a
name server can make such a page look like that server itself (DNS rebinding). So a request must name a host
that this server has, and one that changes anything must come from its own page or know the token.
"""

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from keras_sr.server.settings import Settings

_SAFE = frozenset({"GET", "HEAD"})

#: For everybody who names the right host: the page without any picture, and whether the server lives.
_PUBLIC = frozenset({"/", "/login", "/healthz"})
_ASSETS = "/assets/"

#: Seconds that what is still being sent after the answer is read, and thrown away. A connection that is
#: closed over unread bytes is reset, and its client may lose the answer with it.
_LINGER = 5.0

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Access:
    """What a request must show.

    Attributes:
        token: Opens everything.
        needed: Whether looking needs it, too; changing always asks for it, or for the same origin.
        hosts: Names that this server has.
        any_address: Whether every numeric address is one of its: a name server cannot forge those.
        cookie: Name of the page's cookie; cookies do not tell ports apart.
    """

    token: str
    needed: bool
    hosts: frozenset[str] = field(default_factory=frozenset)
    any_address: bool = False
    cookie: str = "keras-sr"

    @classmethod
    def of(cls, settings: Settings, token: str, port: int) -> "Access":
        """Return the access to a server with these settings."""
        hosts = {"localhost", "127.0.0.1", "[::1]", *(name.lower() for name in settings.allow_hosts)}
        return cls(token, bool(settings.token), frozenset(hosts), not settings.private, f"keras-sr-{port}")

    def knows_host(self, host: str) -> bool:
        """Return whether a Host header names this server."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            urlsplit(f"//{host}").port  # noqa: B018  (raises for what is no port)
        except ValueError:
            return False
        if "@" in host or "/" in host or not name:
            return False
        return name in self.hosts or f"[{name}]" in self.hosts or (self.any_address and _is_address(name))

    def session(self) -> str:
        """Return what the page's cookie holds: it shows that the token was known, and does not tell it."""
        return hmac.new(self.token.encode(), b"keras-sr page", hashlib.sha256).hexdigest()

    def is_token(self, given: str) -> bool:
        """Return whether this is the token, in the same time whatever it is."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    error: str


def refusal(access: Access, method: str, path: str, headers: list[tuple[bytes, bytes]]) -> Refusal | None:
    """Return why a request is refused, or None."""
    hosts, origins = _values(headers, b"host"), _values(headers, b"origin")
    if len(hosts) != 1 or not access.knows_host(hosts[0]):
        return Refusal(
            421, "this server does not go by that name: use its address, or start it with this host allowed"
        )
    bearer = _bearer(headers)
    if bearer is not None and not access.is_token(bearer):
        return Refusal(401, "wrong token: the server shows the right one when it starts")
    if bearer is not None:
        return None
    foreign = any(site not in ("same-origin", "none") for site in _values(headers, b"sec-fetch-site"))
    own = len(origins) == 1 and _same(origins[0], hosts[0]) and not foreign
    public = path in _PUBLIC or path.startswith(_ASSETS)
    if method not in _SAFE and not own:
        return Refusal(
            403, "expected a request of this server's own page, or the header Authorization: Bearer TOKEN"
        )
    if not public and (foreign or (origins and not own)):
        return Refusal(403, "other pages may not ask this server for anything")
    if access.needed and not public and not _has_session(access, headers):
        return Refusal(401, "this server asks for its token: Authorization: Bearer TOKEN")
    return None


class Guard:
    """The first thing that a request meets; refuses uploads that are too large or stall, adds headers.

    Args:
        app: What answers the requests that are let through.
        access: What they must show.
        upload_bytes: A request of more is refused by its length; without one, the application counts.
        stall_seconds: An upload that sends nothing for this long is given up.
    """

    def __init__(self, app: Any, access: Access, upload_bytes: int, stall_seconds: float) -> None:
        self._app, self._access = app, access
        self._upload_bytes, self._stall_seconds = upload_bytes, stall_seconds
        #: Called when the server is told to stop, from a signal handler.
        self.on_close: Callable[[], object] = lambda: None

    def close(self) -> None:
        """Let what waits for news end."""
        self.on_close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or pass on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        began, complete = False, False

        async def guarded_send(message: Any) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                message = {**message, "headers": _with_ours(message.get("headers", []))}
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await swallow()
                message = {"type": "http.response.body"}
            await send(message)

        async def patient_receive() -> Any:
            nonlocal complete
            if complete:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._stall_seconds)
            except TimeoutError:
                complete = True
                if not began:
                    error = f"nothing came for {self._stall_seconds:g} seconds: send the picture again"
                    await _answer(guarded_send, Refusal(408, error))
                return {"type": "http.disconnect"}
            complete = not message.get("more_body", False)
            return message

        async def swallow() -> None:
            nonlocal complete
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER):
                    while not complete:
                        complete = not (await receive()).get("more_body", False)

        refused = refusal(self._access, scope["method"], scope["path"], scope["headers"])
        refused = refused or self._too_large(scope["headers"])
        if refused:
            await _answer(guarded_send, refused)
        else:
            await self._app(scope, patient_receive, guarded_send)

    def _too_large(self, headers: list[tuple[bytes, bytes]]) -> Refusal | None:
        lengths = [int(value) for value in _values(headers, b"content-length") if value.isdecimal()]
        if max(lengths, default=0) <= self._upload_bytes:
            return None
        return Refusal(413, f"an upload has at most {self._upload_bytes / 2**20:.0f} MB")


def _with_ours(headers: Any) -> list[tuple[bytes, bytes]]:
    given = [(name, value) for name, value in headers if not name.lower().startswith(b"access-control-")]
    return [*given, *((name.encode(), value.encode()) for name, value in _HEADERS.items())]


async def _answer(send: Any, refused: Refusal) -> None:
    body = json.dumps({"error": refused.error}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # Nothing of what is still being sent is of use.
        (b"connection", b"close"),
    ]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def _bearer(headers: list[tuple[bytes, bytes]]) -> str | None:
    for value in _values(headers, b"authorization"):
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
    return None


def _same(origin: str, host: str) -> bool:
    """Return whether an origin is that of the host; a proxy may have taken https off."""
    parts = origin.split("://")
    return len(parts) == 2 and parts[0] in ("http", "https") and parts[1].lower() == host.lower()


def _has_session(access: Access, headers: list[tuple[bytes, bytes]]) -> bool:
    try:
        cookies = SimpleCookie("; ".join(_values(headers, b"cookie")))
    except CookieError:
        return False
    given = cookies.get(access.cookie)
    return given is not None and hmac.compare_digest(given.value.encode(), access.session().encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
