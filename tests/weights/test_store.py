import io

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.errors import WeightsError
from keras_sr.models import compact
from keras_sr.weights import store


def test_what_is_saved_is_read(tmp_path):
    arrays = {"a/kernel": np.arange(6, dtype="float32").reshape(2, 3), "b/steps": np.int64(7)}
    store.save(tmp_path / "w.npz", arrays, {"step": 3, "recipe": {"name": "x"}})
    got, meta = store.read(tmp_path / "w.npz")
    assert meta == {"step": 3, "recipe": {"name": "x"}}
    assert all(np.array_equal(got[k], arrays[k]) for k in arrays)


def test_loading_runs_no_code(tmp_path):
    """A pickle inside the file is refused, not opened."""

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "pwned"), "w"))

    np.savez(tmp_path / "w.npz", **{store.META: np.array([Bomb()], dtype=object)})
    with pytest.raises(WeightsError, match="damaged"):
        store.read(tmp_path / "w.npz")
    assert not (tmp_path / "pwned").exists()


# The archive that was being written complains once more when it is thrown away.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*ZipFile:pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_while_a_file_is_written_stays_an_interrupt(tmp_path, monkeypatch):
    store.save(tmp_path / "w.npz", {"a": np.zeros(3)}, {"step": 1})

    def interrupted(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("zipfile._ZipWriteFile.close", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.save(tmp_path / "w.npz", {"a": np.ones(3)}, {"step": 2})
    assert store.read(tmp_path / "w.npz")[1] == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["w.npz"]


def test_assignment_is_all_or_nothing():
    network = compact(2, features=4, blocks=1)
    before = store.network_arrays(network)
    changed = {k: v + 1 for k, v in before.items()}
    changed["tail_conv/bias"] = np.zeros(5)
    with pytest.raises(WeightsError, match="tail_conv/bias"):
        store.assign(network, changed, "test")
    after = store.network_arrays(network)
    assert all(np.array_equal(before[k], after[k]) for k in before)


def test_half_precision_weights_are_widened():
    network = compact(2, features=4, blocks=1)
    half = {k: v.astype("float16") for k, v in store.network_arrays(network).items()}
    store.assign(network, half, "test")
    got = store.network_arrays(network)
    assert all(got[k].dtype == np.float32 and np.array_equal(got[k], half[k]) for k in half)


def npy():
    """What `np.save` makes, given the suffix of another."""
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 half a zip", npy()])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(WeightsError, match="not a weight file"):
        store.read(tmp_path / "w.npz")
