"""Every network that ships through every export and back, on crops of a photograph: one table in Markdown.

    python benchmarks/exports.py [NETWORK ...] [--spandrel]

A cell is the largest difference between Keras and the file's own runtime over all crops, white being 1, as
`keras-sr export` measures it; "-" where other programs have no such form. `--spandrel` adds what spandrel
(PyTorch) makes of the safetensors file.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from keras_sr.errors import WeightsError
from keras_sr.tasks.export import EXPORT_FORMATS, export
from keras_sr.weights import registry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("networks", nargs="*", default=registry.names())
    parser.add_argument("--spandrel", action="store_true")
    options = parser.parse_args()
    columns = [*EXPORT_FORMATS, *["spandrel"] * options.spandrel]
    print("| network |", " | ".join(columns), "| seconds |", flush=True)
    print("|---|", "---|" * len(columns), "---|", sep="", flush=True)
    for name in options.networks:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            cells = [cell(name, to, Path(folder)) for to in EXPORT_FORMATS]
            if options.spandrel:
                cells.append(by_spandrel(name, Path(folder)))
        print(f"| {name} |", " | ".join(cells), f"| {time.perf_counter() - began:.0f} |", flush=True)


def cell(name: str, to: str, folder: Path) -> str:
    """Return the largest difference of one network in one format."""
    try:
        done = export(name, to, folder / f"{to}{EXPORT_FORMATS[to].suffix}")
    except WeightsError:
        return "-"
    return f"{max(done.differences.values()):.1e}"


def by_spandrel(name: str, folder: Path) -> str:
    """Return the largest difference to what spandrel makes of the safetensors file, on the photograph."""
    file = folder / "safetensors.safetensors"
    if not file.exists():
        return "-"
    import torch

    # Spandrel asks of torchvision only that it can be imported; its operators may be of another build.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        try:
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:
            break
    import keras
    import spandrel

    from keras_sr.images.plain import read_rgb
    from keras_sr.tasks.export import PHOTOGRAPH
    from keras_sr.weights.load import load

    picture = read_rgb(PHOTOGRAPH).astype(np.float32)[None] / 255
    theirs = spandrel.ModelLoader().load_from_file(file)
    with torch.no_grad():
        sr = theirs.model(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy())).numpy()
    expected = keras.ops.convert_to_numpy(load(name, data_format="channels_last")(picture))
    return f"{np.abs(sr.transpose(0, 2, 3, 1) - expected).max():.1e}"


if __name__ == "__main__":
    main()
