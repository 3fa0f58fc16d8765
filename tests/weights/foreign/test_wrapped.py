"""Networks as training scripts leave them: in dicts of dicts, under prefixes, beside what trained them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from keras_sr.errors import WeightsError
from keras_sr.weights.foreign import read_network

from .conftest import compact_state, rrdb_state, span_state

COMPACT, RRDB, OLD = compact_state(blocks=1), rrdb_state(blocks=1), rrdb_state("old", blocks=1)
OTHER = {"0.weight": torch.zeros(8, 3, 3, 3), "0.bias": torch.zeros(8)}


def tensors(state, factor=1):
    return {key: torch.from_numpy(value * np.float32(factor)) for key, value in state.items()}


def under(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


def normalised(state, length, direction):
    """Weight normalisation: each kernel as its length and a direction of another length."""
    parts = {}
    for key, value in state.items():
        if value.ndim == 4:
            name = key.removesuffix(".weight")
            parts[name + length] = np.sqrt((value**2).sum((1, 2, 3), keepdims=True))
            parts[name + direction] = 3 * value
        else:
            parts[key] = value
    return tensors(parts)


def one_slope(state, slopes):
    return {k: slopes if k.endswith("weight") and v.ndim == 1 else v for k, v in state.items()}


OPTIMIZER = {
    "state": {0: {"exp_avg": torch.ones(3), "step": torch.tensor(3.0)}},
    "param_groups": [{"lr": 0.1}],
}
TRAINED = span_state(trained=True)

CASES = {
    "an average by each of its names": (
        {"params-ema": tensors(COMPACT), "params": tensors(COMPACT, 2)},
        COMPACT,
    ),
    "an average of a generator": (
        {"g": tensors(COMPACT, 2), "g_ema": tensors(COMPACT), "d": OTHER},
        COMPACT,
    ),
    "ema_model": ({"model": tensors(RRDB, 2), "ema_model": tensors(RRDB)}, RRDB),
    "an average beside its generator in one dict": (
        {**under("netG.", tensors(RRDB, 2)), **under("netG_ema.", tensors(RRDB)), **under("netD.", OTHER)},
        RRDB,
    ),
    "a checkpoint with its optimizer": (
        {"epoch": 3, "state_dict": tensors(COMPACT), "optimizer": OPTIMIZER},
        COMPACT,
    ),
    "a module with losses": (
        {"state_dict": {**under("model.", tensors(RRDB)), **under("loss_fn.vgg.", OTHER)}, "global_step": 4},
        RRDB,
    ),
    "model. before the old layout": (under("model.", tensors(OLD)), OLD),
    "module. before the old layout": (under("module.", tensors(OLD)), OLD),
    "two parts that nobody knows": (under("sr_net.core.", tensors(COMPACT)), COMPACT),
    "a counter beside the weights": (
        {"n_averaged": torch.tensor(5), **under("module.", tensors(COMPACT))},
        COMPACT,
    ),
    "three dicts deep": ({"a": {"b": {"params": tensors(RRDB)}}}, RRDB),
    "parameters": ({k: torch.nn.Parameter(v) for k, v in tensors(COMPACT).items()}, COMPACT),
    "double precision": ({k: v.double() for k, v in tensors(RRDB).items()}, RRDB),
    "channels last in memory": (
        {
            k: v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v
            for k, v in tensors(RRDB).items()
        },
        RRDB,
    ),
    "weight normalisation": (normalised(RRDB, ".weight_g", ".weight_v"), RRDB),
    "weight normalisation by parametrizations": (
        normalised(COMPACT, ".parametrizations.weight.original0", ".parametrizations.weight.original1"),
        COMPACT,
    ),
    "one slope for all features": (
        tensors(one_slope(COMPACT, np.float32([0.25]))),
        one_slope(COMPACT, np.full(8, 0.25, np.float32)),
    ),
    "SPAN without its merged form": (
        tensors({key: value for key, value in TRAINED.items() if "eval_conv" not in key}),
        TRAINED,
    ),
}


@pytest.mark.parametrize("form", ["zip", "legacy"])
@pytest.mark.parametrize("name", CASES)
def test_the_network_is_found_and_is_the_plain_one(name, form, tmp_path):
    content, plain = CASES[name]
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=form == "zip")
    torch.save(tensors(plain), tmp_path / "plain.pth")
    found, expected = read_network(tmp_path / "a.pth"), read_network(tmp_path / "plain.pth")
    assert found.values == expected.values
    assert found.arrays.keys() == expected.arrays.keys()
    for key, value in expected.arrays.items():
        np.testing.assert_allclose(found.arrays[key], value, atol=1e-6)


def test_a_part_that_nobody_knows_beside_a_network_is_no_part_of_it(tmp_path):
    content = {**under("net.", tensors(COMPACT)), **under("fusion.", OTHER)}
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="kind that is not read"):
        read_network(tmp_path / "a.pth")


def test_a_key_of_a_thousand_parts_takes_no_time(tmp_path):
    torch.save({"a." * 100_000 + "weight": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="kind that is not read"):
        read_network(tmp_path / "a.pth")
