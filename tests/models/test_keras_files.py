"""`model.save("x.keras")` and loading it in a process that knows nothing but its name."""

import json
import os
import subprocess
import sys

import pytest

#: Every network, small, with all of its own layers.
NETWORKS = """
import keras
import numpy as np
from keras_sr.models import DISCRIMINATORS, GENERATORS

keras.utils.set_random_seed(1)
TINY = {"features": 4, "blocks": 1}
networks = {name: build(2, **TINY) for name, build in GENERATORS.items()}
networks["rrdb_unshuffle"] = GENERATORS["rrdb"](2, unshuffle=2, **TINY)
networks["compact_leaky"] = GENERATORS["compact"](1, activation="leakyrelu", **TINY)
nearest = {"upsampler": "upsampling2d", "normalization": "none"}
networks["srresnet_nearest"] = GENERATORS["srresnet"](2, **nearest, **TINY)
for name, build in DISCRIMINATORS.items():
    for normalization in ("none", "spectral"):
        networks[f"{name}_{normalization}"] = build(16, features=4, normalization=normalization)
x = np.random.default_rng(0).random((1, 16, 16, 3), "float32")
for name, network in networks.items():
    network.save(f"{name}.keras")
    np.save(f"{name}.npy", keras.ops.convert_to_numpy(network(x)))
"""
#: Keras first, as every sorter of imports has it.
LOADED = """
import json
from pathlib import Path
import keras
import keras_sr
import numpy as np

x = np.random.default_rng(0).random((1, 16, 16, 3), "float32")
differences = {}
for file in Path().glob("*.keras"):
    found = keras.ops.convert_to_numpy(keras.saving.load_model(file)(x))
    differences[file.stem] = float(np.abs(found - np.load(file.with_suffix(".npy"))).max())
print(json.dumps(differences))
"""


def run(code, backend, folder):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_every_network_is_loaded_in_a_fresh_process(backend, tmp_path):
    pytest.importorskip("keras")
    pytest.importorskip(backend)
    run(NETWORKS, backend, tmp_path)
    differences = json.loads(run(LOADED, backend, tmp_path).splitlines()[-1])
    assert len(differences) >= 12
    assert max(differences.values()) < 1e-5, differences


def test_keras_sr_loads_such_a_file_whichever_was_imported_first(tmp_path):
    pytest.importorskip("keras")
    from keras_sr.errors import WeightsError
    from keras_sr.models import compact
    from keras_sr.weights.load import load

    network = compact(2, features=4, blocks=1)
    network.save(tmp_path / "a.keras")
    for ours, theirs in zip(load(tmp_path / "a.keras").get_weights(), network.get_weights(), strict=True):
        assert (ours == theirs).all()
    (tmp_path / "b.keras").write_bytes(b"broken")
    with pytest.raises(WeightsError, match="not a model that Keras can load"):
        load(tmp_path / "b.keras")
