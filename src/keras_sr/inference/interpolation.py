"""Between networks: weights interpolated, as a dial: invented detail, or noise taken for damage.

Network interpolation (Wang et al. 2018, arXiv 1809.00219, section 3.4; Wang et al. 2019, arXiv 1811.10515):
the mean of the weights of an MSE network and of the GAN that was trained from it is a network whose
results lie between theirs, without the artefacts that a mean of the pictures would keep.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_sr.errors import KerasSRError, WeightsError


@dataclass(frozen=True)
class Move:
    """A step from weights towards those of another network of the same architecture.

    Attributes:
        file: The other network.
        share: How much of the way, 0 to 1.
        called: What the network is called then, by what it was called here and is called there.
    """

    file: str | Path
    share: float
    called: str = "{here}, {share:g} of {there}"


def blended(model: Any, other: Any, share: float, names: tuple[str | Path, str | Path]) -> Any:
    """Change the weights of a network of OpenVINO to `(1 - share) * its own + share * the other's`.

    Args:
        model: `openvino.Model`, changed in place.
        other: `openvino.Model` of the same architecture, exported in the same way.
        share: 0 to 1.
        names: What both are called, for errors.

    Returns:
        `model`.

    Raises:
        KerasSRError: The share does not lie in [0, 1].
        WeightsError: The networks are not of one architecture.
    """
    if not 0 <= share <= 1:
        raise KerasSRError(f"a share of weights must lie between 0 and 1, not {share}")
    # Weights that are stored as float16 are widened by a Convert, others are not: the networks are the same.
    ours, theirs = (
        [op for op in one.get_ordered_ops() if op.get_type_name() != "Convert"] for one in (model, other)
    )
    alike = len(ours) == len(theirs) and all(
        a.get_type_name() == b.get_type_name() and _shapes(a) == _shapes(b)
        for a, b in zip(ours, theirs, strict=False)
    )
    if not alike:
        raise WeightsError(f"{names[0]} and {names[1]} are not of one architecture: no network lies between")
    for a, b in zip(ours, theirs, strict=True):
        if a.get_type_name() == "Constant" and a.get_element_type().is_real():
            _replace_constant(a, (1 - share) * a.get_data() + share * b.get_data())
    return model


def _shapes(node: Any) -> list[str]:
    """Return the shapes of what a node computes, as text: unknown sizes have no other equality."""
    return [str(output.get_partial_shape()) for output in node.outputs()]


def _replace_constant(node: Any, values: Any) -> None:
    """Let everything that reads a constant read these values instead."""
    from openvino import opset13

    new = opset13.constant(values.astype(node.get_data().dtype))
    for reader in node.output(0).get_target_inputs():
        reader.replace_source_output(new.output(0))
