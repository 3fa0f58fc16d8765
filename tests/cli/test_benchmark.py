import json

import numpy as np
import pytest
from PIL import Image

from keras_sr.evaluation.columns import MEASURES
from keras_sr.images.plain import write_plain
from keras_sr.inference.engines import ENGINES


@pytest.fixture
def truths(tmp_path):
    """Three HR pictures whose sides do not all divide by 2."""
    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 255, (6, 6, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels[: 48 - i]).save(folder / f"img_{i}.png")
    return folder


@pytest.fixture
def bench(run, tmp_path):
    """Run the command into a folder of its own, with the metrics that need nothing else."""

    def call(*arguments, metrics="psnr,ssim", out="out"):
        return run("benchmark", *arguments, "--metrics", metrics, "--out", tmp_path / out)

    return call


def results(tmp_path, out="out"):
    return json.loads((tmp_path / out / "results.json").read_text("utf-8"))


def test_the_metrics_are_listed_without_a_network_or_a_set(run):
    code, out, err = run("benchmark", "--list-metrics")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[::2]] == list(MEASURES)
    assert "psnr       PSNR, dB, higher is better\n" in out
    assert "LPIPS, lower is better" in out


@pytest.mark.shared
def test_bicubic_on_set5_is_the_known_figure(bench, shared_data, tmp_path):
    code, out, err = bench("bicubic", "--data", shared_data / "benchmark" / "Set5")
    assert code == 0, err
    assert "Set5 x4, protocol paper (Y, 4 pixels shaved), 5 pictures, LR given" in out
    assert results(tmp_path)["sets"][0]["rows"][0]["mean"]["psnr"] == pytest.approx(28.4302, abs=1e-4)
    assert "report.html" in err


def test_a_network_and_the_pictures_that_it_made(bench, run, truths, network_file, tmp_path):
    """The pictures scored as another tool's have the figures of the network itself."""
    code, out, err = bench(f"blur={network_file}", "--data", truths)
    assert code == 0, err
    assert out.splitlines()[0].startswith(
        "set x2, protocol paper (Y, 2 pixels shaved), 3 pictures, LR made; unknown"
    )
    made = tmp_path / "out" / "pictures" / "set" / "blur"
    code, out, err = bench(f"copy={made}", network_file, "--data", truths, out="second")
    assert code == 0, err
    _, copy, network = results(tmp_path, "second")["sets"][0]["rows"]
    assert copy["mean"] == network["mean"]
    assert (copy["model"], network["model"]) == ("copy", "blur")
    for name in ("report.html", "per_image.csv"):
        assert (tmp_path / "second" / name).stat().st_size > 500


def test_the_exit_code_shows_a_failure(bench, truths, network_file):
    (truths / "img_1.png").write_bytes(b"broken")
    code, out, err = bench(network_file, "--data", truths)
    assert code == 1
    assert "blur (2 of 3)" in out
    assert len([line for line in err.splitlines() if "img_1" in line]) == 2  # bicubic and the network


def test_protocols_do_not_mix(bench, truths, network_file, tmp_path):
    assert bench(network_file, "--data", truths)[0] == 0
    paper = results(tmp_path)
    code, _, err = bench(network_file, "--data", truths, "--protocol", "rgb")
    assert code == 2
    assert "holds figures of protocol paper at x2" in err
    assert results(tmp_path) == paper
    assert bench(network_file, "--data", truths, "--protocol", "rgb", out="rgb")[0] == 0
    code, _, err = bench(
        network_file,
        "--data",
        truths,
        "--protocol",
        "custom",
        "--channel",
        "rgb",
        "--crop-border",
        2,
        out="own",
    )
    assert code == 0, err
    means = [results(tmp_path, out)["sets"][0]["rows"][1]["mean"] for out in ("out", "rgb", "own")]
    assert means[1] == means[2] != means[0]
    for arguments, said in (
        (("--protocol", "yuv"), "paper, matlab, rgb, custom"),
        (("--crop-border", 2), "give --protocol custom, not paper"),
        (("--protocol", "custom", "--channel", "u"), "unknown channel"),
    ):
        code, _, err = bench(network_file, "--data", truths, *arguments)
        assert code == 2
        assert said in err


def test_the_self_ensemble_is_another_table(bench, truths, network_file, tmp_path):
    assert bench(network_file, "--data", truths)[0] == 0
    assert bench(network_file, "--data", truths, "--self-ensemble")[0] == 2
    code, out, _ = bench(network_file, "--data", truths, "--self-ensemble", out="ensemble")
    assert code == 0
    assert "self-ensemble" in out
    plain, better = (results(tmp_path, out)["sets"][0]["rows"] for out in ("out", "ensemble"))
    assert plain[0]["mean"] == better[0]["mean"]
    assert results(tmp_path, "ensemble")["protocol"]["self_ensemble"]


def test_weights_of_a_run(bench, truths, tmp_path):
    pytest.importorskip("keras")
    from keras_sr.models import build_generator
    from keras_sr.weights import store

    values = {"name": "srgan_mse", "generator": "compact", "scale": 2, "features": 4, "blocks": 1}
    arrays = store.network_arrays(build_generator(values))
    store.save(tmp_path / "runs" / "mine" / "generator.npz", arrays, {"recipe": values})
    code, _, err = bench(tmp_path / "runs" / "mine", "--data", truths)
    assert code == 0, err
    model = results(tmp_path)["models"][1]
    assert (model["name"], model["recipe"]) == ("mine", "srgan_mse")
    assert model["engine"] in ENGINES


def test_pictures_alone_take_the_scale_that_is_asked_for(bench, truths, tmp_path):
    write_plain(tmp_path / "sr" / "img_0.png", np.zeros((48, 48, 3), np.uint8))
    code, out, err = bench(tmp_path / "sr", "--data", truths, "--scale", 3)
    assert code == 1
    assert "set x3" in out
    assert "expected one picture in" in err


def test_mistakes(bench, truths, network_file, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    for arguments, said in (
        ((tmp_path / "absent.onnx", "--data", truths), "no weight file at"),
        (("srgan_large", "--data", truths), "unknown weights 'srgan_large'"),
        ((network_file, "--data", tmp_path / "absent"), "neither a folder nor a known set"),
        ((network_file, "--data", truths, "--scale", 4), "blur enlarges x2, not x4"),
        ((network_file, network_file, "--data", truths), "two models are called blur"),
        ((network_file, "--data", truths, "--data", truths), "two sets are called set"),
        ((f"HR={network_file}", "--data", truths), "cannot be the name of a model"),
        ((network_file, "--data", truths, "--engine", "tpu"), "unknown engine 'tpu'"),
    ):
        code, out, err = bench(*arguments)
        assert (code, out) == (2, ""), (arguments, err)
        assert said in err
        assert len(err.strip().splitlines()) == 1


def test_a_known_set_is_downloaded_once(bench, tmp_path, monkeypatch):
    calls = []

    def fetch_set(known, scale, folder, progress):
        calls.append((known.name, scale))
        for i in range(1, 6):
            name = folder / "Set5" / "image_SRF_4" / f"img_{i:03d}_SRF_4"
            pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
            write_plain(name.with_name(f"{name.name}_HR.png"), pixels)

    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("keras_sr.tasks.sets.fetch_set", fetch_set)
    monkeypatch.chdir(tmp_path)
    # These are not the pictures of Set5, which is noticed.
    code, _, err = bench("bicubic", "--data", "set5", metrics="psnr")
    assert code == 2
    assert "downloading it" in err
    assert "expected 28.4" in err
    code, out, err = bench("bicubic", "--data", "Set5", "--no-anchor", metrics="psnr")
    assert code == 0, err
    assert "NOT the 28.4" in out
    assert calls == [("Set5", 4)]
