import numpy as np
import pytest

from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.inference import open_engine
from keras_sr.inference.interpolation import Move

pytest.importorskip("openvino")
pytest.importorskip("onnx")
from keras_sr.graphs import onnx_file


def network(path, value, kernel=1, half=False):
    """An exported network x2 whose every weight is `value`."""
    from keras_sr.graphs.graph import Conv, Graph, Node, Shuffle

    conv = Conv(np.full((kernel, kernel, 3, 12), value), np.full(12, value), (kernel // 2, kernel // 2))
    nodes = [Node(conv, ["lr"], "a", "a"), Node(Shuffle(2), ["a"], "sr", "sr")]
    facts = {"name": path.stem, "scale": "2", "receptive_field": "1", "bytes_per_pixel": "500"}
    path.write_bytes(onnx_file.to_bytes(Graph(nodes), facts, half_weights=half))
    return path


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_weights_lie_between(tmp_path, share):
    low, high = network(tmp_path / "low.onnx", 0.1), network(tmp_path / "high.onnx", 0.3)
    engine = open_engine(low, blend=[Move(high, share)])
    assert engine.name == f"low, {share:g} of high"
    assert (engine.scale, engine.receptive_field) == (2, 1)
    x = np.random.default_rng(0).random((1, 5, 7, 3), np.float32)
    value = 0.1 + 0.2 * share
    expected = np.repeat((value * x.sum(-1) + value)[..., None], 3, -1).repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(engine.run(x), expected, atol=1e-6)


def test_moves_follow_one_another(tmp_path):
    low, high, other = (network(tmp_path / f"{value}.onnx", value) for value in (0.1, 0.3, 0.6))
    x = np.random.default_rng(0).random((1, 5, 7, 3), np.float32)
    # Half way from .1 to .3, and from there a quarter of the way to .6.
    value = 0.75 * 0.2 + 0.25 * 0.6
    expected = np.repeat((value * x.sum(-1) + value)[..., None], 3, -1)
    engine = open_engine(low, blend=[Move(high, 0.5), Move(other, 0.25)])
    np.testing.assert_allclose(engine.run(x), expected.repeat(2, 1).repeat(2, 2), atol=1e-6)


@pytest.mark.parametrize("halves", [(True, True), (True, False), (False, True)])
def test_weights_stored_as_float16_blend_with_any(tmp_path, halves):
    """What ships is stored as float16, what a user trains as float32; one was trained from the other."""
    low = network(tmp_path / "low.onnx", 0.1, half=halves[0])
    high = network(tmp_path / "high.onnx", 0.3, half=halves[1])
    x = np.random.default_rng(0).random((1, 5, 7, 3), np.float32)
    expected = np.repeat((0.2 * x.sum(-1) + 0.2)[..., None], 3, -1).repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(open_engine(low, blend=[Move(high, 0.5)]).run(x), expected, atol=5e-4)


def test_networks_that_differ_have_nothing_between(tmp_path):
    low, other = network(tmp_path / "low.onnx", 0.1), network(tmp_path / "wide.onnx", 0.1, kernel=3)
    with pytest.raises(WeightsError, match=r"low\.onnx and .*wide\.onnx are not of one architecture"):
        open_engine(low, blend=[Move(other, 0.5)])


def test_what_cannot_be_blended_says_so(tmp_path):
    low = network(tmp_path / "low.onnx", 0.1)
    with pytest.raises(KerasSRError, match="between 0 and 1, not 2"):
        open_engine(low, blend=[Move(low, 2)])
    pytest.importorskip("onnxruntime")
    with pytest.raises(KerasSRError, match="only openvino interpolates"):
        open_engine(low, engine="onnxruntime", blend=[Move(low, 0.5)])
