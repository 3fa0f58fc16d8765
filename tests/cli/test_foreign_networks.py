"""Networks of other programs that cannot be used: one line, an exit code, and nothing kept."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def convolution(name, outputs, inputs, side=3):
    spread = (inputs * side * side) ** -0.5
    return {
        f"{name}.weight": torch.from_numpy(RNG.normal(0, spread, (outputs, inputs, side, side)).astype("f4")),
        f"{name}.bias": torch.zeros(outputs),
    }


def compact(features=8, scale=4):
    """The smallest SRVGGNetCompact."""
    slopes = torch.full((features,), 0.2)
    return {
        **convolution("body.0", features, 3),
        "body.1.weight": slopes,
        **convolution("body.2", features, features),
        "body.3.weight": slopes.clone(),
        **convolution("body.4", 3 * scale**2, features),
    }


def changed(key, value):
    return {**compact(), key: value}


class Thing:
    """Somebody's own class, as a whole model that was pickled has it."""


#: What torch.save is given, and what the line says.
REFUSED = {
    "another architecture": (
        {
            **convolution("conv_first", 8, 3),
            **convolution("layers.0.residual_group.blocks.0.attn.proj", 8, 8, 1),
        },
        "kind that is not read (it begins conv_first.weight",
    ),
    "NaN": (
        changed("body.0.weight", torch.full((8, 3, 3, 3), torch.nan)),
        "body.0.weight that are not finite",
    ),
    "infinity": (changed("body.0.bias", torch.full((8,), torch.inf)), "body.0.bias that are not finite"),
    "a shape that does not fit": (changed("body.2.bias", torch.zeros(5)), "shape (5,), expected (8,)"),
    "a kernel that does not fit": (
        changed("body.2.weight", torch.zeros(8, 7, 3, 3)),
        "shape (8, 7, 3, 3), expected (8, 8, 3, 3)",
    ),
    "a layer too many": ({**compact(), **convolution("fusion", 8, 8)}, "kind that is not read"),
    "two networks": ({"first": compact(), "second": compact(scale=2)}, "2 networks ('first', 'second')"),
    "a class of somebody": ({"model": Thing()}, "Thing', which weights do not need: its owner can save"),
    "a whole model": (torch.nn.Conv2d(3, 3, 3), "'torch.nn.modules.conv.Conv2d'"),
    "no weights": ({"epoch": 3}, "holds no weights"),
    "a list of tensors": ([torch.zeros(3)], "holds no weights"),
}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A picture, and folders of nobody else."""
    Image.fromarray(RNG.integers(0, 256, (8, 9, 3), np.uint8)).save(tmp_path / "lr.png")
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_SR_NETWORKS", str(tmp_path / "networks"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(run, desk, words, *commands):
    before = sorted(desk.rglob("*"))
    for command in commands:
        code, out, err = run(*command)
        assert (code, out) == (2, ""), err
        assert words in err
        assert err.count("\n") == 1
    assert sorted(desk.rglob("*")) == before


UPSCALE = ("upscale", "lr.png", "-o", "sr.png", "-n")


@pytest.mark.parametrize("form", ["zip", "legacy"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_network_is_refused_with_a_line(name, form, run, desk):
    content, words = REFUSED[name]
    torch.save(content, desk / "a.pth", _use_new_zipfile_serialization=form == "zip")
    refused(run, desk, words, (*UPSCALE, "a.pth"), ("import", "a.pth"), ("export", "a.pth", "--to", "onnx"))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_refused(share, run, desk):
    torch.save(compact(), desk / "a.pth")
    whole = (desk / "a.pth").read_bytes()
    (desk / "a.pth").write_bytes(whole[: int(share * len(whole))])
    refused(run, desk, "a.pth", (*UPSCALE, "a.pth"), ("import", "a.pth"))


def test_a_file_that_is_not_there_is_refused(run, desk):
    refused(run, desk, "absent.pth", (*UPSCALE, "absent.pth"), ("import", "absent.pth"))


def test_a_network_of_another_scale_than_asked_makes_that_size(run, desk):
    """The scale that is asked for is that of the result: the network's own is fitted to it."""
    torch.save(compact(scale=2), desk / "a.pth")
    code, _, err = run("upscale", "lr.png", "-o", "sr.png", "-n", "a.pth", "-s", "4")
    assert code == 0, err
    with Image.open(desk / "sr.png") as picture:
        assert picture.size == (36, 32)


def test_a_benchmark_of_another_scale_is_refused(run, desk):
    torch.save(compact(scale=2), desk / "a.pth")
    Image.fromarray(RNG.integers(0, 256, (48, 48, 3), np.uint8)).save(desk / "hr.png")
    (desk / "set").mkdir()
    (desk / "hr.png").rename(desk / "set" / "hr.png")
    code, out, err = run("benchmark", "a.pth", "--data", "set", "--scale", "4")
    assert (code, out) == (2, "")
    assert "a enlarges x2, not x4" in err
    assert not (desk / "benchmark").exists()


# --- finetuning


FOUR_BANDS = {**compact(), **convolution("body.0", 8, 4), **convolution("body.4", 64, 8)}
SET = ("batch_size=2", "crop=16", "steps=3")
TRAIN = ("--data", "photos", "--out", "run", *(word for one in SET for word in ("--set", one)))


@pytest.fixture
def photos(desk):
    (desk / "photos").mkdir()
    for i in range(3):
        Image.fromarray(RNG.integers(0, 256, (96, 96, 3), np.uint8)).save(desk / "photos" / f"{i}.png")
    return desk


@pytest.mark.parametrize("form", ["pth", "safetensors", "imported"])
def test_a_network_of_another_program_is_finetuned(form, run, photos):
    pytest.importorskip("keras")
    from keras_sr.weights import store

    start = "a.safetensors" if form == "safetensors" else "a.pth"
    if form == "safetensors":
        pytest.importorskip("safetensors.torch").save_file(compact(), photos / start)
    else:
        torch.save({"params_ema": compact()}, photos / start)
    if form == "imported":
        assert run("import", start, "-o", "mine")[0] == 0
        start = "mine"
    code, _, err = run("train", "compact", *TRAIN, "--start-from", start)
    assert code == 0, err
    arrays, meta = store.read(photos / "run" / "generator.npz")
    assert meta["recipe"]["features"] == 8
    assert meta["recipe"]["blocks"] == 1
    # Slopes began at 0.2; ours would begin at 0.25, and three steps change them a little.
    assert arrays["head_prelu/alpha"].shape == (8,)
    assert 0 < np.abs(arrays["head_prelu/alpha"] - 0.2).max() < 0.02
    assert run("upscale", "lr.png", "-o", "sr.png", "-n", "run")[0] == 0


def test_a_network_of_another_program_without_slopes_keeps_its_activation(run, photos):
    pytest.importorskip("keras")
    from keras_sr.weights import store

    torch.save({key: value for key, value in compact().items() if value.ndim != 1 or "bias" in key}, "a.pth")
    code, _, err = run("train", "compact", *TRAIN, "--start-from", "a.pth")
    assert code == 0, err
    arrays, meta = store.read(photos / "run" / "generator.npz")
    assert meta["recipe"]["activation"] in ("relu", "leakyrelu")
    assert not [key for key in arrays if "prelu" in key]
    same = ("--set", "features=8", "--set", "blocks=1", "--out", "other")
    code, _, err = run("train", "compact", *TRAIN, *same, "--start-from", "run")
    assert code
    assert f"add --set activation={meta['recipe']['activation']}" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("recipe", "content", "words"),
    [
        ("compact", {**convolution("conv_first", 8, 3)}, "kind that is not read"),
        ("compact", changed("body.2.bias", torch.zeros(5)), "shape (5,), expected (8,)"),
        ("compact", FOUR_BANDS, "has {'bands': 4}, which a recipe cannot train"),
        ("no_recipe", compact(), "no_recipe"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(recipe, content, words, run, photos):
    pytest.importorskip("keras")
    torch.save(content, photos / "a.pth")
    before = sorted(photos.rglob("*"))
    code, _, err = run("train", recipe, *TRAIN, "--start-from", "a.pth")
    assert code, err
    assert words in err.splitlines()[-1]
    assert sorted(photos.rglob("*")) == before


def test_an_onnx_whose_weights_have_no_names_is_no_start(run, photos):
    pytest.importorskip("keras")
    onnx = pytest.importorskip("onnx")
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    sides = onnx.numpy_helper.from_array(np.array([1, 1, 4, 4], "f4"), "sides")
    ports = [helper.make_tensor_value_info(name, number, ["n", 3, *name]) for name in ("hw", "HW")]
    graph = helper.make_graph(
        [helper.make_node("Resize", ["hw", "", "sides"], ["HW"])], "a", ports[:1], ports[1:], [sides]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (photos / "a.onnx").write_bytes(model.SerializeToString())
    code, _, err = run("train", "compact", *TRAIN, "--start-from", "a.onnx")
    assert code
    assert "a.onnx is an ONNX whose weights cannot be told apart" in err
    assert run(*UPSCALE, "a.onnx")[0] == 0
