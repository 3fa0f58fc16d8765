"""Which of the dicts in a file holds the weights of a network."""

import re
from typing import Any

import numpy as np

from keras_sr.errors import WeightsError

StateDict = dict[str, np.ndarray]

#: The name of an average over training, which is taken: it is what authors publish pictures of.
_AVERAGE = re.compile(r"(.*[_.-])?ema([_.-].*)?", re.I)
#: What training scripts put in front of every name.
_PREFIXES = ("module.", "_orig_mod.", "netG.", "net_g.", "generator.")
#: The first part of a generator's names, and of what else a training script keeps beside it.
_GENERATOR = re.compile(r"(module|_orig_mod|model|net|net_?g|g|generator|sr_?(net|model)?)([_-]?ema)?", re.I)
_OTHER = re.compile(
    r"(net_?)?d|(net_?)?disc.*|critic.*|vgg.*|lpips.*|dists.*|.*loss.*|.*criterion.*|.*perceptual.*|.*metrics?|"
    r"psnr|ssim",
    re.I,
)
#: How many dicts lie in one another at most, and how many are looked at.
_DEPTH, _MOST = 3, 64


def candidates(content: Any) -> dict[str, StateDict]:
    """Return every dict of arrays in a file, by its place in it; prefixes of training scripts are cut off.

    Raises:
        WeightsError: There is none.
    """
    found: dict[str, StateDict] = {}
    queue: list[tuple[str, Any, int]] = [("", content, 0)]
    # A file may name a dict many times, or within itself: it is looked at once.
    seen: set[int] = set()
    while queue and len(found) < _MOST:
        place, value, depth = queue.pop(0)
        if not isinstance(value, dict) or id(value) in seen:
            continue
        seen.add(id(value))
        # Single numbers are counters of training: n_averaged, num_batches_tracked.
        state = {key: one for key, one in value.items() if isinstance(one, np.ndarray) and one.shape}
        if state:
            found.update({f"{place}{part}": one for part, one in _networks(state).items()})
        if depth < _DEPTH:
            inner = [(f"{place}{key[:40]}/", one) for key, one in value.items() if isinstance(one, dict)]
            queue.extend((name, one, depth + 1) for name, one in inner[:_MOST])
    if not found:
        raise WeightsError("holds no weights: it has no arrays by name")
    return _averaged(found)


def _averaged(found: dict[str, StateDict]) -> dict[str, StateDict]:
    """Leave out what there is an average of beside it."""
    for place in [place for place in found if _AVERAGE.fullmatch(_last(place))]:
        twins = [
            other
            for other in found
            if other != place
            and _parent(other) == _parent(place)
            and not _AVERAGE.fullmatch(_last(other))
            and found[other].keys() == found[place].keys()
        ]
        for twin in twins:
            del found[twin]
    return found


def _last(place: str) -> str:
    """Return the name of a dict in the one that holds it."""
    return place.rstrip("/.").rsplit("/", 1)[-1]


def _parent(place: str) -> str:
    """Return the place of the dict that holds another."""
    return place.rstrip("/.").rpartition("/")[0]


def _networks(state: StateDict) -> dict[str, StateDict]:
    """Split a dict that holds a generator and what it was trained with, and cut prefixes off."""
    parts = {key.split(".", 1)[0] for key in state}
    generators = {part for part in parts if _GENERATOR.fullmatch(part)}
    if len(parts) > 1 and generators and all(_OTHER.fullmatch(part) for part in parts - generators):
        return {
            f"{part}.": _plain(
                {k.removeprefix(f"{part}."): v for k, v in state.items() if k.startswith(f"{part}.")}
            )
            for part in sorted(generators)
        }
    return {"": _plain(state)}


def _plain(state: StateDict) -> StateDict:
    """Return weights without prefixes and without weight normalisation."""
    return _multiplied(_stripped(state))


#: The two halves of a kernel under weight normalisation (Salimans, Kingma 2016), as PyTorch names them.
_HALVES = (
    (".weight_g", ".weight_v"),
    (".parametrizations.weight.original0", ".parametrizations.weight.original1"),
)


def _multiplied(state: StateDict) -> StateDict:
    """Return weights with length and direction of kernels put together: g v / |v|, for each output."""
    for length, direction in _HALVES:
        for name in [key.removesuffix(length) for key in state if key.endswith(length)]:
            if f"{name}{direction}" not in state:
                continue
            g, v = (np.asarray(state[f"{name}{half}"], np.float64) for half in (length, direction))
            axes = tuple(range(1, v.ndim))
            if g.shape != (*v.shape[:1], *[1] * len(axes)):
                raise WeightsError(
                    f"has {name[:60]}{length} of shape {g.shape}, expected one for each output"
                )
            with np.errstate(all="ignore"):
                kernel = g * v / np.sqrt((v * v).sum(axes, keepdims=True))
            state = {k: one for k, one in state.items() if k not in (f"{name}{length}", f"{name}{direction}")}
            state[f"{name}.weight"] = kernel.astype(np.float32)
    return state


def _stripped(state: StateDict) -> StateDict:
    """Cut off prefixes that all names have."""
    while prefix := next((p for p in _PREFIXES if all(key.startswith(p) for key in state)), ""):
        state = {key.removeprefix(prefix): one for key, one in state.items()}
    return state
