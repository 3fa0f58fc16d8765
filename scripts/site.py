"""Build the documentation site into site/ from what is kept elsewhere, by zensical.

    python scripts/site.py            the site, strictly
    python scripts/site.py --pages    only its pages, as Markdown, in build/site/

Tutorials are the executed notebooks, the reference comes from docstrings, the decisions from their folder,
CONTRIBUTING and the like from the repository's root. Links are turned from those of the repository into those
of the site. Formulas become MathML here, so that a page needs no script to show them. No framework is
imported: docstrings are read, not run.
"""

import ast
import base64
import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from latex2mathml.converter import convert
from links import ROOT_PAGES, broken_on_site, on_site

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "keras_sr"
#: Where the pages are written, and what they become.
PAGES, SITE = ROOT / "build" / "site", ROOT / "site"
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
    "graphs",
    "server",
    "lessons",
)
SUFFIX = {"image/jpeg": "jpg", "image/png": "png"}


def main() -> None:
    """Write the pages, build the site, and refuse one that has a link to nowhere."""
    write_pages(PAGES)
    if "--pages" in sys.argv[1:]:
        return
    zensical = Path(sys.executable).with_name("zensical")
    subprocess.run([zensical, "build", "--strict", "--clean"], cwd=PAGES, check=True)
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.move(PAGES / "site", SITE)
    for path in SITE.rglob("*.html"):
        path.write_text(with_mathml(path.read_text("utf-8")), "utf-8")
    if wrong := list(broken_on_site(SITE)):
        raise SystemExit(
            "links that lead nowhere, or leave the site to fetch something:\n" + "\n".join(wrong)
        )
    print(f"the site: {SITE / 'index.html'}")


def write_pages(folder: Path) -> None:
    """Write all that zensical needs into a folder: pages with their pictures, and mkdocs.yml."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder / "docs")
    for path, content in pages().items():
        place = folder / "docs" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    # JSON is YAML, too.
    (folder / "mkdocs.yml").write_text(json.dumps(configuration(), indent=1), "utf-8")


def pages() -> dict[str, str | bytes]:
    """Return what differs from docs/, or is not there: path on the site, and its text or picture."""
    found: dict[str, str | bytes] = {}
    for path in sorted(DOCS.rglob("*.md")):
        found[str(path.relative_to(DOCS))] = on_site(path.read_text("utf-8"), str(path.relative_to(ROOT)))
    for name, page in ROOT_PAGES.items():
        text = (ROOT / name).read_text("utf-8")
        if page == "licence.md":
            found[page] = f"# Licence\n\n{fenced('text', text)}\n"
        elif page != "index.md":
            found[page] = on_site(text, name)
    for path in lessons():
        text, pictures = tutorial(path)
        found[f"tutorials/{path.stem}.md"] = text
        found |= {f"tutorials/{name}": data for name, data in pictures.items()}
    found["decisions/index.md"] = decisions_index()
    found["reference/keras_sr.md"] = start_of_reference()
    return found | {f"reference/{name}.md": reference(name) for name in PACKAGES}


def configuration() -> dict[str, Any]:
    """Return mkdocs.yml with the parts of the navigation that follow from folders, and the places here."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    parts = {
        "Tutorials": [{title(path): f"tutorials/{path.stem}.md"} for path in lessons()],
        "Reference": [
            {"Start here": "reference/keras_sr.md"},
            *({f"keras_sr.{name}": f"reference/{name}.md"} for name in PACKAGES),
        ],
        "Decisions": [
            {"All decisions": "decisions/index.md"},
            *({first_heading(path): f"decisions/{path.name}"} for path in decisions()),
        ],
    }
    config["nav"] = [
        {name: parts.get(name, value)} for entry in config["nav"] for name, value in entry.items()
    ]
    handler = config["plugins"][1]["mkdocstrings"]["handlers"]["python"]
    handler["paths"] = [str(PACKAGE.parent)]
    return config


def lessons() -> list[Path]:
    """Return the notebooks, in order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def decisions() -> list[Path]:
    """Return the decisions, in order."""
    return sorted((DOCS / "decisions").glob("[0-9]*.md"))


# === Formulas ===


def with_mathml(content: str) -> str:
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


# === Tutorials ===


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
            parts.append(on_site(source, f"notebooks/{path.name}"))
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


# === Decisions ===


def decisions_index() -> str:
    """Return the page that lists the decisions."""
    lines = [f"- [{first_heading(path)}]({path.name})" for path in decisions()]
    head = "# Decisions\n\nWhat was chosen, what it was measured against, and why.\n\n"
    return head + "\n".join(lines) + "\n"


# === Reference ===


def start_of_reference() -> str:
    """Return the page to start with: what `import keras_sr` has, then the packages, each in one sentence."""
    init = tree(PACKAGE / "__init__.py")
    public = ast.literal_eval(next(value for name, value in assigned(init) if name == "PUBLIC"))
    seed = [name for name, module in public.items() if module.endswith(("superresgan", "coco"))]
    lines = ["# Reference: start here", ""]
    for head, names in (
        ("What `import keras_sr` has, and where it is described:", [n for n in public if n not in seed]),
        ("By the names of SuperResGAN-keras, which this project grew from:", seed),
    ):
        lines += [head, "", "| `keras_sr.` | |", "|---|---|"]
        lines += [f"| [`{n}`][{public[n]}.{n}] | {summary_of(public[n], n)} |" for n in names] + [""]
    lines += ["Behind it, in the order of a picture's way:", "", "| package | |", "|---|---|"]
    for name in PACKAGES:
        lines.append(f"| [`keras_sr.{name}`]({name}.md) | {summary(tree(PACKAGE / name / '__init__.py'))} |")
    return "\n".join([*lines, ""])


def reference(name: str) -> str:
    """Return the page of a package: its docstring, where to start, and each module meant for others."""
    inits = [path for path in modules(name) if path.name == "__init__.py"]
    rest = [path for path in modules(name) if path not in inits]
    lines = [
        f"# keras_sr.{name}",
        f"::: keras_sr.{name}\n    options: {{show_root_heading: false, members: false}}",
        *start_of(name),
        *(f"::: {dotted(path)}\n    options: {{members: false}}" for path in inits[1:]),
        *(f"::: {dotted(path)}" for path in rest),
    ]
    return "\n\n".join(lines) + "\n"


def modules(name: str) -> list[Path]:
    """Return the source files of a package and of those within it; its own `__init__.py` first."""
    found = sorted(
        path
        for path in (PACKAGE / name).rglob("*.py")
        if path.name == "__init__.py" or not path.name.startswith("_")
    )
    own = PACKAGE / name / "__init__.py"
    return [own, *(path for path in found if path != own)]


def dotted(path: Path) -> str:
    """Return the name that a source file is imported by."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def start_of(name: str) -> list[str]:
    """Return what a package itself exports, each in one sentence, and its modules."""
    init = tree(PACKAGE / name / "__init__.py")
    origin = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in init.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    exported = [item for key, value in assigned(init) if key == "__all__" for item in strings(value)]
    rows = [
        f"| [`{item}`][{module}.{original}] | {summary_of(module, original)} |"
        for item, (module, original) in origin.items()
        if item in exported and summary_of(module, original)
    ]
    return ["**Start here**", "| name | |\n|---|---|\n" + "\n".join(rows)] if rows else []


def tree(path: Path) -> ast.Module:
    """Return a source file, parsed."""
    return ast.parse(path.read_text("utf-8"))


def assigned(module: ast.Module) -> list[tuple[str, ast.expr]]:
    """Return the names and values that a module assigns at its top."""
    return [
        (target.id, node.value)
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


def strings(value: ast.expr) -> list[str]:
    """Return the strings that are written out in a value."""
    return [
        node.value
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def summary(node: ast.AST | None) -> str:
    """Return the first sentence of a docstring, for a cell of a table; "" where there is none."""
    text = (
        (ast.get_docstring(node) or "")
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        else ""
    )
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


def summary_of(module: str, name: str) -> str:
    """Return the first sentence about a class or function of a module."""
    path = ROOT / "src" / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    body = tree(path).body
    kinds = (ast.ClassDef, ast.FunctionDef)
    return summary(next((node for node in body if isinstance(node, kinds) and node.name == name), None))


if __name__ == "__main__":
    main()
