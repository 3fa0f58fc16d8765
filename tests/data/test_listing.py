import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_sr.data.listing import (
    Skipped,
    describe,
    find_pictures,
    held_out,
    none_left,
    pair_by_name,
    tell,
)
from keras_sr.data.pairing import find
from keras_sr.errors import DataError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_nested_folders_and_capitals_are_found_in_order(folder):
    names = [one.name for one in find_pictures(folder)]
    assert names == [
        f"photos/{name}" for name in ("a.JPG", "b.png", "deep/d.TIFF", "deep/er/c.jpeg", "e.webp")
    ]


def test_a_trailing_slash_changes_nothing(folder):
    assert find_pictures(f"{folder}/") == find_pictures(str(folder)) == find_pictures([folder])
    assert all(one.hr.is_file() for one in find_pictures(f"{folder}/"))


def test_a_relative_folder_gets_its_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert find_pictures(".")[0].name == "photos/a.JPG"


def test_several_folders_keep_their_order(folder, tmp_path):
    touch(tmp_path / "0", "z.png")
    assert [one.name for one in find_pictures([folder, tmp_path / "0"])][-1] == "0/z.png"


def test_the_sheets_of_a_run_are_no_photographs(folder):
    """`--data .` with runs/ inside: its sheets hold the pictures that it is measured on."""
    before = find_pictures(folder)
    run = folder / "runs" / "compact"
    (run / "benchmark").mkdir(parents=True)
    (run / "benchmark" / "img_001.png").write_bytes(b"")
    assert len(find_pictures(folder)) == len(before) + 1
    for name in ("recipe.json", "versions.json"):
        (run / name).write_text("{}")
    assert find_pictures(folder) == before


def test_linked_folders_are_followed_once(folder):
    (folder / "loop").symlink_to(folder)
    (folder.parent / "elsewhere").mkdir()
    touch(folder.parent / "elsewhere", "f.png")
    (folder / "link").symlink_to(folder.parent / "elsewhere")
    assert [one.name for one in find_pictures(folder)][-1] == "photos/link/f.png"
    assert len(find_pictures(folder)) == 6


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: root / "missing", "there is no folder .*missing: give the folder"),
        (lambda root: touch(root, "file.png") / "file.png", "is a file: give the folder"),
        (lambda root: touch(root / "new", "a.txt", ".b.png"), r"no pictures in .*put files there .*\.jpg"),
        (lambda root: [], "no folder of pictures was given"),
    ],
)
def test_folders_without_pictures(tmp_path, make, says):
    with pytest.raises(DataError, match=says) as error:
        find_pictures(make(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("hr", "lr"),
    [
        ("0801.png", "0801x4.png"),
        ("0801.png", "0801.jpg"),
        ("0801.png", "0801.PNG"),
        ("a_HR.png", "a_LR.png"),
        ("img_001_SRF_4_HR.png", "img_001_SRF_4_LR.png"),
        ("baby_GT.bmp", "baby_bicubic_x4.png"),
        ("in/a.png", "in/ax4.png"),
        ("photo-x4.png", "photo-x4.png"),
    ],
)
def test_pairs(tmp_path, hr, lr):
    pairs, skipped = pair_by_name(touch(tmp_path / "hr", hr), touch(tmp_path / "lr", lr), 4)
    assert [(one.hr, one.lr) for one in pairs] == [(tmp_path / "hr" / hr, tmp_path / "lr" / lr)]
    assert skipped == []


def test_the_right_one_of_several_partners(tmp_path):
    touch(tmp_path / "hr", "a.png", "ax4.png")
    touch(tmp_path / "lr", "ax2.png", "ax3.png", "ax4.png", "a.png")
    pairs, skipped = pair_by_name(tmp_path / "hr", tmp_path / "lr", 4)
    assert [(one.hr.name, one.lr.name) for one in pairs] == [("a.png", "a.png"), ("ax4.png", "ax4.png")]
    assert [one.path[-7:] for one in skipped] == ["ax2.png", "ax3.png"]


def test_files_without_a_partner_are_named(tmp_path):
    touch(tmp_path / "hr", "a.png", "b.png")
    touch(tmp_path / "lr", "ax4.png", "c.png")
    pairs, skipped = find(tmp_path / "hr", tmp_path / "lr", 4)
    assert len(pairs) == 1
    assert [str(one) for one in skipped] == [
        f"{tmp_path / 'hr' / 'b.png'}: no LR picture of this name in {tmp_path / 'lr'}",
        f"{tmp_path / 'lr' / 'c.png'}: no HR picture of this name in {tmp_path / 'hr'}",
    ]


def test_nothing_pairs(tmp_path):
    with pytest.raises(DataError, match=r"no picture of .*hr has a partner in .*foxx4\.png"):
        pair_by_name(touch(tmp_path / "hr", "a.png"), touch(tmp_path / "lr", "ax2.png"), 4)


def test_one_lr_folder_for_two_hr_folders(tmp_path):
    with pytest.raises(DataError, match="one HR folder, not with 2"):
        find([tmp_path, tmp_path], tmp_path, 4)


@settings(deadline=None, max_examples=50)
@given(st.sets(st.text(min_size=1, max_size=8), min_size=3, max_size=30), st.text(min_size=9, max_size=9))
def test_the_held_out_do_not_change_when_a_picture_joins(names, newcomer):
    names = sorted(names)
    count = len(names) // 2
    before = {names[k] for k in held_out(names, count)}
    after = [*names[:1], newcomer, *names[1:]]
    now = {after[k] for k in held_out(after, count)}
    assert len(before) == len(now) == count
    assert len(before - now) <= 1


def test_holding_out_everything():
    with pytest.raises(DataError, match="at least one must be left"):
        held_out(["a", "b"], 2)


def test_the_skipped_are_told_once_and_not_without_end(caplog):
    skipped = [Skipped(f"{k}.png", "broken") for k in range(30)]
    assert describe(skipped[:1]) == "1 file skipped\n  0.png: broken"
    assert describe(skipped).splitlines()[-1] == "  and 10 more"
    assert len(describe(skipped).splitlines()) == 22
    with caplog.at_level(logging.WARNING, "keras_sr"):
        tell(skipped)
        tell([])
    assert len(caplog.records) == 1
    assert str(none_left(skipped)) == (
        "none of the pictures can be used: mend what is said of them, or give others "
        "(the first of 30: 0.png: broken)"
    )
