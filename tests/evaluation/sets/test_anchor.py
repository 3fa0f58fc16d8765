"""The harness refuses sets on which bicubic is off, and names the reason."""

import shutil

import numpy as np
import pytest
from PIL import Image

from keras_sr.evaluation.protocol import PROTOCOLS
from keras_sr.evaluation.score import bicubic, score
from keras_sr.evaluation.sets import anchor
from keras_sr.evaluation.sets.known import SETS
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.images.plain import read_rgb, write_plain

SET5 = SETS["set5"]


@pytest.fixture
def set5(shared_data, tmp_path):
    return shutil.copytree(shared_data / "benchmark" / "Set5", tmp_path / "Set5")


def judge(folder):
    """Whether the anchor is met, and the reason when it is not."""
    pairs = find_pairs(folder, 4)
    psnr = score(bicubic(4), pairs, 4).psnr
    _, met = anchor.check(SET5, 4, PROTOCOLS["paper"], psnr, pairs)
    return met, anchor.likely_reason(SET5, 4, pairs)


def rewrite_lr(folder, make):
    """Replace LR pictures by `make(HR as a Pillow image, LR's size)`."""
    for path in (folder / "LR_bicubic_X4").iterdir():
        hr = Image.fromarray(read_rgb(folder / "HR" / path.name.replace("x4", "")))
        write_plain(path, np.asarray(make(hr, read_rgb(path).shape[1::-1])))


@pytest.mark.shared
def test_the_set_itself_is_met(set5):
    assert judge(set5)[0]
    # Without LR it is made here, to the bit.
    shutil.rmtree(set5 / "LR_bicubic_X4")
    assert judge(set5)[0]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda hr, size: hr.resize(size, Image.Resampling.BILINEAR), "bilinear with antialiasing"),
        (lambda hr, size: hr.resize(size, Image.Resampling.LANCZOS), "nearest to Lanczos"),
    ],
    ids=["bilinear", "lanczos"],
)
def test_another_kernel_is_named(set5, make, reason):
    rewrite_lr(set5, make)
    met, said = judge(set5)
    assert not met
    assert "5 of 5 LR pictures were not made from their HR by MATLAB's bicubic kernel" in said
    assert reason in said


@pytest.mark.shared
def test_opencvs_kernels_are_named(set5):
    cv2 = pytest.importorskip("cv2")
    for flag, reason in (
        (cv2.INTER_CUBIC, "bicubic without antialiasing"),
        (cv2.INTER_LINEAR, "bilinear without"),
    ):
        rewrite_lr(set5, lambda hr, size, flag=flag: cv2.resize(np.asarray(hr), size, interpolation=flag))
        met, said = judge(set5)
        assert not met
        assert reason in said


@pytest.mark.shared
def test_an_unknown_kernel_is_not_given_a_name(set5):
    rewrite_lr(set5, lambda hr, size: np.zeros((size[1], size[0], 3), np.uint8))
    met, said = judge(set5)
    assert not met
    assert "none that is known" in said


@pytest.mark.shared
def test_other_faults_are_named(set5):
    lr = set5 / "LR_bicubic_X4"
    for path in list(lr.iterdir()):
        Image.fromarray(read_rgb(path)).save(path.with_suffix(".jpg"), quality=60)
        path.unlink()
    assert judge(set5) == (False, "LR is stored with loss (img_001x4.jpg): get the LR pictures as PNG")
    shutil.rmtree(lr)
    for path in (set5 / "HR").iterdir():
        write_plain(path, read_rgb(path)[40:, 40:])
    met, said = judge(set5)
    assert not met
    assert "another copy or crop" in said
    (set5 / "HR" / "img_003.png").unlink()
    met, said = judge(set5)
    assert not met
    assert said == "Set5 has 5 pictures, here are 4: get the whole set"


def test_notes(tmp_path):
    write_plain(tmp_path / "a.png", np.zeros((10, 13, 3), np.uint8) + np.uint8([1, 2, 3]))
    write_plain(tmp_path / "grey.png", np.zeros((12, 12, 1), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    notes, lr = anchor.look(find_pairs(tmp_path, 4), 4)
    assert lr == "made"
    assert notes == [
        "a: HR cropped from 13x10 to 12x8, a multiple of 4",
        "grey: a grey picture, measured as R = G = B",
        "LR of 3 pictures made here by MATLAB's bicubic kernel",
    ]
