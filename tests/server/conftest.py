import pytest

pytest.importorskip("fastapi", reason="needs the extra web")
pytest.importorskip("httpx", reason="needs the extra dev")

from serving import Served, encoded, photograph


def start(request, *options, **more):
    served = Served(*options, **more)
    request.addfinalizer(served.stop)
    return served


@pytest.fixture(scope="session")
def served(request, tmp_path_factory):
    """A server with everything at its default."""
    return start(request, folder=tmp_path_factory.mktemp("served"))


@pytest.fixture
def start_server(request, tmp_path):
    """A function that starts a server with other options."""
    return lambda *options, **more: start(request, *options, **{"folder": tmp_path / "served", **more})


@pytest.fixture(scope="session")
def png():
    return encoded(photograph())


@pytest.fixture(scope="session")
def large_png():
    """Some seconds of work, in several tiles."""
    return encoded(photograph(700, 900))
