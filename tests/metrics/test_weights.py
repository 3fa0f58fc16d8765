"""Where weights of metrics are found."""

import numpy as np
import pytest

from keras_sr.errors import WeightsError
from keras_sr.metrics import lpips, niqe, weights
from keras_sr.metrics.lpips import load

CONTENT = b"weights"
RNG = np.random.default_rng(0)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for known in weights.METRIC_FILES.values():
        monkeypatch.delenv(known.variable, raising=False)
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "metrics"


def test_an_environment_variable_wins(cache, tmp_path, monkeypatch):
    (tmp_path / "mine.npz").write_bytes(CONTENT)
    monkeypatch.setenv("KERAS_SR_NIQE", str(tmp_path / "mine.npz"))
    assert weights.find_weights("niqe") == tmp_path / "mine.npz"
    monkeypatch.setenv("KERAS_SR_NIQE", str(tmp_path / "absent.npz"))
    with pytest.raises(WeightsError, match=r"KERAS_SR_NIQE names .*absent.npz, which is no file"):
        weights.find_weights("niqe")


@pytest.mark.parametrize("name", ["lpips_alex", "niqe"])
def test_what_comes_along_gives_way_to_what_a_user_has_made(cache, name):
    assert weights.find_weights(name) == weights.SHIPPED / f"{name}.npz"
    kept = cache / f"{name}.npz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(CONTENT)
    assert weights.find_weights(name) == kept


def test_pictures_are_measured_with_nothing_but_the_package(cache):
    a, b = RNG.integers(0, 256, (2, 100, 200, 3), np.uint8)
    assert lpips(a, b) > 0
    assert niqe(a) > 0
    assert not cache.parent.exists()


@pytest.mark.parametrize(
    ("name", "module"),
    [("lpips_vgg", "keras_sr.metrics.lpips_weights vgg"), ("dists", "keras_sr.metrics.dists_weights")],
)
def test_weights_on_vgg_are_made_by_a_command(cache, name, module):
    with pytest.raises(WeightsError, match=f"python -m {module}, or name it by KERAS_SR") as caught:
        weights.find_weights(name)
    assert "\n" not in str(caught.value)
    kept = cache / f"{name}.npz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(CONTENT)
    assert weights.find_weights(name) == kept


def test_an_install_that_lacks_a_file_says_so(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    with pytest.raises(WeightsError, match="install it again, or name it by KERAS_SR_LPIPS_ALEX"):
        weights.find_weights("lpips_alex")


def test_unknown_names():
    with pytest.raises(WeightsError, match="unknown weights of a metric 'vif'"):
        weights.find_weights("vif")


@pytest.mark.parametrize("name", ["LICENSE.lpips.txt", "LICENSE.torchvision.txt", "README.md"])
def test_the_terms_of_what_comes_along_come_along(name):
    assert "BSD" in (text := (weights.SHIPPED / name).read_text("utf-8")) or "Redistribution" in text


@pytest.mark.shared
def test_the_model_of_niqe_is_the_published_one(shared_data):
    ours = np.load(weights.SHIPPED / "niqe.npz")
    theirs = np.load(shared_data / "weights" / "niqe_pris_params.npz")
    for key in ours.files:
        np.testing.assert_array_equal(ours[key], theirs[key])


@pytest.mark.shared
def test_the_weights_of_lpips_are_the_published_ones_in_half_precision(shared_data):
    kernels, heads = load("alex", weights.SHIPPED / "lpips_alex.npz", 0)
    exact, exact_heads = load("alex", shared_data / "weights" / "alexnet_lpips_f32.npz", 0)
    for (kernel, bias), (exact_kernel, exact_bias) in zip(kernels, exact, strict=True):
        np.testing.assert_array_equal(kernel, exact_kernel.astype(np.float16))
        np.testing.assert_array_equal(bias, exact_bias)
    for head, exact_head in zip(heads, exact_heads, strict=True):
        np.testing.assert_array_equal(head, exact_head)
