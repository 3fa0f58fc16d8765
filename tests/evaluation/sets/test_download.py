"""Downloads, from a server of our own: whole, checked, or not at all."""

import subprocess
import threading
from dataclasses import replace
from functools import partial
from http.client import IncompleteRead
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from keras_sr.errors import DataError
from keras_sr.evaluation.sets import download
from keras_sr.evaluation.sets.download import fetch_set, git_tree
from keras_sr.evaluation.sets.known import SETS, KnownSet, find_set
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.images.plain import write_plain


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def served(tmp_path):
    """A set of two pictures on a server: its description and the server's address."""
    root = tmp_path / "server"
    folder = root / "Tiny" / "image_SRF_4"
    for i in (1, 2):
        write_plain(folder / f"img_{i:03d}_SRF_4_HR.png", np.full((8, 8, 3), 40 * i, np.uint8))
        write_plain(folder / f"img_{i:03d}_SRF_4_LR.png", np.full((2, 2, 3), 40 * i, np.uint8))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield KnownSet("Tiny", 2, {}, {4: git_tree(folder)}), f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_id_is_the_one_that_git_gives(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"two\n")
    (tmp_path / "a.txt").write_bytes(b"one\n")
    expected = git_tree(tmp_path)
    for command in (["init", "-q"], ["add", "a.txt", "b.txt"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    done = subprocess.run(["git", "write-tree"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == expected


def test_a_set_comes_whole(served, tmp_path):
    known, base, _ = served
    seen = []
    home = fetch_set(known, 4, tmp_path / "cache", base=base, progress=lambda *done: seen.append(done))
    assert home == tmp_path / "cache" / "Tiny"
    pairs = find_pairs(home, 4)
    assert [pair.hr.name for pair in pairs] == ["img_001_SRF_4_HR.png", "img_002_SRF_4_HR.png"]
    assert all(pair.lr for pair in pairs)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [path.name for path in home.iterdir()] == ["image_SRF_4"]


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_what_is_not_the_set_is_not_kept(served, tmp_path, damage, monkeypatch):
    known, base, folder = served
    picture = folder / "img_002_SRF_4_HR.png"
    if damage == "changed":
        write_plain(picture, np.full((8, 8, 3), 81, np.uint8))
    else:
        picture.unlink()
    with pytest.raises(DataError, match="is not Tiny" if damage == "changed" else "File not found"):
        fetch_set(known, 4, tmp_path / "cache", base=base)
    assert list((tmp_path / "cache" / "Tiny").iterdir()) == []


def test_no_network_is_one_line_with_the_way_out(tmp_path):
    known = KnownSet("Tiny", 1, {}, {4: ""})
    with pytest.raises(DataError, match=r"cannot download .*give its folder as `data`") as caught:
        fetch_set(known, 4, tmp_path, base="http://127.0.0.1:9")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), IncompleteRead(b"half")])
def test_an_interruption_is_tried_again(served, tmp_path, monkeypatch, error):
    known, base, _ = served
    real, failures = download.urlopen, []

    def unlucky(url, timeout):
        if len(failures) < 2:
            failures.append(url)
            raise error
        return real(url, timeout=timeout)

    monkeypatch.setattr(download, "urlopen", unlucky)
    fetch_set(known, 4, tmp_path / "cache", base=base)
    assert len(failures) == 2


def test_a_scale_that_is_not_handed_round():
    with pytest.raises(DataError, match=r"Urban100 can be downloaded at x2, x4, not at x3"):
        fetch_set(SETS["urban100"], 3, None)


def test_a_cache_of_another_scale_is_passed_over(served, tmp_path, monkeypatch):
    known, base, _ = served
    monkeypatch.setitem(SETS, "tiny", replace(known, name="Tiny"))
    fetch_set(known, 4, tmp_path / "cache", base=base)
    assert find_set("Tiny", 4, [tmp_path / "cache"]) == ("Tiny", tmp_path / "cache" / "Tiny")
    with pytest.raises(DataError, match="Tiny at x2 is not in"):
        find_set("Tiny", 2, [tmp_path / "cache"])
