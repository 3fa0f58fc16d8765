"""One pairing for every layout: the names of the field, in any case, nested in any way."""

import numpy as np
import pytest

from keras_sr.data.pairing import find, pair_folder
from keras_sr.errors import DataError
from keras_sr.images.plain import write_plain


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def picture(path, height, width):
    write_plain(path, np.zeros((height, width, 3), np.uint8))


def found(folder, scale=4):
    read = pair_folder(folder, scale)
    return {match.hr: match.lr for match in read.pairing.matches}


LAYOUTS = {
    "GT and LQ": ("GT/a.png", "LQ/a.png"),
    "hr and lr": ("hr/a.png", "lr/a.png"),
    "Hr and Lr": ("Hr/a.png", "Lr/a.png"),
    "high and low resolution": ("high_resolution/a.png", "low_resolution/a.png"),
    "highres and lowres": ("highres/a.png", "lowres/a.png"),
    "BasicSR": ("GTmod12/baby.png", "LRbicx4/baby.png"),
    "BasicSR, names with a scale": ("GTmod12/baby.png", "LRbicx4/babyx4.png"),
    "DIV2K": ("DIV2K_train_HR/0001.png", "DIV2K_train_LR_bicubic/X4/0001x4.png"),
    "DIV2K, cut": ("DIV2K_train_HR_sub/0001_s001.png", "DIV2K_train_LR_bicubic/X4_sub/0001_s001.png"),
    "DIV2K, unknown": ("DIV2K_train_HR/0001.png", "DIV2K_train_LR_unknown/X4/0001x4.png"),
    "DIV2K, mild": ("DIV2K_train_HR/0001.png", "DIV2K_train_LR_mild/0001x4m.png"[:-5] + ".png"),
    "DIV2K, small letters": ("div2k_train_hr/0001.png", "div2k_train_lr_bicubic/x4/0001x4.png"),
    "EDSR": ("HR/a.png", "LR_bicubic/X4/ax4.png"),
    "this project": ("HR/img_001.png", "LR_bicubic_X4/img_001x4.png"),
    "LR_x4": ("HR/a.png", "LR_x4/a.png"),
    "LRx4": ("HR/a.png", "LRx4/a_x4.png"),
    "X4 beside HR": ("HR/a.png", "X4/a.png"),
    "splits above": ("train/HR/a.png", "train/LR/a.png"),
    "splits below": ("HR/train/a.png", "LR/train/a.png"),
    "splits in the name": ("HR_train/a.png", "LR_train/a.png"),
    "trainHR": ("trainHR/a.png", "trainLR/a.png"),
    "nested": ("HR/x/a.png", "LR_bicubic/X4/x/ax4.png"),
    "DRealSR": ("test_HR/DSC_1286_x4.png", "test_LR/DSC_1286_x1.png"),
    "RealSR": ("Canon_001_HR.png", "Canon_001_LR4.png"),
    "SelfExSR": ("image_SRF_4/img_SRF_4_HR.png", "image_SRF_4/img_SRF_4_LR.png"),
    "x4 beside HR": ("a.png", "ax4.png"),
    "_x4 beside HR": ("deep/a.png", "deep/a_x4.png"),
    "_LR beside HR": ("a.png", "a_LR.png"),
    "gt and lq in names": ("a_gt.png", "a_lq.png"),
    "other suffix": ("GT/a.PNG", "LQ/a.jpg"),
    "REDS": ("train_sharp/000/1.png", "train_sharp_bicubic/X4/000/1.png"),
    "folder of LR in a folder of photographs": ("a.png", "LR/a.png"),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_of_the_field(tmp_path, layout):
    hr, lr = LAYOUTS[layout]
    assert found(make(tmp_path, hr, lr)) == {hr: lr}


@pytest.mark.parametrize(
    ("hr", "lr"),
    [
        ("GT", "LQ"),
        ("DIV2K_valid_HR", "DIV2K_valid_LR_bicubic/X4"),
        ("GTmod12", "LRbicx4"),
        ("HR", "LR_bicubic_X4"),
        ("hr", "x4"),
    ],
)
def test_the_folder_of_hr_finds_the_folders_beside_it(tmp_path, hr, lr, monkeypatch):
    make(tmp_path, f"{hr}/a.png", f"{lr}/a.png", "other_HR/b.png", "other_LR/b.png")
    assert found(tmp_path / hr) == {f"{hr}/a.png": f"{lr}/a.png"}
    monkeypatch.chdir(tmp_path / hr)
    assert found(".") == {f"{hr}/a.png": f"{lr}/a.png"}


def test_set5_as_basicsr_lays_it_out(tmp_path):
    """Other scales are passed over and said; the originals, which are not cut to fit, are no truths."""
    folders = ("GTmod12", "LRbicx2", "LRbicx3", "LRbicx4", "original")
    make(tmp_path, *(f"{folder}/{name}.png" for folder in folders for name in ("baby", "bird")))
    for scale in (2, 3, 4):
        read = pair_folder(tmp_path, scale).pairing
        assert {m.hr: m.lr for m in read.matches} == {
            f"GTmod12/{name}.png": f"LRbicx{scale}/{name}.png" for name in ("baby", "bird")
        }
        assert [path for path, _ in read.left_out] == ["original/baby.png", "original/bird.png"]
        assert len(read.notes) == 2
    assert found(tmp_path, 8) == dict.fromkeys(["GTmod12/baby.png", "GTmod12/bird.png"])


@pytest.mark.parametrize(
    ("names", "stray"),
    [
        (["GT/a.png", "LQ/a.png", "LQ/b.png"], "LQ/b.png"),
        (["a.png", "a_LR.png", "b_LR.png"], "b_LR.png"),
        (["HR/a.png", "LR/a.png", "x4/c.png"], "x4/c.png"),
        (["a.png", "LR_bicubic/b.png"], "LR_bicubic/b.png"),
        (["train/HR/a.png", "train/LR/a.png", "valid/LR/a.png"], "valid/LR/a.png"),
    ],
)
def test_what_looks_like_lr_and_has_no_partner_is_refused_by_name(tmp_path, names, stray):
    with pytest.raises(DataError, match=r"has no HR picture.*looks like LR") as error:
        found(make(tmp_path, *names))
    assert stray in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["LR", "lq", "LRbicx4", "DIV2K_train_LR_bicubic", "LR_bicubic/X4"])
def test_a_folder_of_lr_is_no_folder_of_truths(tmp_path, name):
    with pytest.raises(DataError, match="a folder of LR pictures by its name"):
        found(make(tmp_path, f"{name}/a.png") / name)


@pytest.mark.parametrize(
    "names",
    [
        ["1x2.png", "2x2.png", "3.png"],
        ["holiday_x4.png"],
        ["GT/mustang.jpg", "cabrio/beetle.jpg"],
        ["mustang_GT.jpg", "beetle.jpg"],
        ["x4/a.png", "x5/b.png"],
        ["hrs/a.png", "bright/b.png", "lrs/c.png", "colour/d.png"],
    ],
)
def test_photographs_with_odd_names_stay_photographs(tmp_path, names):
    assert found(make(tmp_path, *names)) == dict.fromkeys(sorted(names))


def test_sizes_decide_between_lr_and_an_enlarged_copy(tmp_path):
    """`keras-sr upscale` writes fox_x4.png beside fox.png: that is no truth, and fox.png is no LR."""
    for name, side in (("fox", 16), ("fox_x4", 64), ("owl", 64), ("owlx4", 16)):
        picture(tmp_path / f"{name}.png", side, side)
    read = pair_folder(tmp_path, 4).pairing
    assert {m.hr: m.lr for m in read.matches} == {"owl.png": "owlx4.png"}
    assert read.alone == ("fox.png",)
    assert "enlarged copy" in dict(read.left_out)["fox_x4.png"]


def test_lr_of_another_scale_is_measured_and_said(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "GT" / f"{name}.png", 64, 64)
        picture(tmp_path / "LQ" / f"{name}.png", 32, 32)
    with pytest.raises(DataError, match=r"are of x2, not of x4 .*network of x2"):
        found(tmp_path)
    assert found(tmp_path, 2) == {f"GT/{name}.png": f"LQ/{name}.png" for name in ("a", "b")}


def test_names_that_pair_twice_are_told(tmp_path):
    make(tmp_path, "HR/a.png", "HR/a.jpg", "HR/b.png", "HR/c.png")
    make(tmp_path, "LR/a.png", "LR/b.png", "LR/b.jpg", "LR/c.png")
    read = pair_folder(tmp_path, 4).pairing
    assert {m.hr: m.lr for m in read.matches} == {"HR/c.png": "LR/c.png"}
    assert read.twice == (
        ("HR/a.jpg", "its LR picture LR/a.png is that of HR/a.png, too"),
        ("HR/a.png", "its LR picture LR/a.png is that of HR/a.jpg, too"),
        ("HR/b.png", "it has two LR pictures, LR/b.jpg and LR/b.png"),
    )


def test_where_all_names_pair_twice_none_is_taken_alone(tmp_path):
    read = pair_folder(make(tmp_path, "HR/a.png", "HR/a.jpg", "LR/a.png"), 4).pairing
    assert (read.matches, len(read.twice)) == ((), 2)


def test_hr_and_lr_that_are_exchanged_are_refused(tmp_path):
    said = "are larger than their HR pictures .*: exchange"
    for name in ("a", "b"):
        picture(tmp_path / "GT" / f"{name}.png", 64, 64)
        picture(tmp_path / "LQ" / f"{name}.png", 256, 256)
    with pytest.raises(DataError, match=said) as error:
        found(tmp_path)
    assert "LQ/a.png and GT/a.png" in str(error.value)
    with pytest.raises(DataError, match=said):
        find(tmp_path / "GT", tmp_path / "LQ", 4)


def test_a_network_that_only_cleans_has_lr_as_large_as_hr(tmp_path):
    picture(tmp_path / "GT" / "a.png", 64, 64)
    picture(tmp_path / "LQ" / "a.png", 64, 64)
    assert found(tmp_path, 1) == {"GT/a.png": "LQ/a.png"}


@pytest.mark.parametrize("names", [["X4/a.png", "X4/b.png"], ["0801x4.png", "0802x4.png"]])
def test_lr_alone_is_doubted_in_a_line(tmp_path, names):
    """It may be a folder of photographs, so it is no error."""
    read = pair_folder(make(tmp_path, *names), 4).pairing
    assert [match.hr for match in read.matches] == names
    assert [note.partition(":")[0] for note in read.notes] == [
        f"all pictures are named by a scale, as LR pictures are ({names[0]})"
    ]
    assert pair_folder(make(tmp_path, "c.png"), 4).pairing.notes == ()


def test_bicubic_comes_first_of_several_kinds_of_lr(tmp_path):
    make(tmp_path, "X_HR/1.png", "X_LR_bicubic/X4/1x4.png", "X_LR_unknown/X4/1x4.png", "X_LR_mild/1x4.png")
    assert found(tmp_path) == {"X_HR/1.png": "X_LR_bicubic/X4/1x4.png"}


def test_the_whole_name_comes_before_what_is_left_of_it(tmp_path):
    make(tmp_path, "HR/a.png", "HR/ax4.png", "LR/ax4.png", "LR/a.png")
    assert found(tmp_path) == {"HR/a.png": "LR/a.png", "HR/ax4.png": "LR/ax4.png"}


def test_pictures_of_folders_that_are_called_alike_keep_apart(tmp_path):
    """What is left out or held out is told by its name."""
    for place in ("a", "b", "c"):
        picture(tmp_path / place / "photos" / "0.png", 32, 32)
    pairs, _ = find([tmp_path / place / "photos" for place in ("a", "b", "c")], None, 4)
    assert [(pair.name, pair.hr.parts[-3]) for pair in pairs] == [
        ("photos/0.png", "a"),
        ("photos (2)/0.png", "b"),
        ("photos (3)/0.png", "c"),
    ]


@pytest.mark.parametrize("hr", ["HR", "DIV2K_train_HR/deep"])
def test_names_start_at_the_folder_of_truths(tmp_path, hr):
    make(tmp_path, f"{hr}/a.png", f"{hr}/b.png")
    assert pair_folder(tmp_path, 4).truths == tmp_path / hr.split("/")[0]
