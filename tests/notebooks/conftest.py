import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def builder():
    """scripts/notebooks.py as a module."""
    pytest.importorskip("jupytext", reason="needs the notebooks extra")
    pytest.importorskip("nbclient", reason="needs the notebooks extra")
    spec = importlib.util.spec_from_file_location("build_notebooks", ROOT / "scripts" / "notebooks.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
