"""A generator in training: named loss terms and a moving average of the weights, on any backend."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_sr.losses import with_colours_of
from keras_sr.types import Tensor


class SuperResolution(keras.Model):
    """Trains a generator on weighted terms that compare SR with HR, with Keras' own `fit`.

    The average of the generator's weights (EMA) is part of the model's state, like the statistics of batch
    norm: it is updated inside the step, saved with every checkpoint, and never swapped in or out. At step t
    its decay is min(decay, (1 + t) / (10 + t)), so that it forgets the random start quickly.

    Args:
        generator: LR (N, h, w, 3) in [0, 1] to SR (N, H, W, 3).
        ema_generator: A second network of the same build that holds the average; or None.
        terms: name: (weight, function of (sr, hr) that returns a scalar).
        ema: Decay of the average a step, in [0, 1).
        frozen: Networks that the terms use; they belong to the model's state but are never trained.
        teacher: LR to SR like the generator, never trained: what it makes of LR is one more target.
        taught: As `terms`, for the terms that compare SR with the teacher's SR, in the colours of HR.
        shrink: HR to LR without damage, which is what the teacher enlarges then; None gives it the LR of the
            step, or the second one where a step has two.
        data_format: Of the images.
    """

    def __init__(
        self,
        generator: keras.Model,
        ema_generator: keras.Model | None,
        terms: dict[str, tuple[float, Callable]],
        ema: float = 0.999,
        frozen: list[keras.Model] | None = None,
        teacher: keras.Model | None = None,
        taught: dict[str, tuple[float, Callable]] | None = None,
        shrink: Callable[[Tensor], Tensor] | None = None,
        data_format: str = "channels_last",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.generator, self.ema_generator, self.ema = generator, ema_generator, ema
        self.terms = dict(terms)
        self.teacher, self.taught, self.data_format = teacher, dict(taught or {}), data_format
        self.shrink = shrink
        self.frozen = [*(frozen or []), *([teacher] if teacher is not None else [])]
        for network in [*self.frozen, *([ema_generator] if ema_generator is not None else [])]:
            network.trainable = False
        if ema_generator is not None:
            ema_generator.set_weights(generator.get_weights())
        self.steps_averaged = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="steps_averaged", dtype="float32"
        )
        self.trackers = {name: keras.metrics.Mean(name=name) for name in self.term_names()}
        self.built = True

    def term_names(self) -> list[str]:
        """Return the names of everything that is logged apart from the total."""
        return [*self.terms, *taught_names(self.taught)]

    def call(self, lr: Tensor, training: bool | None = None) -> Tensor:
        """Enlarge: (N, h, w, 3) to (N, H, W, 3); of two LR, for student and teacher, the first."""
        return self.generator(for_student(lr), training=training)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Return the weighted sum of the terms, and log each of them unweighted.

        Args:
            x: LR images, or a pair of them: the second is what the teacher enlarges.
            y: HR images in [0, 1].
            y_pred: SR images from `call`.
            sample_weight: Not used.
            training: Whether this is a training step; only then does the average move.
        """
        total = self.weigh(self.content_terms(x, y_pred, y))
        if training:
            self.update_average()
        return total

    def content_terms(self, lr: Tensor, sr: Tensor, hr: Tensor) -> dict[str, tuple[float, Tensor]]:
        """Return name: (weight, value) of the terms that compare SR with HR, and with the teacher's SR."""
        # torch's trainer hands over numpy arrays in train_on_batch.
        hr = ops.convert_to_tensor(hr)
        values = {name: (weight, term(sr, hr)) for name, (weight, term) in self.terms.items()}
        if self.teacher is not None:
            lr = lr[-1] if isinstance(lr, list | tuple) else lr
            seen = self.shrink(hr) if self.shrink else ops.convert_to_tensor(lr)
            shown = ops.clip(self.teacher(seen, training=False), 0.0, 1.0)
            shown = ops.stop_gradient(with_colours_of(ops.cast(shown, "float32"), hr, self.data_format))
            pairs = zip(taught_names(self.taught), self.taught.values(), strict=True)
            values |= {name: (weight, term(sr, shown)) for name, (weight, term) in pairs}
        return values

    def weigh(self, values: dict[str, tuple[float, Tensor]]) -> Tensor:
        """Log every term and return their weighted sum."""
        for name, (_, value) in values.items():
            self.trackers[name].update_state(value)
        return sum(weight * value for weight, value in values.values())

    def update_average(self) -> None:
        """Move the average towards the generator as it was before this step."""
        if self.ema_generator is None:
            return
        t = self.steps_averaged
        decay = ops.minimum(self.ema, (1.0 + t) / (10.0 + t))
        for mean, variable in zip(self.ema_generator.variables, self.generator.variables, strict=True):
            value = ops.stop_gradient(ops.convert_to_tensor(variable))
            mean.assign(decay * mean + (1.0 - decay) * ops.cast(value, "float32"))
        t.assign(t + 1.0)

    @property
    def network(self) -> keras.Model:
        """The network to use: the average of the generator's weights, or the generator."""
        return self.generator if self.ema_generator is None else self.ema_generator

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Save the network to use as `.keras`, without losses: it loads anywhere."""
        self.network.save(filepath, *args, **kwargs)

    def save_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Save the weights of the network to use as `.weights.h5`."""
        self.network.save_weights(filepath, *args, **kwargs)

    def load_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Load weights that `save_weights` wrote, into the generator and its average."""
        self.network.load_weights(filepath, *args, **kwargs)
        self.generator.set_weights(self.network.get_weights())


def for_student(lr: Any) -> Any:
    """Return the LR that the generator enlarges: the first of two, where a teacher enlarges another one."""
    return lr[0] if isinstance(lr, list | tuple) else lr


def taught_names(taught: dict) -> list[str]:
    """Return what terms against a teacher's SR are logged as."""
    return [f"teacher_{name}" for name in taught]
