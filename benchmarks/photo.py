"""What `photo` costs: enlarging beside other networks, and its crops beside the step they feed.

    python benchmarks/photo.py --against srgan_vgg54 RealESRGAN_x4plus.safetensors
    python benchmarks/photo.py --data photos/ --set precision=mixed_bfloat16

Contenders take turns, one round each; ratios are medians of the ratios inside a round. Enlarging is one
picture in memory, with the tiles and threads of `keras-sr upscale`, on one engine. Crops are made by two
threads with nothing else at work, as `keras-sr train` makes them; a step is one of the recipe's own on such a
batch. On two cores both want the same processors: a loader that is ten times ahead takes about a tenth of the
time from the step.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_sr import open_network, upscale
from keras_sr.images.resize import imresize

RESULTS = Path(__file__).parent / "results" / "photo.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--network", default="photo_x4")
    parser.add_argument("--against", nargs="+", default=["srgan_vgg54"])
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--size", type=int, default=384, help="width of LR; its height is two thirds")
    parser.add_argument("--data", type=Path, help="photographs: measures the crops instead")
    parser.add_argument("--recipe", default="photo")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="FIELD=VALUE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    contenders = training(options) if options.data else enlarging(options)
    rows = table(contenders, options.rounds)
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=1) + "\n")


#: What is timed, and how often it is done in a round.
Contender = tuple[Callable[[], None], int]

#: Batches in a round: many more than are made ahead while a step is timed.
BATCHES = 60


def table(contenders: dict[str, Contender], rounds: int) -> list[dict]:
    """Time contenders in turn; print seconds and ratios to the first."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, (work, times) in contenders.items():
            start = time.perf_counter()
            for _ in range(times):
                work()
            if number:  # the first warms up
                seconds[name].append((time.perf_counter() - start) / times)
    first = next(iter(seconds.values()))
    rows = []
    for name, taken in seconds.items():
        ratio = statistics.median(there / here for there, here in zip(taken, first, strict=True))
        rows.append({"name": name, "seconds": statistics.median(taken), "ratio": ratio})
        print(f"{name:32} {statistics.median(taken):8.4f} s   {ratio:6.2f} times the first", flush=True)
    return rows


def enlarging(options: argparse.Namespace) -> dict[str, Contender]:
    """Return what enlarges the same picture by each network."""
    height = options.size * 2 // 3
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8, options.size // 8, 3), np.uint8)
    lr = imresize(coarse, size=(height, options.size))

    def enlarge(name: str) -> Contender:
        network = open_network(name, engine="openvino", precision=options.precision)

        def work() -> None:
            upscale(lr, network)

        return work, 1

    return {Path(name).name: enlarge(name) for name in (options.network, *options.against)}


def training(options: argparse.Namespace) -> dict[str, Contender]:
    """Return what makes a batch, and what takes a step on one."""
    from keras_sr.data.data_format import data_format_for
    from keras_sr.tasks.photographs import open_photographs
    from keras_sr.tasks.train import _batches, chosen_recipe
    from keras_sr.training.build import build_model

    recipe = chosen_recipe(options.recipe, settings=options.settings)
    layout = data_format_for("auto")
    source = open_photographs([options.data], recipe)
    loader = _batches(recipe, source, layout)(0, recipe.steps)
    model: Any = build_model(recipe, data_format=layout)
    ready = loader[0]
    following = itertools.count(1)

    def batch() -> None:
        loader[next(following)]

    def step() -> None:
        model.train_on_batch(*ready)

    return {"a batch": (batch, BATCHES), "a step": (step, 1)}


if __name__ == "__main__":
    main()
