import json
import math
import re

import numpy as np
import pytest

from keras_sr.errors import DataError
from keras_sr.evaluation.protocol import Protocol
from keras_sr.evaluation.score import bicubic, load, reason, score
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.images.plain import read_rgb, write_plain
from keras_sr.images.ranges import to_float
from keras_sr.images.resize import imresize
from keras_sr.metrics import psnr, ssim

RNG = np.random.default_rng(0)


def photo(height, width, channels=3):
    """Something smooth enough for enlarging to make sense."""
    small = RNG.integers(0, 256, (height // 8 + 1, width // 8 + 1, channels), np.uint8)
    return imresize(small, size=(height, width))


@pytest.fixture
def hr_only(tmp_path):
    for name, size in {"a": (50, 71), "b": (49, 64)}.items():
        write_plain(tmp_path / f"{name}.png", photo(*size))
    write_plain(tmp_path / "grey.png", photo(40, 52, 1))
    return find_pairs(tmp_path, 4)


def test_the_protocol_step_by_step(hr_only):
    scores = score(bicubic(4), hr_only, 4)
    for pair, image in zip(hr_only, scores.images, strict=True):
        hr = read_rgb(pair.hr)
        hr = hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4]
        sr = imresize(imresize(hr, 1 / 4), 4)
        assert image.name == pair.name
        assert image.lr_made
        assert image.psnr == pytest.approx(psnr(sr, hr, crop_border=4))
        assert image.ssim == pytest.approx(ssim(sr, hr, crop_border=4))
    assert scores.psnr == pytest.approx(np.mean([image.psnr for image in scores.images]))
    assert scores.ssim == pytest.approx(np.mean([image.ssim for image in scores.images]))
    assert scores.lr_made == scores.total == 3


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("matlab", {"round_y": True, "crop_border": 4}),
        ("rgb", {"channel": "rgb", "crop_border": 4}),
        (Protocol("mine", shave=0), {}),
    ],
)
def test_other_protocols(hr_only, protocol, options):
    seen = []
    scores = score(bicubic(4), hr_only, 4, protocol, on_picture=seen.append)
    for image, picture in zip(scores.images, seen, strict=True):
        assert image.psnr == pytest.approx(psnr(picture.sr, picture.hr, **options))
        assert image.ssim == pytest.approx(ssim(picture.sr, picture.hr, **options))


def test_floats_are_clipped_and_rounded_before_they_are_measured(hr_only):
    exact = score(bicubic(4), hr_only, 4)
    nearly = score(lambda lr: to_float(imresize(lr, 4)) + 0.4 / 255, hr_only, 4)
    assert [image.psnr for image in nearly.images] == [image.psnr for image in exact.images]
    half = score(lambda lr: to_float(imresize(lr, 4)).astype(np.float16), hr_only, 4)
    assert half.psnr == pytest.approx(exact.psnr, abs=0.1)


def test_lr_files_are_used_when_they_are_there(tmp_path):
    write_plain(tmp_path / "HR" / "a.png", photo(48, 48))
    lr = write_plain(tmp_path / "LR_bicubic_X4" / "ax4.png", photo(12, 12))
    seen = []

    def upscale(small):
        seen.append(small)
        return imresize(small, 4)

    scores = score(upscale, find_pairs(tmp_path, 4), 4)
    np.testing.assert_array_equal(seen[0], read_rgb(lr))
    assert scores.lr_made == 0


def test_a_perfect_upscaler_scores_infinity(tmp_path):
    hr = photo(48, 48)
    write_plain(tmp_path / "a.png", hr)
    scores = score(lambda lr: hr, find_pairs(tmp_path, 4), 4)
    assert scores.psnr == math.inf
    assert scores.ssim == 1
    assert str(scores) == "inf dB / 1.0000 over 1 of 1 pictures"


@pytest.fixture
def troubled(tmp_path):
    for name in ("fine", "nan", "inf", "small_sr", "raises", "wrong_lr", "damaged", "tiny"):
        write_plain(tmp_path / "HR" / f"{name}.png", photo(48, 64))
        write_plain(tmp_path / "LR_bicubic_X4" / f"{name}x4.png", photo(12, 16))
    write_plain(tmp_path / "LR_bicubic_X4" / "wrong_lrx4.png", photo(13, 16))
    damaged = tmp_path / "HR" / "damaged.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    write_plain(tmp_path / "HR" / "tiny.png", photo(3, 64))
    pairs = find_pairs(tmp_path, 4)
    lrs = {pair.name: read_rgb(pair.lr).tobytes() for pair in pairs}

    def upscale(lr):
        name = next(name for name, content in lrs.items() if content == lr.tobytes())
        sr = to_float(imresize(lr, 4))
        if name in ("nan", "inf"):
            sr[5, 5, 1] = float(name)
        if name == "raises":
            raise MemoryError("\x1b[1mno more\x1b[0m\nmemory " + 999 * "x")
        return sr[:-1] if name == "small_sr" else sr

    return upscale, pairs


def test_a_failed_picture_is_recorded_and_the_others_count(troubled, caplog):
    scores = score(*troubled, 4)
    reasons = {failure.name: failure.reason for failure in scores.failures}
    assert [image.name for image in scores.images] == ["fine"]
    assert scores.total == 8
    assert "NaN" in reasons["nan"]
    assert "infinity" in reasons["inf"]
    assert reasons["raises"].startswith("MemoryError: no more memory xxx")
    assert len(reasons["raises"]) < 320
    assert reasons["small_sr"] == "the upscaler returned an array (47, 64, 3): expected (48, 64, 3)"
    assert reasons["wrong_lr"].startswith("wrong_lrx4.png has 16x13 pixels: expected 16x12")
    assert "damaged.png" in reasons["damaged"]
    assert "64x3 pixels are too few for x4" in reasons["tiny"]
    assert str(scores).endswith("over 1 of 8 pictures")
    assert len(caplog.records) == 7


@pytest.mark.parametrize("rounding", [np.floor, np.ceil])
def test_the_lr_of_an_odd_size_may_be_rounded_either_way(tmp_path, rounding):
    """Training takes both: MATLAB rounds up, and others down."""
    hr = photo(50, 67)
    write_plain(tmp_path / "HR" / "a.png", hr)
    write_plain(tmp_path / "LR" / "a.png", photo(int(rounding(50 / 4)), int(rounding(67 / 4))))
    (pair,) = find_pairs(tmp_path, 4)
    lr, cut = load(pair, 4)
    assert lr.shape == (12, 16, 3)
    np.testing.assert_array_equal(cut, hr[:48, :64])


def test_a_pair_that_shows_two_pictures_is_not_measured(tmp_path):
    rng = np.random.default_rng(0)
    one, other = (imresize(rng.integers(0, 256, (30, 40, 3), np.uint8), 4) for _ in range(2))
    for name, shown in (("fine", one), ("other", other)):
        write_plain(tmp_path / "HR" / f"{name}.png", one)
        write_plain(tmp_path / "LR" / f"{name}.png", imresize(shown, 1 / 4))
    scores = score(bicubic(4), find_pairs(tmp_path, 4), 4)
    assert [image.name for image in scores.images] == ["fine"]
    assert "LR and HR show different pictures" in scores.failures[0].reason


def test_a_file_that_cannot_be_opened_is_said_without_its_class():
    said = reason(FileNotFoundError(2, "No such file or directory", "gone.png"))
    assert said == "gone.png: No such file or directory"


def test_when_all_fail_there_is_no_mean(hr_only):
    scores = score(lambda lr: lr, hr_only, 4)
    assert math.isnan(scores.psnr)
    assert str(scores) == "nan dB / nan over 0 of 3 pictures"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda sr: sr.astype(int), "int64: expected uint8"),
        (lambda sr: sr / 1.0, r"floats around .* \[0, 1\]"),
    ],
)
def test_other_types_are_refused(hr_only, wrong, said):
    scores = score(lambda lr: wrong(imresize(lr, 4)), hr_only, 4)
    assert len(scores.failures) == 3
    assert re.search(said, scores.failures[0].reason)


def test_unknown_protocols_and_empty_sets(hr_only):
    with pytest.raises(DataError, match="unknown protocol 'ycbcr': the known ones are paper, matlab, rgb"):
        score(bicubic(4), hr_only, 4, "ycbcr")
    with pytest.raises(DataError, match="no picture to measure on"):
        score(bicubic(4), [], 4)


def test_scores_are_json(hr_only):
    data = json.loads(json.dumps(score(bicubic(4), hr_only, 4).as_dict()))
    assert data["protocol"]["name"] == "paper"
    assert data["measured"] == data["total"] == len(data["images"]) == 3


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Set5", "28.43 dB / 0.8111 over 5 of 5 pictures"),
        pytest.param("Set14", "26.09 dB / 0.7048 over 14 of 14 pictures", marks=pytest.mark.slow),
        pytest.param("BSD100", "25.96 dB / 0.6681 over 100 of 100 pictures", marks=pytest.mark.slow),
    ],
)
def test_bicubic_anchors_the_harness(shared_data, name, expected):
    pairs = find_pairs(shared_data / "benchmark" / name, 4)
    assert str(score(bicubic(4), pairs, 4)) == expected


@pytest.mark.shared
def test_made_lr_equals_the_lr_files_of_matlab(shared_data):
    folder = shared_data / "benchmark" / "Set5"
    pairs = find_pairs(folder, 4)
    unpaired = [type(pair)(pair.name, pair.hr, None) for pair in pairs]
    assert str(score(bicubic(4), unpaired, 4)) == str(score(bicubic(4), pairs, 4))
