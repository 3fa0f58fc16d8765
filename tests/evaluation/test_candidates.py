import numpy as np
import pytest

from keras_sr import upscale
from keras_sr.errors import DataError, KerasSRError, PictureError
from keras_sr.evaluation.candidates import (
    network_candidate,
    network_sha256,
    own_pictures,
    picture_candidate,
    picture_of,
)
from keras_sr.images.pair import Pair
from keras_sr.images.plain import write_plain
from keras_sr.images.ranges import from_float, to_float
from keras_sr.inference.engines import ENGINES, open_engine
from keras_sr.weights import registry

RNG = np.random.default_rng(0)
LR = RNG.integers(0, 256, (9, 14, 3), np.uint8)


@pytest.fixture
def pair(tmp_path):
    return Pair("img_001", write_plain(tmp_path / "img_001.png", np.zeros((8, 8, 3), np.uint8)), None)


def exact(lr):
    """What the shipped network gives in float32, which networks are measured in."""
    return upscale(lr, open_engine(registry.weights_path("compact_x4")))


def shipped_onnx():
    """The shipped network as an ONNX file's bytes."""
    pytest.importorskip("onnx")
    from keras_sr.graphs.onnx_file import to_bytes
    from keras_sr.inference.stored import read_stored

    graph, facts = read_stored(registry.weights_path("compact_x4"))
    return to_bytes(graph, facts.as_metadata())


def run(candidate):
    return candidate.enlarge(None, LR)


def test_a_network_gives_what_upscale_gives():
    candidate = network_candidate("mine", registry.weights_path("compact_x4"), scale=2, recipe="compact")
    np.testing.assert_array_equal(run(candidate), exact(LR))
    assert (candidate.scale, candidate.engine, candidate.precision) == (4, "openvino", "f32")
    assert candidate.sha256 == registry.passport("compact_x4").sha256["npz"]


def test_openvinos_own_format_is_the_same_network(tmp_path):
    openvino = pytest.importorskip("openvino")
    model = openvino.Core().read_model(shipped_onnx())
    openvino.save_model(model, tmp_path / "net.xml", compress_to_fp16=False)
    candidate = network_candidate("mine", tmp_path / "net.xml", scale=2)
    assert candidate.scale == 4
    np.testing.assert_array_equal(run(candidate), exact(LR))
    with pytest.raises(KerasSRError, match="network of OpenVINO, which onnxruntime cannot run"):
        network_candidate("mine", tmp_path / "net.xml", scale=4, engine="onnxruntime")
    other = network_candidate("mine", registry.weights_path("compact_x4"), scale=4)
    assert candidate.sha256 != other.sha256
    # The layers are in this file, the weights in the other: both make the network.
    (tmp_path / "net.xml").write_text((tmp_path / "net.xml").read_text().replace('name="', 'name="a_'))
    assert network_sha256(tmp_path / "net.xml") != candidate.sha256


def test_a_network_of_another_project_is_run_whole(tmp_path):
    """No facts in the file: the scale is the one asked for, no tile is cut, and nothing stands around LR."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(shipped_onnx())
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    bare = from_float(open_engine(registry.weights_path("compact_x4")).run(to_float(LR)[None])[0])
    for engine in ENGINES:
        candidate = network_candidate("foreign", tmp_path / "foreign.onnx", scale=4, engine=engine)
        assert np.abs(run(candidate).astype(int) - bare).max() <= 1
    assert np.abs(exact(LR).astype(int) - bare).max() > 1
    # Enlarging measures the scale in a trial, and runs it as its authors did, too.
    assert np.abs(upscale(LR, str(tmp_path / "foreign.onnx")).astype(int) - bare).max() <= 1


def test_the_self_ensemble_gives_floats_that_turn_with_the_picture():
    candidate = network_candidate("mine", registry.weights_path("compact_x4"), scale=4, ensemble=True)
    sr = run(candidate)
    assert sr.dtype == np.float32
    turned = candidate.enlarge(None, np.ascontiguousarray(np.rot90(LR)))
    np.testing.assert_allclose(turned, np.rot90(sr), atol=1e-5)


def sr_of(pair, folder, others=()):
    return picture_of(pair, folder, own_pictures(folder, [pair, *others]))


def small(path):
    return write_plain(path, np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(
    "name", ["img_001", "img_001x4", "img_001_x4", "img_001_SRGAN", "img_001-out", "sub/img_001"]
)
def test_pictures_of_other_tools_are_found_by_name(pair, tmp_path, name):
    folder = tmp_path / "sr"
    small(folder / f"{name}.png")
    small(folder / "img_0010.png")
    assert sr_of(pair, folder) == folder / f"{name}.png"


def test_an_exact_name_wins(pair, tmp_path):
    folder = tmp_path / "sr"
    for name in ("img_001", "img_001_LR"):
        small(folder / f"{name}.png")
    assert sr_of(pair, folder).stem == "img_001"


def test_missing_and_ambiguous_pictures(pair, tmp_path):
    folder = tmp_path / "sr"
    for name in ("img_001_a", "img_001_b"):
        small(folder / f"{name}.png")
    with pytest.raises(PictureError, match=r"expected one picture in .* found img_001_a.png, img_001_b.png"):
        sr_of(pair, folder)
    alone = Pair("img_002", tmp_path / "img_002.png", None)
    with pytest.raises(PictureError, match="found none"):
        sr_of(alone, folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="there is no picture in"):
        picture_candidate("tool", tmp_path / "empty")


def test_a_picture_belongs_to_the_longest_name(tmp_path):
    """`cat-2_x4` is no result of `cat`, so a missing one is not measured against another's truth."""
    cat, second = (Pair(name, tmp_path / f"{name}.png", None) for name in ("cat", "cat-2"))
    folder = tmp_path / "sr"
    small(folder / "cat-2_x4.png")
    assert sr_of(second, folder, [cat]).stem == "cat-2_x4"
    with pytest.raises(PictureError, match=r"for cat\.png, found none"):
        sr_of(cat, folder, [second])
    small(folder / "cat_x4.png")
    assert sr_of(cat, folder, [second]).stem == "cat_x4"
    # Without a `cat-2` in the set it may well be one of `cat`.
    (folder / "cat_x4.png").unlink()
    assert sr_of(cat, folder).stem == "cat-2_x4"


def test_a_picture_belongs_to_the_pair_in_the_folder_of_its_name(tmp_path):
    a, b = (Pair(f"{place}/001", tmp_path / place / "001.png", None) for place in "ab")
    folder = tmp_path / "sr"
    for place in "ab":
        small(folder / place / "001_x4.png")
    assert sr_of(a, folder, [b]) == folder / "a" / "001_x4.png"
    assert sr_of(b, folder, [a]) == folder / "b" / "001_x4.png"
    (folder / "a" / "001_x4.png").unlink()
    with pytest.raises(PictureError, match="found none"):
        sr_of(a, folder, [b])
    (folder / "b" / "001_x4.png").rename(folder / "001_x4.png")
    with pytest.raises(PictureError, match=r"001_x4\.png may belong to a/001 or to b/001"):
        sr_of(a, folder, [b])


def test_neither_truth_nor_lr_is_a_result(tmp_path):
    """Results, HR and LR in one folder, as SelfExSR hands them round."""
    stems = [f"img_001_SRF_4_{kind}" for kind in ("HR", "LR", "mine")]
    hr, lr, mine = (small(tmp_path / f"{stem}.png") for stem in stems)
    pair = Pair("img_001_SRF_4", hr, lr)
    assert sr_of(pair, tmp_path) == mine
    mine.unlink()
    with pytest.raises(PictureError, match="found none"):
        sr_of(pair, tmp_path)
    # What `upscale` makes of a folder of LR pictures.
    assert sr_of(pair, small(tmp_path / "sr" / "img_001_SRF_4_LR_x4.png").parent).stem.endswith("_LR_x4")
