"""The ledger: all that ExifTool finds in a picture is kept, rightly changed, or said to be lost."""

import importlib.util
import shutil
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "survives.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool (libimage-exiftool-perl)"),
]


@pytest.fixture(scope="module")
def ledger():
    spec = importlib.util.spec_from_file_location("survives", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["survives"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(ledger, tmp_path_factory):
    return ledger.pairs(tmp_path_factory.mktemp("ledger"))


def test_every_entry_of_every_pair_is_kept_or_changed_rightly_or_said(ledger, found):
    assert len(found) >= 200
    assert ledger.failures(found) == []


def test_the_ledger_is_not_empty(found):
    verdicts = [line.verdict for lines in found.values() for line in lines]
    assert min(verdicts.count(one) for one in ("kept", "changed", "said")) > 200


def test_the_page_is_that_of_the_ledger(ledger, found):
    assert ledger.PAGE.read_text() == ledger.page(found)


def test_the_ledger_finds_what_is_gone_false_or_invented(ledger):
    source = {"IFD0:Make": "A maker", "IFD0:Orientation": 6}
    wrong = {"IFD0:Orientation": 6, "IFD0:Software": "us"}
    verdicts = {line.entry: line.verdict for line in ledger.judged(source, wrong, ())}
    assert verdicts["IFD0:Make"] == "GONE"
    assert verdicts["IFD0:Orientation"].startswith("FALSE")
    assert verdicts["IFD0:Software"] == "INVENTED"
    said = {line.entry: line.verdict for line in ledger.judged(source, {}, ("EXIF",))}
    assert said["IFD0:Make"] == "said"
