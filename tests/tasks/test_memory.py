"""What a batch promises about memory: whatever it does, `max_memory` and 300 MB are enough."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_sr.images.picture import Picture, write

#: Megabytes that are promised, and those above for Python, libraries and buffers.
MEMORY, MORE = 64, 300

#: Enlarges without a network, so that all the rest is measured, and prints the peak in MB.
SCRIPT = """
import json, re, sys
import numpy as np
import keras_sr
class Same:
    name, receptive_field, bytes_per_pixel, frame = "same", 1, 100, 0
    def __init__(self, scale): self.scale = scale
    def run(self, batch): return batch.repeat(self.scale, axis=1).repeat(self.scale, axis=2)
source, target, scale, memory, options = sys.argv[1:]
rows = keras_sr.upscale_files(
    source, target, Same(int(scale)), max_memory=int(memory), **json.loads(options)
)
print([row.reason or row.trouble for row in rows])
# Not ru_maxrss, which counts the process that this one was forked from.
print(int(re.search("VmHWM:[^0-9]*([0-9]+)", open("/proc/self/status").read())[1]) >> 10)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of 8 million pixels: of 8 bits, of 16 bits, and with holes."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 64, (256, 3200, 3), np.uint8)
    pixels = np.concatenate([noise + np.uint8(step) for step in range(0, 160, 16)])
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    alpha[::64] = 255
    write(folder / "plain.tif", Picture(pixels))
    write(folder / "deep.tif", Picture(pixels.astype(np.uint16) * 257))
    write(folder / "holes.tif", Picture(pixels, alpha))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems count memory otherwise")
@pytest.mark.parametrize(
    ("name", "scale", "options"),
    [
        ("plain.tif", 2, '{"compare": true, "map": true}'),
        ("plain.tif", 1, '{"width": 2000}'),
        ("plain.tif", 1, '{"wrap": true}'),
        ("plain.tif", 1, '{"normal_map": true}'),
        ("deep.tif", 1, '{"report": "REPORT"}'),
        ("holes.tif", 1, "{}"),
        ("holes.tif", 1, '{"extension": "jpg"}'),
    ],
)
def test_memory_stays_within_what_is_promised(folder, tmp_path, name, scale, options):
    options = options.replace("REPORT", str(tmp_path / "report.json"))
    arguments = [str(folder / name), str(tmp_path / "out"), str(scale), str(MEMORY), options]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True, timeout=600
    )
    reasons, peak = done.stdout.splitlines()
    assert reasons == "['']"
    assert int(peak) <= MEMORY + MORE
    assert list(Path(tmp_path / "out").glob("*_*"))
