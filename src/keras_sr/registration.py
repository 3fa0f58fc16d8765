"""Keras finds our layers, losses and optimizers by their names, whichever of the two was imported first."""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: The modules whose classes Keras writes to files. They import Keras and nothing of each other.
_PARTS = ("models", "losses", "training.muon", "training.rate", "training.schedule")


def register() -> None:
    """Register them now if Keras is there, or else when it comes: nobody waits for it who does not use it."""
    if hasattr(sys.modules.get("keras"), "saving"):
        _register()
    elif not any(isinstance(finder, _Awaited) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Awaited())


def _register() -> None:
    for part in _PARTS:
        import_module(f"keras_sr.{part}")


class _Awaited:
    """A finder that finds Keras as the others do, and registers once it has been imported."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "keras":
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, others), None)
        if spec and spec.loader:
            run = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                    _register()

            spec.loader.exec_module = exec_module
        return spec
