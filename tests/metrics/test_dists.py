"""DISTS against an independent torch form of its equations, on VGG16 with random weights."""

import numpy as np
import pytest

from keras_sr.errors import PictureError, WeightsError
from keras_sr.metrics import DISTS, dists
from keras_sr.metrics.dists import LAYER_CHANNELS
from keras_sr.metrics.dists_weights import convert_dists
from keras_sr.metrics.lpips import NETWORKS


@pytest.fixture(scope="module")
def arrays():
    rng, channels, arrays = np.random.default_rng(0), 3, {}
    backbone, convs = NETWORKS["vgg"]
    for i, conv in enumerate(convs):
        kernel = rng.normal(0, (2 / (9 * channels)) ** 0.5, (3, 3, channels, conv.filters))
        arrays[f"{backbone}.Conv_{i}.kernel"] = kernel.astype(np.float32)
        arrays[f"{backbone}.Conv_{i}.bias"] = rng.normal(0, 0.1, conv.filters).astype(np.float32)
        channels = conv.filters
    for name in ("alpha", "beta"):
        arrays[name] = rng.uniform(0.05, 0.2, sum(LAYER_CHANNELS)).astype(np.float32)
    return arrays


@pytest.fixture(scope="module")
def weights(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("dists") / "dists.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    hr = rng.integers(0, 256, (49, 70, 3), np.uint8)
    return np.clip(hr + rng.normal(0, 30, hr.shape), 0, 255).astype(np.uint8), hr


def in_torch(arrays, sr, hr):
    """The same equations in torch: hanning windows, grouped convolutions, batches."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def pool(x):
        line = torch.tensor(np.hanning(5)[1:-1], dtype=torch.float32)
        window = torch.outer(line, line)
        window = (window / window.sum()).expand(x.shape[1], 1, 3, 3)
        return (functional.conv2d(x**2, window, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()

    def features(picture):
        x = torch.tensor(picture.transpose(2, 0, 1)[None], dtype=torch.float32) / 255
        found = [x]
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        x = (x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
        for i, conv in enumerate(NETWORKS["vgg"][1]):
            kernel, bias = (torch.tensor(arrays[f"VGG16_0.Conv_{i}.{part}"]) for part in ("kernel", "bias"))
            x = pool(x) if conv.pool else x
            x = functional.relu(functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=1))
            if conv.tapped:
                found.append(x)
        return found

    alpha, beta = (torch.tensor(arrays[name]) for name in ("alpha", "beta"))
    whole = alpha.sum() + beta.sum()
    total, at = 0.0, 0
    for x, y in zip(features(sr), features(hr), strict=True):
        a, b = alpha[at : at + x.shape[1]] / whole, beta[at : at + x.shape[1]] / whole
        at += x.shape[1]
        mx, my = x.mean((2, 3)), y.mean((2, 3))
        vx, vy = x.var((2, 3), correction=0), y.var((2, 3), correction=0)
        cov = ((x - mx[..., None, None]) * (y - my[..., None, None])).mean((2, 3))
        total += float((a * (2 * mx * my + 1e-6) / (mx**2 + my**2 + 1e-6)).sum())
        total += float((b * (2 * cov + 1e-6) / (vx + vy + 1e-6)).sum())
    return 1 - total


def test_it_is_what_torch_computes(arrays, weights, pair):
    sr, hr = pair
    assert dists(sr, hr, weights=weights) == pytest.approx(in_torch(arrays, sr, hr), abs=2e-5)


def test_equal_pictures_have_no_distance_and_worse_ones_a_larger(weights, pair):
    sr, hr = pair
    assert dists(hr, hr, weights=weights) == pytest.approx(0, abs=1e-6)
    mild = ((sr.astype(int) + 3 * hr.astype(int)) // 4).astype(np.uint8)
    assert 0 < dists(mild, hr, weights=weights) < dists(sr, hr, weights=weights)


def test_the_class_is_the_mean_over_pictures(weights, pair):
    sr, hr = pair
    metric = DISTS(weights=str(weights))
    metric.update(sr, hr)
    metric.update(hr, hr)
    assert metric.result() == pytest.approx(dists(sr, hr, weights=weights) / 2, abs=1e-6)


def test_small_pictures_and_other_files_are_refused(weights, tmp_path, pair, arrays):
    with pytest.raises(PictureError, match="needs 32x32 pixels or more after shaving, not 31x40"):
        dists(pair[0][:40, :31], pair[1][:40, :31], weights=weights)
    with pytest.raises(WeightsError, match="there are no weights of DISTS"):
        dists(*pair, weights=tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", **{**arrays, "alpha": np.zeros(3, np.float32)})
    with pytest.raises(WeightsError, match=r"alpha has shape \(3,\), expected \(1475,\)"):
        dists(*pair, weights=tmp_path / "other.npz")


def test_without_its_weights_the_line_says_how_to_make_them(monkeypatch, tmp_path, pair):
    monkeypatch.delenv("KERAS_SR_DISTS", raising=False)
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"DISTS needs VGG16.*DISTS-pytorch"):
        dists(*pair)


def test_the_authors_module_is_converted_layer_by_layer(arrays):
    torch = pytest.importorskip("torch")
    model, convs = torch.nn.Module(), iter(range(13))
    places = {1: (0, 2), 2: (5, 7), 3: (10, 12, 14), 4: (17, 19, 21), 5: (24, 26, 28)}
    for stage, numbers in places.items():
        part = torch.nn.Module()
        for number in numbers:
            kernel = arrays[f"VGG16_0.Conv_{next(convs)}.kernel"]
            conv = torch.nn.Conv2d(*kernel.shape[2:], 3)
            conv.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1))
            part.add_module(str(number), conv)
        model.add_module(f"stage{stage}", part)
    for name in ("alpha", "beta"):
        model.register_parameter(name, torch.nn.Parameter(torch.tensor(arrays[name]).view(1, -1, 1, 1)))
    converted = convert_dists(model)
    assert converted.keys() == arrays.keys()
    for name in arrays:
        if not name.endswith("bias"):
            np.testing.assert_array_equal(converted[name], arrays[name])
