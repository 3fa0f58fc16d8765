"""Layers that resize keep their first size on TensorFlow (Keras 3.15): all pictures are measured anyway."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.evaluation.keras_upscaler import network_upscaler


@pytest.mark.parametrize("kind", ["bilinear", "bicubic", "nearest"])
def test_pictures_of_any_size_are_enlarged(kind):
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.UpSampling2D(4, interpolation=kind)(image))
    upscale = network_upscaler(network)
    for shape in ((12, 9), (20, 30), (7, 7), (30, 20)):
        lr = np.full((*shape, 3), 100, np.uint8)
        sr = upscale(lr)
        assert sr.shape == (4 * shape[0], 4 * shape[1], 3)
        np.testing.assert_allclose(sr, 100 / 255, atol=1e-5)
