"""The architectures that are known by the names and shapes of their weights."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.types import Json
from keras_sr.weights.foreign.unwrap import StateDict

_BANDS = (1, 3, 4)


@dataclass(frozen=True)
class Found:
    """A network that was recognised.

    Attributes:
        kind: Architecture and layout in words.
        values: Arguments of `models.build_generator`.
        arrays: Weights by the names of our layers.
    """

    kind: str
    values: Json
    arrays: dict[str, np.ndarray]


def recognise(state: StateDict) -> Found | None:
    """Return the network that a dict of weights is, or None where no architecture has such names.

    Raises:
        WeightsError: The names are those of an architecture, the shapes or the numbers are not.
    """
    for detect in _DETECTORS:
        found = detect(_Weights(state))
        if found:
            return found
    return None


class _Weights:
    """A state dict that is taken apart: what was not asked for at the end is of another network."""

    def __init__(self, state: StateDict):
        self.state, self.taken = state, set()
        self.arrays: dict[str, np.ndarray] = {}

    def has(self, *names: str) -> bool:
        """Return whether all of these names are there."""
        return all(name in self.state for name in names)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of one array."""
        if name not in self.state:
            raise WeightsError(f"lacks {name}: it is cut off, or of another network")
        return tuple(self.state[name].shape)

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return one array of this shape: numbers, finite, float16 or float32."""
        if self.shape(name) != shape:
            raise WeightsError(f"has {name} of shape {self.shape(name)}, expected {shape}")
        value = self.state[name]
        if value.dtype.kind != "f":
            raise WeightsError(f"has {name} as {value.dtype}, expected floating-point numbers")
        value = value if value.dtype.itemsize == 2 else value.astype(np.float32, copy=False)
        if not np.isfinite(value).all():
            raise WeightsError(f"has values in {name} that are not finite: its training went wrong")
        self.taken.add(name)
        return value

    def outputs(self, name: str) -> int:
        """Return the outputs of a convolution."""
        shape = self.shape(f"{name}.weight")
        if len(shape) != 4 or 0 in shape:
            raise WeightsError(f"has {name}.weight of shape {shape}, expected a convolution")
        return shape[0]

    def inputs(self, name: str) -> int:
        """Return the inputs of a convolution."""
        return self.outputs(name) and self.shape(f"{name}.weight")[1]

    def convolution(self, theirs: str, ours: str, inputs: int, outputs: int, side: int = 3) -> None:
        """Take a convolution: PyTorch's (out, in, h, w) becomes (h, w, in, out)."""
        kernel = self.take(f"{theirs}.weight", (outputs, inputs, side, side))
        self.arrays[f"{ours}/kernel"] = kernel.transpose(2, 3, 1, 0)
        self.arrays[f"{ours}/bias"] = self.take(f"{theirs}.bias", (outputs,))

    def slopes(self, theirs: str, ours: str, features: int) -> None:
        """Take the slopes of a PReLU: one for each feature, or one for all."""
        shape = (1,) if self.shape(theirs) == (1,) else (features,)
        self.arrays[ours] = np.broadcast_to(self.take(theirs, shape), (features,))

    def reorder(self, name: str, scale: int, axis: int) -> None:
        """Bring channels into the order of our pixel shuffle: (C, row, column) to (row, column, C)."""
        for part in ("kernel", "bias")[: 1 if axis == 2 else 2]:
            value = np.moveaxis(self.arrays[f"{name}/{part}"], axis if part == "kernel" else 0, 0)
            rest = value.shape[1:]
            value = value.reshape(-1, scale, scale, *rest)
            value = np.moveaxis(value, 0, 2).reshape(-1, *rest)
            self.arrays[f"{name}/{part}"] = np.moveaxis(value, 0, axis if part == "kernel" else 0)

    def found(self, kind: str, values: Json, spare: tuple[str, ...] = ()) -> Found:
        """Return the network, unless weights are left that it has no place for."""
        left = [key for key in self.state if key not in self.taken and key not in spare]
        if left:
            raise WeightsError(f"looks like {kind}, but also has {left[0][:60]}: it is another network")
        return Found(kind, values, {key: np.ascontiguousarray(one) for key, one in self.arrays.items()})


def _shuffled(outputs: int, bands: int) -> int:
    """Return the scale at which `outputs` channels become a picture of `bands`."""
    scale = math.isqrt(outputs // bands)
    if not scale or scale**2 * bands != outputs:
        raise WeightsError(f"ends in {outputs} channels, which do not make a picture of {bands} bands")
    return scale


def _check_bands(bands: int) -> None:
    if bands not in _BANDS:
        raise WeightsError(f"is a network for {bands} bands: networks for 1, 3 and 4 are read")


# === RRDB: ESRGAN and its heirs ===


@dataclass(frozen=True)
class _Layout:
    """The names of an RRDB network's layers; {b}, {d}, {c} count blocks, dense blocks, convolutions."""

    words: str
    first: str
    dense: str
    trunk: str


#: The second name of each is what other networks with a `conv_first` lack.
_LAYOUTS = (
    _Layout("RRDB (Real-ESRGAN)", "conv_first", "body.{b}.rdb{d}.conv{c}", "conv_body"),
    _Layout("RRDB (BSRGAN)", "conv_first", "RRDB_trunk.{b}.RDB{d}.conv{c}", "trunk_conv"),
    _Layout("RRDB (ESRGAN)", "model.0", "model.1.sub.{b}.RDB{d}.conv{c}.0", "model.1.sub.{blocks}"),
)


def _rrdb(weights: _Weights) -> Found | None:
    """Recognise the generator of ESRGAN (Wang et al. 2018, arXiv 1809.00219) in three layouts."""
    for layout in _LAYOUTS:
        if weights.has(f"{layout.first}.weight", layout.dense.format(b=0, d=1, c=1) + ".weight"):
            return _rrdb_of(weights, layout)
    if weights.has("model.0.weight", "model.1.sub.0.RDB1.conv1x1.weight"):
        raise WeightsError("is ESRGAN+, whose noise and 1x1 convolutions are not read: RRDB without them is")
    return None


def _rrdb_of(weights: _Weights, layout: _Layout) -> Found:
    """Take an RRDB network apart; everything is read from the weights."""
    if any(".conv1x1." in key for key in weights.state):
        raise WeightsError("is ESRGAN+, whose 1x1 convolutions are not read: RRDB without them is")
    block = re.compile(re.escape(layout.dense.split("{b}")[0]) + r"(\d{1,4})\.(?:rdb|RDB)1\.conv1")
    blocks = 1 + max(int(match[1]) for key in weights.state if (match := block.match(key)))
    features = weights.outputs(layout.first)
    growth = weights.outputs(layout.dense.format(b=0, d=1, c=1))
    ups, high, last = _rrdb_tail(weights, layout)
    bands = weights.outputs(last)
    _check_bands(bands)
    inputs = weights.inputs(layout.first)
    unshuffle = math.isqrt(inputs // bands)
    if unshuffle not in (1, 2, 4) or unshuffle**2 * bands != inputs:
        raise WeightsError(f"takes {inputs} channels and gives {bands}: it is not a network for pictures")
    if 2 ** len(ups) < unshuffle:
        raise WeightsError("makes pictures smaller: networks that enlarge are read")
    weights.convolution(layout.first, "head_conv", inputs, features)
    if unshuffle > 1:
        weights.reorder("head_conv", unshuffle, axis=2)
    for b in range(blocks):
        for d in (1, 2, 3):
            for c in range(1, 6):
                weights.convolution(
                    layout.dense.format(b=b, d=d, c=c),
                    f"block{b + 1:02d}_dense{d}_conv{c}",
                    features + (c - 1) * growth,
                    features if c == 5 else growth,
                )
    weights.convolution(layout.trunk.format(blocks=blocks), "trunk_conv", features, features)
    for number, up in enumerate(ups, 1):
        weights.convolution(up, f"up{number}_conv", features, features)
    weights.convolution(high, "hr_conv", features, features)
    weights.convolution(last, "tail_conv", features, bands)
    values = {
        "generator": "rrdb",
        "scale": 2 ** len(ups) // unshuffle,
        "features": features,
        "blocks": blocks,
        "growth": growth,
        "bands": bands,
        "unshuffle": unshuffle,
    }
    return weights.found(layout.words, values)


def _rrdb_tail(weights: _Weights, layout: _Layout) -> tuple[list[str], str, str]:
    """Return the names of the layers that enlarge, of the one after them, and of the last."""
    if layout.first == "model.0":
        places = sorted(
            int(match[1])
            for key in weights.state
            if (match := re.fullmatch(r"model\.(\d{1,3})\.weight", key))
        )
        # Convolution 0; then upsampling, convolution, activation each; convolution, activation, convolution.
        if len(places) < 3 or places[1:] != [*range(3, 3 * len(places) - 8, 3), places[-1] - 2, places[-1]]:
            raise WeightsError(f"has the layers {places!s:.60}, which are not those of ESRGAN")
        names = [f"model.{place}" for place in places]
        return names[1:-2], names[-2], names[-1]
    up = "conv_up{n}" if weights.has("conv_up1.weight") else "upconv{n}"
    stages = sum(weights.has(up.format(n=n) + ".weight") for n in range(1, 5))
    high = "conv_hr" if weights.has("conv_hr.weight") else "HRconv"
    return [up.format(n=n) for n in range(1, stages + 1)], high, "conv_last"


# === Compact: SRVGGNetCompact of Real-ESRGAN ===


def _compact(weights: _Weights) -> Found | None:
    """Recognise SRVGGNetCompact (Wang et al. 2021, arXiv 2107.10833): body.N in a row, and nothing else."""
    places = sorted(
        int(match[1]) for key in weights.state if (match := re.fullmatch(r"body\.(\d{1,4})\.weight", key))
    )
    if not places or not all(re.fullmatch(r"body\.\d{1,4}\.(weight|bias)", key) for key in weights.state):
        return None
    last = places[-1]
    slopes = weights.has("body.1.weight")
    if last % 2 or last < 2 or places != list(range(0, last + 1, 1 if slopes else 2)):
        return None
    features, bands = weights.outputs("body.0"), weights.inputs("body.0")
    _check_bands(bands)
    scale = _shuffled(weights.outputs(f"body.{last}"), bands)
    names = ["head", *(f"block{i:02d}" for i in range(1, last // 2))]
    for number, name in enumerate(names):
        inputs = features if number else bands
        weights.convolution(f"body.{2 * number}", f"{name}_conv", inputs, features)
        if slopes:
            weights.slopes(f"body.{2 * number + 1}.weight", f"{name}_prelu/alpha", features)
    weights.convolution(f"body.{last}", "tail_conv", features, scale**2 * bands)
    weights.reorder("tail_conv", scale, axis=3)
    values = {
        "generator": "compact",
        "scale": scale,
        "features": features,
        "blocks": last // 2 - 1,
        "bands": bands,
    }
    # Neither of the two leaves a trace in the file; `network.chosen` looks at what they compute.
    values["activation"] = "prelu" if slopes else "relu"
    return weights.found("Compact (SRVGGNetCompact)", values)


# === SPAN ===


def _span(weights: _Weights) -> Found | None:
    """Recognise SPAN (Wan et al. 2023, arXiv 2311.12770), as it was trained or merged for use."""
    merged, trained = (weights.has(f"block_1.c1_r.{form}.weight") for form in ("eval_conv", "sk"))
    if not (merged or trained) or not weights.has("conv_cat.weight", "upsampler.0.weight"):
        return None
    first = f"conv_1.{'eval_conv' if merged else 'sk'}"
    features, bands = weights.outputs(first), weights.inputs(first)
    if bands != 3:
        raise WeightsError(f"is SPAN for {bands} bands: it is read for 3")
    scale = _shuffled(weights.outputs("upsampler.0"), bands)
    _merged(weights, "conv_1", "head_conv", bands, features)
    blocks = sum(weights.has(f"block_{b}.{first.replace('conv_1', 'c1_r')}.weight") for b in range(1, 100))
    for b in range(1, blocks + 1):
        for c in (1, 2, 3):
            _merged(weights, f"block_{b}.c{c}_r", f"block{b}_conv{c}", features, features)
    _merged(weights, "conv_2", "trunk_conv", features, features)
    weights.convolution("conv_cat", "cat_conv", 4 * features, features, side=1)
    weights.convolution("upsampler.0", "tail_conv", features, scale**2 * bands)
    weights.reorder("tail_conv", scale, axis=3)
    values = {
        "generator": "span",
        "scale": scale,
        "features": features,
        "blocks": blocks,
        "mean_shift": not weights.has("no_norm"),
    }
    return weights.found("SPAN", values, spare=("no_norm",))


def _merged(weights: _Weights, theirs: str, ours: str, inputs: int, outputs: int) -> None:
    """Take a convolution that was trained as the sum of a chain of three and a 1x1, or as one.

    Files of training hold both forms, and the merged one may be old: what was trained counts.
    """
    trained = weights.has(f"{theirs}.sk.weight")
    if not trained or weights.has(f"{theirs}.eval_conv.weight"):
        weights.convolution(f"{theirs}.eval_conv", ours, inputs, outputs)
    if not trained:
        return
    wide = weights.outputs(f"{theirs}.conv.0")
    narrow = weights.outputs(f"{theirs}.conv.1")

    def both(name: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        kernel = weights.take(f"{theirs}.{name}.weight", shape)
        return kernel.astype(np.float64), weights.take(f"{theirs}.{name}.bias", shape[:1]).astype(np.float64)

    kernel1, bias1 = both("conv.0", (wide, inputs, 1, 1))
    kernel2, bias2 = both("conv.1", (narrow, wide, 3, 3))
    kernel3, bias3 = both("conv.2", (outputs, narrow, 1, 1))
    kernel0, bias0 = both("sk", (outputs, inputs, 1, 1))
    joined = np.einsum("on,nwyx,wi->yxio", kernel3[..., 0, 0], kernel2, kernel1[..., 0, 0], optimize=True)
    joined[1, 1] += kernel0[..., 0, 0].T
    bias = kernel3[..., 0, 0] @ (kernel2.sum((2, 3)) @ bias1 + bias2) + bias3 + bias0
    weights.arrays[f"{ours}/kernel"] = joined.astype(np.float32)
    weights.arrays[f"{ours}/bias"] = bias.astype(np.float32)


#: The loosest names come last.
_DETECTORS: tuple[Callable[[_Weights], Found | None], ...] = (_rrdb, _span, _compact)
