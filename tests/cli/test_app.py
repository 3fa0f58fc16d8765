import subprocess
import sys

import pytest

from keras_sr import __version__
from keras_sr.cli import main

#: Modules that take long to import and that help and version have no use for.
HEAVY = [
    *("numpy", "PIL", "rich", "openvino", "onnxruntime", "keras", "tensorflow", "torch", "jax"),
    *("fsspec", "ray", "pyarrow", "pandas"),
]
COMMANDS = ["upscale", "train", "benchmark", "compare", "weights", "doctor"]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *[[c, "--help"] for c in COMMANDS]])
def test_help_imports_nothing_heavy(arguments):
    code = f"""
import sys
sys.argv = ["keras-sr", *{arguments!r}]
from keras_sr.cli import main
try:
    main()
finally:
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_version(run):
    assert run("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"  keras-sr {command} " in out or command in ("weights", "doctor")
    assert "keras-sr" in out.split("\n", 3)[3]


def test_examples_in_help_name_recipes_that_exist(run):
    pytest.importorskip("keras")
    from keras_sr.recipes import RECIPES

    _, out, _ = run("train", "--help")
    listed = " ".join(out.split()).split("Recipes: ")[1].split(".")[0]
    assert listed.split(", ") == list(RECIPES)


@pytest.mark.parametrize("arguments", [["enlarge"], ["upscale"], ["upscale", "a.png", "-o", "b", "--wrong"]])
def test_wrong_usage_says_so_on_stderr(run, arguments):
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert "Error: " in err


def raising(error):
    def app():
        raise error

    return app


def test_errors_become_one_line_and_their_exit_code(run, monkeypatch):
    from keras_sr.errors import KerasSRError

    monkeypatch.setattr("keras_sr.cli.app.app", raising(KerasSRError("expected this, got that")))
    assert run() == (2, "", "keras-sr: expected this, got that\n")


def test_a_full_disk_is_one_line(run, monkeypatch):
    monkeypatch.setattr("keras_sr.cli.app.app", raising(OSError(28, "No space left on device", "out.png")))
    assert run() == (2, "", "keras-sr: out.png: No space left on device\n")


def test_a_defect_says_how_to_see_more(run, monkeypatch):
    monkeypatch.setattr("keras_sr.cli.app.app", raising(ZeroDivisionError("a\nb")))
    code, _, err = run()
    assert code == 70
    assert err.startswith("keras-sr: unexpected ZeroDivisionError: a b (set KERAS_SR_TRACEBACK=1")
    assert err.count("\n") == 1
    monkeypatch.setenv("KERAS_SR_TRACEBACK", "1")
    monkeypatch.setattr(sys, "argv", ["keras-sr"])
    with pytest.raises(ZeroDivisionError):
        main()
