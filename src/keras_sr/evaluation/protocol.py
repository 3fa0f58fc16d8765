"""Protocols: what a figure depends on besides network and pictures."""

from dataclasses import dataclass

from keras_sr.errors import DataError, unknown


@dataclass(frozen=True)
class Protocol:
    """What a figure depends on besides network and pictures. Figures of two protocols do not compare.

    Attributes:
        name: What tables call it.
        channel: `"y"` or `"rgb"`.
        round_y: Whether Y is rounded to whole grey levels, which costs about 0.01 dB.
        shave: Pixels taken off every side; None means as many as the scale.
    """

    name: str
    channel: str = "y"
    round_y: bool = False
    shave: int | None = None


#: The protocols that published tables follow.
PROTOCOLS = {
    "paper": Protocol("paper"),
    "matlab": Protocol("matlab", round_y=True),
    "rgb": Protocol("rgb", channel="rgb"),
}


def shaved(protocol: Protocol, scale: int) -> int:
    """Return how many pixels a protocol takes off every side."""
    return scale if protocol.shave is None else protocol.shave


def find_protocol(protocol: str | Protocol) -> Protocol:
    """Return a protocol by its name, or the one given.

    Raises:
        DataError: The name is unknown.
    """
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise DataError(unknown("protocol", protocol, list(PROTOCOLS)))
    return PROTOCOLS[protocol]
