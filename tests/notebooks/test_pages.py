"""The pages that are kept: their code is the library's and their sources', and they hold nothing odd."""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
PAGES = [source.with_suffix(".ipynb") for source in SOURCES]
NAMES = [source.stem for source in SOURCES]
#: A reader's machine is nobody's business.
PRIVATE = re.compile(r"/(?:home|root|Users|tmp|work|mnt|var)/|[A-Z]:\\\\|\.venv|site-packages|localhost")


def page(path):
    return json.loads(path.read_text("utf-8"))


def text(value):
    return value if isinstance(value, str) else "".join(value)


def shown_cells(cells):
    return [(cell["metadata"]["show"], text(cell["source"])) for cell in cells if "show" in cell["metadata"]]


def differs_from_library(show, code):
    """Return which of the names that a block shows is not as in the library, or ""."""
    module, names = show.split(":")
    library = importlib.import_module(module)
    for name in (name.strip() for name in names.split(",")):
        value = getattr(library, name)
        if callable(value):
            same = inspect.getsource(inspect.unwrap(value)).rstrip() in code
        else:
            same = assigned(name, code) == assigned(name, inspect.getsource(library))
        if not same:
            return name
    return ""


def assigned(name, code):
    """Return the line that assigns a constant at the top of a module."""
    return next(line for line in code.splitlines() if line.startswith(f"{name} ="))


def test_there_are_nine_lessons_and_all_are_built():
    assert [name[:2] for name in NAMES] == [f"{number:02d}" for number in range(9)]
    assert [path.name for path in PAGES if not path.is_file()] == []


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_a_page_is_its_source_with_the_librarys_code(builder, source):
    expected = builder.expand(source).cells
    found = page(source.with_suffix(".ipynb"))["cells"]
    assert [text(cell["source"]) for cell in found] == [cell.source for cell in expected], (
        f"{source.stem}.ipynb is not what its source and the library say: make notebooks"
    )
    assert [cell["metadata"] for cell in found] == [cell.metadata for cell in expected]


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_what_is_shown_is_the_librarys_source(path):
    keras = pytest.importorskip("keras")  # noqa: F841
    for show, code in shown_cells(page(path)["cells"]):
        assert not differs_from_library(show, code), f"{path.name} shows {show}: make notebooks"


def test_a_change_on_either_side_is_noticed(builder, tmp_path, monkeypatch):
    pytest.importorskip("keras")
    from keras_sr.losses import pixel

    lesson = next(source for source in SOURCES if source.stem == "01_srresnet_mse")
    cells = builder.expand(lesson).cells
    show, code = next(cell for cell in shown_cells(cells) if "losses.pixel" in cell[0])
    assert differs_from_library(show, code) == ""
    # A page in which somebody has edited a block.
    assert differs_from_library(show, code.replace("2.0 *", "3.0 *")) == "difference"

    # A library that has moved on: inspect reads another mse.
    def mse(sr, hr):
        return pixel.ops.mean(pixel.ops.abs(pixel.difference(sr, hr)))

    monkeypatch.setattr(pixel, "mse", mse)
    assert differs_from_library(show, code) == "mse"
    # And the builder, which reads the file, puts the new text into the page.
    moved = tmp_path / "pixel.py"
    moved.write_text(builder.source_of("keras_sr.losses.pixel").replace("2.0 *", "3.0 *"), "utf-8")
    monkeypatch.setattr(builder, "source_of", lambda module: moved.read_text("utf-8"))
    again = builder.code_of("keras_sr.losses.pixel", ["difference", "mse"], [])
    assert "3.0 *" in again
    assert again.replace("3.0 *", "2.0 *") == code


def used_names(code):
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_what_is_shown_is_used_and_never_replaced(builder, source):
    """Each shown name is used below, or by what is shown; no import puts the library's own in its place."""
    cells = [cell for cell in builder.expand(source).cells if cell.cell_type == "code"]
    for place, cell in enumerate(cells):
        if "show" not in cell.metadata:
            continue
        _, names = cell.metadata["show"].split(":")
        for name in (name.strip() for name in names.split(",")):
            later = cells[place + 1 :]
            others = [c for c in cells if "show" in c.metadata]
            assert any(name in used_names(c.source) for c in [*later, *others]), f"{name} is shown, not used"
            imported = {
                alias.asname or alias.name
                for c in later
                for node in ast.walk(ast.parse(c.source))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }
            assert name not in imported, f"{name} is shown and then imported over"


@pytest.mark.parametrize("number", range(1, 7))
def test_network_loss_and_step_are_in_every_lesson(builder, number):
    shown = " ".join(show for show, _ in shown_cells(builder.expand(SOURCES[number]).cells))
    wanted = ["srresnet", "SuperResolution", "mse" if number in (1, 4) else "ContentLoss"]
    wanted += ["SRGAN", "discriminator", "bce_generator"] if number > 3 else []
    assert [name for name in wanted if name not in shown] == []


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_a_page_is_small_whole_and_tells_nothing_about_the_machine(path):
    assert path.stat().st_size < 1.5e6
    cells = page(path)["cells"]
    assert [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"] == [
        number + 1 for number in range(sum(cell["cell_type"] == "code" for cell in cells))
    ], "a page is run from top to bottom: make notebooks"
    for cell in cells:
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"
            said = [text(output.get("text", ""))]
            said += [text(v) for kind, v in output.get("data", {}).items() if kind.startswith("text/")]
            for line in said:
                assert not PRIVATE.search(line), line
                assert "Warning" not in line
                assert "smoke" not in line


def test_lessons_do_not_repeat_each_other():
    """No paragraph stands in two lessons: what is known is referred to, or shown folded by the build."""
    seen = {}
    for source in SOURCES:
        for paragraph in re.split(r"\n# *\n|\n\n", source.read_text("utf-8")):
            prose = " ".join(
                line.removeprefix("# ") for line in paragraph.splitlines() if line.startswith("# ")
            )
            if len(prose) > 100 and not prose.startswith(("%", "In Colab")):
                assert seen.setdefault(prose, source) == source, (
                    f"{source.name} repeats {seen[prose].name}: {prose}"
                )
