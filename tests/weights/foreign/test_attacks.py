"""Files that were made to run something, to take memory or to hang: nothing is run, nothing grows."""

import struct
import tracemalloc

import numpy as np
import pytest

from keras_sr.errors import KerasSRError, WeightsError
from keras_sr.weights.foreign import read_network
from keras_sr.weights.foreign.torch_file import read_torch

from .conftest import compact_state, number, pth, safetensors, state_pickle, tensor, text, zipped

PROTO = b"\x80\x02"
ORDERED = b"ccollections\nOrderedDict\n"
#: What would leave a trace if it ran: it makes a file of this name in the current folder.
RUN = b"(X\x0c\x00\x00\x00touch HACKEDt"

ATTACKS = {
    "os.system": (b"cos\nsystem\n" + RUN + b"R", r"'os\.system'"),
    "builtins.eval": (b"c__builtin__\neval\n(X\x03\x00\x00\x001+1tR", r"'__builtin__\.eval'"),
    "eval by another name": (b"cbuiltins\ngetattr\n(" + ORDERED + text("mro") + b"tR", "getattr"),
    "a module of torch": (b"ctorch.hub\nload\n(tR", r"'torch\.hub\.load'"),
    "a name with dots": (b"ctorch\n_utils.os.system\n(tR", "_utils.os.system"),
    "control characters": (b"c\x1b[31m\nx\n.", r"x1b"),
    "an instance by INST": (b"(ios\nsystem\n", "INST"),
    "an instance by OBJ": (b"(cos\nsystem\no", r"'os\.system'|OBJ"),
    "NEWOBJ": (ORDERED + b")\x81", "NEWOBJ"),
    "a global from the stack": (text("os") + text("system") + b"\x93", "STACK_GLOBAL"),
    "an extension": (b"\x82\x01", "EXT1"),
    "a persistent id in text": (b"Pos.system\n", "PERSID"),
    "defaults of a function": (
        b"ctorch._utils\n_rebuild_tensor_v2\nN}" + text("__defaults__") + b"Ns\x86b",
        "changes the state",
    ),
    "methods of a class": (ORDERED + b"}" + text("__init__") + b"Nsb", "changes the state"),
    "state of a tensor": (b"}" + number(1) + b"b", "changes the state"),
    "a call of a name that is data": (b"ctorch\nFloatStorage\n)R", "FloatStorage"),
    "a call of a text": (text("os.system") + b")R", "damaged pickle"),
    "a key that never ends": (b"})" + b"\x85" * 20_000 + b"Ns", "damaged pickle"),
    "a memo of four billion": (b"}r" + b"\xff\xff\xff\xff" + b"Ns", "damaged pickle"),
    "an object before it is there": (b"h\x07", "damaged pickle"),
    "an empty stack": (b"R", "damaged pickle"),
    "a mark as a value": (b"(.", "damaged pickle"),
    "a text longer than the file": (b"X\xff\xff\xff\x7fabc", "damaged pickle"),
    "a number of a gigabyte": (b"\x8b\xff\xff\xff\x3f", "damaged pickle"),
    "bytes that are written to": (b"\x96" + struct.pack("<Q", 1 << 40), "damaged pickle"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_is_run(name, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body, words = ATTACKS[name]
    for content in (zipped(PROTO + body + b".", {}), PROTO + body + b"."):
        tracemalloc.start()
        try:
            with pytest.raises(WeightsError, match=words):
                read_torch(write("a.pth", content))
            assert tracemalloc.get_traced_memory()[1] < 50e6
        finally:
            tracemalloc.stop()
    assert not (tmp_path / "HACKED").exists()


def test_no_function_of_the_reader_has_changed_afterwards():
    from keras_sr.weights.foreign import torch_file

    assert torch_file._tensor.__defaults__ is None
    assert {name: f.__module__ for name, f in torch_file.CALLS.items()} == dict.fromkeys(
        torch_file.CALLS, torch_file.__name__
    )


def view(key, count, offset, sizes, strides):
    """The opcodes of a tensor with any numbers."""
    value = np.zeros(1, np.float32)
    good = tensor(value, key)
    good = good.replace(b"cpu" + number(1), b"cpu" + number(count))
    old = b"tQ" + number(0) + b"(" + number(1) + b"t(" + number(1) + b"t"
    packed = [b"(" + b"".join(map(number, one)) + b"t" for one in (sizes, strides)]
    assert old in good
    return good.replace(old, b"tQ" + number(offset) + packed[0] + packed[1])


@pytest.mark.parametrize(
    "numbers",
    [
        (4, 0, (5,), (1,)),
        (4, 3, (2,), (1,)),
        (4, -1, (2,), (1,)),
        (4, 0, (2,), (-1,)),
        (4, 0, (-2,), (1,)),
        (4, 0, (2, 2), (3, 1)),
        (4, 0, (2, 2), (1,)),
        (4, 0, (2**31 - 1,), (0,)),
        (4, 0, (2**16, 2**16), (0, 0)),
        (-4, 0, (1,), (1,)),
        (2**31 - 1, 0, (4,), (1,)),
    ],
)
def test_views_outside_of_their_numbers_are_refused(numbers, write):
    pickle = PROTO + b"}" + text("a") + view("0", *numbers) + b"s."
    with pytest.raises(WeightsError):
        read_torch(write("a.pth", zipped(pickle, {"0": bytes(16)})))


def test_a_thousand_views_of_the_same_numbers_take_no_memory(write):
    items = b"".join(text(str(i)) + view("0", 1 << 16, 0, (1 << 16,), (1,)) for i in range(1000))
    path = write("a.pth", zipped(PROTO + b"}(" + items + b"u.", {"0": bytes(1 << 18)}))
    with pytest.raises(WeightsError, match="many times more"):
        read_torch(path)


def test_dicts_that_hold_each_other_a_thousand_times_do_not_hang(write):
    leaf = b"}" + text("a") + tensor(np.zeros(1, np.float32), "0") + b"sq\x00"
    layers = leaf
    for level in range(1, 6):
        again = b"".join(text(str(i)) + b"h" + bytes([level - 1]) for i in range(300))
        layers += b"}q" + bytes([level]) + b"(" + again + b"u"
    path = write("a.pth", zipped(PROTO + layers + b".", {"0": bytes(4)}))
    with pytest.raises(WeightsError):
        read_network(path)


def test_a_dict_that_holds_itself_does_not_hang(write):
    with pytest.raises(WeightsError, match="no weights"):
        read_network(write("a.pth", zipped(PROTO + b"}q\x00" + text("a") + b"h\x00s.", {})))


def test_a_pickle_of_more_opcodes_than_weights_need_is_refused(write, monkeypatch):
    monkeypatch.setattr("keras_sr.weights.foreign.opcodes.MOST_OPCODES", 1000)
    with pytest.raises(WeightsError, match="opcodes"):
        read_torch(write("a.pth", zipped(PROTO + b"}" * 2000 + b".", {})))


def test_members_that_lie_in_each_other_are_refused(write):
    content = pth({"a": np.zeros(64, np.float32)})
    # The size of the storage in the directory, as large as the file.
    start = content.rindex(b"PK\x01\x02", 0, content.rindex(b"archive/data/0"))
    damaged = bytearray(content)
    damaged[start + 20 : start + 28] = struct.pack("<II", 1 << 20, 1 << 20)
    with pytest.raises(WeightsError):
        read_torch(write("a.pth", bytes(damaged)))


def mutated(content, rng):
    """Change, insert, remove or cut a few bytes."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        place = int(rng.integers(len(data)))
        match rng.integers(5):
            case 0:
                data[place] = rng.integers(256)
            case 1:
                data[place:place] = rng.bytes(int(rng.integers(1, 9)))
            case 2:
                del data[place : place + int(rng.integers(1, 9))]
            case 3:
                data[place : place + 4] = rng.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4)])
            case 4 if len(data) > 100:
                del data[place + 50 :]
    return bytes(data)


def bases():
    state = compact_state(features=2, blocks=1, scale=1)
    small = {"a": np.ones((2, 3), np.float32)}
    # Small arrays, so that the pickle and the headers are most of what is hit.
    return {
        "pth": pth(state),
        "wrapped.pth": pth(small, "params"),
        "safetensors": safetensors(state, {"license": "CC0"}),
    }


@pytest.mark.parametrize("name", ["pth", "wrapped.pth", "pickle.pth", "safetensors"])
def test_mutated_files_are_read_or_refused(name, write):
    rng = np.random.default_rng(1)
    state = {"a": np.ones((2, 3), np.float32)}
    for _ in range(250):
        if name == "pickle.pth":
            # Within the pickle alone: the archive around it is whole.
            content = zipped(mutated(state_pickle(state), rng), {"0": bytes(24)})
        else:
            content = mutated(bases()[name], rng)
        assert "\n" not in refusal(write(f"a.{name.rsplit('.', 1)[-1]}", content))


def refusal(path):
    """What is said of a file; empty where it is read. Anything but KerasSRError goes through."""
    try:
        read_network(path)
    except KerasSRError as error:
        return str(error)
    return ""
