"""NIQE against published values of known pictures, SciPy, and its properties."""

import numpy as np
import pytest
from scipy.ndimage import correlate, gaussian_filter
from scipy.special import gamma

from keras_sr.errors import PictureError, WeightsError
from keras_sr.images.plain import read_rgb
from keras_sr.metrics import NIQE, niqe
from keras_sr.metrics.niqe_model import NiqeModel, fit_niqe, load_model, save_model
from keras_sr.metrics.nss import FEATURES, asymmetric_gaussian, block_features, luma_of, smooth, table
from keras_sr.metrics.weights import SHIPPED

RNG = np.random.default_rng(0)
PICTURE = np.clip(np.cumsum(RNG.normal(0, 6, (200, 300, 3)), axis=1) + 128, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def published():
    return SHIPPED / "niqe.npz"


@pytest.fixture(scope="module")
def photograph(shared_data):
    return read_rgb(shared_data / "benchmark" / "Set14" / "HR" / "img_001.png")


# --- against the authors' MATLAB code


@pytest.mark.shared
def test_baboon_has_the_value_that_matlab_gives(published, photograph):
    """5.72957338 is what MATLAB R2021a gives for Y of BasicSR's test_scripts/data/baboon.png (its niqe.py).

    That file is Set14's baboon without eight columns at its right.
    """
    baboon = photograph[:, :492]
    assert niqe(baboon, model=published) == pytest.approx(5.72957338, abs=1e-6)


# --- the parts


def test_smoothing_is_scipys_with_repeated_edges():
    x = RNG.normal(0, 30, (19, 23))
    w = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    window = np.outer(w, w) / np.outer(w, w).sum()
    np.testing.assert_allclose(smooth(x), correlate(x, window, mode="nearest"), atol=1e-10)


def test_the_table_is_that_of_scipys_gamma():
    shapes, moments, scales, factors = table()
    assert (shapes[0], len(shapes)) == (0.2, 9801)
    assert shapes[-1] == pytest.approx(10)
    np.testing.assert_allclose(moments, gamma(2 / shapes) ** 2 / gamma(1 / shapes) / gamma(3 / shapes))
    np.testing.assert_allclose(scales, np.sqrt(gamma(1 / shapes) / gamma(3 / shapes)))
    np.testing.assert_allclose(factors, gamma(2 / shapes) / gamma(1 / shapes))
    assert (np.diff(moments) > 0).all()


@pytest.mark.parametrize(("shape", "left", "right"), [(2.0, 1.0, 1.0), (1.0, 0.5, 2.0), (0.8, 3.0, 1.5)])
def test_a_known_distribution_is_recovered(shape, left, right):
    """Samples of an asymmetric generalised Gaussian: a power of gamma variates, left with its own weight."""
    size = 1_000_000
    below = RNG.random(size) < left / (left + right)
    values = RNG.gamma(1 / shape, size=size) ** (1 / shape) * np.where(below, -left, right)
    fitted = [float(x[0]) for x in asymmetric_gaussian(values.reshape(1, 1000, 1000))]
    np.testing.assert_allclose(fitted, (shape, left, right), rtol=0.03)


def test_one_block_at_a_time_is_the_same_as_all_at_once():
    y = luma_of(PICTURE)
    features, sharp = block_features(y)
    assert features.shape == (6, FEATURES)
    # The first scale's 18 features do not cross blocks but for the local window; the inner block is exact.
    wide = block_features(np.pad(y[:192, :288], ((0, 0), (0, 0))))
    np.testing.assert_array_equal(wide[0][:, :18], features[:, :18])
    assert sharp.shape == (6,)
    assert (sharp > 0).all()


# --- properties


@pytest.mark.shared
def test_spoiled_pictures_are_farther(published, photograph):
    good = niqe(photograph, model=published)
    for spoil in (
        lambda x: gaussian_filter(x, (2, 2, 0)),
        lambda x: np.clip(x + RNG.normal(0, 40, x.shape), 0, 255).astype(np.uint8),
    ):
        assert niqe(spoil(photograph), model=published) > good + 1


@pytest.mark.shared
def test_what_does_not_count(published, photograph):
    value = niqe(photograph, model=published)
    # Beyond the last whole block, and as floats.
    assert niqe(photograph[: 480 - 480 % 96, : 500 - 500 % 96], model=published) == value
    assert niqe(photograph / 255.0, model=published) == pytest.approx(value, abs=1e-9)
    assert niqe(photograph[4:-4, 4:-4], model=published) == niqe(photograph, crop_border=4, model=published)
    assert niqe(photograph, channel="grey", model=published) != value
    metric = NIQE(model=published, crop_border=4)
    metric.update(photograph)
    assert metric.result() == niqe(photograph, crop_border=4, model=published)


# --- models of one's own


@pytest.mark.shared
@pytest.mark.slow
def test_a_model_fitted_to_photographs_ranks_as_the_published_one(shared_data, photograph, tmp_path):
    model = fit_niqe(sorted((shared_data / "train" / "photos").glob("*.jpg"))[:12])
    save_model(tmp_path / "own.npz", model)
    spoiled = [gaussian_filter(photograph, (s, s, 0)) for s in (0, 1, 2, 3)]
    values = [niqe(picture, model=tmp_path / "own.npz") for picture in spoiled]
    assert values == sorted(values)
    assert values[0] < 10


def test_a_model_survives_its_file(tmp_path):
    model = fit_niqe([PICTURE] * 7, sharpness_threshold=0.0)
    save_model(tmp_path / "own.npz", model)
    read = load_model(tmp_path / "own.npz")
    np.testing.assert_array_equal(read.mean, model.mean)
    np.testing.assert_array_equal(read.covariance, model.covariance)
    again = fit_niqe([PICTURE] * 7, sharpness_threshold=0.0)
    np.testing.assert_array_equal(again.covariance, model.covariance)
    # A picture like those that the model is made of is near.
    assert niqe(PICTURE, model=model) < 1e-6 + niqe(np.roll(PICTURE, 40, 0)[::-1], model=model)


def test_sharp_blocks_only():
    half_blurred = PICTURE.copy()
    half_blurred[:, :150] = gaussian_filter(PICTURE, (4, 4, 0))[:, :150]
    with pytest.raises(PictureError, match="these pictures have 2"):
        fit_niqe([half_blurred], sharpness_threshold=0.9)
    with pytest.raises(PictureError, match="these pictures have 6: give more or larger ones"):
        fit_niqe([PICTURE], sharpness_threshold=0.0)


# --- what cannot be measured


def test_small_and_flat_pictures():
    model = NiqeModel(np.zeros(FEATURES), np.eye(FEATURES))
    with pytest.raises(PictureError, match="NIQE needs 96x96 pixels or more after shaving, not 300x95"):
        niqe(PICTURE[:95], model=model)
    with pytest.raises(PictureError, match="two blocks of 96x96 pixels that are not flat, the picture has 1"):
        niqe(PICTURE[:100, :100], model=model)
    with pytest.raises(PictureError, match="the picture has 0"):
        niqe(np.full((200, 200, 3), 9, np.uint8), model=model)
    with pytest.raises(PictureError, match="unknown channel"):
        niqe(PICTURE, channel="rgb", model=model)


def test_a_flat_block_does_not_spoil_the_others():
    model = fit_niqe([PICTURE] * 7, sharpness_threshold=0.0)
    sky = PICTURE.copy()
    sky[:110, :110] = 200
    assert np.isfinite(niqe(sky, model=model))


def test_files_that_are_no_model(tmp_path):
    with pytest.raises(WeightsError, match="there is no NIQE model at"):
        niqe(PICTURE, model=tmp_path / "absent.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    with pytest.raises(WeightsError, match="damaged"):
        load_model(tmp_path / "broken.npz")
    np.savez(tmp_path / "other.npz", mu_pris_param=np.zeros(3), cov_pris_param=np.zeros((3, 3)))
    with pytest.raises(WeightsError, match="expected 36 numbers and their covariance"):
        load_model(tmp_path / "other.npz")
