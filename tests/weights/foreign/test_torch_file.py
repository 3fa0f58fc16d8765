"""Files of torch.save, read without torch: what torch wrote is the truth."""

import numpy as np
import pytest

from keras_sr.errors import WeightsError
from keras_sr.weights.foreign.torch_file import read_torch

from .conftest import compact_state, pth, zipped

FORMS = {"zip": True, "legacy": False}


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def tensors(torch):
    torch.manual_seed(0)
    base = torch.randn(6, 8, 5)
    return {
        "plain": base,
        "half": base.half(),
        "bfloat16": base.bfloat16(),
        "double": base.double(),
        "long": torch.arange(7),
        "int": torch.arange(7, dtype=torch.int32),
        "short": torch.arange(7, dtype=torch.int16),
        "byte": torch.arange(7, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "transposed": base.permute(2, 0, 1),
        "strided": base[1:5:2, ::3],
        "offset": base[3],
        "half view": base.half()[2:, 1:3],
        "bfloat16 view": base.bfloat16()[:, 2:7:2],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "parameter": torch.nn.Parameter(base[:2]),
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }


def assert_equal(found, expected):
    for name, value in expected.items():
        wanted = (value.float() if str(value.dtype) == "torch.bfloat16" else value).detach().numpy()
        assert found[name].dtype == wanted.dtype, name
        np.testing.assert_array_equal(found[name], wanted, err_msg=name)


@pytest.mark.parametrize("form", FORMS)
def test_tensors_of_every_kind_are_those_of_torch(form, torch, tensors, tmp_path):
    path = tmp_path / "a.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=FORMS[form])
    assert_equal(read_torch(path), tensors)


@pytest.mark.parametrize("form", FORMS)
def test_a_state_dict_of_a_module_with_its_metadata_is_read(form, torch, tmp_path):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.PReLU(4), torch.nn.Conv2d(4, 3, 1))
    path = tmp_path / "a.pth"
    torch.save({"params": network.state_dict()}, path, _use_new_zipfile_serialization=FORMS[form])
    assert_equal(read_torch(path)["params"], network.state_dict())


@pytest.mark.parametrize("form", FORMS)
def test_a_checkpoint_with_an_optimizer_is_read(form, torch, tmp_path):
    network = torch.nn.Conv2d(3, 4, 3)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    network(torch.zeros(1, 3, 5, 5)).sum().backward()
    optimizer.step()
    content = {
        "state_dict": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 12,
        "step": 10**12,
        "loss": 0.125,
        "name": "x",
        "best": None,
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
    }
    path = tmp_path / "a.ckpt"
    torch.save(content, path, _use_new_zipfile_serialization=FORMS[form])
    assert_equal(read_torch(path)["state_dict"], network.state_dict())


def test_a_whole_model_is_refused_and_its_class_is_named(torch, tmp_path):
    torch.save(torch.nn.Conv2d(3, 4, 3), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"'torch.nn.modules.conv.Conv2d'.*state_dict"):
        read_torch(tmp_path / "a.pth")


def test_a_torchscript_program_is_refused(torch, tmp_path):
    with pytest.warns(DeprecationWarning, match="script"):
        torch.jit.script(torch.nn.ReLU()).save(str(tmp_path / "a.pt"))
    with pytest.raises(WeightsError, match="TorchScript"):
        read_torch(tmp_path / "a.pt")


def test_files_written_without_torch_are_read(write):
    state = compact_state()
    found = read_torch(write("a.pth", pth(state, "params")))["params"]
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither as a zip archive nor as a pickle"),
        (b"<!DOCTYPE html><html>404", "neither as a zip archive nor as a pickle"),
        (b"PK\x03\x04" + bytes(50), "damaged zip"),
        (b"\x80\x02K\x05.", "none of torch.save"),
        (zipped(b"\x80\x02}.", {}).replace(b"archive/data.pkl", b"archive/date.pkl"), "0 pickles"),
        (zipped(b"\x80\x02}", {}), "damaged pickle"),
    ],
)
def test_files_of_another_kind_say_what_they_are(content, words, write):
    with pytest.raises(WeightsError, match=words):
        read_torch(write("a.pth", content))


def test_compressed_members_are_refused(write):
    import zipfile

    state = {"a": np.zeros(1 << 16, np.float32)}
    with pytest.raises(WeightsError, match="compressed"):
        read_torch(write("a.pth", pth(state, compression=zipfile.ZIP_DEFLATED)))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_files_that_are_cut_off_are_refused(share, write):
    content = pth(compact_state())
    with pytest.raises(WeightsError):
        read_torch(write("a.pth", content[: int(len(content) * share)]))


def test_a_storage_that_is_missing_or_too_short_is_refused(write):
    from .conftest import state_pickle

    state = {"a": np.zeros((2, 3), np.float32)}
    with pytest.raises(WeightsError, match="lacks the numbers"):
        read_torch(write("a.pth", zipped(state_pickle(state), {})))
    with pytest.raises(WeightsError, match="too many or too few"):
        read_torch(write("a.pth", zipped(state_pickle(state), {"0": bytes(20)})))
