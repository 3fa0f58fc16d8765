"""Plans of the networks that come from other programs, written without Keras.

`models.rrdb`, `models.span` and `models.compact` are the same networks as Keras models; a test compares both,
layer by layer. They are written twice so that a foreign file runs where no framework is installed.
"""

from collections.abc import Callable
from typing import Any

from keras_sr.graphs.plan import Step
from keras_sr.types import Json

#: The mean by band and the range of SPAN (`models.span`).
SPAN_MEAN, SPAN_RANGE = (0.4488, 0.4371, 0.4040), 255.0
#: Slopes below zero of the activations that have no weights (`models.compact`).
SLOPES = {"relu": 0.0, "leakyrelu": 0.1}


def plan_of(values: Json) -> list[Step]:
    """Return the plan of a network by the arguments of `models.build_generator`.

    Raises:
        KeyError: There is no plan for that generator.
    """
    plan = _Plan()
    _PLANS[values["generator"]](plan, values)
    return plan.steps


class _Plan:
    """Steps that are written one after another."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def step(self, op: str, layer: str, *inputs: str, **values: Any) -> str:
        """Write one step and return the name of what it makes."""
        self.steps.append(Step(op, layer, list(inputs), layer, values))
        return layer

    def leaky(self, x: str, layer: str, slope: float = 0.2) -> str:
        """Write a leaky ReLU."""
        return self.step("leaky", layer, x, slope=slope)


def _compact(plan: _Plan, values: Json) -> None:
    scale, activation = values["scale"], values["activation"]

    def activated(x: str, name: str) -> str:
        if activation == "prelu":
            return plan.step("prelu", f"{name}_prelu", x)
        return plan.leaky(x, f"{name}_leaky", SLOPES[activation])

    x = "lr"
    for name in ("head", *(f"block{i:02d}" for i in range(1, values["blocks"] + 1))):
        x = activated(plan.step("conv", f"{name}_conv", x), name)
    x, base = plan.step("conv", "tail_conv", x), "lr"
    if scale > 1:
        x = plan.step("shuffle", "tail_shuffle", x, factor=scale)
        base = plan.step("nearest", "base", "lr", factor=scale)
    plan.step("add", "sr", x, base)


def _rrdb(plan: _Plan, values: Json) -> None:
    unshuffle = values["unshuffle"]
    x = plan.step("unshuffle", "unshuffle", "lr", factor=unshuffle) if unshuffle > 1 else "lr"
    x = skip = plan.step("conv", "head_conv", x)
    for b in range(1, values["blocks"] + 1):
        name, y = f"block{b:02d}", x
        for d in (1, 2, 3):
            y = _dense(plan, y, f"{name}_dense{d}")
        x = _scaled_add(plan, y, x, name)
    x = plan.step("add", "trunk_add", plan.step("conv", "trunk_conv", x), skip)
    enlarge = values["scale"] * unshuffle
    for n, factor in enumerate([3] if enlarge == 3 else [2] * (enlarge.bit_length() - 1), 1):
        x = plan.step("nearest", f"up{n}_nearest", x, factor=factor)
        x = plan.leaky(plan.step("conv", f"up{n}_conv", x), f"up{n}_leaky")
    x = plan.leaky(plan.step("conv", "hr_conv", x), "hr_leaky")
    plan.step("conv", "tail_conv", x)


def _dense(plan: _Plan, x: str, name: str) -> str:
    read = [x]
    for c in (1, 2, 3, 4):
        y = plan.step("concat", f"{name}_cat{c}", *read) if c > 1 else x
        read.append(plan.leaky(plan.step("conv", f"{name}_conv{c}", y), f"{name}_leaky{c}"))
    y = plan.step("conv", f"{name}_conv5", plan.step("concat", f"{name}_cat5", *read))
    return _scaled_add(plan, y, x, name)


def _scaled_add(plan: _Plan, y: str, x: str, name: str) -> str:
    return plan.step("add", f"{name}_add", plan.step("affine", f"{name}_scale", y, scale=0.2, offset=0.0), x)


def _span(plan: _Plan, values: Json) -> None:
    x = "lr"
    if values["mean_shift"]:
        offset = [-SPAN_RANGE * mean for mean in SPAN_MEAN]
        x = plan.step("affine", "shift", x, scale=SPAN_RANGE, offset=offset)
    head = x = plan.step("conv", "head_conv", x)
    outs, first = [], ""
    for b in range(1, values["blocks"] + 1):
        name = f"block{b}"
        first = plan.step("silu", f"{name}_silu1", plan.step("conv", f"{name}_conv1", x))
        y = plan.step("silu", f"{name}_silu2", plan.step("conv", f"{name}_conv2", first))
        y = plan.step("conv", f"{name}_conv3", y)
        share = plan.step("sigmoid", f"{name}_sigmoid", y)
        share = plan.step("affine", f"{name}_attention", share, scale=1.0, offset=-0.5)
        x = plan.step("product", f"{name}_times", plan.step("add", f"{name}_add", y, x), share)
        outs.append(x)
    x = plan.step("concat", "cat", head, plan.step("conv", "trunk_conv", x), outs[0], first)
    x = plan.step("conv", "tail_conv", plan.step("conv", "cat_conv", x))
    if values["scale"] > 1:
        plan.step("shuffle", "sr", x, factor=values["scale"])


_PLANS: dict[str, Callable[[_Plan, Json], None]] = {"compact": _compact, "rrdb": _rrdb, "span": _span}
