"""`.keras` and `.weights.h5` of `model.save` in every place that takes a network, in fresh processes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras")

from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.tasks.networks import open_network

#: A compact network that was compiled and fitted, and one with layers that no other engine knows.
MADE = """
import keras, keras_sr
import numpy as np
from keras_sr import losses
from keras_sr.models import compact
from keras_sr.training.muon import Muon

keras.utils.set_random_seed(1)
network = compact(4, features=8, blocks=2)
network.compile(loss=losses.luma, optimizer=Muon(0.01))
x = np.random.default_rng(0).random((2, 16, 16, 3), "float32")
network.fit(x, x.repeat(4, 1).repeat(4, 2), verbose=0)
network.save("ours.keras")
network.save_weights("ours.weights.h5")
image = keras.Input((None, None, 3))
y = keras.layers.Conv2D(4, 3, padding="same", activation="gelu")(image)
y = keras.layers.UpSampling2D(4, interpolation="bilinear")(y)
keras.Model(image, keras.layers.Conv2D(3, 3, padding="same")(y)).save("theirs.keras")
"""
#: keras_sr comes first, and Keras when it is asked for.
USED = """
import json
import keras_sr
import keras
import numpy as np

picture = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
loaded = keras.saving.load_model("ours.keras")
by_name, by_model = keras_sr.upscale(picture, "ours.keras"), keras_sr.upscale(picture, loaded)
theirs = keras_sr.upscale(picture, "theirs.keras")
table = keras_sr.benchmark(["ours.keras", "theirs.keras"], "set", "figures", metrics=["psnr"])
how = {"smoke": True, "settings": {"steps": 1, "features": 8, "blocks": 2, "learning_rate": 1e-9}}
moved = []
for start in ("ours.keras", "ours.weights.h5"):
    run = keras_sr.train("compact", "set", f"run_{start}", start_from=start, **how)
    weights = keras_sr.load(run.weights).get_weights()
    moved += [float(np.abs(a - b).max()) for a, b in zip(weights, loaded.get_weights(), strict=True)]
models = [model["name"] for model in table.as_json()["models"]]
print(json.dumps({
    "optimizer": type(loaded.optimizer).__name__,
    "shapes": [by_name.shape, theirs.shape],
    "apart": int(np.abs(by_name.astype(int) - by_model).max()),
    "models": models,
    "moved": max(moved),
}))
"""


def run(code, folder):
    own = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XDG_CACHE_HOME": str(folder),
        "KERAS_SR_CACHE": str(folder / "cache"),
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        env={**os.environ, **own},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(params=["tensorflow", "jax", "torch"])
def folder(tmp_path, request, monkeypatch):
    pytest.importorskip(request.param)
    monkeypatch.setenv("KERAS_BACKEND", request.param)
    (tmp_path / "set").mkdir()
    run(MADE, tmp_path)
    rng = np.random.default_rng(0)
    for i in range(3):
        coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))
        coarse.resize((128 + 16 * i, 96), Image.Resampling.BICUBIC).save(tmp_path / "set" / f"{i}.png")
    return tmp_path


@pytest.mark.slow
def test_files_of_keras_are_networks_everywhere_in_a_fresh_process(folder):
    found = json.loads(run(USED, folder).splitlines()[-1])
    assert found["optimizer"] == "Muon"
    assert found["shapes"] == [[60, 80, 3], [60, 80, 3]]
    assert found["apart"] <= 1  # of 255: OpenVINO and Keras round their sums in other orders
    assert found["models"] == ["bicubic", "ours", "theirs"]
    assert found["moved"] < 1e-5


#: Whatever is imported first: our layers, losses and optimizers are known to Keras.
ORDERS = [
    "keras, keras_sr",
    "keras_sr, keras",
    "keras_sr.training.muon, keras",
    "keras_sr.losses.pixel, keras",
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    run(MADE, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_keras_loads_our_files_in_whichever_order_both_were_imported(order, saved):
    loads = f"import {order}; model = keras.saving.load_model('ours.keras'); print(model.loss.__name__)"
    assert run(loads, saved).split() == ["luma"]


def test_weights_without_their_network_say_what_they_are_good_for(tmp_path):
    (tmp_path / "a.weights.h5").touch()
    with pytest.raises(WeightsError, match=r"weights without their network: .*model\.save.*`start_from`"):
        open_network(tmp_path / "a.weights.h5")


def test_a_model_that_makes_no_picture_is_refused(tmp_path):
    import keras

    image = keras.Input((None, None, 3))
    keras.Model(image, keras.layers.GlobalAveragePooling2D()(image)).save(tmp_path / "a.keras")
    with pytest.raises(KerasSRError, match="expected a whole number of times as many pixels"):
        open_network(tmp_path / "a.keras")


def test_no_error_advises_to_load_pickles(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(WeightsError) as error:
        open_network(tmp_path / "a.npz")
    assert "pickle" not in str(error.value)
