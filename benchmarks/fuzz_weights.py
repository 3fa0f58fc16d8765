"""Mutated files of networks: read or refused, nothing run, memory bounded.

    python benchmarks/fuzz_weights.py --count 5000

The bases are made here: .pth in both places that matter (the archive, the pickle alone), .safetensors, and
one file in twenty is an .onnx, with names and without, which OpenVINO opens and runs.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from keras_sr.errors import KerasSRError
from keras_sr.tasks.convert import read
from weights.foreign.conftest import compact_state, mild, onnx_file, pth, safetensors, state_pickle, zipped
from weights.foreign.test_attacks import mutated


def read_onnx(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.onnx"
        path.write_bytes(content)
        return read(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    arguments = parser.parse_args()
    rng, found = np.random.default_rng(0), {"read": 0, "refused": 0, "crashed": []}
    state = compact_state(features=2, blocks=1, scale=1)
    whole = {"pth": pth(state, "params"), "safetensors": safetensors(state, {"license": "CC0"})}
    graphs = [onnx_file(mild(state), 1, named=named) for named in (True, False)]
    read_onnx(graphs[0])  # OpenVINO is imported before memory is looked at
    storages = {str(i): value.tobytes() for i, value in enumerate(state.values())}
    before, began, slowest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.count):
            kind = ("pth", "pickle", "safetensors")[number % 3] if number % 20 else "onnx"
            if kind == "pickle":
                content = zipped(mutated(state_pickle(state), rng), storages)
            else:
                content = mutated(graphs[number % 40 // 20] if kind == "onnx" else whole[kind], rng)
            path = Path(folder) / f"a.{'pth' if kind == 'pickle' else kind}"
            path.write_bytes(content)
            start = time.perf_counter()
            try:
                read(path)
                found["read"] += 1
            except KerasSRError:
                found["refused"] += 1
            except Exception as error:
                found["crashed"].append(f"{kind} {number}: {type(error).__name__}: {error}")
            slowest = max(slowest, time.perf_counter() - start)
    found |= {
        "files": arguments.count,
        "seconds": round(time.perf_counter() - began, 1),
        "slowest_seconds": round(slowest, 3),
        "memory_grew_by_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
