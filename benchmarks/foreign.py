"""Networks of other programs: our command against PyTorch and ncnn on the processor, taking turns.

    python benchmarks/foreign.py NETWORK [--lr lr.png] [--size 192x128] [--rounds 3] [--ncnn BASE]

NETWORK is a file that both we and spandrel read (.pth, .safetensors); BASE the same network as BASE.param and
BASE.bin. Whole commands are timed, from start to written file, with the most memory that each held.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

#: torchvision is only imported by other networks of spandrel; one that does not fit torch must not matter.
TORCH = """
import importlib.abc, importlib.machinery, sys
from unittest.mock import MagicMock
class Stub(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        module = MagicMock(name=spec.name); module.__path__ = []; module.__spec__ = spec
        return module
    def exec_module(self, module): pass
sys.meta_path.insert(0, Stub())
import numpy as np, spandrel, torch
from PIL import Image
network, source, target, layout = sys.argv[1:]
memory = getattr(torch, layout)
model = spandrel.ModelLoader().load_from_file(network).model.eval().to(memory_format=memory)
lr = np.asarray(Image.open(source).convert("RGB"), np.float32) / 255
with torch.inference_mode():
    sr = model(torch.from_numpy(lr).permute(2, 0, 1)[None].contiguous(memory_format=memory))[0]
Image.fromarray((sr.permute(1, 2, 0).clamp(0, 1).numpy() * 255 + 0.5).astype(np.uint8)).save(target)
"""
NCNN = """
import sys
import ncnn, numpy as np
from PIL import Image
base, source, target = sys.argv[1:]
net = ncnn.Net()
net.load_param(base + ".param"); net.load_model(base + ".bin")
lr = np.ascontiguousarray(np.asarray(Image.open(source).convert("RGB"), np.float32).transpose(2, 0, 1) / 255)
given = ncnn.Mat(lr).clone()
extractor = net.create_extractor()
extractor.input("data", given)
sr = np.array(extractor.extract("output")[1]).transpose(1, 2, 0)
Image.fromarray((sr.clip(0, 1) * 255 + 0.5).astype(np.uint8)).save(target)
"""


def timed(command):
    """Return seconds and the most memory in MB of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(error.decode()[-2000:])
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("--lr", type=Path)
    parser.add_argument("--size", default="192x128")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ncnn")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/lr.png"
        if arguments.lr:
            picture = Image.open(arguments.lr).convert("RGB").crop((0, 0, width, height))
        else:
            noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
            picture = Image.fromarray(noise)
        picture.save(source)
        ours = [sys.executable, "-m", "keras_sr", "upscale", source, "-n", arguments.network, "-o"]
        torch = [sys.executable, "-c", TORCH, arguments.network, source]
        ways = {
            "keras-sr": [*ours, f"{folder}/ours.png"],
            "torch NCHW": [*torch, f"{folder}/nchw.png", "contiguous_format"],
            "torch channels_last": [*torch, f"{folder}/nhwc.png", "channels_last"],
        }
        if arguments.ncnn:
            ways["ncnn"] = [sys.executable, "-c", NCNN, arguments.ncnn, source, f"{folder}/ncnn.png"]
        taken = {way: [] for way in ways}
        for number in range(arguments.rounds + 1):
            for way, command in ways.items():
                if Path(command[-1]).exists():
                    Path(command[-1]).unlink()
                one = timed(command)
                # The first round fills caches: ours converts the network then.
                if number:
                    taken[way].append(one)
        pictures = [np.asarray(Image.open(path), int) for path in sorted(Path(folder).glob("*.png"))[1:]]
        levels = max(np.abs(one - pictures[-1]).max() for one in pictures if one.shape == pictures[-1].shape)
    rows = {
        way: {
            "seconds": round(statistics.median(seconds for seconds, _ in found), 2),
            "memory_mb": round(max(memory for _, memory in found)),
        }
        for way, found in taken.items()
    }
    base = rows["keras-sr"]["seconds"]
    for row in rows.values():
        row["times_ours"] = round(row["seconds"] / base, 2)
    print(json.dumps({"size": arguments.size, "levels_apart": int(levels), **rows}, indent=1))


if __name__ == "__main__":
    main()
