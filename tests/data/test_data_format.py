from types import SimpleNamespace

import pytest

keras = pytest.importorskip("keras")

from keras_sr.data import data_format
from keras_sr.data.data_format import DATA_FORMATS, FASTER, data_format_for
from keras_sr.errors import DataError


def test_what_is_asked_for_is_given():
    assert data_format_for("channels_first") == "channels_first"
    assert data_format_for("channels_last") == "channels_last"


@pytest.mark.parametrize("faster", ["channels_first", "channels_last"])
def test_auto_reads_the_table(monkeypatch, faster):
    backend = keras.backend.backend()
    monkeypatch.setattr(data_format, "FASTER", {(backend, "cpu"): faster, (backend, "gpu"): faster})
    assert data_format_for("auto") == faster


def test_auto_for_a_backend_that_was_not_measured(monkeypatch):
    monkeypatch.setattr(data_format, "FASTER", {})
    assert data_format_for("auto") == "channels_last"


@pytest.mark.parametrize(
    ("name", "kind"), [("/device:GPU:0", "gpu"), ("cuda:0", "gpu"), ("TFRT_CPU_0", "cpu")]
)
def test_the_device_is_that_of_a_new_tensor(monkeypatch, name, kind):
    assert data_format.device() in ("cpu", "gpu")
    monkeypatch.setattr(data_format.keras.ops, "zeros", lambda shape: SimpleNamespace(device=name))
    assert data_format.device() == kind


def test_the_table_names_what_exists():
    assert set(FASTER.values()) <= set(DATA_FORMATS) - {"auto"}
    assert {backend for backend, _ in FASTER} <= {"tensorflow", "jax", "torch"}


def test_unknown():
    with pytest.raises(DataError, match="unknown data_format 'last': the known ones are channels_last"):
        data_format_for("last")
