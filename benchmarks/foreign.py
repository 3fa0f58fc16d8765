"""Networks of other programs: our command against PyTorch and ncnn on the processor, taking turns.

    python benchmarks/foreign.py NETWORK [--lr lr.png] [--size 192x128] [--rounds 3] [--ncnn BASE]
    python benchmarks/foreign.py --three X4PLUS.safetensors GENERAL.safetensors ANIME.safetensors [...]

NETWORK is a file that both we and spandrel read (.pth, .safetensors); BASE the same network as BASE.param and
BASE.bin, which is made for Compact networks where it is not given. Whole commands are timed, from start to
written file, with the most memory that each held; ours in bfloat16, too, where the processor has it.
`--three` measures Real-ESRGAN's x4plus, general-x4v3 and animevideov3 (X4PLUS may have its ncnn pair beside
it) and writes benchmarks/results/foreign.json.
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

from keras_sr.inference.engines import precisions

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


def compact_for_ncnn(network, base):
    """Write a Compact network in safetensors as ncnn's pair: BASE.param and BASE.bin, in float32."""
    from safetensors.numpy import load_file

    state = {key: value.astype("<f4") for key, value in load_file(network).items()}
    last = max(int(key.split(".")[1]) for key in state)
    scale = round((len(state[f"body.{last}.bias"]) / 3) ** 0.5)
    layers = [("Input", "data", [], ["data"], ""), ("Split", "split", ["data"], ["x", "lr"], "")]
    numbers, x = b"", "x"
    for i in range(0, last + 1, 2):
        weight, bias = state[f"body.{i}.weight"], state[f"body.{i}.bias"]
        settings = f"0={len(bias)} 1=3 4=1 5=1 6={weight.size}"
        layers.append(("Convolution", f"c{i}", [x], [f"c{i}"], settings))
        numbers, x = numbers + bytes(4) + weight.tobytes() + bias.tobytes(), f"c{i}"
        if i < last:
            slopes = state[f"body.{i + 1}.weight"]
            layers.append(("PReLU", f"p{i}", [x], [f"p{i}"], f"0={len(slopes)}"))
            numbers, x = numbers + slopes.tobytes(), f"p{i}"
    layers += [
        ("PixelShuffle", "shuffle", [x], ["residual"], f"0={scale}"),
        ("Interp", "nearest", ["lr"], ["base"], f"0=1 1={scale}.0 2={scale}.0"),
        ("BinaryOp", "add", ["residual", "base"], ["output"], "0=0"),
    ]
    lines = ["7767517", f"{len(layers)} {sum(len(out) for *_, out, _ in layers)}"]
    for kind, name, inputs, outputs, settings in layers:
        lines.append(" ".join([kind, name, str(len(inputs)), str(len(outputs)), *inputs, *outputs, settings]))
    Path(f"{base}.param").write_text("\n".join(lines) + "\n")
    Path(f"{base}.bin").write_bytes(numbers)
    return str(base)


#: Sizes of the pictures for `--three`: the first network costs fifteen times as much as the others.
SIZES = ("192x128", "256x192", "320x240")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("network", nargs="?")
    parser.add_argument("--three", nargs=3)
    parser.add_argument("--lr", type=Path)
    parser.add_argument("--size", default="192x128")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ncnn")
    options = parser.parse_args()
    if not options.three:
        found = measure(options.network, options.lr, options.size, options.rounds, options.ncnn)
        print(json.dumps(found, indent=1))
        return
    results = {}
    for network, size in zip(options.three, SIZES, strict=True):
        base = network.removesuffix(".safetensors")
        pair = (
            options.ncnn if network == options.three[0] else base if Path(f"{base}.param").exists() else None
        )
        results[Path(network).stem] = measure(network, options.lr, size, options.rounds, pair)
        print(json.dumps({Path(network).stem: results[Path(network).stem]}, indent=1), flush=True)
    target = Path(__file__).parent / "results" / "foreign.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=1) + "\n")


def measure(network, lr, size, rounds, ncnn):
    """Return seconds and memory of each way, in turns."""
    width, height = map(int, size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/lr.png"
        if lr:
            picture = Image.open(lr).convert("RGB").crop((0, 0, width, height))
        else:
            noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
            picture = Image.fromarray(noise)
        picture.save(source)
        if not ncnn:
            ncnn = compact_for_ncnn(network, f"{folder}/ncnn")
        ours = [sys.executable, "-m", "keras_sr", "upscale", source, "-n", network, "-o"]
        torch = [sys.executable, "-c", TORCH, network, source]
        ways = {
            "keras-sr": [*ours, f"{folder}/ours.png"],
            "keras-sr --fast": [*ours, f"{folder}/fast.png", "--fast"],
            "torch NCHW": [*torch, f"{folder}/nchw.png", "contiguous_format"],
            "torch channels_last": [*torch, f"{folder}/nhwc.png", "channels_last"],
            "ncnn": [sys.executable, "-c", NCNN, ncnn, source, f"{folder}/ncnn.png"],
        }
        written = [f"{folder}/{name}.png" for name in ("ours", "fast", "nchw", "nhwc", "ncnn")]
        if "bf16" not in precisions("openvino"):
            del ways["keras-sr --fast"], written[1]
        timed(ways["keras-sr"])  # not counted: it converts the network, once for all pictures
        taken = {way: [] for way in ways}
        for number in range(rounds):
            for way, command in list(ways.items())[:: -1 if number % 2 else 1]:
                taken[way].append(timed(command))
        pictures = [np.asarray(Image.open(path), int) for path in written]
        apart = {way: int(np.abs(one - pictures[0]).max()) for way, one in zip(ways, pictures, strict=True)}
    rows = {}
    for way, found in taken.items():
        ratios = [seconds / base for (seconds, _), (base, _) in zip(found, taken["keras-sr"], strict=True)]
        rows[way] = {
            "seconds": round(statistics.median(seconds for seconds, _ in found), 2),
            "times_ours": round(statistics.median(ratios), 2),
            "memory_mb": round(max(memory for _, memory in found)),
            "levels_from_ours": apart[way],
        }
    return {"size": size, "rounds": rounds, **rows}


if __name__ == "__main__":
    main()
