"""Networks of ncnn: a text of layers (.param) and their numbers (.bin), in the order of the layers.

ncnn names no weights. The names are given here, from the order of the convolutions; a network is
taken only where every layer of the text is one that the named architecture has.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_sr.errors import WeightsError

#: First line of a .param file; first number of weights stored as float16, and as float32.
MAGIC, HALF, SINGLE = "7767517", 0x01306B47, 0
#: Bytes of the text: the largest network in use has 200 thousand.
_LARGEST_TEXT = 16 << 20
#: Layers that only hand tensors on.
_SILENT = {"Input", "Split", "Noop"}


@dataclass(frozen=True)
class _Layer:
    """One line of the text."""

    kind: str
    inputs: int
    values: dict[str, str]

    def number(self, key: str, default: float = 0) -> float:
        """Return one parameter as a number."""
        return float(self.values.get(key, default))

    def numbers(self, key: str) -> list[float]:
        """Return one parameter that is an array: its length, then its values."""
        return [float(one) for one in self.values.get(key, "").split(",")[1:]]


def read_ncnn(path: Path) -> dict[str, np.ndarray]:
    """Return the weights of a pair of files by the names that PyTorch has for them.

    Args:
        path: The .param or the .bin of the pair; the other lies beside it.

    Raises:
        WeightsError: One of both is missing or damaged, or the layers are of no architecture that is read.
    """
    text, numbers = path.with_suffix(".param"), path.with_suffix(".bin")
    for file in (text, numbers):
        if not file.is_file():
            raise WeightsError(f"is half a network of ncnn: {file.name} has to lie beside it")
    if text.stat().st_size > _LARGEST_TEXT:
        raise WeightsError(f"has a .param of {text.stat().st_size} bytes: no network is as large")
    try:
        layers = _layers(text.read_text("utf-8"))
        return _named(layers, _weights(layers, numbers.read_bytes()))
    except (ValueError, IndexError, KeyError, struct.error, OverflowError, StopIteration) as error:
        raise WeightsError(f"is not an ncnn network, or it is damaged ({error!s:.80})") from None


def _layers(text: str) -> list[_Layer]:
    """Return the layers that compute something."""
    lines = text.split("\n")
    if lines[0].strip() != MAGIC:
        raise WeightsError("is not ncnn's text form (binary .param files are not read)")
    found = []
    for line in lines[2:]:
        words = line.split()
        if not words or words[0] in _SILENT:
            continue
        inputs, outputs = int(words[2]), int(words[3])
        values = dict(word.split("=", 1) for word in words[4 + inputs + outputs :])
        found.append(_Layer(words[0], inputs, values))
    return found


def _weights(layers: list[_Layer], content: bytes) -> Iterator[np.ndarray]:
    """Yield kernel and bias of every convolution and the slopes of every PReLU, all numbers used up."""
    offset = 0

    def take(kind: str, count: int) -> np.ndarray:
        nonlocal offset
        size = count * np.dtype(kind).itemsize
        if count < 0 or offset + size > len(content):
            raise WeightsError("has a .bin with too few numbers: it is cut off, or of another network")
        taken = np.frombuffer(content, kind, count, offset)
        offset += (size + 3) // 4 * 4
        return taken

    for layer in layers:
        if layer.kind == "Convolution":
            count, outputs, side = (int(layer.number(key)) for key in ("6", "0", "1"))
            form = int(take("<u4", 1)[0])
            if form not in (HALF, SINGLE):
                raise WeightsError(f"has weights in the form {form:#x}: only float32 and float16 are read")
            kernel = take("<f2" if form == HALF else "<f4", count)
            yield kernel.reshape(outputs, count // (outputs * side * side), side, side)
            yield take("<f4", outputs) if layer.number("5") else np.zeros(outputs, np.float32)
        elif layer.kind == "PReLU":
            yield take("<f4", int(layer.number("0")))
    if offset != len(content):
        raise WeightsError("has a .bin with too many numbers: it is of another network")


def _named(layers: list[_Layer], weights: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights by name, or refuse layers of another architecture."""
    for layer in layers:
        if layer.kind == "Convolution":
            _check_convolution(layer)
    kinds = Counter(layer.kind for layer in layers)
    enlarging = [layer for layer in layers if layer.kind == "Interp"]
    if kinds["PixelShuffle"] == 1 and kinds.keys() <= _COMPACT and enlarging:
        return _compact(layers, weights)
    if kinds.keys() <= _RRDB and kinds["Concat"] and enlarging:
        return _rrdb(layers, weights)
    rest = ", ".join(sorted(kinds.keys() - _COMPACT - _RRDB)) or ", ".join(
        f"{count} {kind}" for kind, count in sorted(kinds.items())
    )
    raise WeightsError(
        f"has layers of no known architecture ({rest:.80}): RRDB and Compact are read from ncnn"
    )


_COMPACT = {"Convolution", "PReLU", "ReLU", "PixelShuffle", "Interp", "BinaryOp"}
_RRDB = {"Convolution", "ReLU", "Concat", "Eltwise", "BinaryOp", "Interp"}


def _check_convolution(layer: _Layer) -> None:
    """Refuse a convolution that does not keep the size: stride, dilation, other padding."""
    side = int(layer.number("1"))
    kept = {"2": 1, "3": 1, "4": side // 2, "11": side, "12": 1, "13": 1, "14": side // 2, "15": side // 2}
    others = [key for key, wanted in kept.items() if layer.number(key, wanted) != wanted]
    if others or layer.number("8") or layer.number("18"):
        raise WeightsError("has a convolution with strides, holes or other padding, or of 8-bit numbers")


def _check_enlargement(layers: list[_Layer], factor: float) -> None:
    """Refuse resizing that is no nearest-neighbour enlargement by `factor`."""
    for layer in layers:
        if layer.kind == "Interp" and (layer.number("0"), layer.number("1"), layer.number("2")) != (
            1,
            factor,
            factor,
        ):
            raise WeightsError(
                "resizes its result by something else than the nearest neighbour: take the network of the "
                "scale that it was trained for"
            )


def _slope(layer: _Layer) -> float | None:
    """Return the slope of an activation that has one value: inside of a convolution, or by itself."""
    if layer.kind == "ReLU":
        return layer.number("0")
    match layer.number("9"):
        case 0:
            return None
        case 1:
            return 0.0
        case 2:
            return layer.numbers("-23310")[0]
    raise WeightsError("has a convolution with an activation that is not read")


def _compact(layers: list[_Layer], weights: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    """Name the weights of SRVGGNetCompact: body.N.weight, and body.N.bias of convolutions."""
    shuffle = next(layer for layer in layers if layer.kind == "PixelShuffle")
    _check_enlargement(layers, shuffle.number("0"))
    if [layer.kind for layer in layers[-3:]] != ["PixelShuffle", "Interp", "BinaryOp"]:
        raise WeightsError("ends as no network of the Compact kind does")
    named, place = {}, 0
    for layer in layers[:-3]:
        if layer.kind == "Convolution":
            named[f"body.{place}.weight"], named[f"body.{place}.bias"] = next(weights), next(weights)
            slope = _slope(layer)
        else:
            slope = _slope(layer) if layer.kind == "ReLU" else None
        if layer.kind == "PReLU":
            named[f"body.{place}.weight"] = next(weights)
        elif slope is not None:
            # A fixed slope becomes one a channel: the network computes the same.
            place += layer.kind == "Convolution"
            named[f"body.{place}.weight"] = np.full(_channels(named), slope, np.float32)
        place += 1
    _use_up(weights)
    return named


def _channels(named: dict[str, np.ndarray]) -> int:
    """Return the outputs of the convolution that was named last."""
    return len(next(named[key] for key in reversed(named) if key.endswith(".bias")))


def _rrdb(layers: list[_Layer], weights: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    """Name the weights of an RRDB network as Real-ESRGAN has them."""
    _check_enlargement(layers, 2)
    convolutions = [layer for layer in layers if layer.kind == "Convolution"]
    stages = sum(layer.kind == "Interp" for layer in layers)
    blocks, rest = divmod(len(convolutions) - 4 - stages, 15)
    names = [
        "conv_first",
        *(f"body.{b}.rdb{d}.conv{c}" for b in range(blocks) for d in (1, 2, 3) for c in range(1, 6)),
        "conv_body",
        *(f"conv_up{stage}" for stage in range(1, stages + 1)),
        "conv_hr",
        "conv_last",
    ]
    shares = [sorted(layer.numbers("-23301")) for layer in layers if layer.kind == "Eltwise"]
    if rest or blocks < 1 or any(not np.allclose(one, [0.2, 1.0], atol=1e-4) for one in shares):
        raise WeightsError("has the layers of RRDB in another number: it is a network of another kind")
    _check_activations(names, convolutions, layers)
    named = {}
    for name in names:
        named[f"{name}.weight"], named[f"{name}.bias"] = next(weights), next(weights)
    _use_up(weights)
    return named


def _check_activations(names: list[str], convolutions: list[_Layer], layers: list[_Layer]) -> None:
    """Refuse an RRDB network with other activations than leaky ReLUs of slope 0.2."""
    bent = [
        name for name in names if name.endswith(("conv1", "conv2", "conv3", "conv4", "hr")) or "up" in name
    ]
    apart = [layer for layer in layers if layer.kind == "ReLU"]
    inside = [layer for layer in convolutions if layer.number("9")]
    slopes = [_slope(layer) for layer in (*apart, *inside)]
    if len(slopes) != len(bent) or not all(math.isclose(slope or 0.0, 0.2, abs_tol=1e-4) for slope in slopes):
        raise WeightsError("has other activations than RRDB: it is a network of another kind")


def _use_up(weights: Iterator[np.ndarray]) -> None:
    """Refuse weights that nothing has a name for; running to the end checks the length of the .bin, too."""
    if next(weights, None) is not None:
        raise WeightsError("has more weights than the architecture that its layers are of")
