"""Networks of ncnn: the files of real networks where they are there, and small ones written here."""

import struct

import numpy as np
import pytest

from keras_sr.errors import WeightsError
from keras_sr.weights.foreign import read_network

from .conftest import compact_state, rrdb_state

LEAKY = " 9=2 -23310=1,2.000000e-01"


def weights(state, name, half):
    kernel = state[f"{name}.weight"]
    tag, raw = (0x01306B47, kernel.astype("<f2").tobytes()) if half else (0, kernel.tobytes())
    return struct.pack("<I", tag) + raw + bytes(-len(raw) % 4) + state[f"{name}.bias"].tobytes()


def line(state, name, activation=""):
    kernel = state[f"{name}.weight"]
    return f"Convolution c 1 1 a b 0={len(kernel)} 1=3 4=1 5=1 6={kernel.size}{activation}"


def compact_files(state, half=False):
    lines, raw = ["Input i 0 1 a", "Split s 1 2 a b c"], b""
    for key in state:
        name = key.removesuffix(".weight")
        if f"{name}.bias" in state and key.endswith("weight"):
            lines.append(line(state, name))
            raw += weights(state, name, half)
        elif key.endswith("weight"):
            lines.append(f"PReLU p 1 1 a b 0={state[key].size}")
            raw += state[key].tobytes()
    lines += ["PixelShuffle x 1 1 a b 0=4", "Interp n 1 1 a b 0=1 1=4.000000e+00 2=4.000000e+00"]
    return [*lines, "BinaryOp + 2 1 a b c"], raw


def rrdb_files(state, half=False):
    lines, raw = ["Input i 0 1 a"], b""
    for name in [key.removesuffix(".weight") for key in state if key.endswith("weight")]:
        bent = name.endswith(("conv1", "conv2", "conv3", "conv4", "hr")) or "up" in name
        if "up" in name:
            lines.append("Interp n 1 1 a b 0=1 1=2.0 2=2.0")
        lines.append(line(state, name, LEAKY if bent else ""))
        raw += weights(state, name, half)
        if name.endswith("conv5"):
            lines.append("Eltwise e 2 1 a b c 0=1 -23301=2,2.000000e-01,1.000000e+00")
        elif "rdb" in name:
            lines.append("Concat c 2 1 a b c")
    return lines, raw


@pytest.fixture
def pair(tmp_path):
    def pair(lines, raw):
        count = f"{len(lines)} {len(lines)}"
        (tmp_path / "a.param").write_text("\n".join(["7767517", count, *lines]) + "\n")
        (tmp_path / "a.bin").write_bytes(raw)
        return tmp_path / "a.bin"

    return pair


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", ["compact", "rrdb"])
def test_the_weights_are_those_of_the_same_network_of_pytorch(kind, half, pair, write):
    from keras_sr.weights.foreign.kinds import recognise

    state = compact_state() if kind == "compact" else rrdb_state(blocks=1)
    path = pair(*(compact_files if kind == "compact" else rrdb_files)(state, half))
    found, expected = read_network(path), recognise(state)
    assert found.values == expected.values
    assert read_network(path.with_suffix(".param")).values == expected.values
    for name, value in expected.arrays.items():
        np.testing.assert_allclose(
            found.arrays[name], value, rtol=1e-3 if half else 0, atol=1e-5 if half else 0
        )


def changed(lines, old, new):
    return [one.replace(old, new) for one in lines]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text, raw: (text, raw[:-4]), "too few"),
        (lambda text, raw: (text, raw + bytes(4)), "too many"),
        (lambda text, raw: (text, b"\x01\x00\x00\x00" + raw[4:]), "form 0x1"),
        (lambda text, raw: ([*text, "Interp d 1 1 a b 0=3 1=0.5 2=0.5"], raw), "resizes its result"),
        (lambda text, raw: ([*text, "Softmax s 1 1 a b"], raw), "Softmax"),
        (lambda text, raw: (changed(text, "4=1 ", "4=0 "), raw), "other padding"),
        (lambda text, raw: (changed(text, "4=1 ", "3=2 4=1 "), raw), "strides"),
        (lambda text, raw: (changed(text, "0=8 1=3", "0=x 1=3"), raw), "damaged"),
        (lambda text, raw: (changed(text, "0=8 1=3", "0=0 1=0"), raw), "."),
        (lambda text, raw: (changed(text, "6=", "6=-"), raw), "."),
    ],
)
def test_damaged_files_and_other_networks_are_refused(change, words, pair):
    with pytest.raises(WeightsError, match=words):
        read_network(pair(*change(*compact_files(compact_state()))))


@pytest.mark.parametrize(
    ("old", "new"), [("9=2 -23310=1,2.000000e-01", "9=2 -23310=1,1e-01"), ("-23301=2,2.0", "-23301=2,3.0")]
)
def test_rrdb_with_other_slopes_or_residuals_is_refused(old, new, pair):
    lines, raw = rrdb_files(rrdb_state(blocks=1))
    with pytest.raises(WeightsError, match="another kind"):
        read_network(pair(changed(lines, old, new), raw))


def test_half_a_network_names_the_other_half(write):
    with pytest.raises(WeightsError, match=r"a\.param has to lie beside it"):
        read_network(write("a.bin", b"abc"))
    write("b.param", b"7767517\n0 0\n")
    with pytest.raises(WeightsError, match=r"b\.bin has to lie beside it"):
        read_network(write("b.param", b"7767517\n0 0\n"))
