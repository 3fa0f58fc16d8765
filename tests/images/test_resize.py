"""MATLAB's imresize. The truth is MATLAB's own files: the LR images of Set5, Set14 and BSD100."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_sr.errors import KerasSRError
from keras_sr.images import resize
from keras_sr.images.resize import KERNELS, imresize


@pytest.mark.shared
@pytest.mark.parametrize(("name", "count"), [("Set5", 5), ("Set14", 14), ("BSD100", 100)])
def test_the_lr_images_of_the_benchmarks_are_reproduced_bit_for_bit(name, count, shared_data):
    folder = shared_data / "benchmark" / name
    files = sorted((folder / "HR").glob("*.png"))
    assert len(files) == count
    for file in files:
        hr, lr = (np.asarray(Image.open(p)) for p in (file, folder / "LR_bicubic_X4" / f"{file.stem}x4.png"))
        hr = hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4]
        np.testing.assert_array_equal(imresize(hr, 1 / 4), lr, err_msg=file.name)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarging_is_opencvs_bicubic_inside_but_for_its_parameter(scale):
    """Without antialiasing MATLAB's bilinear is OpenCV's; its bicubic has a = -0.5 where OpenCV has -0.75."""
    image = np.random.default_rng(0).random((9, 11, 3))
    expected = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(imresize(image, scale, kernel="bilinear"), expected, atol=1e-6)


PILLOW = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos3": Image.Resampling.LANCZOS,
}


@pytest.mark.parametrize("kernel", list(PILLOW))
@pytest.mark.parametrize("scale", [0.5, 0.25, 2])
def test_the_inside_is_pillows_antialiased_kernel(kernel, scale):
    image = np.random.default_rng(1).random((64, 64)).astype("float32")
    size = int(64 * scale)
    expected = np.asarray(Image.fromarray(image).resize((size, size), PILLOW[kernel]))
    border = int(12 * max(scale, 1)) if scale > 1 else int(np.ceil(12 * scale)) + 2
    inside = slice(border, -border)
    got = imresize(image, scale, kernel=kernel)
    np.testing.assert_allclose(got[inside, inside], expected[inside, inside], atol=2e-6)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from([1 / 8, 1 / 4, 1 / 3, 0.37, 1.7, 2, 3, 8]),
    st.sampled_from(list(KERNELS)), st.booleans(),
)  # fmt: skip
def test_a_flat_picture_stays_flat_and_has_the_right_size(height, width, scale, kernel, antialias):
    image = np.full((height, width, 3), 77, np.uint8)
    out = imresize(image, scale, kernel=kernel, antialias=antialias)
    assert out.shape == (int(np.ceil(height * scale - 1e-9)), int(np.ceil(width * scale - 1e-9)), 3)
    assert (out == 77).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1 / 4, 1 / 3, 2, 4]))
def test_mirrored_pictures_give_mirrored_results(seed, scale):
    image = np.random.default_rng(seed).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    np.testing.assert_array_equal(imresize(image[:, ::-1], scale), imresize(image, scale)[:, ::-1])
    np.testing.assert_array_equal(imresize(image[::-1], scale), imresize(image, scale)[::-1])


def test_the_dense_and_the_tapped_way_agree(monkeypatch):
    image = np.random.default_rng(2).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    dense = [imresize(image, s) for s in (1 / 4, 1 / 3, 3, 4)]
    monkeypatch.setattr(resize, "DENSE_LIMIT", 0)
    for a, s in zip(dense, (1 / 4, 1 / 3, 3, 4), strict=True):
        np.testing.assert_array_equal(imresize(image, s), a)


def test_uint8_is_rounded_between_the_passes():
    """What distinguishes MATLAB's result on uint8 from the rounded result on floats."""
    image = np.random.default_rng(3).integers(0, 256, (64, 64), dtype=np.uint8)
    floats = np.floor(np.clip(imresize(image.astype(float), 1 / 4), 0, 255) + 0.5)
    differing = imresize(image, 1 / 4) != floats
    assert 0 < differing.mean() < 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "exactly one of scale and size"),
        ({"scale": 2, "size": (4, 4)}, "exactly one of scale and size"),
        ({"scale": 0}, "at least 1x1"),
        ({"scale": -1}, "at least 1x1"),
        ({"size": (0, 4)}, "at least 1x1"),
        ({"scale": 2, "kernel": "cubic"}, "bicubic, bilinear, lanczos2, lanczos3"),
    ],
)
def test_bad_arguments_say_what_is_expected(arguments, words):
    with pytest.raises(KerasSRError, match=words):
        imresize(np.zeros((8, 8), np.uint8), **arguments)


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(KerasSRError, match="with pixels in it"):
        imresize(np.zeros((0, 8, 3), np.uint8), 2)
