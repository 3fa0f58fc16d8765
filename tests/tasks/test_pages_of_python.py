"""The pages "From Python" and "Bring your own", run from top to bottom as a reader would."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK = re.compile(r'^```python(?: title="(?P<file>[\w.]+)")?\n(?P<code>.*?)^```', re.MULTILINE | re.DOTALL)


@pytest.fixture
def registries():
    """What a page registers is known to that page alone."""
    pytest.importorskip("keras")
    from keras_sr.data.degradations import DEGRADATIONS
    from keras_sr.evaluation.columns import MEASURES
    from keras_sr.losses import PIXEL
    from keras_sr.models.generators import ARGUMENTS, GENERATORS
    from keras_sr.recipes import RECIPES

    known = DEGRADATIONS, MEASURES, PIXEL, ARGUMENTS, GENERATORS, RECIPES
    before = [dict(one) for one in known]
    yield
    for one, was in zip(known, before, strict=True):
        one.clear()
        one.update(was)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A picture, photographs and a benchmark set."""
    pytest.importorskip("keras")
    rng = np.random.default_rng(0)
    for name, size in {
        "cat.jpg": 40,
        "photos/a.png": 96,
        "photos/in/b.png": 80,
        "sets/Set5/HR/c.png": 64,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (size, size + 8, 3), np.uint8)).resize((size, size)).save(path)
    # A set called as a known one would have to be it.
    (tmp_path / "sets" / "Set5").rename(tmp_path / "sets" / "mine")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", ["from-python", "bring-your-own"])
def test_every_block_runs(page, desk, registries):
    names = {}
    for block in BLOCK.finditer((HOW_TO / f"{page}.md").read_text("utf-8")):
        code = block["code"].replace("sets/Set5", "sets/mine")
        if block["file"]:
            Path(block["file"]).write_text(code, "utf-8")
        else:
            exec(compile(code, f"{page}.md", "exec"), names)
    assert names["run"].weights.is_file()
    values = names["results"].as_json()["sets"][0]["rows"][-1]["mean"]
    assert all(value is not None for value in values.values())
