"""Comparing pictures, in Python and on the command line."""

import json

import numpy as np
import pytest

from keras_sr.errors import PictureError
from keras_sr.evaluation.compare import Line, as_dict, best, compare, text
from keras_sr.images.plain import write_plain
from keras_sr.images.resize import imresize
from keras_sr.metrics import color_drift, lpips, lr_consistency, ms_ssim, niqe, psnr, sharpness, ssim

RNG = np.random.default_rng(0)
TRUTH = imresize(RNG.integers(0, 256, (48, 56, 3), np.uint8), 4)
NEAR, FAR = (np.clip(TRUTH + RNG.normal(0, level, TRUTH.shape), 0, 255).astype(np.uint8) for level in (4, 25))


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "nothing"))
    for name in ("KERAS_SR_LPIPS_ALEX", "KERAS_SR_NIQE"):
        monkeypatch.setenv(name, str(tmp_path / "absent.npz"))
    pictures = {"truth": TRUTH, "near": NEAR, "far": FAR, "small": imresize(TRUTH, 0.25), "odd": TRUTH[:-1]}
    return {name: write_plain(tmp_path / f"{name}.png", pixels) for name, pixels in pictures.items()}


def values(comparison):
    return {line.key: line.values for line in comparison.lines}


def test_every_value_is_that_of_its_metric(files):
    found = values(compare([files["near"], files["far"]], files["truth"], crop_border=4))
    for i, picture in enumerate((NEAR, FAR)):
        for channel in ("y", "rgb"):
            options = {"crop_border": 4, "channel": channel}
            assert found[f"psnr_{channel}"][i] == psnr(picture, TRUTH, **options)
            assert found[f"ssim_{channel}"][i] == ssim(picture, TRUTH, **options)
            assert found[f"ms_ssim_{channel}"][i] == ms_ssim(picture, TRUTH, **options)
        shift = [found[f"drift_{plane}"][i] for plane in ("y", "cb", "cr")]
        np.testing.assert_array_equal(shift, color_drift(picture, TRUTH, crop_border=4))
        assert found["sharpness"][i] == sharpness(picture, crop_border=4)
    assert found["sharpness"][2] == sharpness(TRUTH, crop_border=4)


def test_learned_metrics_come_with_the_package(files, monkeypatch):
    for name in ("KERAS_SR_LPIPS_ALEX", "KERAS_SR_NIQE"):
        monkeypatch.delenv(name)
    comparison = compare([files["near"], files["truth"]])
    found = values(comparison)
    assert found["lpips"] == (lpips(NEAR, TRUTH),)
    assert found["niqe"] == (niqe(NEAR), niqe(TRUTH))
    assert comparison.left_out == ()


def test_what_cannot_be_taken_is_named_and_the_others_go_on(files):
    comparison = compare([files["near"], files["truth"]])
    assert {"lpips", "niqe"}.isdisjoint(values(comparison))
    assert [line.partition(":")[0] for line in comparison.left_out] == ["no LPIPS", "no NIQE"]
    assert "psnr_y" in values(comparison)


def test_a_larger_and_a_smaller_picture_in_either_order(files):
    first = compare([files["near"], files["small"]])
    second = compare([files["small"], files["near"]])
    assert first.columns == second.columns == ("near.png", "small.png")
    assert values(first) == values(second)
    assert values(first)["lr_psnr"] == (lr_consistency(NEAR, imresize(TRUTH, 0.25)),)


@pytest.mark.parametrize(
    ("pictures", "reference", "said"),
    [
        (["near"], None, "give two pictures"),
        (["odd"], "truth", "odd.png has 224x191 pixels and truth.png 224x192: expected the same size"),
        (["small"], "near", "small.png has 56x48 pixels and near.png 224x192"),
        (["near", "truth"], "small", None),
        (["near", "small"], "small", "compare them apart"),
    ],
)
def test_sizes(files, pictures, reference, said):
    arguments = [files[name] for name in pictures], reference and files[reference]
    if said is None:
        assert len(compare(*arguments).columns) == 3
        return
    with pytest.raises(PictureError, match=said):
        compare(*arguments)


def test_the_table_marks_the_better_one(files):
    lines = text(compare([files["near"], files["far"]], files["truth"])).splitlines()
    assert lines[0].split() == ["near.png", "far.png", "truth.png"]
    marked = next(line for line in lines if line.startswith("PSNR Y"))
    assert marked.split()[4].endswith("*")
    assert not marked.split()[5].endswith("*")
    # The truth's own NIQE is no rival: the better of the two tools is marked.
    marks = [cell.endswith("*") for cell in next(x for x in lines if x.startswith("MS-SSIM Y")).split()[3:]]
    assert marks == [True, False]
    rivals = Line("niqe", "NIQE", False, 2, (6.7, 6.8, 3.3))
    assert (best(rivals, 2), best(rivals, 3)) == ((0,), (2,))
    assert "equal" in text(compare([files["truth"], files["truth"]]))


def test_json_holds_plain_numbers(files):
    found = json.loads(
        json.dumps(as_dict(compare([files["truth"], files["near"]], files["truth"])), allow_nan=False)
    )
    assert found["pictures"][1].endswith("near.png")
    assert found["values"][found["pictures"][1]]["psnr_rgb"] == pytest.approx(
        psnr(NEAR, TRUTH, channel="rgb")
    )


def test_the_command(files, monkeypatch, capsys):
    import sys

    from keras_sr.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["keras-sr", "compare", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        return (leaving.value.code or 0, *capsys.readouterr())

    code, out, err = run(files["near"], files["far"], "--reference", files["truth"])
    assert code == 0
    assert "MS-SSIM RGB" in out
    assert err.count("no LPIPS") == 1
    code, out, _ = run(files["near"], files["truth"], "--json")
    assert json.loads(out)["reference"] == "truth.png"
    code, out, err = run(files["near"], files["truth"].with_name("absent.png"))
    assert (code, out) == (2, "")
    assert "absent.png" in err
