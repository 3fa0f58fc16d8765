"""Training, `--evaluate`, `benchmark` and the callbacks: the same pairs, the same figures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_sr.images.plain import write_plain
from keras_sr.images.resize import imresize

keras = pytest.importorskip("keras")

#: layout: (folder of the set, HR, LR, what else lies there), with `{}` for a picture's name.
LAYOUTS = {
    "photographs alone": ("", "{}.png", "", ()),
    "GT and LQ": ("", "GT/{}.png", "LQ/{}.png", ()),
    "HR and LR": ("", "HR/{}.png", "LR/{}.png", ()),
    "Hr and lr": ("", "Hr/{}.PNG", "lr/{}.png", ()),
    "Set5 of BasicSR": (
        "",
        "GTmod12/{}.png",
        "LRbicx4/{}.png",
        (("LRbicx2/{}.png", 2), ("LRbicx3/{}.png", 3), ("original/{}.png", 1)),
    ),
    "DIV2K": ("", "DIV2K_train_HR/{}.png", "DIV2K_train_LR_bicubic/X4/{}x4.png", ()),
    "the HR folder of DIV2K": (
        "DIV2K_train_HR",
        "DIV2K_train_HR/{}.png",
        "DIV2K_train_LR_bicubic/X4/{}x4.png",
        (("DIV2K_train_LR_bicubic/X2/{}x2.png", 2),),
    ),
    "x4 beside HR": ("", "hr/{}.png", "x4/{}.png", ()),
    "LR beside HR": ("", "{}.png", "{}x4.png", ()),
    "LR by its name": ("", "{}_HR.png", "{}_LR.png", ()),
    "LR of a size rounded up": ("", "GT/{}.png", "LQ/{}.png", ()),
    "SelfExSR": ("", "image_SRF_4/{}_SRF_4_HR.png", "image_SRF_4/{}_SRF_4_LR.png", ()),
}
NAMES = ("0001", "0002", "0003")


def truth(k):
    """A picture of soft shapes, 96x72; the sides of BasicSR's are multiples of 12."""
    return imresize(np.random.default_rng(k).integers(0, 256, (12, 9, 3), np.uint8), 8)


def wider(picture, by):
    """The picture with more at its right and lower side, which measuring has to cut off again."""
    return np.pad(picture, ((0, by), (0, by), (0, 0)), mode="edge")


def box(hr, scale=4):
    """LR that MATLAB's bicubic does not make: whoever made it anew would measure something else."""
    parts = hr.reshape(hr.shape[0] // scale, scale, hr.shape[1] // scale, scale, 3)
    return np.rint(parts.mean((1, 3))).astype(np.uint8)


def lay_out(root, layout):
    """Write the pictures, and return the folder that is given."""
    inside, hr, lr, others = LAYOUTS[layout]
    odd = 2 * ("rounded up" in layout)
    for k, name in enumerate(NAMES):
        write_plain(root / hr.format(name), wider(truth(k), odd))
        if lr:
            write_plain(root / lr.format(name), box(wider(truth(k), 2 * odd)))
        for other, scale in others:
            write_plain(root / other.format(name), box(truth(k), scale))
    return root / inside


def psnr_of_nearest(hr, lr):
    """Return what the definition gives: PSNR of BT.601's Y without four pixels at each side."""
    y = [
        (16 + picture.astype(float) @ [65.481, 128.553, 24.966] / 255)[4:-4, 4:-4]
        for picture in (np.kron(lr, np.ones((4, 4, 1), np.uint8)), hr)
    ]
    return 10 * np.log10(255**2 / np.square(y[0] - y[1]).mean())


def exactly(figures):
    return pytest.approx(figures, abs=1e-6)


@pytest.fixture(scope="module")
def nearest(tmp_path_factory):
    """Weights of a network that repeats pixels, exactly and on every engine: its last convolution is 0."""
    from keras_sr.graphs.layers import as_meta
    from keras_sr.models.generators import build_generator
    from keras_sr.recipes import get
    from keras_sr.training.recipe import as_json
    from keras_sr.weights import store

    recipe = get("compact", smoke=True)
    network = build_generator(as_json(recipe), "channels_last")
    tail = network.get_layer("tail_conv")
    tail.set_weights([0 * weight for weight in tail.get_weights()])
    path = tmp_path_factory.mktemp("weights") / "nearest.npz"
    store.save(path, store.network_arrays(network), {"recipe": as_json(recipe), **as_meta(network)})
    return path, network


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "run"


def plain(name):
    """The number in a picture's name, which every way decorates in its own fashion."""
    return next(number for number in NAMES if number in Path(name).name)


def before_training(run_folder):
    """Return the figures of a run at step 0: of its network, and of bicubic."""
    held = json.loads((run_folder / "held_out.json").read_text())
    (step, values), *_ = held["steps"]
    assert step == 0
    return [{plain(name): value for name, value in each.items()} for each in (values, held["bicubic"])]


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_four_ways_find_the_same_pairs_and_figures(layout, run, nearest, run_folder, tmp_path):
    from keras_sr.evaluation.callback import BenchmarkCallback
    from keras_sr.evaluation.superresgan import BSD100_evaluate

    weights, network = nearest
    folder = lay_out(tmp_path / "set", layout)
    hr = {name: truth(k) for k, name in enumerate(NAMES)}
    lr = {name: box(one) if LAYOUTS[layout][2] else imresize(one, 1 / 4) for name, one in hr.items()}
    wanted = {name: psnr_of_nearest(hr[name], lr[name]) for name in NAMES}

    # Three pictures are too few to hold any out: a run that begins with weights measures what it learns from.
    train = ["train", "compact", "--smoke", "--set", "steps=1", "--set", "steps_per_epoch=1"]
    start = ["--start-from", weights, "--out", run_folder]
    code, _, err = run(*train, *start, "--data", folder)
    assert code == 0, err
    of_training, bicubic = before_training(run_folder)
    assert of_training == exactly(wanted)

    shutil.rmtree(run_folder)
    photos = tmp_path / "photos"
    write_plain(photos / "a.png", truth(9))
    code, _, err = run(*train, *start, "--data", photos, "--evaluate", folder)
    assert code == 0, err
    of_evaluate, also_bicubic = before_training(run_folder)
    assert of_evaluate == exactly(wanted)
    assert also_bicubic == exactly(bicubic)

    out = tmp_path / "benchmark"
    code, _, err = run("benchmark", weights, "--data", folder, "--metrics", "psnr", "--out", out)
    assert code == 0, err
    first, second = json.loads((out / "results.json").read_text())["sets"][0]["rows"]
    found = [{plain(one["name"]): one["psnr"] for one in row["images"]} for row in (first, second)]
    assert found == [exactly(bicubic), exactly(wanted)]

    callback = BenchmarkCallback(folder, 4)
    callback.set_model(network)
    assert {plain(one.name): one.psnr for one in callback.evaluate().images} == exactly(wanted)
    _, mean = BSD100_evaluate(network, 1, folder, verbose=0, hr_range=(0, 1))
    assert mean == exactly(np.mean(list(wanted.values())))
