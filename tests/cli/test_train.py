import json

import numpy as np
import pytest
from PIL import Image

keras = pytest.importorskip("keras")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of four photographs; the cache goes to the test's own folder."""
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(4):
        pixels = np.random.default_rng(i).integers(0, 255, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def test_a_smoke_run_trains_resumes_and_can_be_measured(run, photos, tmp_path):
    out = tmp_path / "runs" / "compact"
    arguments = ["train", "compact", "--data", photos, "--out", out, "--smoke"]
    code, stdout, err = run(*arguments, "--set", "batch_size=1", "--set", "seed=7")
    assert code == 0, err
    assert stdout == f"{out / 'generator.npz'}\n"
    assert "4 photographs" in err
    recipe = json.loads((out / "recipe.json").read_text())
    assert (recipe["name"], recipe["batch_size"], recipe["seed"]) == ("compact", 1, 7)
    weights = (out / "generator.npz").read_bytes()

    # Again: finished, so nothing changes. With other settings: another run, which is refused.
    code, stdout, err = run(*arguments, "--set", "batch_size=1", "--set", "seed=7")
    assert code == 0, err
    assert "is finished" in err
    assert (out / "generator.npz").read_bytes() == weights
    code, _, err = run(*arguments, "--set", "batch_size=2", "--set", "seed=7")
    assert code == 2
    assert "--no-resume" in err

    code, _, err = run(*arguments, "--set", "batch_size=2", "--no-resume")
    assert code == 0, err
    assert (tmp_path / "runs" / "compact.old1" / "generator.npz").read_bytes() == weights

    code, stdout, err = run("benchmark", out, "--data", photos, "--metrics", "psnr", "-o", tmp_path / "bench")
    assert code == 0, err
    assert [line.split()[0] for line in stdout.splitlines()[2:4]] == ["bicubic", "compact"]


@pytest.mark.parametrize("capabilities", [["FP32", "BF16"], ["FP32"]])
def test_bfloat16_in_software_is_told(run, photos, tmp_path, monkeypatch, capabilities):
    monkeypatch.setattr("keras_sr.inference.engines.openvino_capabilities", lambda: capabilities)
    code, _, err = run(
        *("train", "compact", "--data", photos, "--out", tmp_path / "run", "--smoke"),
        *("--set", "precision=mixed_bfloat16"),
    )
    assert code == 0, err
    assert ("use precision=float32" in err) == (capabilities == ["FP32"])


def test_what_was_trained_enlarges_without_keras(run, photos, tmp_path, monkeypatch):
    out = tmp_path / "runs" / "compact"
    train = ["train", "compact", "--data", photos, "--out", out, "--smoke"]
    assert run(*train)[0] == 0
    upscale = ["upscale", photos / "0.png", "-o", tmp_path / "large.png", "-n", out]
    monkeypatch.setattr("keras_sr.tasks.networks.prepare_keras", None)
    code, _, err = run(*upscale)
    assert code == 0, err
    assert "192x160" in err
    monkeypatch.undo()
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    assert run(*train, "--no-resume", "--set", "seed=1")[0] == 0
    assert run(*upscale)[0] == 0
    assert not list(out.glob("*.onnx"))


def test_a_folder_that_is_no_run(run, photos, tmp_path):
    code, _, err = run("upscale", photos / "0.png", "-o", tmp_path / "large.png", "-n", photos)
    assert code == 2
    assert "not a run folder" in err


def test_a_broken_photograph_is_named_and_left_out(run, photos, tmp_path):
    (photos / "broken.png").write_bytes(b"broken")
    code, _, err = run("train", "compact", "--data", photos, "--out", tmp_path / "run", "--smoke")
    assert code == 0, err
    assert "broken.png" in err
    assert "4 photographs, 1 skipped" in err


def test_photographs_smaller_than_a_crop_are_counted(run, photos, tmp_path):
    Image.new("RGB", (30, 20)).save(photos / "small.png")
    code, _, err = run("train", "compact", "--data", photos, "--out", tmp_path / "run", "--smoke")
    assert code == 0, err
    assert "5 photographs\n" in err
    assert "1 of them are smaller than a crop of 32x32 and are left out" in err


def test_weights_that_ship_are_exported_already(run, photos, tmp_path, monkeypatch):
    from keras_sr.weights import registry

    monkeypatch.setattr("keras_sr.tasks.networks.prepare_keras", None)
    before = sorted(registry.FILES.iterdir())
    shipped = registry.weights_path("compact_x2")
    assert run("upscale", photos / "0.png", "-o", tmp_path / "large.png", "-n", shipped)[0] == 0
    assert sorted(registry.FILES.iterdir()) == before


def test_lpips_is_measured_where_a_recipe_is_not_of_pixels_alone(monkeypatch, caplog, tmp_path):
    from keras_sr import recipes
    from keras_sr.tasks.train import perceptual

    monkeypatch.delenv("KERAS_SR_LPIPS_ALEX", raising=False)
    names = ("compact", "srresnet_mse", "srresnet_vgg22", "srgan_mse", "srgan_vgg54")
    asked = [perceptual(recipes.get(name)) for name in names]
    assert asked == [[], [], ["lpips"], ["lpips"], ["lpips"]]
    monkeypatch.setenv("KERAS_SR_LPIPS_ALEX", str(tmp_path / "absent"))
    assert perceptual(recipes.get("srgan_mse")) == []
    assert "LPIPS is not measured: KERAS_SR_LPIPS_ALEX names" in caplog.text


def test_ctrl_c_says_that_the_run_can_go_on(run, photos, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_sr.training.fit.fit", interrupted)
    code, out, err = run("train", "compact", "--data", photos, "--out", tmp_path / "run", "--smoke")
    assert (code, out) == (130, "")
    assert "the same command continues" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["srgna"], "the known ones are srresnet_mse"),
        (["compact", "--set", "batchsize=3"], "unknown recipe field 'batchsize'"),
        (["compact", "--set", "batch_size=many"], "batch_size takes a value of type int, not 'many'"),
        (
            ["srgan_mse"],
            "the one that ships is built in another way: add --quick, or --set normalization=none, or train",
        ),
        (
            ["srgan_mse", "--quick", "--set", "scale=2"],
            "built in another way: --set scale=4, or train srresnet_mse with the same settings first",
        ),
        (["compact", "--start-from", "nowhere"], "nowhere is neither a file"),
    ],
)
def test_what_cannot_be_trained_is_one_line(run, photos, tmp_path, arguments, said):
    code, out, err = run(
        "train", *arguments, "--data", photos, "--out", tmp_path / "runs" / "x", "--set", "crop=32"
    )
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_a_set_of_which_nothing_can_be_measured_ends_the_run_before_it_begins(run, photos, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").write_bytes(b"broken")
    out = tmp_path / "run"
    code, _, err = run(
        *("train", "compact", "--data", photos, "--out", out, "--smoke", "--evaluate", tmp_path / "set")
    )
    assert code == 2
    assert "none of the 1 pictures of set can be measured" in err.splitlines()[-1]
    assert "a.png" in err.splitlines()[-1]
    assert not (out / "state.npz").exists()


def test_options_are_named_as_they_are_typed(run, photos, tmp_path):
    train = ["train", "compact", "--data", photos, "--out", tmp_path / "run", "--smoke"]
    code, _, err = run(*train, "--patience", "2")
    assert code == 2
    assert "--patience needs measurements on pictures: give --evaluate a set, too" in err
    code, _, err = run(*train, "--set", "crop=64")
    assert code == 2
    assert "give larger pictures, or a smaller --set crop" in err


def test_one_photograph_is_not_several(run, photos, tmp_path):
    for name in ("1.png", "2.png", "3.png"):
        (photos / name).unlink()
    code, _, err = run("train", "compact", "--data", photos, "--out", tmp_path / "run", "--smoke")
    assert code == 0, err
    assert "1 photograph\n" in err


@pytest.mark.parametrize("content", [None, "notes.txt"])
def test_a_folder_without_photographs(run, tmp_path, content):
    if content:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / content).write_text("no picture")
    code, _, err = run("train", "compact", "--data", tmp_path / "data", "--out", tmp_path / "run", "--smoke")
    assert code == 2
    assert str(tmp_path / "data") in err.splitlines()[-1]


def test_a_gan_starts_from_the_run_beside_it(tmp_path):
    from keras_sr import recipes
    from keras_sr.tasks.train import find_start

    recipe, folder = recipes.get("srgan_mse"), tmp_path / "runs" / "srgan_mse"
    start = tmp_path / "runs" / "srresnet_mse"
    start.mkdir(parents=True)
    (start / "generator.npz").write_bytes(b"")
    assert find_start(recipe, folder) == str(start)
    assert find_start(recipes.get("srgan_mse", quick=True), folder, "_quick") == "srresnet_mse"  # ships
    assert find_start(recipes.get("srresnet_mse"), folder) is None
    folder.mkdir()
    (folder / "state.npz").write_bytes(b"")
    assert find_start(recipe, folder) is None  # it goes on from its own checkpoint
    assert find_start(recipe, folder, resume=False) == str(start)  # which is put aside


def test_a_benchmark_is_measured_after_each_epoch(run, photos, tmp_path):
    out = tmp_path / "run"
    code, _, err = run("train", "compact", "--data", photos, "--out", out, "--smoke", "--evaluate", photos)
    assert code == 0, err
    assert "photos_psnr" in (out / "log.csv").read_text()
    assert len((out / "benchmark" / "photos_x4.csv").read_text().splitlines()) == 3
    assert (out / "benchmark" / "photos_x4" / "step_00000004" / "0.png").exists()


def test_a_known_set_is_found_by_name(run, photos, tmp_path, monkeypatch):
    photos.rename(tmp_path / "Set5")
    monkeypatch.setenv("KERAS_SR_DATA", str(tmp_path))
    out = tmp_path / "run"
    code, _, err = run(
        "train", "compact", "--data", tmp_path / "Set5", "--out", out, "--smoke", "--evaluate", "set5/"
    )
    assert code == 0, err
    assert "Set5_psnr" in (out / "log.csv").read_text()
    code, _, err = run("train", "compact", "--data", tmp_path / "Set5", "--smoke", "--evaluate", "Set6")
    assert code == 2
    assert "'Set6' is neither a folder nor a known set" in err


def test_a_run_knows_what_it_began_with(run, photos, tmp_path, monkeypatch):
    """`--detail` lies between a network and its real start, wherever that was given."""
    from keras_sr.tasks.networks import partner_of

    monkeypatch.chdir(tmp_path)
    arguments = ["--data", photos, "--smoke"]
    assert run("train", "srresnet_mse", *arguments, "--out", "first")[0] == 0
    assert run("train", "srgan_mse", *arguments, "--out", "second", "--start-from", "first")[0] == 0
    assert partner_of("second") == "first"
    # Again, finished: it still knows.
    assert run("train", "srgan_mse", *arguments, "--out", "second")[0] == 0
    assert partner_of("second") == "first"
    # Moved together with its start.
    (tmp_path / "runs").mkdir()
    for name in ("first", "second"):
        (tmp_path / name).rename(tmp_path / "runs" / name)
    assert partner_of("runs/second") == "runs/first"


def test_the_fields_of_a_recipe_are_listed_with_its_values(run):
    code, out, err = run("train", "--fields")
    assert code == 0, err
    assert "  batch_size=16   (1 or more)\n      Crops a step.\n" in out
    code, out, err = run("train", "photo", "--fields", "--set", "batch_size=3")
    assert code == 0, err
    assert "  batch_size=3   (1 or more)" in out
    assert "  generator=chain\n" in out
