import os

import pytest

from keras_sr.images.folders import is_picture, walk


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def names(folder, **how):
    return sorted(path.relative_to(folder).as_posix() for one in walk(folder, **how) for path in one.files)


def test_what_is_hidden_is_passed_over(tmp_path):
    touch(tmp_path, "a.png", "in/b.txt", ".c.png", ".thumbs/d.png", "in/.e/f.png")
    assert names(tmp_path) == ["a.png", "in/b.txt"]
    assert names(tmp_path, deep=False) == ["a.png"]
    assert names(touch(tmp_path / ".hidden", "g.png")) == ["g.png"], "a hidden folder that was asked for"


def test_the_same_files_as_the_systems_own_walk(tmp_path):
    touch(tmp_path, *(f"{a}/{b}/{c}.png" for a in "xyz" for b in "klm" for c in "12"), "x/0.png")
    expected = [
        os.path.relpath(os.path.join(root, name), tmp_path)
        for root, _, files in os.walk(tmp_path)
        for name in files
    ]
    assert names(tmp_path) == sorted(expected)


def test_a_linked_folder_is_walked_once_and_under_its_own_name_first(tmp_path):
    touch(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a" / "to_b").symlink_to(tmp_path / "b")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    touch(tmp_path.parent / f"{tmp_path.name}-else", "3.png")
    (tmp_path / "else").symlink_to(tmp_path.parent / f"{tmp_path.name}-else")
    assert names(tmp_path) == ["a/1.png", "b/2.png", "else/3.png"]
    assert names(tmp_path, links=False) == ["a/1.png", "b/2.png"]


def test_links_to_nothing_and_to_themselves_are_files_and_end_no_walk(tmp_path):
    touch(tmp_path, "a.png")
    (tmp_path / "dead.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert names(tmp_path) == ["a.png", "dead.png", "self"]


def test_folders_that_are_not_to_be_entered(tmp_path):
    touch(tmp_path, "in/a.png", "out/b.png", "in/out/c.png")
    assert names(tmp_path, enter=lambda path: path.name != "out") == ["in/a.png"]


def test_a_folder_that_is_not_there_is_said_and_not_raised(tmp_path):
    (one,) = walk(tmp_path / "gone")
    assert isinstance(one.error, FileNotFoundError)
    assert one.files == ()


@pytest.mark.parametrize(("name", "expected"), [("a.PNG", True), ("png", False), ("a.png.txt", False)])
def test_names_of_pictures(name, expected):
    assert is_picture(name, {".png"}) is expected
