"""Models compiled with our losses and optimizers are saved, and load in a process of their own."""

import os
import subprocess
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr import losses
from keras_sr.errors import KerasSRError, PictureError
from keras_sr.metrics import PSNR
from keras_sr.models import compact
from keras_sr.training.muon import Muon
from keras_sr.training.rate import Adam
from keras_sr.training.schedule import Schedule

X = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
Y = X.repeat(2, 1).repeat(2, 2)
LOAD = """
import sys
import keras, keras_sr
import numpy as np
for path in sys.argv[1:]:
    model = keras.saving.load_model(path)
    with np.load(path + ".npz") as kept:
        np.testing.assert_allclose(model.predict_on_batch(kept["x"]), kept["y"], atol=1e-5)
    model.train_on_batch(kept_x := np.load(path + ".npz")["x"], np.load(path + ".npz")["y"])
print("loaded")
"""


def test_losses_and_optimizers_load_in_a_new_process(tmp_path):
    paths = []
    for loss, optimizer in (
        (losses.charbonnier, Adam(Schedule(1e-4, "cosine", 10))),
        (losses.l1, Muon(0.01)),
        (losses.mse, "adam"),
        (losses.luma, "adam"),
    ):
        model = compact(2, features=4, blocks=1)
        model.compile(loss=loss, optimizer=optimizer)
        model.train_on_batch(X, Y)
        paths.append(str(tmp_path / f"{loss.__name__}.keras"))
        model.save(paths[-1])
        np.savez(paths[-1], x=X, y=model.predict_on_batch(X))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *paths],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=300,
    )
    assert done.stdout.strip() == "loaded", done.stderr[-2000:]


def test_a_loss_that_holds_a_network_says_why_it_is_not_saved(tmp_path):
    image = keras.Input((None, None, 3))
    features = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    model = compact(2, features=4, blocks=1)
    model.compile(loss=losses.ContentLoss(features))
    with pytest.raises(KerasSRError, match=r"ContentLoss holds VGG19.*compile it anew"):
        model.save(tmp_path / "x.keras")


def test_a_metric_of_pictures_says_what_takes_its_place_in_compile():
    model = compact(2, features=4, blocks=1)
    model.compile(loss=losses.l1, metrics=[PSNR()])
    with pytest.raises(PictureError, match=r"cannot be one of compile.*BenchmarkCallback"):
        model.train_on_batch(X, Y)
    assert PSNR()(Y[0], Y[0]) == float("inf")
