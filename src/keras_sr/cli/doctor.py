"""`keras-sr doctor`: what this machine can do, and what will be used."""

from collections.abc import Callable
from typing import Annotated

import typer


def doctor(
    speed: Annotated[bool, typer.Option("--speed", help="Measure how fast each network is here.")] = False,
) -> None:
    """Show what this machine can do, and what keras-sr will use.

    \b
    Paste what this prints into a bug report:
        keras-sr doctor
    See how long a million pixels of result take here, by network:
        keras-sr doctor --speed
    """  # noqa: D301  (typer: keep these line breaks)
    from importlib.metadata import PackageNotFoundError, version

    from keras_sr import __version__
    from keras_sr.evaluation.machine import cores, describe, processor
    from keras_sr.inference.engines import ENGINES, capabilities
    from keras_sr.inference.memory import working_memory

    def installed(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    facts = describe(None)
    lines = [
        ("keras-sr", __version__),
        ("python", facts["python"]),
        ("system", facts["platform"]),
        ("processor", f"{processor()}, {cores()} cores for this process"),
        ("", ""),
        ("enlarging", ""),
        *((f"  {name}", installed(name)) for name in ENGINES),
        ("  used", engine_line(capabilities())),
        ("  default network", _default_line()),
        ("  memory to work in", f"{working_memory() >> 20} MB (--max-memory)"),
        *((f"  {name}", installed(name)) for name in ("pyvips", "pillow", "numpy")),
        ("", ""),
        ("training", ""),
        *((f"  {name}", installed(name)) for name in ("keras", "onnx")),
        *((f"  {name}", _first_installed(names, installed)) for name, names in _BACKENDS.items()),
        ("", ""),
        ("measuring", ""),
        *((f"  {name}", found(name)) for name in ("lpips_alex", "lpips_vgg", "dists", "niqe")),
    ]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        typer.echo(f"{name:<{width}}  {value}".rstrip())
    if speed:
        typer.echo()
        measure()


#: A backend of Keras, and the packages that bring it.
_BACKENDS = {
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "jax": ("jax",),
    "torch": ("torch",),
}


#: Side of the picture that speed is measured with, in LR pixels; how often it is run, the first not counted.
SIDE, RUNS = 128, 3


def measure() -> None:
    """Print the seconds that a million pixels of result take here, by network."""
    import time

    import numpy as np

    from keras_sr.evaluation.machine import cores
    from keras_sr.tasks.networks import open_network
    from keras_sr.weights import registry

    typer.echo(f"seconds per million pixels of result, the best of {RUNS - 1} runs, on {cores()} cores")
    picture = np.random.default_rng(0).random((1, SIDE, SIDE, 3), np.float32)
    for name in registry.names():
        network = open_network(name)
        taken = []
        for _ in range(RUNS):
            start = time.perf_counter()
            network.run(picture)
            taken.append(time.perf_counter() - start)
        million = min(taken[1:]) / (SIDE * network.scale) ** 2 * 1e6
        typer.echo(f"{name:<16} {million:8.3f} s/MP  {network.runs_on}")


def _first_installed(names: tuple[str, ...], installed: Callable[[str], str]) -> str:
    """Return the version of the first of several packages that is there."""
    versions = [installed(name) for name in names]
    return next((found for found in versions if found != "not installed"), "not installed")


def engine_line(known: dict[str, list[str]]) -> str:
    """Return which engine is used, in which precision, and what else it can do."""
    if not known:
        return "none: pip install openvino"
    name, precisions = next(iter(known.items()))
    return f"{name} (here in {' and '.join(precisions)})"


def _default_line() -> str:
    """Return the network that is used when none is named, and the precision that it runs in."""
    from keras_sr.inference.engines import best_precision, capabilities
    from keras_sr.weights import registry

    engine = next(iter(capabilities()), None)
    if engine is None:
        return registry.DEFAULT
    precision = best_precision(engine, registry.weights_path(registry.DEFAULT))
    losses = registry.passport(registry.DEFAULT).precision_loss.get(precision)
    if not losses:
        return f"{registry.DEFAULT} in {precision}"
    most = max(losses.values())
    cost = f"at most {most} dB" if most > 0 else "nothing"
    return f"{registry.DEFAULT} in {precision}, which costs it {cost} (--precision f32)"


def found(name: str) -> str:
    """Return where the weights of a metric are."""
    from keras_sr.metrics.weights import METRIC_FILES, local_weights

    return str(local_weights(name) or f"not there: {METRIC_FILES[name].remedy}")
