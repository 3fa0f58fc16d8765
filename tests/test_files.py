import os
import subprocess
import sys

import pytest

from keras_sr.files import atomic_write, remove_left_over


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
    other = tmp_path / ".other.png.1.00000000.part"
    other.touch()
    with atomic_write(path) as file:
        file.write(b"whole")
        remove_left_over(path)  # of this process, which lives
    assert path.read_bytes() == b"whole"
    assert {path, other} == set(tmp_path.iterdir())
