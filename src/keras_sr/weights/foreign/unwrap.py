"""Which of the dicts in a file holds the weights of a network."""

from typing import Any

import numpy as np

from keras_sr.errors import WeightsError

State = dict[str, np.ndarray]

#: The average over training first: it is what authors publish pictures of.
AVERAGES = ("params_ema", "params-ema", "ema", "model_ema", "state_dict_ema")
#: What training scripts put in front of every name.
PREFIXES = ("module.", "_orig_mod.", "netG.", "net_g.", "generator.")
#: Prefixes of a network that is no generator, in files that hold both.
OTHERS = ("netD.", "net_d.", "discriminator.")
#: How many dicts lie in one another at most, and how many are looked at.
_DEPTH, _MOST = 3, 64


def candidates(content: Any) -> dict[str, State]:
    """Return every dict of arrays in a file, by its place in it; prefixes of training scripts are cut off.

    Raises:
        WeightsError: There is none.
    """
    found: dict[str, State] = {}
    queue: list[tuple[str, Any, int]] = [("", content, 0)]
    # A file may name a dict many times, or within itself: it is looked at once.
    seen: set[int] = set()
    while queue and len(found) < _MOST:
        place, value, depth = queue.pop(0)
        if not isinstance(value, dict) or id(value) in seen:
            continue
        seen.add(id(value))
        state = {key: one for key, one in value.items() if isinstance(one, np.ndarray)}
        if state:
            found.update({f"{place}{part}": one for part, one in _networks(state).items()})
        if depth < _DEPTH:
            inner = [(f"{place}{key[:40]}/", one) for key, one in value.items() if isinstance(one, dict)]
            queue.extend((name, one, depth + 1) for name, one in inner[:_MOST])
    if not found:
        raise WeightsError("holds no weights: it has no arrays by name")
    return _averaged(found)


def _averaged(found: dict[str, State]) -> dict[str, State]:
    """Leave out what there is an average of beside it."""
    for name in AVERAGES:
        for place in [place for place in found if place.rstrip("/").rsplit("/", 1)[-1] == name]:
            parent = place.rstrip("/").rpartition("/")[0]
            twins = [
                other
                for other in found
                if other != place
                and other.rstrip("/").rpartition("/")[0] == parent
                and found[other].keys() == found[place].keys()
            ]
            for twin in twins:
                del found[twin]
    return found


def _networks(state: State) -> dict[str, State]:
    """Split a dict that holds a generator and a discriminator, and cut prefixes off."""
    parts = {key.split(".", 1)[0] + "." for key in state}
    if len(parts) > 1 and parts <= {*PREFIXES, *OTHERS}:
        return {
            part: _stripped({key: one for key, one in state.items() if key.startswith(part)})
            for part in sorted(parts)
            if part not in OTHERS
        }
    return {"": _stripped(state)}


def _stripped(state: State) -> State:
    """Cut off prefixes that all names have."""
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), ""):
        state = {key.removeprefix(prefix): one for key, one in state.items()}
    return state
