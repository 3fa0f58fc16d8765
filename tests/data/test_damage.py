import io

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, special

from keras_sr.data import damage
from keras_sr.errors import DataError


@pytest.fixture
def picture(photo):
    return photo(1, 64, 80).astype(np.float32)


def test_a_blur_is_scipys_convolution_with_a_mirrored_border(picture):
    kernel = damage.gaussian_kernel(9, 1.0, 2.5, 0.7)
    expected = np.stack([ndimage.convolve(picture[..., c], kernel, mode="mirror") for c in range(3)], -1)
    np.testing.assert_allclose(damage.blur(picture, kernel), expected, atol=1e-2)


def test_a_blur_larger_than_the_picture_mirrors_again_and_again(picture):
    small = picture[:6, :5]
    kernel = damage.gaussian_kernel(21, 3, 3)
    expected = np.stack([ndimage.convolve(small[..., c], kernel, mode="mirror") for c in range(3)], -1)
    np.testing.assert_allclose(damage.blur(small, kernel), expected, atol=1e-2)


def test_a_blur_of_a_line_of_pixels_is_refused():
    with pytest.raises(DataError, match="80x1 pixels is too small for a blur: both sides need at least 2"):
        damage.blur(np.zeros((1, 80, 3), np.float32), damage.gaussian_kernel(7, 1, 1))


def test_the_gaussian_is_opencvs():
    line = cv2.getGaussianKernel(15, 1.7)
    np.testing.assert_allclose(damage.gaussian_kernel(15, 1.7, 1.7), line @ line.T, atol=1e-7)


def test_a_turned_gaussian_has_the_variances_of_its_axes():
    kernel = damage.gaussian_kernel(41, 4.0, 1.5, np.pi / 6)
    at = np.arange(41) - 20
    along = np.cos(np.pi / 6) * at[None, :] + np.sin(np.pi / 6) * at[:, None]
    across = np.cos(np.pi / 6) * at[:, None] - np.sin(np.pi / 6) * at[None, :]
    assert (kernel * along**2).sum() == pytest.approx(16, rel=0.01)
    assert (kernel * across**2).sum() == pytest.approx(2.25, rel=0.01)


def test_generalised_and_plateau_kernels_follow_their_formulas():
    distance = (np.arange(21) - 10.0) ** 2 / 4
    squared = distance[:, None] + distance[None, :]
    for made, formula in [
        (damage.gaussian_kernel(21, 2, 2, 0, 0.6), np.exp(-0.5 * squared**0.6)),
        (damage.plateau_kernel(21, 2, 2, 0, 1.5), 1 / (squared**1.5 + 1)),
    ]:
        np.testing.assert_allclose(made, formula / formula.sum(), atol=1e-7)


@pytest.mark.parametrize("cutoff", [np.pi / 5, np.pi / 2, np.pi])
def test_the_sinc_kernel_is_scipys_bessel_function(cutoff):
    at = np.arange(13) - 6.0
    distance = np.hypot(at[:, None], at[None, :])
    distance[6, 6] = 1
    expected = cutoff * special.j1(cutoff * distance) / (2 * np.pi * distance)
    expected[6, 6] = cutoff**2 / (4 * np.pi)
    np.testing.assert_allclose(damage.sinc_kernel(13, cutoff), expected / expected.sum(), atol=1e-7)


@pytest.mark.parametrize("size", [(32, 40), (16, 20), (51, 47), (100, 130)])
def test_bilinear_and_area_are_those_of_other_libraries(picture, size):
    expected = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(damage.resample(picture, size, "bilinear"), expected, atol=0.05)
    torch = pytest.importorskip("torch")
    planes = torch.from_numpy(picture.transpose(2, 0, 1)[None])
    area = torch.nn.functional.interpolate(planes, size=size, mode="area")[0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(damage.resample(picture, size, "area"), area, atol=0.01)


@pytest.mark.parametrize("how", list(damage.RESAMPLERS))
def test_every_resampler_keeps_a_plain_colour(how):
    plain = np.full((40, 40, 3), (10, 120, 250), np.float32)
    for size in [(13, 17), (40, 40), (77, 61)]:
        np.testing.assert_allclose(
            damage.resample(plain, size, how), np.resize(plain[0, 0], (*size, 3)), atol=1e-2
        )


def test_noise_has_its_standard_deviation_and_bands():
    grey = np.full((200, 200, 3), 128, np.float32)
    colour = damage.gaussian_noise(grey, 7, False, np.random.default_rng(0)) - grey
    single = damage.gaussian_noise(grey, 7, True, np.random.default_rng(0)) - grey
    assert colour.std() == pytest.approx(7, rel=0.02)
    assert abs(np.corrcoef(colour[..., 0].ravel(), colour[..., 1].ravel())[0, 1]) < 0.02
    assert (single[..., 0] == single[..., 2]).all()


@pytest.mark.parametrize("grey", [False, True])
def test_shot_noise_grows_with_the_square_root_of_light(grey):
    ramp = np.repeat(np.arange(256, dtype=np.float32), 400).reshape(256, 400, 1).repeat(3, axis=2)
    noise = damage.poisson_noise(ramp, 1.0, grey, np.random.default_rng(0)) - ramp
    # 256 levels are used: a level v counts 256 v / 255 photons.
    assert noise[200].std() == pytest.approx(255 / 256 * np.sqrt(200 * 256 / 255), rel=0.1)
    assert noise[200].std() / noise[50].std() == pytest.approx(2, rel=0.15)
    assert (noise[..., 0] == noise[..., 1]).all() == grey


@pytest.mark.parametrize(("subsampling", "number"), [("4:4:4", 0), ("4:2:0", 2)])
def test_jpeg_is_what_a_file_holds(picture, subsampling, number):
    file = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(file, "JPEG", quality=60, subsampling=number)
    np.testing.assert_array_equal(damage.jpeg(picture, 60, subsampling), np.asarray(Image.open(file)))


def test_a_shifted_jpeg_has_its_blocks_elsewhere(picture):
    """Steps between blocks are larger than inside them; the shift says where they are."""

    def seams(y, x):
        out = damage.jpeg(picture, 10, "4:4:4", (y, x))
        assert out.shape == picture.shape
        steps = np.abs(np.diff(out, axis=0)).mean((1, 2))
        return int(np.argmax([steps[k::8].mean() for k in range(8)]))

    assert seams(0, 0) == 7  # The step from row 7 to row 8.
    assert seams(3, 5) == 4


def test_webp_loses_little_at_high_and_more_at_low_quality(picture):
    fine, coarse = (np.abs(damage.webp(picture, q) - picture).mean() for q in (95, 20))
    assert 0 < fine < coarse


def test_a_pillow_without_webp_says_so(picture, monkeypatch):
    monkeypatch.setattr(damage.features, "check", lambda name: False)
    with pytest.raises(DataError, match="this Pillow cannot write WebP"):
        damage.webp(picture, 80)
