import os
import subprocess
import sys

import pytest

from keras_sr.files import atomic_write, remove_left_over, remove_left_over_below


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_write(path, "w") as file:
        file.write("old")

    def interrupted():
        with atomic_write(path, "w") as file:
            file.write("half of the ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere left-over files stay")
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / f"{'long ' * 20}[x].png"
    code = (
        "import os, sys; from keras_sr.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as file: os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    other = tmp_path / ".other.png.00000000.1.00000000.part"
    other.touch()
    with atomic_write(path) as file:
        file.write(b"whole")
        remove_left_over(path)  # of this process, which lives
    assert path.read_bytes() == b"whole"
    assert {path, other} == set(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="elsewhere left-over files stay")
def test_what_another_machine_or_container_writes_is_left_alone(tmp_path):
    """Two machines share an output folder: the number of a process says nothing on the other one."""
    path = tmp_path / "a.png"
    elsewhere = tmp_path / ".a.png.0badcafe.7fffffff.00000000.part"
    elsewhere.touch()
    remove_left_over(path)
    assert elsewhere.exists()
    os.utime(elsewhere, (0, 0))
    remove_left_over(path)
    assert not elsewhere.exists()


@pytest.mark.skipif(os.name != "posix", reason="elsewhere left-over files stay")
def test_a_file_that_is_held_is_left_alone_whatever_its_name_says(tmp_path):
    """In another process namespace of one machine, a process that lives looks dead."""
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "a.png"
    with atomic_write(path) as file:
        file.write(b"whole")
        (mine,) = tmp_path.iterdir()
        *front, _, token, part = mine.name.split(".")
        dead = mine.with_name(".".join([*front, "7fffffff", token, part]))
        os.link(mine, dead)
        remove_left_over(path)
        assert dead.exists()
    with dead.open("rb") as free:
        fcntl.flock(free.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    remove_left_over(path)
    assert not dead.exists()


@pytest.mark.skipif(os.name != "posix", reason="elsewhere left-over files stay")
def test_what_killed_processes_left_anywhere_in_a_folder_is_removed(tmp_path):
    deep = tmp_path / "snapshots" / "a.npz"
    with atomic_write(deep) as file:
        (mine,) = deep.parent.iterdir()
        *front, _, token, part = mine.name.split(".")
        mine.with_name(".".join([*front, "7fffffff", token, part])).touch()
        (tmp_path / mine.name.replace(token, "0")).touch()
        remove_left_over_below(tmp_path)
        file.write(b"whole")
    strange = tmp_path / mine.name.replace(token, "0")  # not a name of ours
    assert sorted(tmp_path.rglob("*")) == sorted([deep.parent, deep, strange])
