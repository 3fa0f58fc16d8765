import sys

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def network_file(tmp_path_factory):
    """An exported network that learned nothing: x2, each channel blurred by 3x3 before the shuffle."""
    pytest.importorskip("onnx")
    from keras_sr.export.graph import Conv, Graph, Node, Shuffle
    from keras_sr.export.onnx_file import to_bytes

    kernel = np.tile(np.eye(3) / 9, (3, 3, 1, 4))
    nodes = [Node(Conv(kernel, np.zeros(12), (1, 1)), ["lr"], "a", "a"), Node(Shuffle(2), ["a"], "sr", "sr")]
    path = tmp_path_factory.mktemp("network") / "blur.onnx"
    facts = {"name": "blur", "scale": "2", "receptive_field": "1", "bytes_per_pixel": "500"}
    path.write_bytes(to_bytes(Graph(nodes), facts))
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line as a user does: returns (exit code, stdout, stderr)."""
    from keras_sr.cli import main

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["keras-sr", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capsys.readouterr()
        return leaving.value.code or 0, out, err

    return call


@pytest.fixture
def photographs(tmp_path):
    """A folder of three small pictures: RGB, grey, and one in JPEG."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8)).save(folder / "a.png")
    Image.fromarray(rng.integers(0, 255, (9, 7), np.uint8)).save(folder / "b.png")
    Image.fromarray(rng.integers(0, 255, (20, 10, 3), np.uint8)).save(folder / "c.JPG", "JPEG")
    return folder
