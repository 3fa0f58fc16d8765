"""SRResNet x4 on every engine beside plain torch: seconds, share of the arithmetic peak, memory.

    python benchmarks/inference.py
    python benchmarks/inference.py --weights runs/srresnet_mse --rounds 9
    python benchmarks/inference.py --part whole

All contenders compute the same network with the same weights; by how much each differs from Keras is in the
table. Each is a process of its own, all alive at once and asked for one run in turn, so that a noisy machine
is noisy for all of them. Ratios are medians of the ratios inside a round. Torch gets and returns tensors in
its own layout; the other engines get and return (N, H, W, 3), conversions counted.

The peak is an FMA loop on all cores, compiled with `cc -O3 -march=native`, run in the same rounds. Shares
count the multiplications of the plain network ("nominal") and those that are done after the rewrite of its
tail ("executed"). The second part times whole commands: `keras-sr upscale` on a PNG beside a plain torch
script that imports torch, loads weights, runs, and writes a PNG.

Everything uses all cores it may use: `taskset -c 0,1 python benchmarks/inference.py` gives it two.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

#: (height, width) of LR pictures.
SIZES = ((180, 320), (256, 256))

#: What runs the network, and whether it runs the rewritten one. The first two are what ratios refer to.
CONTENDERS = {
    "torch eager, NCHW": False,
    "torch eager, channels_last": False,
    "keras jax, jit": False,
    "onnxruntime, f32": True,
    "ours: openvino, f32": True,
    "ours: openvino, bf16": True,
}
NCHW, CHANNELS_LAST = list(CONTENDERS)[:2]
PEAK = "peak"

#: (contender, against what, at least): "peak" is the share of it that the executed multiplications reach.
WANTED = (
    ("ours: openvino, f32", NCHW, 2.5),
    ("ours: openvino, f32", CHANNELS_LAST, 1.9),
    ("ours: openvino, f32", PEAK, 0.85),
    ("ours: openvino, bf16", NCHW, 4.8),
)

#: Independent chains of fused multiply-adds, as many as hide their latency, in the widest vectors there are.
FMA_LOOP = """
#include <pthread.h>
#include <time.h>
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
#define CHAINS 12
typedef float vector __attribute__((vector_size(4 * LANES)));

static void *work(void *given) {
    long count = *(long *)given;
    vector x[CHAINS], a, b;
    for (int j = 0; j < LANES; j++) { a[j] = 0.999f; b[j] = 0.001f; }
    for (int i = 0; i < CHAINS; i++)
        for (int j = 0; j < LANES; j++) x[i][j] = i + j;
    for (long n = 0; n < count; n++)
        #pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) x[i] = x[i] * a + b;
    float total = 0;
    for (int i = 0; i < CHAINS; i++)
        for (int j = 0; j < LANES; j++) total += x[i][j];
    *(long *)given = (long)total;  /* used, so that the loop stays */
    return 0;
}

double gflops(int threads, long count) {
    pthread_t id[1024];
    long given[1024];
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int t = 0; t < threads; t++) { given[t] = count; pthread_create(&id[t], 0, work, &given[t]); }
    for (int t = 0; t < threads; t++) pthread_join(id[t], 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = end.tv_sec - begin.tv_sec + 1e-9 * (end.tv_nsec - begin.tv_nsec);
    return 2e-9 * CHAINS * LANES * count * threads / seconds;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--weights", help="name, run folder or .npz of an SRResNet; else random ones (seed 0)"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--part", choices=("network", "whole", "both"), default="both")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "inference.json")
    parser.add_argument("--plain-torch", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain_torch:
        plain_torch_script(*options.plain_torch)
        return
    from keras_sr.evaluation.machine import describe

    result = {**describe(None), "weights": options.weights or "random, seed 0", "rounds": options.rounds}
    result["load_at_start"] = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result["macs_per_lr_pixel"] = macs = in_a_process(prepare, options.weights, folder)
        print(
            f"million multiplications an LR pixel: {macs[0] / 1e6:.3f} nominal, {macs[1] / 1e6:.3f} executed"
        )
        if options.part != "whole":
            result["network"] = network_part(folder, options.rounds, macs)
        if options.part != "network":
            result["whole"] = whole_part(folder, options.rounds)
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")


# === The network, its weights and its reference ===


def prepare(weights: str | None, folder: Path) -> tuple[int, int]:
    """Write weights, exported network, LR and Keras' SR; return nominal and executed MACs an LR pixel."""
    from keras_sr.export import export_onnx, keras_engine
    from keras_sr.export.read import read_model
    from keras_sr.graphs.analyse import multiplications
    from keras_sr.graphs.rewrite import apply_rules, convolve_before_shuffle, fold_affine, move_before_shuffle
    from keras_sr.weights import store

    model = the_model(weights)
    arrays = store.network_arrays(model)
    if "head_conv/kernel" not in arrays or "tail_conv/kernel" not in arrays:
        raise SystemExit(f"{weights} is no SRResNet: the torch network of this script is one")
    np.savez(folder / "weights.npz", **arrays)
    export_onnx(model, folder / "network.onnx")
    engine = keras_engine(model)
    for height, width in SIZES:
        lr = smooth(height, width)
        np.save(folder / f"lr_{height}x{width}.npy", lr)
        np.save(folder / f"sr_{height}x{width}.npy", engine.run(lr))
    graph = read_model(model)
    nominal = multiplications(graph)
    apply_rules(graph, [fold_affine, move_before_shuffle, convolve_before_shuffle])
    return nominal, multiplications(graph)


def the_model(weights: str | None):
    """Return the Keras network; random weights are random in every bias and statistic, too."""
    import keras

    if weights:
        from keras_sr.weights.load import load

        return load(weights)
    from keras_sr.models import srresnet

    model, rng = srresnet(4), np.random.default_rng(0)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) == 1:
            value = keras.ops.convert_to_numpy(variable) + rng.uniform(-0.1, 0.1, shape)
        else:
            value = rng.standard_normal(shape) * np.prod(shape[:-1]) ** -0.5
        variable.assign(value.astype("float32"))
    return model


def smooth(height: int, width: int) -> np.ndarray:
    """Return a picture to enlarge, (1, H, W, 3) in [0, 1]: coarse noise, made smooth."""
    from keras_sr.images.resize import imresize

    coarse = np.random.default_rng(0).random((height // 8, width // 8, 3), np.float32)
    return imresize(coarse, size=(height, width)).clip(0, 1).astype(np.float32)[None]


# === Contenders: each returns a function that runs once and returns (seconds, SR or None) ===


def torch_srresnet(arrays: dict[str, np.ndarray]):
    """Return SRResNet in plain torch, with BN where the weights have it, in eval mode."""
    import torch
    from torch import nn

    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    def filled(layer, **values):
        for name, value in values.items():
            getattr(layer, name).data = torch.from_numpy(np.ascontiguousarray(value, np.float32))
        return layer

    def conv(name: str, shuffle: int = 1):
        kernel = arrays[f"{name}/kernel"].transpose(3, 2, 0, 1)
        outputs, inputs, size, _ = kernel.shape
        # Ours go (row, column, C) into the pixel shuffle, torch's (C, row, column).
        order = np.arange(outputs).reshape(shuffle**2, -1).T.ravel()
        biased = f"{name}/bias" in arrays
        layer = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=biased)
        bias = {"bias": arrays[f"{name}/bias"][order]} if biased else {}
        return filled(layer, weight=kernel[order], **bias)

    def norm(name: str) -> list:
        if f"{name}/gamma" not in arrays:
            return []
        names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean"}
        values = {key: arrays[f"{name}/{ours}"] for key, ours in names.items()}
        layer = nn.BatchNorm2d(len(values["weight"]), eps=1e-5)
        return [filled(layer, **values, running_var=arrays[f"{name}/moving_variance"])]

    def prelu(name: str):
        slopes = arrays[f"{name}/alpha"]
        return filled(nn.PReLU(len(slopes)), weight=slopes)

    def block(name: str):
        first = [conv(f"{name}_conv1"), *norm(f"{name}_bn1"), prelu(f"{name}_prelu")]
        return Residual(*first, conv(f"{name}_conv2"), *norm(f"{name}_bn2"))

    def stage(name: str, features: int) -> list:
        factor = round((arrays[f"{name}_conv/kernel"].shape[3] / features) ** 0.5)
        return [conv(f"{name}_conv", factor), nn.PixelShuffle(factor), prelu(f"{name}_prelu")]

    blocks = sorted({key.split("_")[0] for key in arrays if key.startswith("block")})
    stages = sorted({key.split("_")[0] for key in arrays if key.startswith("up")})
    features = arrays["head_conv/kernel"].shape[3]
    trunk = Residual(*[block(name) for name in blocks], conv("trunk_conv"), *norm("trunk_bn"))
    up = [layer for name in stages for layer in stage(name, features)]
    return nn.Sequential(conv("head_conv"), prelu("head_prelu"), trunk, *up, conv("tail_conv")).eval()


def torch_runner(folder: Path, layout: str) -> Callable:
    import torch

    net = torch_srresnet(dict(np.load(folder / "weights.npz")))
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    net = net.to(memory_format=memory)

    def run(lr: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.from_numpy(lr).permute(0, 3, 1, 2).contiguous(memory_format=memory)
        with torch.inference_mode():
            began = time.perf_counter()
            sr = net(x) * 0.5 + 0.5
            seconds = time.perf_counter() - began
        return seconds, sr.permute(0, 2, 3, 1).numpy()

    return run


def engine_runner(engine) -> Callable:
    def run(lr: np.ndarray) -> tuple[float, np.ndarray]:
        began = time.perf_counter()
        sr = engine.run(lr)
        return time.perf_counter() - began, sr

    return run


def keras_runner(folder: Path) -> Callable:
    """Keras' own network from the same weights, compiled by its backend."""
    from keras_sr.export import keras_engine
    from keras_sr.models import srresnet
    from keras_sr.weights import store

    arrays = dict(np.load(folder / "weights.npz"))
    blocks = len({key.split("_")[0] for key in arrays if key.startswith("block")})
    shapes = [value.shape for key, value in arrays.items() if key.startswith("up") and key.endswith("kernel")]
    scale = round(np.prod([(shape[3] / shape[2]) ** 0.5 for shape in shapes]))
    kind = "batch" if "trunk_bn/gamma" in arrays else "none"
    features = arrays["head_conv/kernel"].shape[3]
    model = srresnet(scale, features=features, blocks=blocks, normalization=kind)
    store.assign(model, arrays, "weights.npz")
    return engine_runner(keras_engine(model))


def runner(label: str, folder: Path) -> Callable:
    """Return what runs a contender: LR (1, H, W, 3) to (seconds, SR)."""
    from keras_sr.inference import open_engine

    if label in (NCHW, CHANNELS_LAST):
        return torch_runner(folder, "channels_last" if label == CHANNELS_LAST else "NCHW")
    if label.startswith("keras"):
        return keras_runner(folder)
    name, precision = label.removeprefix("ours: ").split(", ")
    return engine_runner(open_engine(folder / "network.onnx", engine=name, precision=precision))


def serve(pipe, label: str, folder: Path) -> None:
    """Say how far each size is from Keras, then answer "go" with seconds and the end with peak memory."""
    from keras_sr.evaluation.machine import peak_megabytes

    run = runner(label, folder)
    pictures = [np.load(folder / f"lr_{height}x{width}.npy") for height, width in SIZES]
    errors = []
    for (height, width), lr in zip(SIZES, pictures, strict=True):
        reference = np.load(folder / f"sr_{height}x{width}.npy", mmap_mode="r")
        run(lr)  # the first run prepares for the size
        errors.append(difference(run(lr)[1], reference))
    pipe.send(errors)
    while (number := pipe.recv()) is not None:
        pipe.send(run(pictures[number])[0])
    pipe.send(peak_megabytes())


def difference(sr: np.ndarray, reference: np.ndarray) -> float:
    """Return the largest difference over white; some rows at a time, for it must not count as memory."""
    rows = [slice(start, start + 32) for start in range(0, sr.shape[1], 32)]
    white = max(1.0, *(float(np.abs(reference[:, part]).max()) for part in rows))
    return max(float(np.abs(sr[:, part] - reference[:, part]).max()) for part in rows) / white


def serve_peak(pipe, library: Path, threads: int) -> None:
    """Answer "go" with GFLOP/s of the FMA loop, measured for a third of a second."""
    gflops = ctypes.CDLL(str(library)).gflops
    gflops.restype, gflops.argtypes = ctypes.c_double, (ctypes.c_int, ctypes.c_long)
    count = 1_000_000
    while (began := time.perf_counter()) and gflops(threads, count) and time.perf_counter() - began < 0.3:
        count *= 2
    pipe.send([0.0] * len(SIZES))
    while pipe.recv() is not None:
        pipe.send(gflops(threads, count))
    pipe.send(None)


def compiled(folder: Path) -> Path | None:
    """Compile the FMA loop, where there is a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        return None
    source, library = folder / "peak.c", folder / "peak.so"
    source.write_text(FMA_LOOP)
    command = [compiler, "-O3", "-march=native", "-pthread", "-shared", "-fPIC", source, "-o", library]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{compiler} could not compile the FMA loop: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return library


# === Part one: the network alone ===


def network_part(folder: Path, rounds: int, macs: tuple[int, int]) -> list[dict]:
    """Measure all contenders in interleaved rounds; print and return a row for each size and contender."""
    from keras_sr.evaluation.machine import cores

    workers = {label: start(serve, label, folder) for label in CONTENDERS}
    library = compiled(folder)
    if library:
        workers[PEAK] = start(serve_peak, library, cores())
    else:
        print("no shares of the peak: there is no C compiler here")
    errors = {label: pipe.recv() for label, (_, pipe) in workers.items()}
    times = measure(workers, rounds)
    memory = {}
    for label, (process, pipe) in workers.items():
        pipe.send(None)
        memory[label] = pipe.recv()
        process.join()
    rows = []
    for number, size in enumerate(SIZES):
        found = {label: times[label][number] for label in workers}
        errors_here = {label: values[number] for label, values in errors.items()}
        rows += table(size, found, errors_here, memory, macs)
    return rows


def start(target: Callable, *arguments) -> tuple:
    """Start a worker; return its process and our end of the pipe, once it has said a first word or later."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    # Before the process starts: keras reads the backend when it is imported.
    os.environ |= {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    process = context.Process(target=target, args=(there, *arguments), daemon=True)
    process.start()
    there.close()
    here.poll(None)  # one starts after the other
    return process, here


def measure(workers: dict, rounds: int) -> dict[str, list[list[float]]]:
    """Return what each worker answers, by label, size and round; each round begins with another one."""
    answers: dict = {label: [[] for _ in SIZES] for label in workers}
    for turn in range(rounds):
        labels = list(workers)
        labels = labels[turn % len(labels) :] + labels[: turn % len(labels)]
        for number in range(len(SIZES)):
            for label in labels:
                pipe = workers[label][1]
                pipe.send(number)
                answers[label][number].append(pipe.recv())
    return answers


def table(size: tuple, times: dict, errors: dict, memory: dict, macs: tuple[int, int]) -> list[dict]:
    """Print and return the rows of one size of picture."""
    height, width = size
    peaks = times.get(PEAK)
    print(f"\n{width}x{height} to x4" + (f"; peak {statistics.median(peaks):.0f} GFLOP/s" if peaks else ""))
    print(
        f"{'':28}{'median s':>9}{'lowest':>8}{'NCHW':>7}{'ch.last':>8}"
        f"{'nominal':>9}{'executed':>9}{'MB':>6}{'differs':>9}"
    )
    rows = []
    for label, rewritten in CONTENDERS.items():
        values = times[label]
        row = {
            "size": [width, height],
            "engine": label,
            "seconds": statistics.median(values),
            "lowest": min(values),
            "over_torch_nchw": ratio(times[NCHW], values),
            "over_torch_channels_last": ratio(times[CHANNELS_LAST], values),
            "share_nominal": share(macs[0], size, values, peaks),
            "share_executed": share(macs[rewritten], size, values, peaks),
            "peak_gflops": statistics.median(peaks) if peaks else None,
            "megabytes": memory[label],
            "differs": errors[label],
        }
        rows.append(row)
        shares = [f"{100 * row[key]:8.0f}%" if peaks else f"{'-':>9}" for key in SHARES]
        print(
            f"{label:28}{row['seconds']:9.3f}{row['lowest']:8.3f}{row['over_torch_nchw']:6.2f}x"
            f"{row['over_torch_channels_last']:7.2f}x{''.join(shares)}"
            f"{row['megabytes'] or 0:6.0f}{row['differs']:9.0e}"
        )
    verdicts(rows)
    return rows


SHARES = ("share_nominal", "share_executed")


def ratio(base: list[float], values: list[float]) -> float:
    """Return how many times faster than the base, the median over rounds."""
    return statistics.median(a / b for a, b in zip(base, values, strict=True))


def share(macs: int, size: tuple, seconds: list[float], peaks: list[float] | None) -> float | None:
    """Return the share of the peak that is reached, the median over rounds."""
    if not peaks:
        return None
    flop = 2e-9 * macs * size[0] * size[1]
    return statistics.median(flop / s / peak for s, peak in zip(seconds, peaks, strict=True))


def verdicts(rows: list[dict]) -> None:
    """Say which aims are reached."""
    keys = {NCHW: "over_torch_nchw", CHANNELS_LAST: "over_torch_channels_last", PEAK: "share_executed"}
    for label, base, least in WANTED:
        value = next(row for row in rows if row["engine"] == label)[keys[base]]
        if value is not None:
            word = "reached" if value >= least else "MISSED"
            print(f"  {label}, {value:.2f} of {base}: {word} ({least} wanted)")


# === Part two: whole commands ===


def whole_part(folder: Path, rounds: int) -> list[dict]:
    """Time whole processes from a PNG to a PNG, one after the other in interleaved rounds."""
    from PIL import Image

    height, width = SIZES[0]
    lr = np.load(folder / f"lr_{height}x{width}.npy")[0]
    source, weights, network = (str(folder / name) for name in ("lr.png", "weights.npz", "network.onnx"))
    Image.fromarray((lr * 255 + 0.5).astype(np.uint8)).save(source)
    torch_script = [sys.executable, __file__, "--plain-torch", weights, source]
    ours = [sys.executable, "-m", "keras_sr", "upscale", source, "-n", network, "-o"]
    commands = {
        "torch script, NCHW": [*torch_script, str(folder / "a.png"), "NCHW"],
        "torch script, channels_last": [*torch_script, str(folder / "b.png"), "channels_last"],
        "keras-sr upscale, f32": [*ours, str(folder / "c.png"), "--precision", "f32"],
        "keras-sr upscale, bf16": [*ours, str(folder / "d.png"), "--precision", "bf16"],
    }
    times: dict[str, list[float]] = {label: [] for label in commands}
    memory: dict[str, list[float]] = {label: [] for label in commands}
    for turn in range(rounds + 1):
        for label, command in commands.items():
            seconds, megabytes = run_whole(command)
            if turn:  # the first round fills the caches of the disk
                times[label].append(seconds)
                memory[label].append(megabytes)
    levels = {
        label: np.asarray(Image.open(folder / f"{x}.png")) for label, x in zip(commands, "abcd", strict=True)
    }
    base = next(iter(levels.values())).astype(int)
    rows = []
    print(f"\nwhole command, {width}x{height} PNG to PNG")
    print(f"{'':28}{'median s':>9}{'lowest':>8}{'NCHW':>7}{'ch.last':>8}{'MB':>6}{'levels off':>12}")
    for label, values in times.items():
        rows.append(
            {
                "command": label,
                "seconds": statistics.median(values),
                "lowest": min(values),
                "over_torch_nchw": ratio(times["torch script, NCHW"], values),
                "over_torch_channels_last": ratio(times["torch script, channels_last"], values),
                "megabytes": statistics.median(memory[label]),
                "levels_off": int(np.abs(levels[label] - base).max()),
            }
        )
        row = rows[-1]
        print(
            f"{label:28}{row['seconds']:9.3f}{row['lowest']:8.3f}{row['over_torch_nchw']:6.2f}x"
            f"{row['over_torch_channels_last']:7.2f}x{row['megabytes']:6.0f}{row['levels_off']:12}"
        )
    return rows


def run_whole(command: list[str]) -> tuple[float, float]:
    """Run a process; return its seconds and its peak memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed: {said.decode()[-1000:]}")
    return seconds, usage.ru_maxrss * 1024 / 1e6


def plain_torch_script(weights: str, source: str, target: str, layout: str) -> None:
    """Enlarge a PNG as a plain script does."""
    import torch
    from PIL import Image

    net = torch_srresnet(dict(np.load(weights)))
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    net = net.to(memory_format=memory)
    lr = torch.from_numpy(np.asarray(Image.open(source), np.float32) / 255).permute(2, 0, 1)[None]
    with torch.inference_mode():
        sr = net(lr.contiguous(memory_format=memory)) * 0.5 + 0.5
    pixels = (sr[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8)
    Image.fromarray(pixels.numpy()).save(target)


def in_a_process(function: Callable, *arguments):
    """Return what a function returns in a process of its own, which takes its memory with it."""
    process, pipe = start(answer, function, *arguments)
    result = pipe.recv()
    process.join()
    return result


def answer(pipe, function: Callable, *arguments) -> None:
    pipe.send(function(*arguments))


if __name__ == "__main__":
    main()
