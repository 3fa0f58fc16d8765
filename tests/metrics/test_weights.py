"""Where weights of metrics are found, and downloads from a server of our own."""

import hashlib
import threading
from dataclasses import replace
from functools import partial
from http.client import IncompleteRead
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from keras_sr.errors import WeightsError
from keras_sr.metrics import weights

CONTENT = b"weights"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for known in weights.FILES.values():
        monkeypatch.delenv(known.variable, raising=False)
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "metrics"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server that has the NIQE model, which is told to come from there; returns a function to change it."""
    root = tmp_path / "server"
    root.mkdir()
    (root / "niqe.npz").write_bytes(CONTENT)
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=running.serve_forever)
    thread.start()

    def describe(path="niqe.npz", content=CONTENT):
        url = f"http://127.0.0.1:{running.server_port}/{path}"
        known = replace(weights.FILES["niqe"], url=url, sha256=hashlib.sha256(content).hexdigest())
        monkeypatch.setitem(weights.FILES, "niqe", known)

    describe()
    yield describe
    running.shutdown()
    thread.join()
    running.server_close()


def test_an_environment_variable_wins(cache, tmp_path, monkeypatch):
    (tmp_path / "mine.npz").write_bytes(CONTENT)
    monkeypatch.setenv("KERAS_SR_NIQE", str(tmp_path / "mine.npz"))
    assert weights.find_weights("niqe") == tmp_path / "mine.npz"
    monkeypatch.setenv("KERAS_SR_NIQE", str(tmp_path / "absent.npz"))
    with pytest.raises(WeightsError, match=r"KERAS_SR_NIQE names .*absent.npz, which is no file"):
        weights.find_weights("niqe")


def test_what_is_downloaded_is_kept(cache, server):
    assert weights.find_weights("niqe").read_bytes() == CONTENT
    server(path="gone.npz")
    assert weights.find_weights("niqe") == cache / "niqe.npz"


@pytest.mark.parametrize(
    ("change", "said"),
    [({"content": b"other"}, "another file than expected"), ({"path": "gone.npz"}, "File not found")],
)
def test_what_is_not_the_file_is_not_kept(cache, server, change, said):
    server(**change)
    with pytest.raises(WeightsError, match=said) as caught:
        weights.find_weights("niqe")
    assert "by hand" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(cache.parent.rglob("*.*"))


def test_a_download_that_breaks_off_is_one_line(cache, server, monkeypatch):
    def breaks_off(url, timeout):
        raise IncompleteRead(b"half")

    monkeypatch.setattr(weights, "urlopen", breaks_off)
    with pytest.raises(WeightsError, match=r"no download \(IncompleteRead.*by hand"):
        weights.find_weights("niqe")


def test_no_network(cache, monkeypatch):
    known = replace(weights.FILES["niqe"], url="http://127.0.0.1:9/niqe.npz")
    monkeypatch.setitem(weights.FILES, "niqe", known)
    with pytest.raises(WeightsError, match=r"no download \(.*refused.*KERAS_SR_NIQE"):
        weights.find_weights("niqe")


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_weights_of_lpips_are_made_by_a_command(cache, net):
    with pytest.raises(
        WeightsError, match=f"python -m keras_sr.metrics.lpips_weights {net}, or name it by KERAS_SR"
    ):
        weights.find_weights(f"lpips_{net}")
    kept = cache / f"lpips_{net}.npz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(CONTENT)
    assert weights.find_weights(f"lpips_{net}") == kept


def test_unknown_names():
    with pytest.raises(WeightsError, match="unknown weights of a metric 'vif'"):
        weights.find_weights("vif")


@pytest.mark.shared
def test_the_pinned_model_is_the_one_in_use(shared_data):
    content = (shared_data / "weights" / "niqe_pris_params.npz").read_bytes()
    assert hashlib.sha256(content).hexdigest() == weights.FILES["niqe"].sha256
