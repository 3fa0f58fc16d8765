"""The hooks of the documentation site, without building it: .ci/run does that, strictly."""

import base64
import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site():
    pytest.importorskip("mkdocs", reason="needs the docs extra")
    pytest.importorskip("latex2mathml", reason="needs the docs extra")
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "scripts" / "site.py")
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
    found = site.on_page_content(page)
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
