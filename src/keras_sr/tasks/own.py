"""One's own recipe, network, loss, metric or degradation, without a change to the package."""

import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sr.data.degradations import DEGRADATIONS
from keras_sr.errors import KerasSRError
from keras_sr.evaluation.columns import add_metric
from keras_sr.metrics.base import PerPictureMean
from keras_sr.recipes import RECIPES
from keras_sr.training.recipe import Recipe

if TYPE_CHECKING:
    import keras


def is_own(spec: object) -> bool:
    """Return whether something is given as a Python file: `my_net.py`, or `my_net.py:build`."""
    return isinstance(spec, str) and spec.partition(":")[0].endswith(".py")


@cache
def _names_of(file: Path, changed: int) -> dict[str, Any]:
    """Run a file once for each state of it, and return what it defines."""
    return runpy.run_path(str(file))


def _load_own(spec: str, fits: Callable[[Any], bool], what: str) -> Any:
    """Run a Python file and return something that it defines.

    Args:
        spec: `file.py:name`, or `file.py` where only one thing in it fits.
        fits: Whether something is of the kind that is wanted.
        what: The kind in words, for errors.

    Raises:
        KerasSRError: There is no such file or name, or several things fit; or the file itself fails.
    """
    path, _, name = spec.partition(":")
    file = Path(path)
    if not file.is_file():
        raise KerasSRError(f"there is no file {path}: expected a Python file with {what}")
    try:
        names = _names_of(file.resolve(), file.stat().st_mtime_ns)
    except KerasSRError:
        raise
    # Whatever somebody's file raises is said in one line, with the file.
    except Exception as error:
        raise KerasSRError(f"{path} failed: {type(error).__name__}: {error}") from error
    found = {key: value for key, value in names.items() if not key.startswith("_") and fits(value)}
    if name:
        if name not in names:
            raise KerasSRError(
                f"{path} defines no {name!r}: it has {', '.join(found) or 'nothing that fits'}"
            )
        return names[name]
    if len(found) != 1:
        raise KerasSRError(
            f"{path} must define one {what}, found {', '.join(found) or 'none'}: name it, {path}:NAME"
        )
    return next(iter(found.values()))


def own_recipe(spec: str) -> Recipe:
    """Return the recipe in a Python file: a Recipe, or a function that returns one and says so."""

    def fits(value: Any) -> bool:
        given = getattr(value, "__annotations__", {}).get("return")
        return isinstance(value, Recipe) or (callable(value) and given in (Recipe, "Recipe"))

    value = _load_own(spec, fits, "recipe (a Recipe, or a function `-> Recipe`)")
    recipe = value if isinstance(value, Recipe) else value()
    if not isinstance(recipe, Recipe):
        raise KerasSRError(f"{spec} gave {type(recipe).__name__}: expected a Recipe")
    return recipe


def own_network(spec: str) -> "keras.Model":
    """Return the Keras network in a Python file: a model, or the function named that builds one.

    Raises:
        KerasSRError: It is no Keras network from LR to SR.
    """
    import keras

    path, _, name = spec.partition(":")
    value = _load_own(f"{path}:{name or 'build'}", callable, "network (a function that builds it)")
    model = value if isinstance(value, keras.Model) else value()
    if not isinstance(model, keras.Model):
        raise KerasSRError(f"{spec} gave {type(model).__name__}: expected a Keras model")
    return model


def own_scale(model: "keras.Model") -> int:
    """Return how many times a network enlarges, by trying it on a small picture."""
    first = model.input_shape[1] == 3
    lr = np.zeros((1, 3, 24, 24) if first else (1, 24, 24, 3), np.float32)
    sr = np.asarray(model.predict_on_batch(lr))
    side = sr.shape[2 if first else 1]
    if sr.ndim != 4 or side % 24 or side < 24:
        raise KerasSRError(
            f"the network made {sr.shape} of {lr.shape}: expected a whole number of times as many"
        )
    return side // 24


def register_recipe(name: str, recipe: Callable[[], Recipe]) -> None:
    """Let `train(name, ...)` know a recipe.

    Args:
        name: What it is called.
        recipe: Makes it.
    """
    RECIPES[_new(name, RECIPES, "recipe")] = recipe


def register_generator(
    name: str, build: "Callable[..., keras.Model]", arguments: tuple[str, ...] = ()
) -> None:
    """Let recipes and weight files know a generator.

    Args:
        name: What a recipe's `generator` calls it.
        build: `build(scale, data_format=..., **arguments)` to a Keras model, LR in [0, 1] to SR.
        arguments: Which fields of a recipe it takes, such as `("features", "blocks")`.
    """
    from keras_sr.models.generators import ARGUMENTS, GENERATORS

    GENERATORS[_new(name, GENERATORS, "generator")] = build
    ARGUMENTS[name] = arguments


def register_loss(name: str, loss: Callable[[Any, Any], Any]) -> None:
    """Let recipes know a loss: `Recipe(own_loss=name, own=weight)`.

    Args:
        name: What it is called.
        loss: (SR, HR), tensors (N, H, W, 3) in [0, 1], to a number.
    """
    from keras_sr.losses import PIXEL

    PIXEL[_new(name, PIXEL, "loss")] = loss


def register_degradation(name: str, degrade: Callable[[np.ndarray, int], np.ndarray]) -> None:
    """Let recipes know how LR is made: `Recipe(degradation=name)`.

    Args:
        name: What it is called; pictures that were decoded under this name are kept, so another function
            takes another name.
        degrade: (HR, scale) to LR, uint8 both.
    """
    DEGRADATIONS[_new(name, DEGRADATIONS, "degradation")] = degrade


def register_metric(metric: type[PerPictureMean]) -> None:
    """Let benchmarks and `evaluate` know a metric.

    Args:
        metric: A class as those in `keras_sr.metrics`: facts, `measure`, and `columns`.
    """
    add_metric(metric)


def _new(name: str, known: dict[str, Any], kind: str) -> str:
    """Return a name that is not taken by the package; one's own may be replaced."""
    module = getattr(known.get(name), "__module__", "") or ""
    if name in known and module.startswith("keras_sr."):
        raise KerasSRError(f"{kind} {name!r} comes with the package: give yours another name")
    return name
