"""Every `keras-sr` command that is quoted anywhere must be one that the command line understands."""

import re
import shlex
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[2]
#: Where people copy commands from.
FILES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.py")),
    *sorted((ROOT / "src").rglob("*.py")),
    ROOT / "Makefile",
]


def quoted():
    for path in FILES:
        # A command may go on in the next line.
        for number, line in enumerate(path.read_text("utf-8").replace("\\\n", " ").splitlines(), 1):
            match = re.match(
                r"(?:#  )?\s*(?:Run: |\$\(BIN\)/|KERAS_BACKEND=\w+ )?"
                r"keras-sr ((?:upscale|train|benchmark|compare|weights|doctor).*)",
                line,
            )
            if match and "COMMAND" not in line:
                yield pytest.param(match[1], id=f"{path.name}:{number}")


@pytest.mark.parametrize("command", list(quoted()))
def test_command_parses(command):
    from keras_sr.cli.app import app

    name, *arguments = shlex.split(command, comments=True)
    commands = typer.main.get_command(app).commands
    assert name in commands
    commands[name].make_context(name, arguments).close()


def test_there_are_commands_to_check():
    assert len(list(quoted())) > 20


def test_make_targets_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets
