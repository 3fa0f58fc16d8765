"""The seed's names: its notebooks run, its defects are gone, the figures are those of `score`."""

import inspect
import math

import numpy as np
import pytest

from keras_sr.errors import DataError
from keras_sr.evaluation.protocol import Protocol
from keras_sr.evaluation.score import bicubic, score
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.images.plain import read_rgb, write_plain
from keras_sr.images.resize import imresize

keras = pytest.importorskip("keras")
from keras_sr.evaluation.superresgan import BSD100_evaluate, BSD100_Evaluator


class Nearest(keras.Model):
    """Repeats pixels x4; takes [0, 1] and gives `gain * x + offset`, channels last."""

    def __init__(self, gain=2.0, offset=-1.0):
        super().__init__()
        self.gain, self.offset = gain, offset
        self.larger = keras.layers.UpSampling2D(4, data_format="channels_last")

    def call(self, lr):
        return self.larger(lr) * self.gain + self.offset


def nearest(lr):
    return np.kron(lr, np.ones((4, 4, 1), np.uint8))


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("101085", "101087"):
        small = rng.integers(0, 256, (6, 7, 3), np.uint8)
        write_plain(tmp_path / "BSD100" / f"{name}_HR.png", imresize(small, size=(48, 56)))
    return tmp_path / "BSD100"


def expected(folder, margin=None):
    scores = score(nearest, find_pairs(folder, 4), 4, Protocol("x", shave=margin))
    return np.mean([255**2 / 10 ** (image.psnr / 10) for image in scores.images]), scores.psnr


def test_the_arguments_are_those_of_the_seed_in_its_order():
    named = list(inspect.signature(BSD100_Evaluator).parameters)
    assert named[:4] == ["directory", "filepath", "downscale_factor", "color_mode"]
    assert named[4:7] == ["verbose", "data_format", "margin"]
    named = list(inspect.signature(BSD100_evaluate).parameters)
    assert named[:5] == ["model", "step", "directory", "filepath", "verbose"]
    assert named[5:9] == ["color_mode", "downscale_factor", "margin", "data_format"]


@pytest.mark.parametrize("margin", [None, 5])
def test_the_figures_are_those_of_score(folder, margin):
    assert BSD100_evaluate(Nearest(), 1, folder, margin=margin, verbose=0) == pytest.approx(
        expected(folder, margin)
    )


def test_networks_with_output_from_0_to_1(folder):
    figures = BSD100_evaluate(Nearest(1.0, 0.0), 1, folder, verbose=0, hr_range=(0, 1))
    assert figures == pytest.approx(expected(folder))


def test_the_order_of_channels_is_that_of_the_network_only(folder):
    class Only(Nearest):
        """Gives one channel, and black in the others."""

        def __init__(self, channel):
            super().__init__(1.0, 0.0)
            self.mask = np.eye(3, dtype=np.float32)[channel]

        def call(self, lr):
            return super().call(lr) * keras.ops.convert_to_tensor(self.mask)

    options = {"verbose": 0, "hr_range": (0, 1)}
    red = BSD100_evaluate(Only(0), 1, folder, **options)
    assert not math.isnan(red[0])
    assert BSD100_evaluate(Only(2), 1, folder, color_mode="bgr", **options) == red
    assert BSD100_evaluate(Only(2), 1, folder, **options) != red


def test_the_line_and_the_pictures(folder, tmp_path, capsys):
    BSD100_evaluate(Nearest(), 7, str(folder), str(tmp_path / "out"))
    assert "epoch 7: MSE = " in capsys.readouterr().out
    names = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")
    )
    assert names == ["epoch_7/101085.png", "epoch_7/101087.png"]
    assert read_rgb(tmp_path / "out" / names[0]).shape[1] > 4 * 56


def test_the_callback_deletes_nothing(folder, tmp_path):
    out = tmp_path / "out"
    write_plain(out / "epoch_1" / "101085.png", np.zeros((8, 8, 3), np.uint8))
    callback, logs = BSD100_Evaluator(folder, out, verbose=0), {}
    callback.set_model(Nearest())
    callback.on_epoch_end(0, logs)
    assert (read_rgb(out / "epoch_1" / "101085.png") == 0).all()
    assert (out / "epoch_1-2" / "101085.png").exists()
    assert callback.logs["psnr"] == [logs["BSD100_psnr"]] == pytest.approx([expected(folder)[1]])
    assert callback.logs["mse"] == [logs["BSD100_mse"]]


def test_no_pictures_are_saved_without_a_path(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    BSD100_evaluate(Nearest(), 1, folder, None, verbose=0)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_broken_network_gives_nan_and_leaves_the_logs_alone(folder):
    callback = BSD100_Evaluator(folder, verbose=0)
    callback.set_model(Nearest(math.nan))
    logs = {}
    callback.on_epoch_end(0, logs)
    assert math.isnan(callback.logs["psnr"][0])
    assert logs == {}


def test_mistakes_are_named(folder, tmp_path):
    with pytest.raises(DataError, match="unknown color_mode 'RGB': the known ones are rgb, bgr"):
        BSD100_Evaluator(folder, color_mode="RGB")
    with pytest.raises(DataError, match="no folder"):
        BSD100_Evaluator(tmp_path / "absent")


@pytest.mark.shared
@pytest.mark.slow
def test_bsd100_by_the_seeds_names(shared_data):
    class Bicubic:
        """Not a network, but it has what one needs."""

        input_shape = (None, None, None, 3)

        def predict_on_batch(self, x):
            lr = np.floor(x[0] * 255 + 0.5).astype(np.uint8)
            return bicubic(4)(lr)[None].astype(np.float32) / 127.5 - 1

    _, psnr = BSD100_evaluate(Bicubic(), 1, shared_data / "benchmark" / "BSD100", verbose=0)
    assert psnr == pytest.approx(25.9620, abs=0.001)
