"""Checks that every network makes of its arguments."""

import keras

from keras_sr.errors import KerasSRError, unknown

_SCALES = (2, 3, 4, 8)
#: Of networks that may also clean a picture without enlarging it.
CLEANING_SCALES = (1, *_SCALES)
_DATA_FORMATS = ("channels_last", "channels_first")


def check_choice(kind: str, value: object, known: tuple[str, ...]) -> None:
    """Raise KerasSRError, listing the known ones, unless `value` is one of them."""
    if value not in known:
        raise KerasSRError(unknown(kind, value, known))


def check_scale(scale: int, known: tuple[int, ...] = _SCALES) -> None:
    """Raise KerasSRError unless the scale is one that the network is made for."""
    if scale not in known:
        *most, last = known
        raise KerasSRError(
            f"scale {scale!r} is not supported: the network enlarges by {', '.join(map(str, most))} or {last}"
        )


def check_bands(bands: int) -> None:
    """Raise KerasSRError unless there are networks for pictures of so many bands."""
    if bands not in (1, 3, 4):
        raise KerasSRError(f"bands {bands!r} are not supported: networks have 1 (grey), 3 (RGB) or 4")


def resolve_data_format(data_format: str | None) -> str:
    """Return the data format; None means the one in Keras' configuration.

    Raises:
        KerasSRError: Neither `channels_last` nor `channels_first`.
    """
    data_format = data_format or keras.config.image_data_format()
    check_choice("data_format", data_format, _DATA_FORMATS)
    return data_format
