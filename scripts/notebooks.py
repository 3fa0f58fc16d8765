"""Build the lessons: notebooks/NN_name.py, the only source, to notebooks/NN_name.ipynb with outputs.

    python scripts/notebooks.py                      all of them, in order
    python scripts/notebooks.py 01 07                some
    python scripts/notebooks.py 01 --text            new text around outputs that are kept
    KERAS_SR_SMOKE=1 python scripts/notebooks.py --out build/notebooks    in seconds each, not to be kept

A source is text in jupytext's percent format. A cell that is only a line such as

    # %% show keras_sr.models.srresnet:srresnet, residual_block

becomes the library's own source of these names, below the imports that it needs, and runs in the page: what
is used from there on is what is read there. `show again` does the same and folds the cell, for what
an earlier lesson has explained.
"""

import argparse
import ast
import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
MARKER = re.compile(r"show (?P<again>again )?(?P<module>[\w.]+):(?P<names>[\w, ]+)")
#: Seconds that one cell may take.
PATIENCE = 1200


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="such as 01; all when none is given")
    parser.add_argument("--out", type=Path, default=NOTEBOOKS, help="folder for the .ipynb")
    parser.add_argument("--text", action="store_true", help="keep the outputs, change only the text")
    options = parser.parse_args(arguments)
    if os.environ.get("KERAS_SR_SMOKE", "0") not in ("", "0") and options.out == NOTEBOOKS:
        parser.error("smoke mode learns nothing: give --out, so that it does not replace what is kept")
    for source in sources(options.lessons):
        began = time.perf_counter()
        path = options.out / f"{source.stem}.ipynb"
        page = with_outputs(expand(source), path) if options.text else run(expand(source), options.out)
        path.write_text(nbformat.writes(page), "utf-8")
        print(
            f"{path.name}  {time.perf_counter() - began:.0f} s  {path.stat().st_size / 1e6:.2f} MB",
            flush=True,
        )


def sources(wanted: list[str]) -> list[Path]:
    """Return the sources of the lessons whose numbers are given, or of all, in order."""
    found = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))
    unknown = [number for number in wanted if not any(path.name.startswith(number) for path in found)]
    if unknown:
        sys.exit(
            f"there is no lesson {', '.join(unknown)}: there are {', '.join(path.stem for path in found)}"
        )
    return [path for path in found if not wanted or path.name.startswith(tuple(wanted))]


def expand(source: Path) -> nbformat.NotebookNode:
    """Return a lesson as a notebook without outputs, the library's code put in where the source says so."""
    page = jupytext.reads(source.read_text("utf-8"), fmt="py:percent")
    page.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    shown: list[str] = []
    for number, cell in enumerate(page.cells, start=1):
        # jupytext's ids are random: the same source would give another file each time.
        cell.id = f"cell-{number:02d}"
        marker = MARKER.fullmatch(cell.metadata.pop("title", ""))
        cell.metadata = nbformat.from_dict({})
        if marker:
            names = [name.strip() for name in marker["names"].split(",")]
            cell.source = code_of(marker["module"], names, shown)
            cell.metadata["show"] = f"{marker['module']}:{', '.join(names)}"
            if marker["again"]:
                cell.metadata["jupyter"] = {"source_hidden": True}
            shown += names
    return page


def code_of(module: str, names: list[str], shown: list[str]) -> str:
    """Return the library's source of some names, below the imports that it needs.

    Args:
        module: Such as `keras_sr.losses.pixel`.
        names: Functions, classes or constants at the top of that module, in the order they are to be shown.
        shown: Names that the page has shown before: they are the page's own, so they are not imported.
    """
    text = source_of(module)
    tree = ast.parse(text)
    parts = [piece(text, tree, module, name) for name in names]
    used = {node.id for part in parts for node in ast.walk(ast.parse(part)) if isinstance(node, ast.Name)}
    needed = imports(tree, module, used - set(shown) - set(names))
    head = f"# {module.replace('.', '/')}.py"
    return "\n".join([head, *needed, ""]) + "\n\n" + "\n\n\n".join(parts)


def source_of(module: str) -> str:
    """Return the text of a module's file, found without importing the packages it is in."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    path = Path(spec.origin).parent.joinpath(*rest).with_suffix(".py") if spec and spec.origin else Path()
    if not path.is_file():
        raise LookupError(f"there is no module {module} to show: is it misspelt, or has it moved?")
    return path.read_text("utf-8")


def piece(text: str, tree: ast.Module, module: str, name: str) -> str:
    """Return the lines that define a name, with decorators and the comment right above."""
    for node in tree.body:
        if name in defined(node):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
            lines = text.splitlines()
            while first and lines[first - 1].startswith("#:"):
                first -= 1
            return "\n".join(lines[first : node.end_lineno])
    raise LookupError(f"{module} defines no {name}: is it misspelt, or has it moved?")


def defined(node: ast.stmt) -> list[str]:
    """Return the names that a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def imports(tree: ast.Module, module: str, used: set[str]) -> list[str]:
    """Return the import lines that bring the used names, the module's own definitions included."""
    lines = []
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        wanted = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in used]
        if wanted:
            what = ", ".join(ast.unparse(alias) for alias in wanted)
            lines.append(
                f"from {node.module} import {what}" if isinstance(node, ast.ImportFrom) else f"import {what}"
            )
    own = sorted({name for node in tree.body for name in defined(node)} & used)
    return [*lines, f"from {module} import {', '.join(own)}"] if own else lines


def with_outputs(page: nbformat.NotebookNode, path: Path) -> nbformat.NotebookNode:
    """Return a page with the outputs of the one that is there; its code must be the same."""
    code, there = (
        [c for c in p.cells if c.cell_type == "code"] for p in (page, nbformat.read(path, as_version=4))
    )
    if [cell.source for cell in code] != [cell.source for cell in there]:
        sys.exit(
            f"the code of {path.name} has changed, so its outputs are not to be kept: run it without --text"
        )
    for cell, old in zip(code, there, strict=True):
        cell.outputs, cell.execution_count = old.outputs, old.execution_count
    return page


def run(page: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Execute a notebook in a folder and tidy its outputs; an error in a cell ends the build."""
    folder.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        page,
        timeout=PATIENCE,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        # What the kernel itself says on stderr (greetings of frameworks) is no part of a page.
        client.execute(stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        sys.exit(str(error))
    for cell in page.cells:
        if cell.cell_type == "code":
            cell.outputs = tidy(cell.outputs)
    return page


def tidy(outputs: list) -> list:
    """Drop what a framework says on stderr, join what was printed, and drop the texts of pictures."""
    kept: list = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
                continue
        elif any(kind.startswith("image/") for kind in output.get("data", {})):
            output.data.pop("text/plain", None)
        kept.append(output)
    return kept


if __name__ == "__main__":
    main()
