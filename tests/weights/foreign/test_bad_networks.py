"""Files that hold something else than one network that is read: one line says what."""

import numpy as np
import pytest

from keras_sr.errors import WeightsError
from keras_sr.weights.foreign import read_network

from .conftest import compact_state, convolution, pth, rrdb_state, safetensors, span_state


def without(state, key):
    return {name: value for name, value in state.items() if name != key}


def with_nan(state):
    key = list(state)[4]
    state[key] = np.full_like(state[key], np.nan)
    return state


def other(first, second):
    state = {}
    convolution(state, first, 8, 3)
    convolution(state, second, 8, 8)
    return state


BAD = {
    "SwinIR": (other("conv_first", "layers.0.residual_group.conv"), "conv_first.weight.*RRDB.*Compact.*SPAN"),
    "no network at all": ({"mean": np.zeros(3, np.float32)}, "it begins mean"),
    "ESRGAN+": ({**rrdb_state("old"), "model.1.sub.0.RDB1.conv1x1.weight": np.zeros(1)}, r"ESRGAN\+"),
    "a layer that is missing": (
        without(rrdb_state(), "body.1.rdb2.conv3.bias"),
        "lacks body.1.rdb2.conv3.bias",
    ),
    "a layer too many": (
        {**rrdb_state(), "attention.weight": np.zeros(3, np.float32)},
        "also has attention.weight: it is another network",
    ),
    "another shape": (
        {**rrdb_state(), "conv_hr.bias": np.zeros(3, np.float32)},
        r"shape \(3,\), expected \(8,\)",
    ),
    "not finite": (with_nan(compact_state()), "not finite"),
    "integers": ({**compact_state(), "body.0.bias": np.zeros(8, np.int64)}, "int64"),
    "two bands": (compact_state(bands=2), "2 bands"),
    "no square of a scale": ({**compact_state(), **other("body.6", "body.6")}, "8 channels"),
    "SPAN for grey": (
        {**span_state(), "conv_1.eval_conv.weight": np.zeros((8, 1, 3, 3), np.float32)},
        "SPAN for 1 bands",
    ),
    "six bands": (rrdb_state(inputs=6), "takes 6 channels and gives 3"),
    "smaller than its input": (rrdb_state(inputs=12, stages=0), "smaller"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("form", ["pth", "safetensors"])
def test_what_is_no_network_that_is_read_is_refused(name, form, write):
    state, words = BAD[name]
    state = {
        key: np.asarray(value, value.dtype if value.dtype != np.float64 else "f4")
        for key, value in state.items()
    }
    path = write(f"a.{form}", pth(state) if form == "pth" else safetensors(state))
    with pytest.raises(WeightsError, match=words) as error:
        read_network(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_two_networks_in_one_file_are_named(tmp_path):
    torch = pytest.importorskip("torch")
    both = {"x4": compact_state(), "x2": compact_state(scale=2)}
    torch.save(
        {k: {n: torch.from_numpy(v) for n, v in s.items()} for k, s in both.items()}, tmp_path / "a.pth"
    )
    with pytest.raises(WeightsError, match=r"2 networks \('x4', 'x2'\)"):
        read_network(tmp_path / "a.pth")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(WeightsError, match="no network at"):
        read_network(tmp_path / "a.pth")


def test_the_licence_of_the_file_is_kept_or_said_to_be_unknown(write):
    path = write("a.safetensors", safetensors(compact_state(), {"license": "CC-BY-4.0"}))
    assert read_network(path).licence == "CC-BY-4.0"
    assert read_network(write("b.pth", pth(compact_state()))).licence == "unknown: ask its author"
