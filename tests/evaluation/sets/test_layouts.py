import numpy as np
import pytest

from keras_sr.errors import DataError
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.images.plain import write_plain

PIXELS = np.zeros((8, 8, 1), np.uint8)


def make(root, *names):
    for name in names:
        # Only names matter here; odd suffixes are written as PNG and renamed.
        write_plain((root / name).with_suffix(".png"), PIXELS).rename(root / name)


def found(root, scale=4):
    return [
        (pair.name, *(path and path.relative_to(root).as_posix() for path in (pair.hr, pair.lr)))
        for pair in find_pairs(root, scale)
    ]


def test_the_layout_of_edsr(tmp_path):
    make(tmp_path, "HR/b.png", "HR/a.png", "LR_bicubic/X4/ax4.png", "LR_bicubic/X4/bx4.png")
    make(tmp_path, "LR_bicubic/X2/ax2.png", "readme.jpg.txt")
    assert found(tmp_path) == [
        ("a", "HR/a.png", "LR_bicubic/X4/ax4.png"),
        ("b", "HR/b.png", "LR_bicubic/X4/bx4.png"),
    ]
    assert find_pairs(tmp_path / "HR", 4) == find_pairs(tmp_path, 4)


def test_the_layout_of_drealsr(tmp_path):
    make(tmp_path, "test_HR/DSC_1286_x4.png", "test_LR/DSC_1286_x1.png")
    assert found(tmp_path) == [("DSC_1286_x4", "test_HR/DSC_1286_x4.png", "test_LR/DSC_1286_x1.png")]


def test_the_layout_of_realsr(tmp_path):
    make(tmp_path, "Canon_001_HR.png", "Canon_001_LR4.png", "Nikon_002_HR.png", "Nikon_002_LR4.png")
    assert found(tmp_path) == [
        ("Canon_001", "Canon_001_HR.png", "Canon_001_LR4.png"),
        ("Nikon_002", "Nikon_002_HR.png", "Nikon_002_LR4.png"),
    ]


def test_the_layout_of_this_projects_sets(tmp_path):
    make(tmp_path, "HR/img_001.png", "LR_bicubic_X4/img_001x4.png")
    assert found(tmp_path) == [("img_001", "HR/img_001.png", "LR_bicubic_X4/img_001x4.png")]
    assert found(tmp_path, 2) == [("img_001", "HR/img_001.png", None)]


def test_the_layout_of_div2k(tmp_path):
    make(tmp_path, "DIV2K_valid_HR/0801.png", "DIV2K_valid_LR_bicubic/X4/0801x4.png")
    expected = [("0801", "DIV2K_valid_HR/0801.png", "DIV2K_valid_LR_bicubic/X4/0801x4.png")]
    assert found(tmp_path) == expected
    assert find_pairs(tmp_path / "DIV2K_valid_HR", 4) == find_pairs(tmp_path, 4)


def test_two_sets_in_one_folder_must_be_chosen_from(tmp_path):
    make(tmp_path, "DIV2K_train_HR/0001.png", "DIV2K_valid_HR/0801.png")
    with pytest.raises(
        DataError, match="several sets: give one of the folders DIV2K_train_HR, DIV2K_valid_HR"
    ):
        find_pairs(tmp_path, 4)


@pytest.mark.parametrize("inside", ["", "image_SRF_4/"])
def test_the_layout_of_selfexsr(tmp_path, inside):
    base = f"{inside}img_001_SRF_4"
    make(tmp_path, f"{base}_HR.png", f"{base}_LR.png", f"{base}_bicubic.png", f"{base}_SRCNN.png")
    assert found(tmp_path) == [("img_001_SRF_4", f"{base}_HR.png", f"{base}_LR.png")]


def test_selfexsr_of_another_scale_is_refused(tmp_path):
    make(tmp_path, "image_SRF_2/img_001_SRF_2_HR.png", "image_SRF_2/img_001_SRF_2_LR.png")
    with pytest.raises(DataError, match="another scale than x4"):
        find_pairs(tmp_path, 4)


def test_the_layout_of_the_seed(tmp_path):
    make(tmp_path, "101085_HR.png", "101087_HR.png")
    assert found(tmp_path) == [("101085", "101085_HR.png", None), ("101087", "101087_HR.png", None)]


def test_a_picture_that_is_left_over_among_tagged_ones_is_named(tmp_path):
    make(tmp_path, "sunset_HR.png", "beach.png")
    with pytest.raises(DataError, match=r"beach\.png' belongs to no picture"):
        find_pairs(tmp_path, 4)


def test_any_folder_of_photographs(tmp_path):
    make(
        tmp_path,
        "2024/a.JPG",
        "2024/deep/b.PnG",
        "c.tiff",
        ".hidden.png",
        ".thumbs/d.png",
    )
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder.png").mkdir()
    names = [("2024/a", "2024/a.JPG"), ("2024/deep/b", "2024/deep/b.PnG"), ("c", "c.tiff")]
    assert found(tmp_path) == [(*name, None) for name in names]


def test_nested_pairs_keep_their_folders(tmp_path):
    make(tmp_path, "HR/x/a.PNG", "HR/y/a.png", "LR_bicubic/X4/x/ax4.png", "LR_bicubic/X4/y/a.PNG")
    assert found(tmp_path) == [
        ("x/a", "HR/x/a.PNG", "LR_bicubic/X4/x/ax4.png"),
        ("y/a", "HR/y/a.png", "LR_bicubic/X4/y/a.PNG"),
    ]


def test_twins_keep_their_suffix(tmp_path):
    make(tmp_path, "a.jpg", "a.png", "b.v2.png")
    assert [name for name, *_ in found(tmp_path)] == ["a.jpg", "a.png", "b.v2"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["HR/a.png", "HR/b.png", "LR_bicubic/X4/ax4.png"], r"b\.png' has no LR .*\(1 of 2 have none\)"),
        (["HR/a.png", "LR_bicubic_X4/ax4.png", "LR_bicubic_X4/bx4.png"], r"bx4\.png' has no HR picture"),
        (["HR/a.png", "LR_bicubic_X4/ax2.png"], r"ax2\.png' has no HR picture"),
        (["a.png", "LR_bicubic/e.png"], r"e\.png' has no HR picture"),
        (["a_HR.png", "b_HR.png", "b_LR.png"], r"a_HR\.png' has no LR picture called \.\.\._LR beside it"),
    ],
)
def test_a_missing_partner_is_named(tmp_path, names, said):
    make(tmp_path, *names)
    with pytest.raises(DataError, match=said) as error:
        find_pairs(tmp_path, 4)
    assert "\n" not in str(error.value)


def test_nothing_to_find(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        find_pairs(tmp_path / "absent", 4)
    with pytest.raises(DataError, match="no pictures in"):
        find_pairs(tmp_path, 4)
    (tmp_path / "HR").mkdir()
    with pytest.raises(DataError, match="no pictures in"):
        find_pairs(tmp_path, 4)


@pytest.mark.parametrize("scale", [0, -2, 1.5])
def test_scales_are_whole_numbers(tmp_path, scale):
    with pytest.raises(DataError, match="whole number"):
        find_pairs(tmp_path, scale)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "count"), [("Set5", 5), ("Set14", 14), ("BSD100", 100)])
def test_the_benchmark_sets(shared_data, name, count):
    pairs = find_pairs(shared_data / "benchmark" / name, 4)
    assert len(pairs) == count
    assert all(pair.lr and pair.lr.stem == f"{pair.hr.stem}x4" for pair in pairs)
