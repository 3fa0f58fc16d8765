"""Errors that a person can act on.

Every error that reaches a user says what was expected, what came and what to do, in one line.
The command line prints the line and leaves with `exit_code`; Python callers catch the class.
"""


class KerasSRError(Exception):
    """Base of all errors raised on purpose by keras-sr."""

    exit_code = 2


class PictureError(KerasSRError):
    """A picture file cannot be read, written or used."""


class DataError(KerasSRError):
    """A folder of pictures, or a pair in it, cannot be used."""


class WeightsError(KerasSRError):
    """A weight file is missing, damaged, or belongs to another network."""


class RecipeError(KerasSRError):
    """A recipe, or a value set in it, does not exist or does not fit."""


class TrainingError(KerasSRError):
    """A run cannot start, go on or be resumed."""


def unknown(kind: str, name: object, known: list[str] | tuple[str, ...]) -> str:
    """Return the one line said for a name that does not exist.

    Examples:
        >>> unknown("recipe", "srgna", ["srgan_mse", "srresnet_mse"])
        "unknown recipe 'srgna': the known ones are srgan_mse, srresnet_mse"
    """
    return f"unknown {kind} {name!r}: the known ones are {', '.join(known)}"
