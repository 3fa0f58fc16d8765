"""The default: one network for pictures that show damage, another for clean ones, chosen by the pixels."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.facts import NetworkFacts
from keras_sr.images import traces
from keras_sr.tasks.networks import Network
from keras_sr.tasks.way import NetworkChoice


class ByPicture(Network):
    """Two networks, each opened when the first picture for it comes.

    They may enlarge differently: a picture's result has the size that was asked for in the end.

    Args:
        clean: Opens the network for clean pictures; it also runs batches, which show no picture.
        damaged: Opens the network for pictures with traces of JPEG or noise, and for lossy WebP.
        facts: Of the first, but for what suffices for both.
        clean_choice: Tells what of the first decides about pixels, without opening it.
        damaged_choice: The same of the second.
        asked: What `open_network` was asked for.
    """

    def __init__(
        self,
        clean: Callable[[], Network],
        damaged: Callable[[], Network],
        facts: NetworkFacts,
        clean_choice: Callable[[], NetworkChoice],
        damaged_choice: Callable[[], NetworkChoice],
        asked: dict[str, Any],
    ) -> None:
        self._open = {False: clean, True: damaged}
        self._opened: dict[bool, Network] = {}
        self.facts = facts
        self._choices = clean_choice, damaged_choice
        self._asked = asked

    def of(self, pixels: np.ndarray, codec: str = "") -> tuple[Network, str]:
        """Return the network, and why: `"JPEG"` or `"noise"` in the pixels, the codec, or `""`."""
        found = traces.damage(pixels) or codec
        return self._network(bool(found)), found

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of both."""
        return (*self._network(False).files, *self._network(True).files)

    @property
    def runs_on(self) -> str:
        """What runs them."""
        return ", ".join(dict.fromkeys(self._network(kind).runs_on for kind in (False, True)))

    @cached_property
    def choice(self) -> NetworkChoice:
        """What decides about pixels: the choices of both."""
        clean, damaged = (tell() for tell in self._choices)
        runs_on = ", ".join(dict.fromkeys((clean.runs_on, damaged.runs_on)))
        return replace(clean, weights=(*clean.weights, *damaged.weights), runs_on=runs_on)

    @property
    def opened(self) -> dict[str, Any]:
        """What `open_network` takes to open the same again; with one precision, where both have one."""
        engine, _, precision = self.choice.runs_on.partition(" ")
        alike = precision and "," not in precision
        return self._asked | {"engine": engine, "precision": precision if alike else "auto"}

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Enlarge tiles with the network for clean pictures, as any engine does."""
        return self._network(False).run(batch)

    def _network(self, damaged: bool) -> Network:
        if damaged not in self._opened:
            self._opened[damaged] = self._open[damaged]()
        return self._opened[damaged]
