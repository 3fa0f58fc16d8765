"""The model card is a view of the passports: it may say nothing else, and it has to have all pictures."""

import importlib.util
import re
from pathlib import Path

import pytest

from keras_sr.weights import registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def card():
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("model_card", ROOT / "scripts" / "model_card.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_tables_are_the_passports(card):
    page = card.PAGE.read_text("utf-8")
    for name, table in card.tables([registry.passport(name) for name in registry.names()]).items():
        assert card.filled(page, name, table) == page, f"{name}: run python scripts/model_card.py"


def test_a_changed_figure_is_noticed(card):
    page = card.PAGE.read_text("utf-8")
    table = card.tables([registry.passport(name) for name in registry.names()])["scores"]
    psnr = f"{registry.passport('compact_x4').scores['Set5']['psnr']:.2f}"
    assert card.filled(page, "scores", table.replace(psnr, "99.99")) != page


def test_every_network_is_spoken_of_and_every_picture_is_there(card):
    page = card.PAGE.read_text("utf-8")
    words = page.partition("<!-- weights: made")[0]
    for name in registry.names():
        scale = name.partition("_x")[2]
        assert f"`{name}`" in words or f"`_x{scale}`" in words, name
    pictures = re.findall(r"\((images/[^)]+)\)", page)
    assert len(pictures) == 3 + len(card.CROPS)
    assert all((card.DOCS / picture).exists() for picture in pictures)
