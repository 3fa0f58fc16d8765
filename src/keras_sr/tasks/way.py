"""The way a result is made: all that decides about its pixels, in one place, with a hash."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from keras_sr.tasks.batch.look import Look
from keras_sr.tasks.batch.size import Size

#: Bump when pixels change although nothing in `Way` does; results of earlier versions are then made again.
_PIXELS = 1


@dataclass(frozen=True)
class NetworkChoice:
    """Everything about a network that decides about pixels; what is not in here must not change them.

    Attributes:
        weights: SHA-256 of the files that were opened, the network at detail 0 first.
        runs_on: The engine and its precision.
        detail: The share that the dial of detail has of it; None where the files alone say all.
        denoise: The same of the dial of noise.
        self_ensemble: Whether eight turned copies are averaged.
        consistent: Whether results are made to shrink back to their pictures.
    """

    weights: tuple[str, ...]
    runs_on: str
    detail: float | None = None
    denoise: float | None = None
    self_ensemble: bool = False
    consistent: bool = False


@dataclass(frozen=True)
class Way:
    """Everything that decides about the pixels of a result, besides the picture itself.

    An option that changes pixels and is not in here would let `resume` keep results that it should make
    again: `tests/tasks/test_way.py` asks of every option on which side it is.
    """

    network: NetworkChoice
    size: Size
    look: Look = field(default_factory=Look)
    version: int = _PIXELS

    def digest(self) -> str:
        """Return the SHA-256 of all fields."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
