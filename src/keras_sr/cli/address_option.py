"""An option whose value may be left out: `--ray`, and `--ray 10.0.0.1:6379`. Typer has no such options."""

import re

from typer.core import TyperCommand

#: What is an address, and not the picture that comes next.
_ADDRESS = re.compile(r"auto|local|ray://\S+|[\w.\-\[\]:]+:\d+")


def _with_address(arguments: list[str], option: str = "--ray") -> list[str]:
    """Return arguments in which the option has a value: `local`, where none was given.

    Examples:
        >>> _with_address(["a.png", "--ray", "-o", "b"]), _with_address(["--ray", "auto"])
        (['a.png', '--ray', 'local', '-o', 'b'], ['--ray', 'auto'])
        >>> _with_address(["--ray", "photos/"]), _with_address(["--", "--ray"])
        (['--ray', 'local', 'photos/'], ['--', '--ray'])
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    given = []
    for place, argument in enumerate(arguments):
        given.append(argument)
        if (
            argument == option
            and place < end
            and not any(map(_ADDRESS.fullmatch, arguments[place + 1 :][:1]))
        ):
            given.append("local")
    return given


class AddressCommand(TyperCommand):
    """A command with `--ray`."""

    def parse_args(self, ctx, args):  # noqa: ANN001, ANN201  (as the base class has it)
        """Read the arguments."""
        return super().parse_args(ctx, _with_address(args))
