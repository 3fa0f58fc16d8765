"""How a run begins: anew, with the weights of another, or from the checkpoint that its folder holds."""

import json
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras
import numpy as np

from keras_sr.errors import TrainingError, WeightsError
from keras_sr.files import atomic_write
from keras_sr.models.generators import activation_of
from keras_sr.training import checkpoints
from keras_sr.training.model import SuperResolution
from keras_sr.training.recipe import Recipe, as_json, from_json
from keras_sr.training.schedule import Schedule
from keras_sr.types import Json
from keras_sr.weights import keras_file, store
from keras_sr.weights.find import find
from keras_sr.weights.stored import generator_arrays


def begin(
    recipe: Recipe,
    model: SuperResolution,
    out: Path,
    start_from: str | Path | None,
    say: Callable[[str], None],
) -> dict:
    """Set the model's state; return step, rows, start and the rest of what a checkpoint says."""
    fresh = {"step": 0, "rows": [], "start": str(start_from or ""), "partial": None, "ended": ""}
    fresh["recipe"] = as_json(recipe)
    if (out / checkpoints.STATE).exists():
        meta = checkpoints.restore(out, model)
        _check_same_start(meta, out, start_from)
        before = meta.get("recipe", {}).get("precision", recipe.precision)
        if before != recipe.precision:
            say(f"{out}: {before} up to step {meta['step']}, {recipe.precision} from there on")
        if meta["step"] >= recipe.steps:
            say(f"{out} is finished: {meta['step']} steps; its weights are in {out / 'generator.npz'}")
        else:
            say(f"{out}: going on from step {meta['step']} of {recipe.steps}")
        return {**fresh, "start": "", **meta, "recipe": as_json(recipe)}
    if start_from:
        _take_over(recipe, model, start_from, say)
        say(f"{out}: starting from the weights in {start_from}")
    _write_json(out / "recipe.json", as_json(recipe))
    _write_json(out / "versions.json", _versions())
    return fresh


def _take_over(
    recipe: Recipe, model: SuperResolution, start_from: str | Path, say: Callable[[str], None]
) -> None:
    """Set the generator's weights from those of another run; of another scale all but the enlarging layers.

    Raises:
        WeightsError: They are of another network.
    """
    arrays, theirs = _weights_of(start_from, model.generator)
    if theirs.get("generator") == recipe.generator:
        # Alike in every shape, and another network all the same.
        learned, meant = activation_of(theirs), activation_of(vars(recipe))
        if learned != meant:
            raise WeightsError(
                f"{start_from} was trained with activation={learned}, the recipe has activation={meant}: "
                f"add `activation={learned}`, or take other weights"
            )
    scale = theirs.get("scale")
    if scale not in (None, recipe.scale):
        arrays = tail_for(recipe.scale, scale, arrays)
        arrays, anew = _without_tail(model.generator, arrays)
        what = f"{', '.join(anew)} begin anew" if anew else "it begins with its pixels averaged or repeated"
        say(f"{start_from} enlarges x{scale}, not x{recipe.scale}: {what}")
    store.assign(model.generator, arrays, str(start_from))
    if model.ema_generator is not None:
        store.assign(model.ema_generator, arrays, str(start_from))


def _weights_of(start_from: str | Path, network: keras.Model) -> tuple[dict[str, np.ndarray], Json]:
    """Return weights to start from, and the fields of their recipe where they tell them.

    Keras' `.weights.h5` number their layers without names: they are loaded into the network itself.
    """
    if keras_file.is_weights(start_from):
        keras_file.load_into(network, find(start_from))
        return store.network_arrays(network), {}
    if keras_file.is_model(start_from):
        theirs = keras_file.read_model(find(start_from))
        return store.network_arrays(theirs), {"scale": keras_file.scale_of(theirs)}
    arrays, meta = generator_arrays(start_from)
    return arrays, meta.get("recipe", {})


def tail_for(scale: int, theirs: int, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays with the last convolution of a single pixel shuffle made for another scale.

    Where one scale divides the other, the network of the new one begins as what is known: SR of the old one
    shrunk by a box, or its pixels repeated. Exact, since base and shuffle treat all pixels alike.

    Args:
        scale: Of the network that begins.
        theirs: Of the network that the arrays are of.
        arrays: By name; `tail_conv` has (..., 3 theirs^2) values, ordered (row, column, band).

    Returns:
        dict: As `arrays`; the same where there is no such layer or neither scale divides the other.
    """
    names = [name for name in arrays if name.startswith("tail_conv/")]
    if (scale % theirs and theirs % scale) or any(arrays[name].shape[-1] % theirs**2 for name in names):
        return arrays
    return {**arrays, **{name: _pixels(arrays[name], theirs, scale) for name in names}}


def _pixels(values: np.ndarray, theirs: int, scale: int) -> np.ndarray:
    """Return values of theirs^2 pixels a band as values of scale^2 pixels."""
    front = values.shape[:-1]
    grid = values.reshape(*front, theirs, theirs, -1)
    if scale > theirs:
        grid = grid.repeat(scale // theirs, -3).repeat(scale // theirs, -2)
    else:
        box = theirs // scale
        grid = grid.reshape(*front, scale, box, scale, box, -1).mean((-4, -2))
    return grid.reshape(*front, -1)


def _without_tail(network: keras.Model, arrays: dict) -> tuple[dict, list[str]]:
    """Return the arrays, with the network's own for enlarging layers of another shape, and their names."""
    own = store.network_arrays(network)
    tail = [key for key in own if key.startswith(("up", "tail"))]
    anew = [key for key in tail if key not in arrays or arrays[key].shape != own[key].shape]
    kept = {key: a for key, a in arrays.items() if key in own or not key.startswith(("up", "tail"))}
    return {**kept, **{key: own[key] for key in anew}}, sorted({key.split("/")[0] for key in anew})


def _check_same_start(meta: dict, out: Path, start_from: str | Path | None) -> None:
    """Refuse to go on with a run that began with other weights than those asked for.

    Raises:
        TrainingError: Names both.
    """
    begun = meta.get("start")
    # A run of an older version does not say what it began with.
    if begun is None or not start_from or Path(begun).resolve() == Path(start_from).resolve():
        return
    raise TrainingError(
        f"{out} holds a run that began with {begun or 'random weights'}, not with {start_from}: leave "
        "`start_from` out to go on with it, give another `out`, or `resume=False` to begin anew"
    )


def check_same_recipe(recipe: Recipe, out: Path) -> None:
    """Refuse to go on with a run of another recipe.

    Raises:
        TrainingError: Names the fields that differ.
    """
    path = out / "recipe.json"
    if not path.exists() or not (out / checkpoints.STATE).exists():
        return
    # A field that an older version did not know had the value that is now its default.
    there, here = as_json(from_json(json.loads(path.read_text("utf-8")))), as_json(recipe)
    differing = [
        key for key in here if there[key] != here[key] and not _may_differ(key, there[key], here[key])
    ]
    if set(differing) <= {"steps", "schedule"} and _same_so_far(recipe, there, out):
        # As if it had been this recipe from the start.
        _write_json(path, here)
        return
    # Steps and schedule may change by themselves: another field is what keeps the run from going on.
    differing = [key for key in differing if key not in ("steps", "schedule")] or differing
    if differing:
        what = ", ".join(f"{key} is {there[key]!r} there and {here[key]!r} here" for key in differing[:4])
        raise TrainingError(
            f"{out} holds a run of another recipe ({what}): give another `out`, or `resume=False` to begin "
            f"anew; another `out` with `start_from` {out} goes on from its weights with these settings"
        )


def _may_differ(key: str, there: object, here: object) -> bool:
    """Return whether a run may go on with another value of a field: one of the machine, not of the run.

    So a run moves to a GPU and back. float16 has an optimizer of its own, which scales the loss.
    """
    if key == "precision":
        return "mixed_float16" not in (there, here)
    return key in ("expect", "steps_per_call")


def _same_so_far(recipe: Recipe, there: dict, out: Path) -> bool:
    """Return whether the rates of all steps that a run has taken are those of the recipe."""
    taken = range(store.read(out / checkpoints.STATE)[1]["step"])
    begun = from_json(there)

    def rates(of: Recipe) -> np.ndarray:
        schedule = Schedule(of.learning_rate, of.schedule, of.steps, of.warmup_steps)
        return np.asarray(keras.ops.convert_to_numpy(schedule(np.array(taken, np.float32))))

    return len(taken) <= recipe.steps and np.array_equal(rates(recipe), rates(begun))


def make_room(out: Path, start_from: str | Path | None, say: Callable[[str], None]) -> str | Path | None:
    """Put an older run aside, and return where the weights to start from are then."""
    moved = _set_aside(out, say)
    if moved and start_from and Path(start_from).absolute().is_relative_to(out.absolute()):
        return moved / Path(start_from).absolute().relative_to(out.absolute())
    return start_from


def _set_aside(out: Path, say: Callable[[str], None]) -> Path | None:
    """Rename an older run folder to a name that is free and return that; None where there is no older run.

    Raises:
        TrainingError: It is the current folder or one that holds it.
    """
    if not (out / "recipe.json").exists():
        return None
    if Path.cwd().is_relative_to(out.resolve()):
        raise TrainingError(
            f"{out} holds a run and is the current folder, which cannot be renamed: give another `out`"
        )
    number = next(n for n in range(1, 10_000) if not out.with_name(f"{out.name}.old{n}").exists())
    aside = out.with_name(f"{out.name}.old{number}")
    out.rename(aside)
    say(f"the run that was in {out} is now in {aside}")
    return aside


def _versions() -> dict[str, str]:
    """Return what a run's numbers may depend on."""
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "backend": keras.config.backend(),
    }
    for package in ("keras-sr", "keras", "numpy", "tensorflow", "tensorflow-cpu", "torch", "jax"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _write_json(path: Path, values: dict) -> None:
    """Write a dict as readable JSON."""
    with atomic_write(path, "w") as file:
        json.dump(values, file, indent=1)
