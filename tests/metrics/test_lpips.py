"""LPIPS against the authors' published values, their package, and its properties."""

import importlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_sr.errors import PictureError, WeightsError
from keras_sr.images.plain import read_rgb
from keras_sr.images.resize import imresize
from keras_sr.metrics import LPIPS, lpips
from keras_sr.metrics.lpips import NETWORKS, SMALLEST, convolve, max_pool
from keras_sr.metrics.lpips_weights import convert_lpips, main
from keras_sr.metrics.weights import SHIPPED

# What the package itself does, and no business of ours.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(pretrained|weight enum|'weights' are deprecated|torch.load):UserWarning",
    "ignore:.*torch.load:FutureWarning",
)

HERE = Path(__file__).parent
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def alex(shared_data):
    return shared_data / "weights" / "alexnet_lpips_f32.npz"


@pytest.fixture(scope="module")
def example():
    return [read_rgb(HERE / "data" / "lpips" / f"{name}.png") for name in ("ex_ref", "ex_p0", "ex_p1")]


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    """Untrained weights of both networks: what needs no training can be tested without any file."""
    folder = tmp_path_factory.mktemp("lpips")
    for net, (backbone, convs) in NETWORKS.items():
        arrays, channels, heads = {}, 3, 0
        for i, conv in enumerate(convs):
            shape = (conv.size, conv.size, channels, conv.filters)
            scale = (2 / np.prod(shape[:3])) ** 0.5
            arrays[f"{backbone}.Conv_{i}.kernel"] = RNG.standard_normal(shape, "float32") * np.float32(scale)
            arrays[f"{backbone}.Conv_{i}.bias"] = 0.1 * RNG.standard_normal(conv.filters, "float32")
            channels = conv.filters
            if conv.tapped:
                arrays[f"NetLinLayer_{heads}.Conv_0.kernel"] = RNG.random((1, 1, channels, 1), "float32")
                heads += 1
        np.savez(folder / f"{net}.npz", **arrays)
    return folder


# --- against the authors


@pytest.mark.shared
def test_the_authors_example_has_its_published_distances(alex, example):
    reference, near, far = example
    assert round(lpips(near, reference, weights=alex), 3) == 0.722
    assert round(lpips(far, reference, weights=alex), 3) == 0.138


def test_the_weights_that_come_along_give_the_published_distances(example):
    reference, near, far = example
    assert lpips(near, reference, weights=SHIPPED / "lpips_alex.npz") == pytest.approx(0.722, abs=1e-3)
    assert lpips(far, reference, weights=SHIPPED / "lpips_alex.npz") == pytest.approx(0.138, abs=1e-3)


@pytest.mark.shared
def test_half_precision_costs_less_than_a_thousandth(alex, shared_data):
    """Blur, noise and a picture that was shrunk and enlarged: values from 0.03 to 1."""
    for file in sorted((shared_data / "benchmark" / "Set5" / "HR").glob("*.png"))[:3]:
        hr = read_rgb(file)
        hr = hr[: len(hr) // 4 * 4, : hr.shape[1] // 4 * 4]
        noisy = np.clip(hr + RNG.normal(0, 10, hr.shape), 0, 255).astype(np.uint8)
        for sr in (imresize(imresize(hr, 0.25), 4.0), noisy, np.roll(hr, 1, 0)):
            exact = lpips(sr, hr, weights=alex)
            assert lpips(sr, hr, weights=SHIPPED / "lpips_alex.npz") == pytest.approx(exact, abs=1e-3)


@pytest.fixture(scope="module")
def authors(torchvision_operators):
    """The authors' package. Its torchvision may be a build whose compiled part does not load."""
    pytest.importorskip("torchvision", reason="needs the authors' package: pip install lpips torchvision")
    return pytest.importorskip("lpips", reason="needs the authors' package: pip install lpips torchvision")


@pytest.mark.slow
@pytest.mark.parametrize("net", ["alex", "vgg"])
@pytest.mark.parametrize("size", [(64, 64), (97, 70), (131, 158)])
def test_both_networks_equal_the_authors_package(authors, tmp_path, net, size):
    """With the heads that the package brings and backbones that learned nothing, which need no download."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    model = authors.LPIPS(net=net, pnet_rand=True, verbose=False).eval()
    np.savez(tmp_path / "w.npz", **convert_lpips(model, net))
    a, b = RNG.integers(0, 256, (2, *size, 3), np.uint8)
    tensors = [torch.from_numpy(x.astype("float32") / 127.5 - 1).permute(2, 0, 1)[None] for x in (a, b)]
    with torch.no_grad():
        expected = model(*tensors).item()
    assert expected > 1e-4
    assert lpips(a, b, net=net, weights=tmp_path / "w.npz") == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.slow
@pytest.mark.shared
def test_the_trained_network_equals_the_authors_package(authors, alex, example, shared_data):
    torch = pytest.importorskip("torch")
    model = authors.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    names, arrays = convert_lpips(model, "alex"), np.load(alex)
    assert set(names) == set(arrays.files)
    # The package's own heads are those of the file.
    for key in names:
        if key.startswith("NetLin"):
            np.testing.assert_allclose(names[key], arrays[key], atol=1e-7)
    state = model.state_dict()
    places = sorted((key for key in state if key.startswith("net.")), key=lambda key: int(key.split(".")[2]))
    for i, weight in enumerate(key for key in places if key.endswith(".weight")):
        kernel = torch.from_numpy(arrays[f"AlexNet_0.Conv_{i}.kernel"]).permute(3, 2, 0, 1)
        state[weight].copy_(kernel)
        state[weight.replace(".weight", ".bias")].copy_(torch.from_numpy(arrays[f"AlexNet_0.Conv_{i}.bias"]))
    folder = shared_data / "benchmark" / "Set5"
    hr = read_rgb(folder / "HR" / "img_003.png")
    pairs = [(example[1], example[0]), (np.roll(hr, 1, 0), hr), (hr[::-1].copy(), hr)]
    for a, b in pairs:
        tensors = [torch.from_numpy(x.astype("float32") / 127.5 - 1).permute(2, 0, 1)[None] for x in (a, b)]
        with torch.no_grad():
            expected = model(*tensors).item()
        assert lpips(a, b, weights=alex) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_the_command_writes_what_the_metric_reads(authors, tmp_path, monkeypatch, capsys):
    """All but the download of the backbone, which is left random here."""
    real = authors.LPIPS
    monkeypatch.setattr(authors, "LPIPS", lambda **options: real(pnet_rand=True, **options))
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path))
    monkeypatch.delenv("KERAS_SR_LPIPS_ALEX", raising=False)
    main(["alex"])
    assert capsys.readouterr().out == f"{tmp_path / 'metrics' / 'lpips_alex.npz'}\n"
    a, b = RNG.integers(0, 256, (2, 40, 40, 3), np.uint8)
    assert lpips(a, b) > 0


def test_without_the_package_the_command_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(WeightsError, match="pip install lpips torch torchvision"):
        main(["vgg"])


# --- the parts, against the plainest way to write them


@pytest.mark.parametrize(("size", "stride", "pad"), [(3, 1, 1), (5, 1, 2), (11, 4, 2)])
def test_convolution(size, stride, pad):
    x = RNG.standard_normal((23, 31, 3)).astype(np.float32)
    kernel = RNG.standard_normal((size, size, 3, 4)).astype(np.float32)
    out = convolve(x, kernel, stride, pad)
    padded = np.pad(x.astype(float), ((pad, pad), (pad, pad), (0, 0)))
    height, width = ((side + 2 * pad - size) // stride + 1 for side in x.shape[:2])
    assert out.shape == (height, width, 4)
    for row, column in ((0, 0), (height - 1, width - 1), (height // 2, 1)):
        window = padded[row * stride : row * stride + size, column * stride : column * stride + size]
        np.testing.assert_allclose(out[row, column], np.tensordot(window, kernel, 3), atol=1e-4)


def test_convolution_in_bands_is_the_same(monkeypatch):
    module = importlib.import_module("keras_sr.metrics.lpips")
    x = RNG.standard_normal((20, 9, 2)).astype(np.float32)
    kernel = RNG.standard_normal((3, 3, 2, 5)).astype(np.float32)
    whole = convolve(x, kernel, 1, 1)
    monkeypatch.setattr(module, "_WINDOWS", 1)
    np.testing.assert_allclose(convolve(x, kernel, 1, 1), whole, atol=1e-5)


def test_pooling_leaves_out_what_does_not_fill_a_window():
    x = np.arange(36, dtype=np.float32).reshape(6, 6, 1)
    np.testing.assert_array_equal(max_pool(x, 3, 2)[..., 0], [[14, 16], [26, 28]])


# --- properties


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_equal_symmetric_and_never_negative(random_weights, net):
    weights = random_weights / f"{net}.npz"
    a, b = RNG.integers(0, 256, (2, 40, 52, 3), np.uint8)
    assert lpips(a, a, net=net, weights=weights) == 0
    assert lpips(a, b, net=net, weights=weights) == lpips(b, a, net=net, weights=weights) > 0
    floats = lpips(a / 255.0, b, net=net, weights=weights)
    assert floats == pytest.approx(lpips(a, b, net=net, weights=weights), rel=1e-5)


@pytest.mark.shared
def test_more_noise_is_farther(alex, shared_data):
    hr = read_rgb(shared_data / "benchmark" / "Set5" / "HR" / "img_002.png")
    noise = RNG.normal(0, 1, hr.shape)
    noisy = [np.clip(hr + level * noise, 0, 255).astype(np.uint8) for level in (2, 8, 25, 60)]
    values = [lpips(picture, hr, weights=alex) for picture in noisy]
    assert values == sorted(values)
    assert values[0] < 0.05 < values[-1]


def test_grey_is_three_equal_channels_and_borders_are_shaved(random_weights):
    weights = random_weights / "alex.npz"
    a, b = RNG.integers(0, 256, (2, 48, 44, 1), np.uint8)
    wide = [x.repeat(3, 2) for x in (a, b)]
    assert lpips(a, b, weights=weights) == lpips(*wide, weights=weights)
    inner = [x[4:-4, 4:-4] for x in wide]
    assert lpips(*wide, weights=weights, crop_border=4) == lpips(*inner, weights=weights)


def test_the_class_averages(random_weights):
    weights = str(random_weights / "alex.npz")
    a, b = RNG.integers(0, 256, (2, 2, 40, 40, 3), np.uint8)
    metric = LPIPS(weights=weights)
    metric.update(a, b)
    assert metric.result() == pytest.approx(np.mean([lpips(a[i], b[i], weights=weights) for i in (0, 1)]))


# --- what cannot be measured


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_the_least_size(random_weights, net):
    weights, side = random_weights / f"{net}.npz", SMALLEST[net]
    a, b = RNG.integers(0, 256, (2, side, side, 3), np.uint8)
    assert lpips(a, b, net=net, weights=weights) > 0
    with pytest.raises(PictureError, match=f"needs {side}x{side} pixels or more after shaving"):
        lpips(a[1:], b[1:], net=net, weights=weights)


def test_mistakes(random_weights, tmp_path):
    a = np.zeros((40, 40, 3), np.uint8)
    with pytest.raises(
        PictureError, match="unknown network of LPIPS 'squeeze': the known ones are alex, vgg"
    ):
        lpips(a, a, net="squeeze")
    with pytest.raises(PictureError, match="differ in size"):
        lpips(a, a[1:], weights=random_weights / "alex.npz")
    with pytest.raises(WeightsError, match="no weights of LPIPS at"):
        lpips(a, a, weights=tmp_path / "absent.npz")
    (tmp_path / "broken.npz").write_bytes(b"no zip file")
    with pytest.raises(WeightsError, match="damaged"):
        lpips(a, a, weights=tmp_path / "broken.npz")
    with pytest.raises(WeightsError, match=r"AlexNet_0.Conv_0.kernel is missing, expected \(11, 11, 3, 64\)"):
        lpips(a, a, weights=random_weights / "vgg.npz")
