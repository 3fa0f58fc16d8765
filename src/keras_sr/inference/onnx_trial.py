"""ONNX files of other programs, tried out: what they do not say of themselves is measured.

Such files name no scale, no range and no receptive field. A small picture tells the first two; for the third,
one pixel is changed, and what changes of the result is looked at.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.facts import NetworkFacts
from keras_sr.inference.engines import import_openvino

#: Sides that a network may have to be given whole multiples of, and the pictures that show it.
_MULTIPLES, _SIDES = (1, 2, 4, 8, 16), (33, 29)
#: Ranges that networks take pictures in; only the first is read.
_RANGES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
#: How far a result that is shrunk again may be from the picture, on the mean, for the network to enlarge it;
#: and how near it is at home in whatever range. Ten networks that people use are at 0.001 to 0.05.
_FAR, _NEAR = 0.15, 0.01
#: Side of the picture in which a pixel is changed, and the change of the result that counts.
_FIELD, _CHANGE = 160, 1e-5

#: What OpenVINO raises; ValueError where a name in the file, or in its error, is no text.
_REFUSALS = (RuntimeError, ValueError, IndexError, TypeError)

#: A picture (h, w, bands) to its result, as the file has it.
_Run = Callable[[np.ndarray], np.ndarray]


def tried(path: Path, margin: int, licence: str) -> tuple[NetworkFacts, _Run]:
    """Return the facts of an ONNX file of another program, and the function that it is.

    Args:
        path: The file.
        margin: What tiles overlap by at most, however far the network sees.
        licence: What is said of its licence.

    Raises:
        WeightsError: It is damaged, takes pictures of one size only or in another range than [0, 1], or
            enlarges none.
    """
    run, bands = opened(path)
    multiple, scale = _multiple_and_scale(run, bands)
    _check_range(run, bands, multiple, scale)
    field = _receptive_field(run, bands, scale, multiple)
    # What is computed at a fraction of the size has to begin at whole blocks.
    field = -(-min(field, margin) // multiple) * multiple
    return NetworkFacts(path.stem, scale, field, licence=licence, bands=bands, multiple=multiple), run


def opened(path: Path) -> tuple[_Run, int]:
    """Return the function that an ONNX file is, and the bands that it takes.

    Raises:
        WeightsError: It is damaged, or no function of one picture of any size.
    """
    openvino = import_openvino()
    core = openvino.Core()
    try:
        model = core.read_model(path.read_bytes())
        entries, results = list(model.inputs), list(model.outputs)
        shape = entries[0].partial_shape
        rank = shape.rank.get_length()
        fixed = [str(shape[i]) for i in (2, 3) if rank == 4 and shape[i].is_static]
        bands = shape[1].get_length() if rank == 4 and shape[1].is_static else 3
    # OpenVINO says in pages which node it cannot read.
    except _REFUSALS as error:
        raise WeightsError(
            f"is an ONNX file that OpenVINO cannot read, or it is damaged{_why(error)}"
        ) from None
    if len(entries) != 1 or len(results) != 1 or rank != 4 or bands not in (1, 3, 4):
        raise WeightsError(f"is no network from one picture to one: {len(entries)} inputs, the first {shape}")
    if fixed:
        raise WeightsError(
            f"takes pictures of one size only (height and width {' and '.join(fixed)}): "
            "export it again with dynamic height and width"
        )
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.f32)
    steps.output().tensor().set_element_type(openvino.Type.f32)
    try:
        compiled = core.compile_model(steps.build(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    except _REFUSALS as error:
        raise WeightsError(f"is an ONNX file that OpenVINO cannot run{_why(error)}") from None

    def run(picture: np.ndarray) -> np.ndarray:
        batch = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        try:
            return np.asarray(compiled([batch])[0])[0].transpose(1, 2, 0)
        except _REFUSALS as error:
            size = f"{picture.shape[1]}x{picture.shape[0]}"
            raise WeightsError(f"does not run on a picture of {size}{_why(error)}") from None

    return run, bands


def _why(error: Exception) -> str:
    """Return the first words of the last line of an error in brackets, where there are any."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f" ({lines[-1][:80]})" if lines else ""


def _sample(height: int, width: int, bands: int) -> np.ndarray:
    """Return a picture (height, width, bands) in [0, 1] with gradients, edges and texture."""
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    bent = 0.5 + 0.4 * np.sin(9 * rows + 7 * columns * columns)
    picture = np.stack([rows, columns, bent, 1 - rows], -1)[..., :bands]
    picture[height // 4 : height // 2, width // 3 : width // 2] = 0.85
    return picture.astype(np.float32)


def _multiple_and_scale(run: _Run, bands: int) -> tuple[int, int]:
    """Return what sides have to be multiples of, and SR size over LR size."""
    for multiple in _MULTIPLES:
        height, width = (side + -side % multiple for side in _SIDES)
        try:
            shape = run(_sample(height, width, bands)).shape
        except WeightsError:
            continue
        scale = shape[0] // height
        if scale and shape[:2] == (height * scale, width * scale) and shape[2] in (bands, min(bands, 3)):
            return multiple, scale
    raise WeightsError("enlarges no picture by a whole number")


def _check_range(run: _Run, bands: int, multiple: int, scale: int) -> None:
    """Refuse a network for pictures in another range, and what enlarges none."""
    side = 3 * 16
    picture = _sample(side, side, bands)

    def distance(low: float, high: float) -> float:
        sr = (run(picture * np.float32(high - low) + np.float32(low)) - low) / (high - low)
        small = sr[..., :bands].reshape(side, scale, side, scale, -1).mean((1, 3))
        return float(np.nan_to_num(np.abs(small - picture).mean(), nan=np.inf))

    # Weights that are damaged may give numbers beyond all bounds.
    with np.errstate(all="ignore"):
        far = {ends: distance(*ends) for ends in _RANGES}
    here, nearest = far[_RANGES[0]], min(far, key=lambda ends: far[ends])
    if here > _NEAR and far[nearest] < here / 3 and far[nearest] <= _FAR:
        low, high = nearest
        raise WeightsError(f"takes pictures in [{low:g}, {high:g}]: export it again for pictures in [0, 1]")
    if not here <= _FAR:
        raise WeightsError("gives something else than an enlarged picture of RGB in [0, 1]")


def _receptive_field(run: _Run, bands: int, scale: int, multiple: int) -> int:
    """Return how many LR pixels away a change of one pixel is seen, in a picture of noise."""
    side = _FIELD + -_FIELD % multiple
    picture = np.random.default_rng(0).random((side, side, bands), np.float32)
    changed = picture.copy()
    middle = side // 2
    changed[middle, middle] = 1 - changed[middle, middle]
    with np.errstate(all="ignore"):
        rows, columns = np.nonzero(np.abs(run(changed) - run(picture)).max(-1) > _CHANGE)
    if not len(rows):
        return 1
    return int(max(np.abs(place // scale - middle).max() for place in (rows, columns)))


def with_facts(content: bytes, facts: NetworkFacts) -> bytes:
    """Return an ONNX file with its facts as metadata: fields of protobuf may be appended."""
    entries = b""
    for key, value in {**facts.as_metadata(), "kind": "ONNX, as its author has it"}.items():
        pair = b"".join(_field(number, text.encode()) for number, text in ((1, key), (2, value)))
        # ModelProto.metadata_props (onnx.proto).
        entries += _field(14, pair)
    return content + entries


def _field(number: int, value: bytes) -> bytes:
    """Return a protobuf field of bytes."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Return a number of seven bits a byte."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def is_apart(run: _Run, other: _Run, bands: int, multiple: int) -> bool:
    """Return whether two functions of a picture differ by more than rounding, where they are no clipping."""
    side = 24 + -24 % multiple
    picture = _sample(side, side, bands)
    with np.errstate(all="ignore"):
        first, second = (np.clip(one(picture), 0, 1) for one in (run, other))
    return first.shape != second.shape or not np.abs(first - second).max() < 2e-3
