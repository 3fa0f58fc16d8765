"""The commands of README and how-to pages, run one after the other as a reader would, on pictures made here.

Networks are shrunk to seconds and benchmark sets are tiny; apart from that every command is what is written.
Those that install packages are run by the Makefile's targets, those of make by .ci/run.
"""

import re
import shlex
from dataclasses import replace
from glob import glob
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "index.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Not run here: they change the environment that the tests run in, or are run by .ci/run or tests/server.
ELSEWHERE = (
    "python -m pip install",
    "make ",
    "keras-sr serve",
    "KERAS_SR_TOKEN=",
    "python scripts/taught_pairs.py",
)

#: Addresses need a store: tests/tasks/test_s3.py has one.
ADDRESSES = "s3://"

#: Commands that rightly end with 1: of the sixteen parts, the page has done one.
INCOMPLETE = ("keras-sr report merge",)

#: Weights that ship, and how a shrunk network of their build is made.
STARTS = {"compact_x4": ["compact"], "srgan_vgg54": ["srresnet_mse", "--quick"]}


def commands(page):
    lines = "\n".join(BLOCK.findall(page.read_text("utf-8"))).splitlines()
    return [line.partition(" #")[0].strip() for line in lines if line.strip()]


#: Pages whose Python tests/tasks/test_pages_of_python.py runs, files of the reader's own included, and one
#: that needs a cluster: tests/tasks/test_cluster.py has one.
PYTHON_ELSEWHERE = ("from-python", "bring-your-own", "enlarge-on-a-cluster")

PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def python_blocks(page):
    """Return the Python of a page."""
    return "\n".join(PYTHON.findall(page.read_text("utf-8")))


def test_every_command_is_of_a_kind_that_something_runs():
    for page in PAGES:
        for command in commands(page):
            words = [word for word in shlex.split(command) if "=" not in word or word.startswith("-")]
            assert words[0] == "keras-sr" or command.startswith(ELSEWHERE), f"{page.name}: {command}"


def _compact_of_elsewhere():
    """A Compact network as other programs write it."""
    from keras_sr.weights import registry, store
    from keras_sr.weights.foreign.names import foreign_names
    from keras_sr.weights.foreign.safetensors_file import safetensors_bytes

    arrays, meta = store.read(registry.weights_path("compact_x4"))
    return safetensors_bytes(foreign_names(meta["recipe"], arrays), {})


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with what the pages speak of: pictures, photographs, benchmark sets, somebody's results."""
    skimage = pytest.importorskip("skimage.data")
    from keras_sr.images.plain import write_plain

    cat, coffee = skimage.chelsea()[:128, 100:260], skimage.coffee()[:160, :160]
    write_plain(tmp_path / "cat.jpg", cat[:48, :64])
    for i in range(3):
        write_plain(tmp_path / "photos" / ("summer" if i else "") / f"{i}.png", np.roll(coffee, 40 * i, 1))
    for folder in ("BSD100", "kept_aside", "sets/Set5", "sets/Set14", "sets/BSD100"):
        for i in range(2):
            write_plain(tmp_path / folder / "HR" / f"{i}.png", cat[:, 16 * i : 16 * i + 128])
    write_plain(tmp_path / "truth.png", cat)
    write_plain(tmp_path / "large.png", cat)
    write_plain(tmp_path / "small.png", cat[::4, ::4])
    for name in ("ours", "theirs"):
        write_plain(tmp_path / f"{name}.png", np.clip(cat.astype(int) + 3, 0, 255).astype("uint8"))
    for i in range(2):
        write_plain(tmp_path / "results" / "Set5" / f"{i}.png", cat[:, 16 * i : 16 * i + 128])
    (tmp_path / "model.safetensors").write_bytes(_compact_of_elsewhere())
    monkeypatch.setenv("KERAS_SR_NETWORKS", str(tmp_path / "networks"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_SR_DATA", str(tmp_path / "sets"))
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def in_seconds(monkeypatch, vgg_file):
    """Recipes shrink to seconds, with random VGG weights."""
    from keras_sr import recipes
    from keras_sr.training.recipe import SMOKE

    get = recipes.get

    def shrunk(name, *, quick=False, smoke=False, overrides=()):
        kept = [item for item in overrides if item.partition("=")[0] not in SMOKE]
        recipe = get(name, quick=quick, smoke=True, overrides=[*kept, f"vgg_weights={vgg_file}"])
        return replace(recipe, start_from=get(name).start_from)

    monkeypatch.setattr(recipes, "get", shrunk)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page, desk, in_seconds, run):
    pytest.importorskip("keras")
    pytest.importorskip("onnx")
    for command in commands(page):
        if command.startswith(ELSEWHERE) or ADDRESSES in command:
            continue
        words = [
            one for word in shlex.split(command) for one in (sorted(glob(word)) if "*" in word else [word])
        ]
        while "=" in words[0]:
            words.pop(0)  # KERAS_BACKEND: a process has one backend, and the suite runs on each
        arguments = words[1:]
        for shipped, recipe in STARTS.items():
            if arguments[0] == "train" and shipped in arguments and "--start-from" in arguments[:-1]:
                # The shrunk network takes no weights of the full one: a shrunk start instead.
                run("train", *recipe, "--data", "photos/", "--out", f"start_{shipped}")
                at = arguments.index("--start-from") + 1
                arguments[at] = arguments[at].replace(shipped, f"start_{shipped}")
        if arguments[0] == "train" and "--quick" in arguments:
            run("train", "srresnet_mse", "--data", "photos/", "--quick")
        if arguments[0] == "benchmark":
            arguments.append("--no-anchor")
        if "COMMAND" in arguments:
            continue
        code, _, err = run(*arguments)
        assert code == command.startswith(INCOMPLETE), f"{command}\n{err}"
    if page.stem not in PYTHON_ELSEWHERE:
        sr, hr = np.random.default_rng(0).integers(0, 256, (2, 100, 200, 3), "uint8")
        exec(python_blocks(page), {"sr": sr, "hr": hr})
