"""The dial between keeping noise and taking it for damage, on the weights that ship."""

import io

import numpy as np
import pytest
from PIL import Image

import keras_sr
from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.images.resize import imresize
from keras_sr.tasks.networks import Dials, open_network
from keras_sr.weights import registry

pytest.importorskip("openvino")

SISTERS = [(name, registry.passport(name).sister) for name in registry.names()]
SISTERS = [(name, sister) for name, sister in SISTERS if sister]


def grain(network, lr):
    """Return how uneven a plain surface is after the network, in levels, at the scale of LR pixels."""
    sr = keras_sr.upscale(lr, network).astype(float)
    return imresize(sr, 1 / network.scale)[8:-8, 8:-8].std()


@pytest.fixture(scope="module")
def noisy():
    """Grey with the noise of a sensor, as a camera stores it."""
    noise = np.random.default_rng(0).normal(128, 6, (64, 64, 3)).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file))


def test_some_network_has_the_dial():
    assert ("photo_x4", "photo_grain_x4") in SISTERS


@pytest.mark.parametrize(("name", "sister"), SISTERS)
def test_the_less_is_cleaned_the_more_of_the_grain_stays(noisy, name, sister):
    assert (kept := registry.passport(sister)).scale == registry.passport(name).scale
    assert kept.generator == registry.passport(name).generator
    stays = [grain(open_network(name, denoise=share), noisy) for share in (1.0, 0.7, 0.3, 0.0)]
    assert stays == sorted(stays)
    assert stays[0] < 0.5 * noisy.std()
    # What is kept is kept, not made more of.
    assert 0.7 * noisy.std() < stays[-1] < noisy.std()


@pytest.mark.parametrize(("name", "sister"), SISTERS)
def test_the_ends_of_the_dial_are_networks_as_they_are(noisy, name, sister):
    for share, end in ((1.0, name), (0.0, sister)):
        turned, known = open_network(name, denoise=share), open_network(end)
        assert turned.choice == known.choice
        np.testing.assert_array_equal(keras_sr.upscale(noisy, turned), keras_sr.upscale(noisy, known))


def test_both_dials_go_together(noisy):
    both = open_network("photo_x4", detail=0.5, denoise=0.25)
    assert both.name == "photo_x4, detail 0.5, denoise 0.25"
    assert [file.stem for file in both.files] == ["photo_psnr_x4", "photo_x4", "photo_grain_x4"]
    ends = [
        open_network("photo_x4", detail=0.5, precision="f32"),
        open_network("photo_grain_x4", precision="f32"),
    ]
    assert (
        min(grain(end, noisy) for end in ends) < grain(both, noisy) < max(grain(end, noisy) for end in ends)
    )


def test_the_dial_without_a_name_takes_the_network_that_has_it(noisy):
    for scale in (None, 1, 2, 3, 4):
        assert open_network(scale=scale, denoise=0.5).name == "photo_x4, denoise 0.5"
    with pytest.raises(WeightsError, match="noise lite_x2 removes: `denoise` goes with photo_x4"):
        open_network("lite_x2", denoise=0.5)


@pytest.mark.parametrize("dial", ["detail", "denoise"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_dial_has_two_ends(dial, value):
    with pytest.raises(KerasSRError, match=f"`{dial}` must lie between 0 and 1, not"):
        Dials(**{dial: value})
