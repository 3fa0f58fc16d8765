"""PSNR and SSIM against scikit-image, the known values of the benchmark sets, and their properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from keras_sr.errors import PictureError
from keras_sr.images.plain import read_rgb
from keras_sr.images.ranges import to_float
from keras_sr.images.resize import imresize
from keras_sr.metrics import PSNR, SSIM, psnr, ssim

RNG = np.random.default_rng(0)
HR = np.clip(np.cumsum(RNG.normal(0, 9, (61, 73, 3)), axis=1) + 128, 0, 255).astype(np.uint8)
SR = np.clip(HR + RNG.normal(0, 6, HR.shape), 0, 255).astype(np.uint8)


def reference_ssim(a, b):
    """scikit-image's SSIM of two planes in grey levels, where the window lies inside."""
    _, full = structural_similarity(
        a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return full[5:-5, 5:-5].mean()


# --- against scikit-image


@pytest.mark.parametrize("border", [0, 4])
@pytest.mark.parametrize("round_y", [False, True])
def test_y_equals_scikit_image(border, round_y):
    shaved = slice(border, -border or None)
    a, b = (rgb2ycbcr(image)[shaved, shaved, 0] for image in (SR, HR))
    if round_y:
        a, b = np.rint(a), np.rint(b)
    options = {"crop_border": border, "round_y": round_y}
    assert psnr(SR, HR, **options) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=255), abs=1e-9)
    assert ssim(SR, HR, **options) == pytest.approx(reference_ssim(a, b), abs=1e-12)


def test_rgb_equals_scikit_image():
    a, b = (image[3:-3, 3:-3].astype(float) for image in (SR, HR))
    expected = peak_signal_noise_ratio(b, a, data_range=255)
    assert psnr(SR, HR, crop_border=3, channel="rgb") == pytest.approx(expected, abs=1e-9)
    expected = np.mean([reference_ssim(a[..., c], b[..., c]) for c in range(3)])
    assert ssim(SR, HR, crop_border=3, channel="rgb") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("size", [(11, 11), (11, 200), (34, 35), (130, 12), (75, 150)])
def test_ssim_of_any_size_equals_scikit_image(size):
    a, b = RNG.integers(0, 256, (2, *size, 1), np.uint8)
    expected = reference_ssim(a[..., 0].astype(float), b[..., 0].astype(float))
    assert ssim(a, b, channel="rgb") == pytest.approx(expected, abs=1e-12)


# --- against the literature: bicubic x4, data made by MATLAB

KNOWN = {  # name: (PSNR, SSIM with Y as float, the same with Y rounded)
    "Set5": (28.4302, 0.8111, 28.4177, 0.8101),
    "Set14": (26.0914, 0.7048, 26.0874, 0.7041),
    "BSD100": (25.9620, 0.6681, 25.9565, 0.6672),
}


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["Set5", *(pytest.param(name, marks=pytest.mark.slow) for name in ("Set14", "BSD100"))]
)
def test_bicubic_gives_the_known_values(shared_data, name):
    kinds = [metric(crop_border=4, round_y=rounded) for rounded in (False, True) for metric in (PSNR, SSIM)]
    for path in sorted((shared_data / "benchmark" / name / "LR_bicubic_X4").glob("*.png")):
        sr = imresize(read_rgb(path), 4)
        hr = read_rgb(path.parents[1] / "HR" / path.name.replace("x4", ""))[: sr.shape[0], : sr.shape[1]]
        for metric in kinds:
            metric.update(sr, hr)
    results = [metric.result() for metric in kinds]
    assert results[::2] == pytest.approx(KNOWN[name][::2], abs=0.001)
    assert results[1::2] == pytest.approx(KNOWN[name][1::2], abs=0.0002)


# --- properties


def pictures(draw, count):
    shape = draw(st.tuples(st.integers(11, 40), st.integers(11, 40), st.sampled_from([1, 3])))
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


@given(st.data(), st.sampled_from(["y", "rgb"]))
@settings(deadline=None, max_examples=25)
def test_both_are_symmetric_and_in_range(data, channel):
    a, b = pictures(data.draw, 2)
    assert psnr(a, b, channel=channel) == psnr(b, a, channel=channel) >= PSNR.lowest
    assert ssim(a, b, channel=channel) == pytest.approx(ssim(b, a, channel=channel), abs=1e-13)
    assert SSIM.lowest <= ssim(a, b, channel=channel) < SSIM.highest


@given(st.data(), st.sampled_from(["y", "rgb"]), st.booleans())
@settings(deadline=None, max_examples=25)
def test_equal_pictures_are_perfect(data, channel, round_y):
    (a,) = pictures(data.draw, 1)
    assert psnr(a, a, channel=channel, round_y=round_y) == math.inf
    assert ssim(a, a, channel=channel, round_y=round_y) == 1.0


@given(st.integers(0, 2**32 - 1), st.sampled_from(["y", "rgb"]))
@settings(deadline=None, max_examples=15)
def test_more_noise_is_worse(seed, channel):
    noise = np.random.default_rng(seed).normal(0, 1, HR.shape)
    noisy = [np.clip(to_float(HR) + level / 255 * noise, 0, 1) for level in (1, 3, 9, 27)]
    for metric in (psnr, ssim):
        values = [metric(picture, HR, channel=channel) for picture in noisy]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == len(values)


def test_one_level_off_in_rgb_is_48_db():
    assert psnr(np.full((9, 9, 3), 7, np.uint8), np.full((9, 9, 3), 8, np.uint8), channel="rgb") == (
        pytest.approx(20 * math.log10(255))
    )


def test_floats_are_the_same_pictures_as_bytes():
    assert psnr(to_float(SR), HR) == pytest.approx(psnr(SR, HR), abs=1e-5)
    assert ssim(to_float(SR), to_float(HR)) == pytest.approx(ssim(SR, HR), abs=1e-7)


def test_floats_are_measured_unrounded():
    tiny = to_float(HR) + np.float32(0.1 / 255)
    assert 60 < psnr(tiny, HR, channel="rgb") < math.inf


def test_grey_counts_as_equal_red_green_and_blue():
    a, b = SR[..., :1], HR[..., :1]
    assert psnr(a, b) == pytest.approx(psnr(np.repeat(a, 3, 2), np.repeat(b, 3, 2)), abs=1e-9)


def test_the_border_does_not_count():
    spoilt = HR.copy()
    spoilt[:4], spoilt[-4:], spoilt[:, :4], spoilt[:, -4:] = 0, 0, 255, 255
    assert psnr(spoilt, HR, crop_border=4) == math.inf
    assert psnr(spoilt, HR, crop_border=3) < 60


# --- the classes


@pytest.mark.parametrize(("metric", "function"), [(PSNR, psnr), (SSIM, ssim)])
def test_the_class_is_the_mean_over_pictures(metric, function):
    halves = SR[:, :36], SR[:, 36:72], HR[:, :36], HR[:, 36:72]
    expected = (function(halves[0], halves[2]) + function(halves[1], halves[3])) / 2
    one_by_one, batch = metric(), metric()
    one_by_one.update(halves[0], halves[2])
    one_by_one.update(halves[1], halves[3])
    batch.update(np.stack(halves[:2]), np.stack(halves[2:]))
    assert one_by_one.result() == batch.result() == pytest.approx(expected)
    batch.reset()
    with pytest.raises(PictureError, match="has seen no picture"):
        batch.result()


def test_the_facts_are_declared():
    assert (PSNR.unit, SSIM.unit) == ("dB", "")
    assert PSNR.higher_is_better
    assert SSIM.higher_is_better
    assert "Wang" in SSIM.source
    assert "Timofte" in PSNR.source


# --- what cannot be measured


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize(
    ("sr", "hr", "options", "said"),
    [
        (SR[:-1], HR, {}, r"differ in size: \(60, 73, 3\) against the truth's \(61, 73, 3\)"),
        (SR, HR[..., :1], {}, "differ in size"),
        (SR[..., 0], HR[..., 0], {}, "must be an array"),
        (SR[None], HR[None], {}, "must be an array"),
        (SR.tolist(), HR.tolist(), {}, "must be uint8, or float"),
        (SR.astype(np.int16), HR, {}, "must be uint8, or float"),
        (SR / 1.0, HR, {}, r"values from .* expected \[0, 1\]"),
        (SR / 127.5 - 1, HR, {}, r"expected \[0, 1\]"),
        (np.full(SR.shape, np.nan), HR, {}, "holds NaN"),
        (np.full(SR.shape, np.inf), HR, {}, "holds NaN or infinity"),
        (SR, HR, {"crop_border": 31}, "nothing is left"),
        (SR, HR, {"crop_border": -1}, "nothing is left"),
        (SR, HR, {"channel": "luma"}, "unknown channel 'luma': the known ones are y, rgb"),
    ],
)
def test_mistakes_are_named_in_one_line(metric, sr, hr, options, said):
    with pytest.raises(PictureError, match=said) as error:
        metric(sr, hr, **options)
    assert "\n" not in str(error.value)


def test_ssim_needs_a_window():
    with pytest.raises(PictureError, match="11x11 pixels or more after shaving, not 73x10"):
        ssim(SR[:10], HR[:10])


def test_batches_of_different_length_are_refused_whole():
    metric = PSNR()
    with pytest.raises(PictureError, match="2 pictures cannot be compared with 1"):
        metric.update(np.stack([SR, SR]), HR[None])
    with pytest.raises(PictureError, match="NaN"):
        metric.update(np.stack([to_float(SR), np.full(SR.shape, np.nan)]), np.stack([HR, HR]))
    assert metric.values == []
