import io
import json
import struct
import zipfile

import numpy as np
import pytest

#: Storage classes of PyTorch by numpy's types.
STORAGES = {"<f4": "FloatStorage", "<f2": "HalfStorage", "<f8": "DoubleStorage", "<i8": "LongStorage"}


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value):
    return b"J" + struct.pack("<i", value)


def tensor(value, key):
    """The opcodes that torch.save writes for one contiguous tensor."""
    kind = STORAGES[value.dtype.newbyteorder("<").str]
    identity = text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + number(value.size)
    strides = [step // value.itemsize for step in value.strides]
    sizes, steps = (b"(" + b"".join(map(number, one)) + b"t" for one in (value.shape, strides))
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = b"(((" + identity + b"tQ" + number(0) + sizes + steps + b"\x89" + hooks + b"t"
    # One MARK for the arguments, one for the persistent id.
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments.replace(b"(((", b"((", 1) + b"R"


def state_pickle(state, wrapper=None):
    """A whole data.pkl: a dict of tensors, in another dict where a wrapper is named."""
    items = b"".join(text(name) + tensor(value, str(i)) for i, (name, value) in enumerate(state.items()))
    body = b"}(" + items + b"u"
    if wrapper:
        body = b"}" + text(wrapper) + body + b"s"
    return b"\x80\x02" + body + b"."


def zipped(pickle, storages, root="archive", compression=zipfile.ZIP_STORED):
    """An archive as torch.save writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(f"{root}/data.pkl", pickle)
        for key, raw in storages.items():
            archive.writestr(f"{root}/data/{key}", raw)
        archive.writestr(f"{root}/version", "3\n")
    return file.getvalue()


def pth(state, wrapper=None, **options):
    storages = {str(i): np.ascontiguousarray(value).tobytes() for i, value in enumerate(state.values())}
    return zipped(state_pickle(state, wrapper), storages, **options)


def safetensors(state, notes=None):
    """A file of safetensors."""
    kinds = {"<f4": "F32", "<f2": "F16", "<i8": "I64"}
    header, numbers = {} if notes is None else {"__metadata__": notes}, b""
    for name, value in state.items():
        raw = np.ascontiguousarray(value).tobytes()
        header[name] = {
            "dtype": kinds[value.dtype.str],
            "shape": list(value.shape),
            "data_offsets": [len(numbers), len(numbers) + len(raw)],
        }
        numbers += raw
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + numbers


def convolution(state, name, outputs, inputs, side=3, seed=0):
    rng = np.random.default_rng([seed, len(state)])
    spread = (inputs * side * side) ** -0.5
    state[f"{name}.weight"] = rng.normal(0, spread, (outputs, inputs, side, side)).astype(np.float32)
    state[f"{name}.bias"] = rng.normal(0, 0.05, outputs).astype(np.float32)


def compact_state(features=8, blocks=2, scale=4, bands=3, slopes=True):
    """SRVGGNetCompact as Real-ESRGAN names it."""
    state = {}
    for i in range(blocks + 1):
        convolution(state, f"body.{2 * i}", features, features if i else bands)
        if slopes:
            state[f"body.{2 * i + 1}.weight"] = np.linspace(0, 0.4, features, dtype=np.float32)
    convolution(state, f"body.{2 * blocks + 2}", bands * scale**2, features)
    return state


LAYOUTS = {
    "new": ("conv_first", "body.{b}.rdb{d}.conv{c}", "conv_body", "conv_up{n}", "conv_hr", "conv_last"),
    "bsrgan": (
        "conv_first",
        "RRDB_trunk.{b}.RDB{d}.conv{c}",
        "trunk_conv",
        "upconv{n}",
        "HRconv",
        "conv_last",
    ),
}


def rrdb_state(layout="new", features=8, blocks=2, growth=4, stages=2, inputs=3, bands=3):
    """RRDB in the layouts of ESRGAN ("old"), BSRGAN and Real-ESRGAN ("new")."""
    if layout == "old":
        names = ("model.0", "model.1.sub.{b}.RDB{d}.conv{c}.0", f"model.1.sub.{blocks}", "model.{n}")
        names = (*names, f"model.{3 * stages + 2}", f"model.{3 * stages + 4}")
    else:
        names = LAYOUTS[layout]
    first, dense, trunk, up, high, last = names
    state = {}
    convolution(state, first, features, inputs)
    for b in range(blocks):
        for d in (1, 2, 3):
            for c in range(1, 6):
                outputs = features if c == 5 else growth
                convolution(state, dense.format(b=b, d=d, c=c), outputs, features + (c - 1) * growth)
    convolution(state, trunk, features, features)
    for n in range(1, stages + 1):
        convolution(state, up.format(n=3 * n if layout == "old" else n), features, features)
    convolution(state, high, features, features)
    convolution(state, last, bands, features)
    return state


def span_state(features=8, scale=4, trained=False):
    """SPAN, merged; with `trained` also in the form it is trained in, the merged one being stale."""
    state = {}
    places = [f"block_{b}.c{c}_r" for b in range(1, 7) for c in (1, 2, 3)]
    for name in ("conv_1", *places, "conv_2"):
        inputs = 3 if name == "conv_1" else features
        convolution(state, f"{name}.eval_conv", features, inputs)
        if trained:
            convolution(state, f"{name}.sk", features, inputs, 1)
            convolution(state, f"{name}.conv.0", 2 * inputs, inputs, 1)
            convolution(state, f"{name}.conv.1", 2 * features, 2 * inputs)
            convolution(state, f"{name}.conv.2", features, 2 * features, 1)
    convolution(state, "conv_cat", features, 4 * features, 1)
    convolution(state, "upsampler.0", 3 * scale**2, features)
    return state


@pytest.fixture
def write(tmp_path):
    """Write bytes to a file and return its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def onnx_file(state, scale=4, size=("h", "w"), low=0.0, high=1.0, named=True, half=False, end=()):
    """A Compact network as an exporter of PyTorch writes it, for pictures in [low, high].

    Args:
        state: As `compact_state` makes it.
        scale: Of it.
        size: Height and width: names, or numbers where it is fixed.
        low: What black is.
        high: What white is.
        named: Whether weights have the names of their layers.
        half: In and out as float16.
        end: Types of nodes behind it.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, x = [], [], "lr"

    def node(kind, inputs, **settings):
        nodes.append(helper.make_node(kind, inputs, [f"t{len(nodes)}"], **settings))
        return nodes[-1].output[0]

    def weight(name, value):
        name = name if named else f"onnx::{len(weights)}"
        weights.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    if half:
        x = node("Cast", [x], to=TensorProto.FLOAT)
    if (low, high) != (0.0, 1.0):
        x = node("Div", [node("Sub", [x, weight("low", low)]), weight("span", high - low)])
    y, last = x, max(int(key.split(".")[1]) for key in state)
    for i in range(0, last + 1, 2):
        pair = [weight(f"body.{i}.{part}", state[f"body.{i}.{part}"]) for part in ("weight", "bias")]
        y = node("Conv", [y, *pair], pads=[1, 1, 1, 1])
        if i < last:
            y = node(
                "PRelu", [y, weight(f"body.{i + 1}.weight", state[f"body.{i + 1}.weight"][:, None, None])]
            )
    y = node("DepthToSpace", [y], blocksize=scale, mode="CRD")
    sides = weight("scales", [1, 1, scale, scale])
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    y = node("Add", [y, node("Resize", [x, "", sides], **nearest)])
    if (low, high) != (0.0, 1.0):
        y = node("Add", [node("Mul", [y, weight("span2", high - low)]), weight("low2", low)])
    for kind in end:
        y = node(kind, [y])
    if half:
        y = node("Cast", [y], to=TensorProto.FLOAT16)
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    bands = state["body.0.weight"].shape[1]
    graph = helper.make_graph(
        nodes,
        "a",
        [helper.make_tensor_value_info("lr", kind, ["n", bands, *size])],
        [helper.make_tensor_value_info(y, kind, ["n", bands, "H", "W"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model.SerializeToString()


def mild(state):
    """The same network with a small last convolution: its result is near the enlarged picture."""
    last = max(int(key.split(".")[1]) for key in state)
    return {
        key: value * np.float32(0.05 if key.startswith(f"body.{last}.") else 1)
        for key, value in state.items()
    }
