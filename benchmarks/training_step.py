"""Seconds of a training step on every backend and layout, beside plain torch in eager mode.

    python benchmarks/training_step.py --network srresnet --rounds 7
    python benchmarks/training_step.py --network srgan --rounds 3
    python benchmarks/training_step.py --network lite --only tensorflow

One process a configuration, all alive at once and asked for one step in turn, so that a noisy machine is
noisy for all of them; the table gives the median of each and its ratio to torch eager, channels first.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import time
from pathlib import Path

#: (label, backend, layout, precision); "torch eager" is the network in plain torch, the tool most people use.
#: "keras tensorflow -" leaves it to TensorFlow whether oneDNN computes convolutions: on processors without
#: AVX-512 it does not.
CONFIGURATIONS = (
    ("torch eager", "plain", "channels_first", "float32"),
    ("torch eager", "plain", "channels_last", "float32"),
    ("keras tensorflow", "tensorflow", "channels_last", "float32"),
    ("keras tensorflow", "tensorflow", "channels_first", "float32"),
    ("keras tensorflow", "tensorflow", "channels_last", "mixed_bfloat16"),
    ("keras tensorflow -", "tensorflow without oneDNN", "channels_last", "float32"),
    ("keras torch", "torch", "channels_last", "float32"),
    ("keras torch", "torch", "channels_first", "float32"),
    ("keras torch", "torch", "channels_last", "mixed_bfloat16"),
    ("keras jax", "jax", "channels_last", "float32"),
    ("keras jax", "jax", "channels_first", "float32"),
)
RECIPES = {"srresnet": "srresnet_mse", "srgan": "srgan_mse", "compact": "compact", "lite": "lite"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=list(RECIPES), default="srresnet")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="configurations whose label has this in it")
    parser.add_argument("--json", type=Path, help="write the table here too")
    arguments = parser.parse_args()
    configurations = [c for c in CONFIGURATIONS if c[1] != "plain" or arguments.network == "srresnet"]
    configurations = [c for c in configurations if arguments.only in c[0]]
    rows = measure(arguments.network, configurations, arguments.rounds)
    reference = rows[0]["seconds"]
    print(f"{'':18} {'layout':15} {'precision':15} {'s a step':>9} {'speed':>7}")
    for row in rows:
        row["speed"] = round(reference / row["seconds"], 2)
        name = f"{row['tool']:18} {row['layout']:15} {row['precision']:15}"
        print(f"{name} {row['seconds']:9.3f} {row['speed']:6.2f}x")
    print(f"speed against the first row; batch of 16, medians of {arguments.rounds} interleaved rounds")
    if arguments.json:
        arguments.json.write_text(json.dumps({"network": arguments.network, "rows": rows}, indent=1) + "\n")


def measure(network: str, configurations: list, rounds: int) -> list[dict]:
    """Return a row with the median time of a step for every configuration."""
    context = multiprocessing.get_context("spawn")
    workers = []
    for _, backend, layout, precision in configurations:
        here, there = context.Pipe()
        # Before the process starts: keras reads the backend when it is imported.
        os.environ |= {
            "KERAS_BACKEND": "torch" if backend == "plain" else backend.split()[0],
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "1",  # as `keras-sr` has it
        }
        if backend.endswith("without oneDNN"):
            del os.environ["TF_ENABLE_ONEDNN_OPTS"]
        process = context.Process(
            target=serve, args=(there, network, backend, layout, precision), daemon=True
        )
        process.start()
        here.recv()
        workers.append((process, here, []))
    for _ in range(rounds):
        for _, pipe, times in workers:
            pipe.send("step")
            times.append(pipe.recv())
    for process, pipe, _ in workers:
        pipe.send(None)
        process.join()
    return [
        {
            "tool": label,
            "layout": layout,
            "precision": precision,
            "seconds": round(statistics.median(times), 4),
        }
        for (label, _, layout, precision), (_, _, times) in zip(configurations, workers, strict=True)
    ]


def serve(pipe: object, network: str, backend: str, layout: str, precision: str) -> None:
    """Make one step each time one is asked for, and answer with its seconds; three warm-up steps first."""
    step = plain_torch_step(layout) if backend == "plain" else keras_step(network, layout, precision)
    for _ in range(3):
        step()
    pipe.send("ready")
    while pipe.recv() is not None:
        began = time.perf_counter()
        step()
        pipe.send(time.perf_counter() - began)


def keras_step(network: str, layout: str, precision: str):
    import keras
    import numpy as np

    from keras_sr.recipes import get
    from keras_sr.training.build import build_model

    keras.config.set_image_data_format(layout)
    recipe = get(RECIPES[network], overrides=[f"precision={precision}"])
    model = build_model(recipe, layout)
    rng = np.random.default_rng(0)
    lr = rng.random((recipe.batch_size, recipe.crop // 4, recipe.crop // 4, 3), "float32")
    hr = rng.random((recipe.batch_size, recipe.crop, recipe.crop, 3), "float32")
    if layout == "channels_first":
        lr, hr = (np.ascontiguousarray(x.transpose(0, 3, 1, 2)) for x in (lr, hr))
    return lambda: float(np.asarray(model.train_on_batch(lr, hr)).ravel()[0])


def plain_torch_step(layout: str):
    """SRResNet as the common torch implementations train it: eager mode, Adam, MSE."""
    import torch
    from torch import nn

    class Block(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    def conv(i, o, k, bias=True):
        return nn.Conv2d(i, o, k, padding=k // 2, bias=bias)

    def block():
        return Block(
            conv(64, 64, 3, False), nn.BatchNorm2d(64), nn.PReLU(), conv(64, 64, 3, False), nn.BatchNorm2d(64)
        )

    trunk = Block(*[block() for _ in range(16)], conv(64, 64, 3, False), nn.BatchNorm2d(64))
    stages = [m for _ in range(2) for m in (conv(64, 256, 3), nn.PixelShuffle(2), nn.PReLU())]
    net = nn.Sequential(conv(3, 64, 9), nn.PReLU(), trunk, *stages, conv(64, 3, 9))
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    net = net.to(memory_format=memory)
    lr = torch.rand(16, 3, 24, 24).to(memory_format=memory)
    hr = torch.rand(16, 3, 96, 96).to(memory_format=memory)
    optimizer = torch.optim.Adam(net.parameters(), 1e-4)

    def step():
        optimizer.zero_grad()
        loss = ((net(lr) - hr) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


if __name__ == "__main__":
    main()
