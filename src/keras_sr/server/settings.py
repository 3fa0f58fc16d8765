"""What a server is told when it starts: where it listens, whom it trusts, how much it takes."""

import ipaddress
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from keras_sr.errors import KerasSRError

#: A token that others may try to guess is at least this long.
_SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Limits:
    """How much a server takes, from each client and in all. Checked before anything is decoded.

    Attributes:
        upload_bytes: Of one request.
        pixels: Of a picture, all its frames together.
        frames: Of a picture.
        result_pixels: Of a result, all its frames together.
        queue: Jobs that may wait.
        storage_bytes: Of all pictures and results on the disk.
        keep_seconds: Results are deleted this long after they were last used.
        stall_seconds: An upload that sends nothing for this long is given up.
    """

    upload_bytes: int = 200 << 20
    pixels: int = 100_000_000
    frames: int = 200
    result_pixels: int = 1_000_000_000
    queue: int = 100
    storage_bytes: int = 20 << 30
    keep_seconds: float = 3600.0
    stall_seconds: float = 30.0


@dataclass(frozen=True)
class Settings:
    """How a server runs.

    Attributes:
        host: The address to listen at.
        port: 0 takes a free one.
        token: What clients that are not this server's page must know; drawn at random when not given.
        allow_hosts: Names that this server is also reached by, such as `photos.example.org`.
        folder: Temporary files go into a private folder in it; None takes the system's.
        limits: How much it takes.
        max_memory: Megabytes to compute in; None takes a share of what is free.
        threads: To compute with; None leaves it to the engine.

    Raises:
        KerasSRError: Another address than this machine's own is given without a token, or with a short one.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    allow_hosts: tuple[str, ...] = ()
    folder: Path | None = None
    limits: Limits = field(default_factory=Limits)
    max_memory: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        if not self.private and len(self.token) < _SHORTEST_TOKEN:
            raise KerasSRError(
                f"{self.host} can be reached by others: expected a token of at least {_SHORTEST_TOKEN} "
                f"characters, got {len(self.token) or 'none'}; such as token={secrets.token_urlsafe(16)!r}"
            )
        if not self.token.isascii() or not self.token.isprintable():
            raise KerasSRError("a token is made of ASCII letters, digits and signs")

    @property
    def private(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Return whether an address is that of the machine itself.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
