"""Hooks of the documentation site (mkdocs.yml): pages made from what is kept elsewhere.

Tutorials are the executed notebooks, the reference comes from docstrings, the decisions from their folder.
Formulas become MathML here, so that a page needs no script to show them.
"""

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

from keras_sr import PUBLIC

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
PACKAGE = ROOT / "src" / "keras_sr"
#: What the reference has a page of, in the order of a picture's way; cli is shown by its own --help.
PACKAGES = (
    "tasks",
    "images",
    "data",
    "models",
    "losses",
    "training",
    "recipes",
    "evaluation",
    "metrics",
    "weights",
    "inference",
    "export",
    "lessons",
)
SUFFIX = {"image/jpeg": "jpg", "image/png": "png"}


def on_config(config: Any) -> Any:
    """Fill the parts of the navigation that follow from folders."""
    lessons = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    parts = {
        "Tutorials": [{title(path): f"tutorials/{path.stem}.md"} for path in lessons],
        "Reference": [
            {"keras_sr": "reference/keras_sr.md"},
            *({f"keras_sr.{name}": f"reference/{name}.md"} for name in PACKAGES),
        ],
        "Decisions": [{first_heading(path): f"decisions/{path.name}"} for path in decisions],
    }
    for entry in config.nav:
        name = next(iter(entry))
        entry[name] = parts.get(name, entry[name])
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the tutorials with their pictures, and the pages of the reference."""
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        text, pictures = tutorial(path)
        files.append(File.generated(config, f"tutorials/{path.stem}.md", content=text))
        for name, data in pictures.items():
            files.append(File.generated(config, f"tutorials/{name}", content=data))
    files.append(File.generated(config, "reference/keras_sr.md", content=public_names()))
    for name in PACKAGES:
        files.append(File.generated(config, f"reference/{name}.md", content=reference(name)))
    return files


def on_page_content(content: str, **_: Any) -> str:
    """Replace formulas by MathML, which browsers show by themselves."""
    content = re.sub(
        r'<span class="arithmatex">\\\((.*?)\\\)</span>',
        lambda m: mathml(m[1], "inline"),
        content,
        flags=re.S,
    )
    return re.sub(
        r'<div class="arithmatex">\\\[(.*?)\\\]</div>', lambda m: mathml(m[1], "block"), content, flags=re.S
    )


def mathml(latex: str, display: str) -> str:
    """Return a formula as MathML; wide ones scroll by themselves."""
    formula = convert(html.unescape(latex).strip(), display=display)
    if "\\" in formula:
        raise ValueError(f"latex2mathml leaves a command of this formula as it is: {latex}")
    return f'<div class="formula">{formula}</div>' if display == "block" else formula


def title(path: Path) -> str:
    """Return the heading of a notebook: `1. SRResNet on the mean squared error`."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return text_of(cells[0]["source"]).splitlines()[0].removeprefix("# ")


def first_heading(path: Path) -> str:
    """Return the heading of a page."""
    return path.read_text("utf-8").splitlines()[0].removeprefix("# ")


def tutorial(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its pictures by file name."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for number, cell in enumerate(json.loads(path.read_text("utf-8"))["cells"], start=1):
        source = text_of(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(code(source, cell["metadata"]))
        for output in cell["outputs"]:
            parts += shown(output, f"{path.stem}_{number:02d}", pictures)
    where = f"*This page is `notebooks/{path.name}`, which you can run and change.*"
    heading, _, rest = parts[0].partition("\n")
    return "\n\n".join([heading, where, rest, *parts[1:]]) + "\n", pictures


def code(source: str, metadata: dict) -> str:
    """Return a cell's code; what an earlier lesson has explained is folded, as in the notebook."""
    if not metadata.get("jupyter", {}).get("source_hidden"):
        return fenced("python", source)
    what = metadata["show"].partition(":")[2]
    block = "\n".join(f"    {line}".rstrip() for line in fenced("python", source).splitlines())
    return f'??? note "known: {what}"\n\n{block}'


def shown(output: dict, stem: str, pictures: dict[str, bytes]) -> list[str]:
    """Return what a cell has put out as Markdown; pictures go into the dict."""
    if output["output_type"] == "stream":
        return [fenced("text", text_of(output["text"]).rstrip())]
    data = output.get("data", {})
    for kind, suffix in SUFFIX.items():
        if kind in data:
            name = f"{stem}_{len(pictures)}.{suffix}"
            pictures[name] = base64.b64decode(text_of(data[kind]))
            alt = output.get("metadata", {}).get(kind, {}).get("alt", "what the cell shows")
            return [f"![{alt}]({name})"]
    return [fenced("text", text_of(data["text/plain"]))] if "text/plain" in data else []


def fenced(language: str, text: str) -> str:
    """Return text as a block of code."""
    return f"```{language}\n{text}\n```"


def text_of(value: str | list[str]) -> str:
    """Return a text of the notebook format, which may be a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def public_names() -> str:
    """Return the page of what `import keras_sr` has, each name with the place where it is described."""
    lines = [f"- [`keras_sr.{name}`][{module}.{name}]" for name, module in PUBLIC.items()]
    return "\n".join(["# keras_sr", "", *lines, ""])


def reference(name: str) -> str:
    """Return the page of a package: its docstring, and every module of it that is meant for others."""
    modules = sorted(path.stem for path in (PACKAGE / name).glob("*.py") if not path.stem.startswith("_"))
    lines = [
        f"# keras_sr.{name}",
        f"::: keras_sr.{name}\n    options: {{show_root_heading: false, members: false}}",
    ]
    return "\n\n".join([*lines, *(f"::: keras_sr.{name}.{module}" for module in modules)]) + "\n"
