"""Live training in a page: a diary of the loss terms, an optimizer, the weights that lessons start from."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_sr.data.batches import Batches
from keras_sr.evaluation.keras_upscaler import network_upscaler
from keras_sr.lessons.first_cell import Lesson
from keras_sr.losses.pixel import mse
from keras_sr.training.model import SuperResolution
from keras_sr.training.schedule import Schedule
from keras_sr.weights import store


class Diary(keras.callbacks.Callback):
    """Notes the mean of every loss term over each epoch, and says a line now and then.

    Attributes:
        rows: One dict an epoch: `step`, every term, and what other callbacks have added.
    """

    def __init__(self, lines: int = 6) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []
        self.lines = lines

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Note the terms; they are Keras' means over the epoch, unweighted."""
        params: Any = self.params
        steps, epochs = params["steps"], params["epochs"]
        row = {"step": (epoch + 1) * steps, **{name: float(value) for name, value in (logs or {}).items()}}
        self.rows.append(row)
        every = max(1, -(-epochs // self.lines))
        if (epoch + 1) % every == 0 or epoch + 1 == epochs:
            shown = "  ".join(
                f"{name} {value:.4g}" for name, value in row.items() if name not in ("step", "loss")
            )
            print(f"step {row['step']:4d}  {time.perf_counter() - self.began:4.0f} s  {shown}")


def optimizer(rate: float, steps: int, warmup: int = 20) -> keras.optimizers.Adam:
    """Return Adam whose rate rises for `warmup` steps and falls to zero along a cosine.

    The paper's rates are for 10^5 steps and more; what has to work in hundreds must fall within them.
    """
    schedule: Any = Schedule(rate, "cosine", steps, min(warmup, steps // 2))
    return keras.optimizers.Adam(schedule)


def train(
    model: keras.Model,
    batches: Batches,
    steps: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    *,
    epochs: int = 24,
    lines: int = 6,
) -> list[dict[str, float]]:
    """Train a compiled model with Keras' own `fit`; return the diary's rows.

    Args:
        model: Compiled.
        batches: Without an end.
        steps: How many in all.
        callbacks: Run before the diary, which notes what they add to the logs.
        epochs: Into how many pieces the steps are cut: the points of the curves.
        lines: About how many lines are printed.
    """
    epochs = min(epochs, steps)
    diary = Diary(lines)
    quiet: Any = 0
    model.fit(
        batches,
        epochs=epochs,
        steps_per_epoch=steps // epochs,
        shuffle=False,
        verbose=quiet,
        callbacks=[*callbacks, diary],
    )
    return diary.rows


def enlarge(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from LR, uint8 (h, w, 3), to SR, float in [0, 1], by a network."""
    # 32: with jax every new size is compiled, and sides that are shared spare that.
    upscale = network_upscaler(network, multiple_of=32 if keras.config.backend() == "jax" else 1)
    return lambda lr: np.clip(upscale(lr), 0.0, 1.0)


def base_weights(lesson: Lesson, network: keras.Model, steps: int = 1200) -> str:
    """Give a network the weights that lesson 01 ended with, or train it on MSE as lesson 01 does.

    Args:
        lesson: From `start`.
        network: Of the build that lesson 01 has.
        steps: Training steps where lesson 01 has not been run.

    Returns:
        A line about where the weights are from.
    """
    path = _base_file(lesson)
    if path.is_file():
        store.assign(network, store.read(path)[0], path.name)
        return "the generator starts from the weights of lesson 01"
    steps = lesson.steps(steps)
    model = SuperResolution(network, None, {"mse": (1.0, mse)})
    model.compile(optimizer=optimizer(3e-3, steps), jit_compile=jit())
    train(
        model,
        Batches(lesson.photos, batch_size=8, hr_crop=64, weight_by="picture", workers=1),
        steps,
        epochs=4,
    )
    save_base(lesson, network)
    return f"lesson 01 has not been run here: the generator has been trained on MSE for {steps} steps instead"


def _base_file(lesson: Lesson) -> Path:
    """Return where lesson 01 leaves its weights."""
    return lesson.folder / "srresnet_mse.npz"


def save_base(lesson: Lesson, network: keras.Model) -> None:
    """Keep a network's weights for the lessons that start from them."""
    store.save(_base_file(lesson), store.network_arrays(network), {"lesson": "01_srresnet_mse"})


def jit() -> Any:
    """Return Keras' `jit_compile`: XLA slows these networks down on processors, and jax has nothing else."""
    return "auto" if keras.config.backend() == "jax" else False
