"""The networks as people choose them: by what they are for. All that is said comes from the registry."""

from dataclasses import dataclass
from functools import lru_cache

from keras_sr.errors import KerasSRError, unknown
from keras_sr.weights import registry


@dataclass(frozen=True)
class Dial:
    """A number between 0 and 1 that a network can be turned by; the name is that of the option it sets."""

    name: str
    title: str
    low: str
    high: str
    default: float = 1.0


#: Every dial there is; `dials` says which a network has.
DETAIL = Dial("detail", "Detail", "only what is there", "drawn in")
DENOISE = Dial("denoise", "Denoise", "noise is kept", "cleaned")


@dataclass(frozen=True)
class Purpose:
    """What somebody has, or wants.

    Attributes:
        name: For the API.
        title: For people.
        text: In one line.
        families: Networks that serve it, the best first: `lite` is `lite_x2`, `lite_x3`, `lite_x4`.
    """

    name: str
    title: str
    text: str
    families: tuple[str, ...]


#: In the order that people see. Each takes the first of its families that is there and not taken yet.
_WISHES = (
    Purpose(
        "photograph",
        "Photograph",
        "From a camera, a phone or the web. Draws fine texture.",
        ("photo", "srgan_vgg54"),
    ),
    Purpose(
        "clean",
        "Clean picture",
        "A render, a scan, an original without noise. Crisp edges.",
        ("srgan_vgg54", "lite"),
    ),
    Purpose(
        "exact",
        "True to the pixel",
        "Invents nothing: for measuring, maps, documents.",
        ("lite", "srresnet_mse", "srresnet"),
    ),
    Purpose("fast", "Fast", "Many pictures, or a small machine. Invents nothing.", ("compact",)),
)


def members(family: str) -> tuple[str, ...]:
    """Return the networks of a family, the smallest scale first."""
    names = [name for name in registry.names() if name == family or name.startswith(f"{family}_x")]
    return tuple(sorted(names, key=lambda name: registry.passport(name).scale))


@lru_cache(1)
def purposes() -> dict[Purpose, tuple[str, ...]]:
    """Return what people can choose, and the networks that serve it by scale."""
    found: dict[Purpose, tuple[str, ...]] = {}
    for wish in _WISHES:
        for family in wish.families:
            networks = members(family)
            if networks and networks not in found.values():
                found[wish] = networks
                break
    return found


@lru_cache(64)
def dials(network: str) -> tuple[Dial, ...]:
    """Return the dials that a network has: each needs another network that lies at its other end."""
    passport = registry.passport(network)
    return tuple(dial for dial, end in ((DETAIL, passport.partner), (DENOISE, passport.sister)) if end)


def chosen(wanted: str | None, factor: float | None) -> str:
    """Return the network for a purpose or a name.

    Args:
        wanted: A purpose, a name of the registry, or None for what the command takes.
        factor: How many times larger the result is to be, as far as it is known.

    Raises:
        KerasSRError: There is no such purpose and no such network.
    """
    if not wanted:
        return registry.of_scale(factor)
    for purpose, networks in purposes().items():
        if wanted == purpose.name:
            enough = [name for name in networks if registry.passport(name).scale >= (factor or 4)]
            return enough[0] if enough else networks[-1]
    if wanted not in registry.names():
        known = [*(purpose.name for purpose in purposes()), *registry.names()]
        raise KerasSRError(unknown("network", wanted[:80], known))
    return wanted


def seconds_per_megapixel(network: str) -> float:
    """Return what a network takes for a million pixels of its result, roughly, on two cores."""
    return min(registry.passport(network).seconds_per_megapixel.values(), default=1.0)
