"""The commands put together, and what happens to errors."""

import io
import os
import sys
from typing import Annotated

import typer

from keras_sr import __version__
from keras_sr.cli.address_option import AddressCommand
from keras_sr.cli.benchmark import benchmark
from keras_sr.cli.compare import compare
from keras_sr.cli.doctor import doctor
from keras_sr.cli.export import export
from keras_sr.cli.imports import import_
from keras_sr.cli.options import in_options
from keras_sr.cli.report import report
from keras_sr.cli.say import say
from keras_sr.cli.serve import serve
from keras_sr.cli.train import TrainCommand, train
from keras_sr.cli.upscale import upscale
from keras_sr.cli.weights import weights
from keras_sr.errors import KerasSRError

app = typer.Typer(
    name="keras-sr",
    # Plain text: its line breaks are ours, and it comes up in half the time.
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command(cls=AddressCommand)(upscale)
app.command()(serve)
app.command(cls=TrainCommand)(train)
for command in (benchmark, compare, weights):
    app.command()(command)
app.command("import")(import_)
app.command()(export)
app.command()(doctor)
app.add_typer(report, name="report")


def _show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def keras_sr(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Make photographs larger and sharper, and train the networks that do it.

    \b
    Enlarge a photograph four times:
        keras-sr upscale cat.jpg -o cat_large.png
    The same in the browser:
        keras-sr serve --open
    Train a network on your own photographs:
        keras-sr train compact --data photos/
    Measure a network on a benchmark set, or two pictures:
        keras-sr benchmark compact_x4 --data Set5
        keras-sr compare large.png other.png --reference truth.png

    Every command has its own --help. Results go to stdout, everything else to stderr.
    """  # noqa: D301  (typer: keep these line breaks)


def main() -> None:
    """Run the command line; errors become one line on stderr and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a terminal cannot show (an arrow, a file name that is not UTF-8) must not cost the rest.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except KerasSRError as error:
        _leave(in_options(str(error)), error.exit_code)
    except OSError as error:
        _leave(f"{error.filename or 'input or output'}: {error.strerror or error}", KerasSRError.exit_code)
    except Exception as error:
        if os.environ.get("KERAS_SR_TRACEBACK"):
            raise
        _leave(
            f"unexpected {type(error).__name__}: {' '.join(str(error).split())} "
            "(set KERAS_SR_TRACEBACK=1 and run it again to see where)",
            70,
        )


def _leave(line: str, code: int) -> None:
    """Say one line on stderr and leave with an exit code."""
    say(f"keras-sr: {line}")
    raise SystemExit(code)
