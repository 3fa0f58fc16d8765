import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def truths(tmp_path):
    """Three HR pictures whose sides do not all divide by 2."""
    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 255, (6, 6, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels[: 48 - i]).save(folder / f"img_{i}.png")
    return folder


def table(out):
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["picture", "psnr", "ssim"]
    return {name: (float(psnr), float(ssim)) for name, psnr, ssim in rows[1:]}


@pytest.mark.shared
def test_bicubic_on_set5_is_the_known_figure(run, shared_data):
    code, out, err = run("evaluate", "bicubic", "--data", shared_data / "benchmark" / "Set5")
    assert code == 0
    values = table(out)
    assert len(values) == 6
    assert values["mean"] == (28.430, 0.8111)
    assert "5 of 5 pictures" in err


def test_an_exported_network(run, truths, network_file):
    code, out, err = run("evaluate", network_file, "--data", truths)
    assert code == 0
    values = table(out)
    assert sorted(values) == ["img_0", "img_1", "img_2", "mean"]
    assert values["mean"][0] == pytest.approx(np.mean([values[f"img_{i}"][0] for i in range(3)]), abs=1e-3)
    assert "x2, protocol paper, 3 LR made by bicubic" in err


def test_the_protocol_matters_and_unknown_ones_are_refused(run, truths, network_file):
    paper = table(run("evaluate", network_file, "--data", truths)[1])
    rgb = table(run("evaluate", network_file, "--data", truths, "--protocol", "rgb")[1])
    assert paper["mean"] != rgb["mean"]
    code, _, err = run("evaluate", network_file, "--data", truths, "--protocol", "yuv")
    assert code == 2
    assert "paper, matlab, rgb" in err


def test_a_broken_picture_is_reported_once(run, truths, network_file):
    (truths / "img_1.png").write_bytes(b"broken")
    code, out, err = run("evaluate", network_file, "--data", truths)
    assert code == 1
    assert sorted(table(out)) == ["img_0", "img_2", "mean"]
    assert len([line for line in err.splitlines() if "img_1" in line]) == 1


def test_a_weight_file_runs_in_keras(run, truths, tmp_path):
    pytest.importorskip("keras")
    from keras_sr.models import build_generator
    from keras_sr.weights import store

    values = {"generator": "compact", "scale": 2, "features": 4, "blocks": 1}
    arrays = store.network_arrays(build_generator(values))
    store.save(tmp_path / "net.npz", arrays, {"recipe": values})
    code, out, _ = run("evaluate", tmp_path / "net.npz", "--data", truths)
    assert code == 0
    assert len(table(out)) == 4


def test_what_is_not_there(run, truths, tmp_path):
    code, _, err = run("evaluate", tmp_path / "absent.onnx", "--data", truths)
    assert code == 2
    assert "no weight file" in err
    code, _, err = run("evaluate", "bicubic", "--data", tmp_path / "absent")
    assert code == 2
    assert "absent" in err


def test_the_backend_is_chosen_before_keras_and_missing_ones_are_named(monkeypatch):
    from keras_sr.cli import backend
    from keras_sr.errors import KerasSRError

    there = set()
    monkeypatch.setattr(backend, "find_spec", lambda name: name in there)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    with pytest.raises(KerasSRError, match=r"pip install 'keras-sr\[train\]'"):
        backend.prepare_keras()
    there.add("keras")
    with pytest.raises(KerasSRError, match="needs one of tensorflow, torch, jax"):
        backend.prepare_keras()
    there.add("jax")
    assert backend.prepare_keras() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(KerasSRError, match="KERAS_BACKEND=torch is not installed"):
        backend.prepare_keras()
    there |= {"torch", "tensorflow"}
    assert backend.prepare_keras() == "torch"
    monkeypatch.delenv("KERAS_BACKEND")
    assert backend.prepare_keras() == "tensorflow"
