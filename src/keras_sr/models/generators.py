"""Every generator, and how one is built from the plain values that recipes and weight files hold."""

from collections.abc import Callable
from inspect import signature

import keras

from keras_sr.errors import KerasSRError, unknown
from keras_sr.models.chain import chain
from keras_sr.models.compact import compact
from keras_sr.models.rrdb import rrdb
from keras_sr.models.span import span
from keras_sr.models.srresnet import srresnet

#: (N, h, w, bands) in [0, 1] to (N, h * scale, w * scale, bands); without `bands` there are 3.
GENERATORS: dict[str, Callable[..., keras.Model]] = {
    "chain": chain,
    "compact": compact,
    "rrdb": rrdb,
    "span": span,
    "srresnet": srresnet,
}
#: The arguments that each takes, besides scale and data_format.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "chain": ("features", "blocks", "activation"),
    "compact": ("features", "blocks", "activation", "bands"),
    "rrdb": ("features", "blocks", "growth", "bands", "unshuffle"),
    "span": ("features", "blocks", "mean_shift"),
    "srresnet": ("features", "blocks", "normalization", "upsampler"),
}


def build_generator(values: dict, data_format: str | None = None) -> keras.Model:
    """Build a generator from a dict with `generator`, `scale` and the arguments of that generator.

    Args:
        values: Such as a recipe's fields; what the generator does not take is left alone, and what is not
            there, or empty, has the generator's default.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras' setting.

    Raises:
        KerasSRError: No generator has that name.
    """
    name = values["generator"]
    if name not in GENERATORS:
        raise KerasSRError(unknown("generator", name, list(GENERATORS)))
    arguments = {key: values[key] for key in ARGUMENTS[name] if values.get(key, "") != ""}
    return GENERATORS[name](values["scale"], data_format=data_format, **arguments)


def activation_of(values: dict) -> str:
    """Return the activation of the generator that `build_generator` makes of these values; "" for none."""
    own = signature(GENERATORS[values["generator"]]).parameters.get("activation")
    return values.get("activation") or (own.default if own else "")
