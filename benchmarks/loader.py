"""Pictures per second of the training data, against a plain OpenCV generator and against the decoder alone.

    python benchmarks/loader.py --data photographs/
    python benchmarks/loader.py                       # 640x480 JPEGs made from scikit-image's own photographs

Every contender runs in a process of its own, so that none lives off the memory another one has touched; they
take turns, one round each, and the table has the medians over the rounds. Ratios are medians of the ratios
inside a round. "CPU ms" is processor time a picture, all threads together: it tells what the work costs on a
machine that is busy with something else. The baseline is what many training scripts do: one process; for
every picture read, crop, resize to LR with OpenCV's bilinear, floats. LR of keras-sr is MATLAB's bicubic,
exact to the bit.

Two workers need two free cores: while something else runs, compare "CPU ms". `load_at_start` in the JSON is
the number of processes that wanted a core before the first round.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path

import numpy as np

BATCH = 8

#: For each contender, one (pictures a second, CPU milliseconds a picture) a round.
Rates = dict[str, list[tuple[float, float]]]
#: What the loader has to reach: (faster one, slower one, at least).
GOALS = [
    ("keras-sr JPEG, 2 workers", "OpenCV generator", 2.0),
    ("keras-sr JPEG, 2 workers", "decoder alone, 2 threads", 1 / 1.3),
    ("keras-sr JPEG, 2 workers", "same, memory used again, 2 threads", 1 / 1.3),
    ("keras-sr cache", "OpenCV generator", 10.0),
]


# === Contenders: each yields how many pictures it has just made ===


def opencv_generator(folder: Path, crop: int) -> Iterator[int]:
    import cv2

    paths = [str(path) for path in pictures(folder)]
    random.shuffle(paths)
    for start in cycle(range(0, len(paths) - BATCH + 1, BATCH)):
        hr = np.zeros((BATCH, crop, crop, 3), np.float32)
        lr = np.zeros((BATCH, crop // 4, crop // 4, 3), np.float32)
        for j, path in enumerate(paths[start : start + BATCH]):
            image = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
            y = random.randint(0, image.shape[0] - crop)
            x = random.randint(0, image.shape[1] - crop)
            hr[j] = image[y : y + crop, x : x + crop]
            lr[j] = cv2.resize(hr[j], (crop // 4, crop // 4), interpolation=cv2.INTER_LINEAR)
        lr, hr = lr / 255.0, hr / 127.5 - 1.0
        yield BATCH


def decoder(threads: int, name: str = "simplejpeg") -> Callable[[Path, int], Iterator[int]]:
    def contender(folder: Path, crop: int) -> Iterator[int]:
        read = reader(name)
        paths = cycle(pictures(folder))
        with ThreadPoolExecutor(threads) as pool:
            ahead = [pool.submit(several, read, list(islice(paths, BATCH))) for _ in range(2 * threads)]
            while True:
                ahead.append(pool.submit(several, read, list(islice(paths, BATCH))))
                yield ahead.pop(0).result()

    return contender


def several(read: Callable[[Path], np.ndarray], paths: list[Path]) -> int:
    for path in paths:
        read(path)
    return len(paths)


def reader(name: str) -> Callable[[Path], np.ndarray]:
    if name == "OpenCV":
        import cv2

        return lambda path: cv2.imread(str(path))
    if name == "simplejpeg":
        import simplejpeg

        return lambda path: simplejpeg.decode_jpeg(path.read_bytes(), "RGB")
    if name == "keras-sr":
        from keras_sr.data.decoding import Decoder

        return Decoder()
    from PIL import Image

    Image.core.set_blocks_max(8 if "arena" in name else 0)
    return lambda path: np.asarray(Image.open(path))


def coco(workers: int) -> Callable[[Path, int], Iterator[int]]:
    def contender(folder: Path, crop: int) -> Iterator[int]:
        from keras_sr.data.coco import COCOBatchGenerator

        for lr, _ in COCOBatchGenerator(folder, (crop, crop), batch_size=BATCH, seed=0, workers=workers):
            yield len(lr)

    return contender


def cached(augment: bool) -> Callable[[Path, int], Iterator[int]]:
    def contender(folder: Path, crop: int) -> Iterator[int]:
        from keras_sr.data.batches import Batches
        from keras_sr.data.cache import build_cache

        batches = Batches(build_cache(folder), batch_size=BATCH, hr_crop=crop, augment=augment)
        for i in range(1 << 60):
            yield len(batches[i][0])

    return contender


CONTENDERS = {
    "OpenCV generator": opencv_generator,
    "decoder alone, 1 thread": decoder(1),
    "decoder alone, 2 threads": decoder(2),
    "same, memory used again, 2 threads": decoder(2, "keras-sr"),
    "keras-sr JPEG, 0 workers": coco(0),
    "keras-sr JPEG, 1 worker": coco(1),
    "keras-sr JPEG, 2 workers": coco(2),
    "keras-sr cache": cached(augment=False),
    "keras-sr cache, turned and mirrored": cached(augment=True),
}
DECODERS = {
    "simplejpeg": decoder(1, "simplejpeg"),
    "simplejpeg, memory used again": decoder(1, "keras-sr"),
    "OpenCV": decoder(1, "OpenCV"),
    "Pillow": decoder(1, "Pillow"),
    "Pillow, arena": decoder(1, "Pillow, arena"),
}


# === Measurement ===


def serve(pipe, name: str, folder: Path, crop: int) -> None:
    """Run in a process: when told for how many seconds, send back pictures a second, and CPU ms a picture."""
    work = {**CONTENDERS, **DECODERS}[name](folder, crop)
    for _ in range(4):
        next(work)
    pipe.send("ready")
    while seconds := pipe.recv():
        done, start, cpu = 0, time.perf_counter(), time.process_time()
        while (spent := time.perf_counter() - start) < seconds:
            done += next(work)
        pipe.send((done / spent, 1000 * (time.process_time() - cpu) / done))


def measure(names: list[str], folder: Path, crop: int, rounds: int, seconds: float) -> Rates:
    """Return pictures a second, and CPU milliseconds a picture, of each contender in each round."""
    context = multiprocessing.get_context("spawn")
    rates: Rates = {name: [] for name in names}
    pipes, processes = {}, []
    for name in names:
        pipes[name], theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(theirs, name, folder, crop), daemon=True))
        processes[-1].start()
        pipes[name].recv()
    for turn in range(rounds):
        for name in names if turn % 2 else reversed(names):
            pipes[name].send(seconds)
            rates[name].append(pipes[name].recv())
    for name, process in zip(names, processes, strict=True):
        pipes[name].send(0)
        process.join()
    return rates


def ratio(rates: Rates, over: str, under: str) -> float:
    return statistics.median(a[0] / b[0] for a, b in zip(rates[over], rates[under], strict=True))


def table(rates: Rates, base: str) -> list[dict]:
    rows = []
    print(f"{'':36}{'pictures/s':>12}{'lowest':>9}{'highest':>9}{'CPU ms':>9}   x {base}")
    for name, rounds in rates.items():
        values = [one for one, _ in rounds]
        row = {
            "name": name,
            "per_second": round(statistics.median(values), 1),
            "lowest": round(min(values), 1),
            "highest": round(max(values), 1),
            "cpu_ms": round(statistics.median(cpu for _, cpu in rounds), 3),
            "ratio": round(ratio(rates, name, base), 3),
        }
        rows.append(row)
        print(
            f"{name:36}{row['per_second']:12.0f}{row['lowest']:9.0f}{row['highest']:9.0f}"
            f"{row['cpu_ms']:9.3f}{row['ratio']:8.2f}"
        )
    print()
    return rows


# === Pictures ===


def pictures(folder: Path) -> list[Path]:
    from keras_sr.data.listing import find_pictures

    return [one.hr for one in find_pictures(folder)]


def make_pictures(folder: Path, count: int = 64) -> None:
    """Write 640x480 JPEGs cut at random from scikit-image's photographs, laid side by side."""
    import skimage.data
    from PIL import Image

    photos = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
    wall = np.concatenate([photo[:300, :451] for photo in photos], axis=1)
    wall = np.concatenate([wall, wall[:, ::-1], np.roll(wall, 700, axis=1)], axis=0)
    rng = np.random.default_rng(0)
    for k in range(count):
        y, x = rng.integers(0, wall.shape[0] - 480), rng.integers(0, wall.shape[1] - 640)
        Image.fromarray(wall[y : y + 480, x : x + 640]).save(folder / f"{k:03d}.jpg", quality=92)


def describe(folder: Path) -> dict:
    from keras_sr.data.decoding import size_of

    paths = pictures(folder)
    height, width = np.median([size_of(path) for path in paths], axis=0)
    kilobytes = sum(path.stat().st_size for path in paths) / len(paths) / 1000
    return {"pictures": len(paths), "median_size": f"{width:.0f}x{height:.0f}", "mean_kB": round(kilobytes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of JPEG photographs, larger than the crop")
    parser.add_argument("--crop", type=int, nargs="+", default=[96, 256], help="sides of the HR patch")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one contender in one round")
    parser.add_argument("--json", type=Path, help="where the figures go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["KERAS_SR_CACHE"] = str(Path(scratch) / "cache")
        folder = arguments.data or Path(scratch) / "photographs"
        if arguments.data is None:
            folder.mkdir()
            make_pictures(folder)
        result = run(folder, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def run(folder: Path, arguments: argparse.Namespace) -> dict:
    about = describe(folder)
    print(f"{about['pictures']} JPEGs, median {about['median_size']}, mean {about['mean_kB']} kB\n")
    result = {
        "data": about,
        "cpu_count": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {
            name: version(name) for name in ("numpy", "opencv-python-headless", "pillow", "simplejpeg")
        },
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "load_at_start": round(os.getloadavg()[0], 2),
    }
    decoders = measure(list(DECODERS), folder, 0, arguments.rounds, arguments.seconds)
    result["decoders"] = table(decoders, "Pillow")
    for crop in arguments.crop:
        print(f"HR {crop}x{crop}, LR {crop // 4}x{crop // 4}, batches of {BATCH}")
        rates = measure(list(CONTENDERS), folder, crop, arguments.rounds, arguments.seconds)
        result[f"crop_{crop}"] = table(rates, "OpenCV generator")
        result[f"goals_{crop}"] = [
            {
                "ratio": f"{over} / {under}",
                "got": round(ratio(rates, over, under), 3),
                "asked": round(least, 3),
            }
            for over, under, least in GOALS
        ]
        for goal in result[f"goals_{crop}"]:
            print(f"{goal['ratio']:60}{goal['got']:7.2f}  asked for: {goal['asked']:.2f}")
        print()
    return result


if __name__ == "__main__":
    main()
