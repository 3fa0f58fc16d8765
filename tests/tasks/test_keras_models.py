"""A Keras model in hand is a network, too."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import keras_sr
from keras_sr.errors import KerasSRError
from keras_sr.models import compact


def test_a_keras_model_enlarges_a_picture():
    picture = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    assert keras_sr.upscale(picture, compact(2, features=4, blocks=1)).shape == (18, 24, 3)


def test_what_is_no_network_is_said():
    with pytest.raises(
        KerasSRError, match=r"expected a network from open_network, a Keras model, .* got list"
    ):
        keras_sr.upscale(np.zeros((8, 8, 3), np.uint8), [1])
