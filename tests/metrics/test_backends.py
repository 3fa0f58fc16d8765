"""The same number from whatever framework a picture comes: all metrics compute in numpy."""

import numpy as np
import pytest

from keras_sr import metrics

RNG = np.random.default_rng(0)
HR = np.clip(np.cumsum(RNG.normal(0, 9, (170, 176, 3)), axis=1) + 128, 0, 255).astype(np.uint8)
SR = np.clip(HR + RNG.normal(0, 6, HR.shape), 0, 255).astype(np.uint8)


def tensors(name, array):
    """An array as a tensor of a framework."""
    if name == "jax":
        return pytest.importorskip("jax.numpy").asarray(array)
    if name == "tensorflow":
        return pytest.importorskip("tensorflow").constant(array)
    return pytest.importorskip("torch").from_numpy(array.copy())


def values(a, b):
    """Every metric that needs no weights."""
    options = [
        {"channel": channel, "round_y": rounded} for channel in ("y", "rgb") for rounded in (False, True)
    ]
    pairwise = (metrics.psnr, metrics.ssim, metrics.ms_ssim)
    found = [metric(a, b, crop_border=4, **option) for metric in pairwise for option in options]
    return [*found, *metrics.color_drift(a, b), metrics.sharpness(a), metrics.lr_consistency(a, b)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jax", "tensorflow", "torch"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_largest_difference_is_none(name, dtype):
    pair = [x if dtype == "uint8" else (x / 255).astype(np.float32) for x in (SR, HR)]
    assert values(*(tensors(name, x) for x in pair)) == values(*pair)


@pytest.mark.slow
def test_tensors_of_torch_in_training_and_of_half_precision():
    torch = pytest.importorskip("torch")
    sr = torch.from_numpy((SR / 255).astype(np.float32))
    assert metrics.psnr(sr.requires_grad_(), HR) == metrics.psnr(sr.detach().numpy(), HR)
    for half in (torch.float16, torch.bfloat16):
        low = sr.detach().to(half)
        assert metrics.psnr(low, HR) == metrics.psnr(low.float().numpy(), HR)


@pytest.mark.slow
def test_bfloat16_of_jax_and_tensorflow():
    for name in ("jax", "tensorflow"):
        sr = tensors(name, (SR / 255).astype(np.float32))
        if name == "jax":
            low = sr.astype("bfloat16")
            wide = np.asarray(low.astype("float32"))
        else:
            cast = pytest.importorskip("tensorflow").cast
            low = cast(sr, "bfloat16")
            wide = cast(low, "float32").numpy()
        assert metrics.psnr(low, HR) == metrics.psnr(wide, HR)


@pytest.mark.slow
@pytest.mark.shared
def test_lpips_and_niqe_too(shared_data, monkeypatch):
    monkeypatch.setenv("KERAS_SR_LPIPS_ALEX", str(shared_data / "weights" / "alexnet_lpips_f32.npz"))
    monkeypatch.setenv("KERAS_SR_NIQE", str(shared_data / "weights" / "niqe_pris_params.npz"))
    expected = metrics.lpips(SR[:64, :64], HR[:64, :64]), metrics.niqe(np.tile(SR, (2, 2, 1)))
    for name in ("jax", "tensorflow", "torch"):
        sr, hr, tiled = (tensors(name, x) for x in (SR[:64, :64], HR[:64, :64], np.tile(SR, (2, 2, 1))))
        assert (metrics.lpips(sr, hr), metrics.niqe(tiled)) == expected
