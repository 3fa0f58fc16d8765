"""The pages of the documentation site, without building it: .ci/run does that, strictly."""

import base64
import doctest
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site():
    pytest.importorskip("latex2mathml")
    return script("site")


@pytest.fixture(scope="module")
def links():
    return script("links")


def script(name):
    """Return a module of scripts/, under a name that is no one else's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def test_a_notebook_becomes_markdown_with_its_pictures(site, tmp_path):
    picture = base64.b64encode(b"jpeg").decode()
    shown = {"output_type": "display_data", "data": {"image/jpeg": picture}, "metadata": {}}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# 1. A lesson\n", "text"]},
        {
            "cell_type": "code",
            "metadata": {},
            "source": "look()",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["seen\n"]}, shown],
        },
        {
            "cell_type": "code",
            "metadata": {"show": "a:b", "jupyter": {"source_hidden": True}},
            "source": "known()",
            "outputs": [],
        },
    ]
    path = tmp_path / "01_a.ipynb"
    path.write_text(json.dumps({"cells": cells}), "utf-8")
    text, pictures = site.tutorial(path)
    assert pictures == {"01_a_02_0.jpg": b"jpeg"}
    assert text.startswith("# 1. A lesson\n\n*This page is `notebooks/01_a.ipynb`")
    assert "```python\nlook()\n```\n\n```text\nseen\n```\n\n![what the cell shows](01_a_02_0.jpg)" in text
    assert '??? note "known: b"\n\n    ```python\n    known()\n    ```' in text


def test_formulas_become_mathml_and_unknown_commands_end_the_build(site):
    page = r'<p><span class="arithmatex">\(x^2\)</span></p><div class="arithmatex">\[\frac{1}{N}\]</div>'
    found = site.with_mathml(page)
    assert "arithmatex" not in found
    assert found.count("<math") == 2
    with pytest.raises(ValueError, match="nosuch"):
        site.mathml(r"\nosuch x", "inline")


def test_the_reference_has_every_package(site):
    packages = {path.parent.name for path in (ROOT / "src" / "keras_sr").glob("*/__init__.py")}
    assert packages - set(site.PACKAGES) == {"cli"}
    assert "::: keras_sr.losses.pixel" in site.reference("losses")


def test_every_how_to_page_is_in_the_navigation():
    listed = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert [path.name for path in (ROOT / "docs" / "how-to").glob("*.md") if path.name not in listed] == []


# === Links ===

REPOSITORY = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / ".github").glob("*.md")),
]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def text_of(path):
    if path.suffix == ".md":
        return path.read_text("utf-8")
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("path", [*REPOSITORY, *LESSONS], ids=lambda path: path.name)
def test_every_link_of_a_page_leads_somewhere_in_the_repository(links, path):
    assert links.broken(ROOT, str(path.relative_to(ROOT)), text_of(path)) == []


def test_the_examples_of_the_links_are_true(links):
    assert doctest.testmod(links).failed == 0


def test_a_link_to_nowhere_is_noticed(links, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Use it\n")
    text = "[a](../README.md) [b](../README.md#use-it) [c](../README.md#no) ![d](no.png) `[e](no)` [f](https://x.y)"
    found = links.broken(tmp_path, "docs/page.md", text)
    assert found == ["docs/page.md: ../README.md#no", "docs/page.md: no.png"]


def test_links_of_the_repository_become_links_of_the_site(links):
    text = (
        "[a](../../notebooks/01_x.ipynb#b) [c](../../src/keras_sr/metrics) [d](#e) [f](measure.md) `[g](h)`"
    )
    assert links.on_site(text, "docs/how-to/x.md") == (
        "[a](../tutorials/01_x.md#b) [c](../reference/metrics.md) [d](#e) [f](measure.md) `[g](h)`"
    )
    with pytest.raises(ValueError, match=r"no page of .*benchmarks"):
        links.on_site("[a](../../benchmarks)", "docs/how-to/x.md")


def test_every_link_on_the_pages_of_the_site_is_of_a_page_that_is_there(site, links):
    pages = site.pages()
    there = set(pages) | {str(path.relative_to(site.DOCS)) for path in site.DOCS.rglob("*")}
    assert "contributing.md" in pages
    lost = []
    for name, text in pages.items():
        if isinstance(text, str):
            links.replaced(
                text, lambda path, anchor, name=name: lost.append((name, links.beside(name, path))) or ""
            )
    assert [
        (name, target) for name, target in lost if target not in there and not target.startswith("#")
    ] == []


def test_a_broken_picture_anchor_or_page_and_a_fetched_script_fail_the_built_site(links, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "index.html").write_text(
        "<a href='a/#there'></a><a href='a/#gone'></a><a href='b/'></a><a href='https://x.y/'></a>"
        "<img src='no.png'><script src='https://x.y/z.js'></script>"
    )
    (tmp_path / "a" / "index.html").write_text("<h2 id='there'></h2><a href='..'></a><a href='/a/'></a>")
    assert list(links.broken_on_site(tmp_path)) == [
        "index.html: a/#gone",
        "index.html: b/",
        "index.html: no.png",
        "index.html: fetches https://x.y/z.js",
    ]


def test_the_reference_starts_with_what_the_package_has(site):
    import keras_sr

    page = site.start_of_reference()
    for name, module in keras_sr.PUBLIC.items():
        assert f"[`{name}`][{module}.{name}] | " in page
        assert f"[`{name}`][{module}.{name}] |  |" not in page, "its docstring has no first sentence"
    assert "[`mse`][keras_sr.losses.pixel.mse]" in site.reference("losses")
    assert "::: keras_sr.images.picture.reading" in site.reference("images")


def test_the_pages_need_no_framework_and_not_even_the_package():
    pytest.importorskip("latex2mathml")
    code = "import runpy, sys; runpy.run_path(sys.argv[1])['pages'](); print(*sys.modules)"
    command = [sys.executable, "-c", code, ROOT / "scripts" / "site.py"]
    done = subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {"keras", "tensorflow", "openvino", "numpy", "keras_sr"} & set(done.stdout.split())


def test_every_page_of_docs_is_in_the_navigation(site):
    listed = json.dumps(site.configuration()["nav"])
    pages = [name for name in site.pages() if name.endswith(".md")]
    assert [name for name in pages if f'"{name}"' not in listed] == []
