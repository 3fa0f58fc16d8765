"""Networks of other programs as Keras models: PyTorch's own operations are the truth."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
F = torch.nn.functional

from keras_sr.weights.foreign import read_network
from keras_sr.weights.load import load

from .conftest import compact_state, convolution, pth, rrdb_state, safetensors, span_state


def conv(state, name, x):
    weight, bias = (torch.from_numpy(np.float32(state[f"{name}.{part}"])) for part in ("weight", "bias"))
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def compact_by_torch(state, x, scale=4, slope=None):
    y, last = x, max(int(key.split(".")[1]) for key in state)
    for i in range(0, last, 2):
        y = conv(state, f"body.{i}", y)
        if slope is None:
            y = F.prelu(y, torch.from_numpy(np.float32(state[f"body.{i + 1}.weight"])))
        else:
            y = F.leaky_relu(y, slope)
    y = F.pixel_shuffle(conv(state, f"body.{last}", y), scale)
    return y + F.interpolate(x, scale_factor=scale, mode="nearest")


def rrdb_by_torch(state, x):
    """The forward pass for Real-ESRGAN's names, pixel-unshuffle as in its x2plus."""
    h, w = x.shape[-2:]
    outputs = state["conv_last.weight"].shape[0]
    m = round((state["conv_first.weight"].shape[1] / outputs) ** 0.5)
    if m > 1:
        x = F.pixel_unshuffle(F.pad(x, (0, -w % m, 0, -h % m), "reflect"), m)
    skip = y = conv(state, "conv_first", x)
    for b in range(1 + max(int(key.split(".")[1]) for key in state if key.startswith("body"))):
        block = y
        for d in (1, 2, 3):
            read = [y]
            for c in (1, 2, 3, 4):
                read.append(F.leaky_relu(conv(state, f"body.{b}.rdb{d}.conv{c}", torch.cat(read, 1)), 0.2))
            y = y + 0.2 * conv(state, f"body.{b}.rdb{d}.conv5", torch.cat(read, 1))
        y = block + 0.2 * y
    y = skip + conv(state, "conv_body", y)
    stages = sum(key.startswith("conv_up") for key in state) // 2
    for n in range(1, stages + 1):
        y = F.leaky_relu(conv(state, f"conv_up{n}", F.interpolate(y, scale_factor=2, mode="nearest")), 0.2)
    y = conv(state, "conv_last", F.leaky_relu(conv(state, "conv_hr", y), 0.2))
    scale = 2**stages // m
    return y[..., : h * scale, : w * scale]


def span_by_torch(state, x, scale=4):
    """For merged weights. SiLU works in place in the authors' code, so the fourth input of the end has it."""
    mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)
    y = head = conv(state, "conv_1.eval_conv", (x - mean) * 255.0)
    results = []
    for b in range(1, 7):
        first = F.silu(conv(state, f"block_{b}.c1_r.eval_conv", y))
        third = F.silu(conv(state, f"block_{b}.c2_r.eval_conv", first))
        third = conv(state, f"block_{b}.c3_r.eval_conv", third)
        y = (third + y) * (torch.sigmoid(third) - 0.5)
        results.append(y)
    y = torch.cat([head, conv(state, "conv_2.eval_conv", y), results[0], first], 1)
    return F.pixel_shuffle(conv(state, "upsampler.0", conv(state, "conv_cat", y)), scale)


def compare(path, expected, bands=3, size=(11, 9), data_format=None, within=1e-5):
    """Load a file and compare the Keras model with a function of torch on a picture."""
    model = load(path, data_format=data_format)
    x = np.random.default_rng(5).random((2, *size, bands)).astype(np.float32)
    with torch.no_grad():
        wanted = expected(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    first = data_format == "channels_first"
    found = keras.ops.convert_to_numpy(model(x.transpose(0, 3, 1, 2) if first else x))
    found = found if first else found.transpose(0, 3, 1, 2)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=within * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize(("scale", "bands"), [(1, 3), (2, 1), (3, 3), (4, 4)])
def test_compact_networks_are_those_of_torch(scale, bands, write):
    state = compact_state(scale=scale, bands=bands)
    path = write("a.pth", pth(state, "params"))
    compare(path, lambda x: compact_by_torch(state, x, scale), bands)
    assert read_network(path).values["scale"] == scale


@pytest.mark.parametrize("layout", ["new", "bsrgan", "old"])
@pytest.mark.parametrize("stages", [1, 2, 3])
def test_rrdb_networks_of_every_layout_are_those_of_torch(layout, stages, write):
    blocks = 3 - min(stages, 2)
    state = rrdb_state(layout, stages=stages, blocks=blocks)
    # The same numbers under the names that the truth knows.
    named = dict(zip(rrdb_state("new", stages=stages, blocks=blocks), state.values(), strict=True))
    compare(write("a.pth", pth(state)), lambda x: rrdb_by_torch(named, x))


@pytest.mark.parametrize(("inputs", "scale"), [(12, 2), (48, 1)])
@pytest.mark.parametrize("size", [(8, 12), (7, 9)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_rrdb_networks_that_compute_at_a_smaller_size_are_those_of_torch(
    inputs, scale, size, data_format, write
):
    state = rrdb_state(inputs=inputs, blocks=1)
    path = write("a.safetensors", safetensors(state))
    assert read_network(path).values["scale"] == scale
    compare(path, lambda x: rrdb_by_torch(state, x), size=size, data_format=data_format)


@pytest.mark.parametrize("bands", [1, 4])
def test_rrdb_networks_for_other_bands_are_those_of_torch(bands, write):
    state = rrdb_state(inputs=bands, bands=bands, blocks=1)
    compare(write("a.pth", pth(state)), lambda x: rrdb_by_torch(state, x), bands)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_span_is_that_of_torch(scale, data_format, write):
    state = span_state(scale=scale)
    path = write("a.pth", pth(state, "params_ema"))
    compare(path, lambda x: span_by_torch(state, x, scale), data_format=data_format)


def test_span_as_it_was_trained_ignores_what_was_merged_before(write):
    state = span_state(trained=True)
    merged = dict(state)
    for name in {key.rsplit(".sk", 1)[0] for key in state if ".sk." in key}:
        inputs = state[f"{name}.sk.weight"].shape[1]
        # A picture of one white pixel shows the kernel of the whole sum; black shows the bias.
        pixels = torch.eye(inputs).view(inputs, inputs, 1, 1)
        pixels = F.pad(torch.cat([pixels, torch.zeros(1, inputs, 1, 1)]), (3, 3, 3, 3))

        def branch(part, x, name=name):
            weight, bias = (torch.from_numpy(state[f"{name}.{part}.{one}"]) for one in ("weight", "bias"))
            return F.conv2d(x, weight, bias)

        y = (
            branch("conv.2", branch("conv.1", branch("conv.0", pixels)))
            + branch("sk", pixels)[..., 1:-1, 1:-1]
        )
        bias = y[-1, :, 0, 0]
        kernel = (y[:-1] - bias.view(1, -1, 1, 1))[..., 1:4, 1:4].flip(2, 3).permute(1, 0, 2, 3)
        merged[f"{name}.eval_conv.weight"], merged[f"{name}.eval_conv.bias"] = kernel.numpy(), bias.numpy()
    # Folded in float64 here and in float32 there, and stretched by 255.
    compare(write("a.pth", pth(state)), lambda x: span_by_torch(merged, x), within=1e-4)


@pytest.mark.parametrize("kind", ["half", "bfloat16", "strided"])
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_weights_of_every_storage_give_the_same_network(kind, form, tmp_path):
    state = {key: torch.from_numpy(value) for key, value in compact_state().items()}
    if kind == "strided":
        state = {key: torch.stack([value, value * 0], -1)[..., 0] for key, value in state.items()}
    else:
        state = {key: getattr(value, kind)() for key, value in state.items()}
    path = tmp_path / "a.pth"
    torch.save({"params_ema": state}, path, _use_new_zipfile_serialization=form == "zip")
    widened = {key: value.float().numpy() for key, value in state.items()}
    compare(path, lambda x: compact_by_torch(widened, x))


def test_a_loaded_network_can_be_trained_on(write):
    model = load(write("a.pth", pth(rrdb_state(blocks=1))))
    model.compile("adam", "mae", run_eagerly=True)
    x = np.random.default_rng(0).random((2, 6, 6, 3)).astype(np.float32)
    before = model.get_weights()
    model.train_on_batch(x, x.repeat(4, 1).repeat(4, 2))
    assert all(np.abs(a - b).max() > 0 for a, b in zip(before, model.get_weights(), strict=True))


def test_the_average_over_training_is_taken(write):
    last, average = compact_state(), {key: value + 1 for key, value in compact_state().items()}
    content = {"params": last, "params_ema": average}
    path = write("a.pth", b"")
    torch.save({k: {n: torch.from_numpy(v) for n, v in s.items()} for k, s in content.items()}, path)
    np.testing.assert_array_equal(read_network(path).arrays["head_conv/bias"], average["body.0.bias"])


def test_prefixes_of_training_scripts_are_cut_off(write):
    state = {f"module.netG.{key}": value for key, value in compact_state().items()}
    assert read_network(write("a.pth", pth(state, "state_dict"))).values["generator"] == "compact"


def test_a_generator_beside_its_discriminator_is_taken(write):
    state = {f"netG.{key}": value for key, value in rrdb_state().items()}
    convolution(state, "netD.conv0", 8, 3)
    assert read_network(write("a.pth", pth(state))).values["generator"] == "rrdb"
