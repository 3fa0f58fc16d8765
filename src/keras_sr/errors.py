"""Errors that a person can act on.

Every error that reaches a user says what was expected, what came and what to do, in one line.
The command line prints the line and leaves with `exit_code`; Python callers catch the class.
"""

import re


class KerasSRError(Exception):
    """Base of all errors raised on purpose by keras-sr.

    Args:
        text: What was expected, what came and what to do, in one line. Parameters of Python functions stand
            in backticks: the command line puts its options in their places.
        hint: What might help, where it is not needed to understand the text.
    """

    exit_code = 2

    def __init__(self, text: str = "", *, hint: str = "") -> None:
        super().__init__(text)
        self.text, self.hint = text, hint

    def __str__(self) -> str:
        """Return the text and the hint."""
        return f"{self.text}; {self.hint}" if self.hint else self.text

    def __reduce__(self) -> tuple:
        """Keep the hint when the error crosses a process."""
        return _rebuilt, (type(self), self.text, self.hint)


def _rebuilt(kind: type[KerasSRError], text: str, hint: str) -> KerasSRError:
    """Return an error as it was before it was pickled."""
    return kind(text, hint=hint)


class Stopped(KerasSRError):
    """Somebody asked a task to stop, and it did: what was finished stays."""

    exit_code = 130


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


def one_line(error: Exception) -> str:
    """Return what an error says, on one line; its class when it says nothing.

    Examples:
        >>> one_line(OSError(28, "No space left on device")), one_line(KeyError())
        ('No space left on device', 'KeyError')
    """
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()) or type(error).__name__


def with_class(error: Exception) -> str:
    r"""Return what an error says, on one line; one that was not raised on purpose begins with its class.

    Examples:
        >>> with_class(PictureError("cannot read 'a.png'")), with_class(ValueError("bad\nvalue"))
        ("cannot read 'a.png'", 'ValueError: bad value')
    """
    said = str(error) if isinstance(error, KerasSRError) else f"{type(error).__name__}: {error}"
    # Frameworks write pages, some in colour.
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", said).split())


def install_hint(extra: str) -> str:
    """Return how an extra is installed: keras-sr itself need not be on an index.

    Examples:
        >>> install_hint("train")
        "pip install -e '.[train]' in a clone, or pip install 'keras-sr[train]' where an index has it"
    """
    return f"pip install -e '.[{extra}]' in a clone, or pip install 'keras-sr[{extra}]' where an index has it"
