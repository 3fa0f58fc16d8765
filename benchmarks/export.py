"""Seconds an engine takes for SRResNet x4, with and without the exact rewrite of its tail.

    python benchmarks/export.py
    python benchmarks/export.py --size 180 320 --rounds 9

The weights are random: time does not depend on them. Contenders take turns, one run each a round; the table
has medians and lowest values, and ratios are medians of the ratios inside a round.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def contenders(folder: Path) -> dict:
    """Return what is compared; the first one is the base of the ratios."""
    from keras_sr.export import export_onnx, keras_engine, parity
    from keras_sr.inference.engines import ENGINES, open_engine
    from keras_sr.models import srresnet

    model = srresnet(4)
    engines = {f"keras ({os.environ.get('KERAS_BACKEND', 'default backend')})": keras_engine(model)}
    for rewritten in (False, True):
        path = export_onnx(model, folder / f"{rewritten}.onnx", rewrite_tail=rewritten)
        for name in ENGINES:
            label = f"{name}, f32{', tail rewritten' * rewritten}"
            engines[label] = open_engine(path, engine=name)
            print(f"{label}: differs from keras by {parity(model, path, engine=name):.1e}")
    engines["openvino, bf16, tail rewritten"] = open_engine(path, engine="openvino", precision="bf16")
    return engines


def seconds(engine, batch: np.ndarray) -> float:
    """Return the time of one run."""
    start = time.perf_counter()
    engine.run(batch)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(180, 320), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    batch = np.random.default_rng(0).random((1, *options.size, 3), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        engines = contenders(Path(folder))
    for engine in engines.values():
        engine.run(batch)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(options.rounds):
        for name, engine in engines.items():
            times[name].append(seconds(engine, batch))
    base = next(iter(times.values()))
    print(f"{'':36}{'median s':>10}{'lowest s':>10}{'faster':>8}")
    for name, values in times.items():
        faster = statistics.median(a / b for a, b in zip(base, values, strict=True))
        print(f"{name:36}{statistics.median(values):10.3f}{min(values):10.3f}{faster:7.2f}x")


if __name__ == "__main__":
    main()
