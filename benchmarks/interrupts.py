"""Interrupt `keras-sr train` at random steps of its first epoch: is anything lost that was paid for?

    python benchmarks/interrupts.py --times 50
    python benchmarks/interrupts.py --times 8 --recipe srgan_mse --seed 1
    python benchmarks/interrupts.py --times 8 --start-from compact_x4 --seed 2

A tiny network is trained on generated pictures by the command, in a process that also writes down when it
ends each step. Ctrl-C, SIGTERM and SIGKILL come at random steps, eight to a run; the same command goes on.
Ctrl-C and SIGTERM may lose no step; a kill no more than `--checkpoint-minutes`, the step under way and the
writing of a checkpoint. After every interrupt the checkpoint is read, and in the end log, weights and
measurements are compared with those of a run that was never interrupted. Exits 1 where anything differs.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from kill_resume import write_pictures

#: Signals and the exit codes that they end the command with.
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
#: Steps of an epoch and of a run; interrupts to a run.
EPOCH, STEPS, PER_RUN = 200, 260, 8
#: Seconds between two checkpoints here, in place of five minutes.
INTERVAL = 0.3
#: Seconds after which a process hangs.
PATIENCE = 180


@dataclass(frozen=True)
class Stop:
    """What one interrupt did.

    Attributes:
        kind: The signal.
        made: The last step that had ended.
        saved: The step in the checkpoint, 0 where there is none.
        seconds: Training time that is lost.
        wrong: What is not as the documentation says.
    """

    kind: signal.Signals
    made: int
    saved: int
    seconds: float
    wrong: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", default="compact")
    parser.add_argument("--start-from", help="begin with these weights; the run is measured then")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    what = [options.recipe, *(["--start-from", options.start_from] if options.start_from else [])]
    kinds = [list(CODES)[i % len(CODES)] for i in range(options.times)]
    rng.shuffle(kinds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder / "photos")
        undisturbed = Command(folder, "undisturbed", what)
        if undisturbed.end() != 0:
            raise SystemExit(f"the undisturbed run failed:\n{undisturbed.said}")
        stops, wrong = [], []
        for first in range(0, len(kinds), PER_RUN):
            run = f"run {first // PER_RUN}"
            found, differs = disturbed(folder, run, what, kinds[first : first + PER_RUN], rng)
            stops += found
            wrong += [f"{run}: {one}" for one in differs]
    wrong += [f"{stop.kind.name} after step {stop.made}: {one}" for stop in stops for one in stop.wrong]
    table(stops)
    print("\n".join(wrong) or f"{' '.join(what)}: nothing lost, nothing broken, nothing left over")
    sys.exit(1 if wrong or len(stops) < options.times else 0)


def table(stops: list[Stop]) -> None:
    """Print a line for each signal."""
    print(f"{'':8} {'times':>5} {'steps':>9} {'lost at most':>24} {'before a checkpoint':>20}")
    for kind in CODES:
        of_kind = [stop for stop in stops if stop.kind == kind]
        if not of_kind:
            continue
        made = [stop.made for stop in of_kind]
        steps = max(stop.made - stop.saved for stop in of_kind)
        lost = f"{steps} steps, {max(stop.seconds for stop in of_kind):.2f} s"
        none = sum(not stop.saved for stop in of_kind)
        print(f"{kind.name:8} {len(of_kind):5} {min(made):4}-{max(made):<4} {lost:>24} {none:20}")


def disturbed(
    folder: Path, name: str, what: list[str], kinds: list[signal.Signals], rng: random.Random
) -> tuple[list[Stop], list[str]]:
    """Interrupt a run, let it go on to its end, and compare it with the undisturbed one."""
    stops, wrong, saved = [], [], 0
    for kind, step in zip(kinds, sorted(rng.sample(range(EPOCH - 20), len(kinds))), strict=True):
        command = Command(folder, name, what)
        stop = command.interrupt(kind, step, rng.uniform(0, 0.05), saved)
        print(f"{name}: {kind.name} after step {stop.made}, step {stop.saved} is saved", flush=True)
        stops.append(stop)
        saved = stop.saved
    last = Command(folder, name, what)
    if (code := last.end()) != 0:
        return stops, [f"ended with {code}: {last.said[-300:]}"]
    wrong += last.begins_at(saved)
    wrong += [f"{part} is left over" for part in parts(folder)]
    return stops, wrong + differences(folder / "undisturbed", folder / name)


class Command:
    """One `keras-sr train` under way.

    Args:
        folder: Where everything is.
        name: Of the run folder.
        what: Is trained: a recipe and options.
    """

    def __init__(self, folder: Path, name: str, what: list[str]) -> None:
        self.folder, self.run = folder, folder / name
        self.steps = folder / "steps.txt"
        self.steps.unlink(missing_ok=True)
        command = [
            sys.executable, "-c", "import interrupts; interrupts.train()", "train", *what, "--smoke",
            "--data", folder / "photos", "--out", self.run,
            "--checkpoint-minutes", INTERVAL / 60,
            "--set", f"steps={STEPS}", "--set", f"steps_per_epoch={EPOCH}",
        ]  # fmt: skip
        paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "KERAS_SR_CACHE": str(folder / "cache"),
            "KERAS_SR_STEPS": str(self.steps),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        }
        self.log = folder / "log.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(list(map(str, command)), env=environment, stdout=log, stderr=log)

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text("utf-8")

    def end(self) -> int:
        """Wait for it, and return its exit code."""
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise SystemExit(f"the command hangs:\n{self.said}") from None

    def made(self) -> list[tuple[int, float]]:
        """Return the steps that have ended, and when; the first is where it began."""
        lines = self.steps.read_text().splitlines() if self.steps.exists() else []
        return [(int(step), float(when)) for step, _, when in (line.partition(" ") for line in lines)]

    def interrupt(self, kind: signal.Signals, step: int, later: float, before: int) -> Stop:
        """Send a signal a moment after a step has ended, and see what is kept.

        Args:
            kind: The signal.
            step: The step.
            later: The moment, in seconds.
            before: The step in the checkpoint that it went on from.
        """
        while not (made := self.made()) or made[-1][0] < step:
            if self.process.poll() is not None:
                raise SystemExit(f"the command ended by itself:\n{self.said}")
            time.sleep(0.002)
        time.sleep(later)
        self.process.send_signal(kind)
        code = self.end()
        wrong = [] if code == CODES[kind] else [f"exit code {code}, not {CODES[kind]}: {self.said[-300:]}"]
        wrong += self.begins_at(before)
        made = self.made()
        last, saved = made[-1][0], self.saved()
        if saved is None:
            return Stop(kind, last, 0, 0.0, (*wrong, "the checkpoint is broken"))
        seconds = made[-1][1] - dict(made).get(saved, made[0][1])
        return Stop(kind, last, saved, seconds, (*wrong, *self.lost(kind, made, saved, seconds)))

    def lost(
        self, kind: signal.Signals, made: list[tuple[int, float]], saved: int, seconds: float
    ) -> list[str]:
        """Return what is lost that should not be, and what is left over."""
        last = made[-1][0]
        if kind == signal.SIGKILL:
            # The clock is looked at between two steps, and a checkpoint takes its time.
            slowest = max((b - a for (_, a), (_, b) in pairwise(made)), default=0.0)
            fair = seconds <= INTERVAL + 2 * slowest
            return [] if fair else [f"{seconds:.2f} s are lost, of steps of {slowest:.2f} s at most"]
        wrong = [] if saved == last else [f"only step {saved} is saved"]
        if last and f"stopped at step {saved}" not in self.said:
            wrong.append(f"it says something else: {self.said[-300:]}")
        return wrong + [f"{part} is left over" for part in parts(self.run)]

    def begins_at(self, step: int) -> list[str]:
        """Return a line where the command did not begin at the step that was saved."""
        made = self.made()
        begun = made[0][0] if made else None
        said = f"going on from step {step} of" in self.said or not step
        return [] if begun == step and said else [f"step {step} was saved, and it began at {begun}"]

    def saved(self) -> int | None:
        """Return the step in the checkpoint, 0 where there is none, None where it is broken."""
        from keras_sr.errors import WeightsError
        from keras_sr.weights import store

        file = self.run / "state.npz"
        try:
            return int(store.read(file)[1]["step"]) if file.exists() else 0
        except WeightsError:
            return None


def differences(one: Path, other: Path) -> list[str]:
    """Return what differs between two runs beside seconds: log, weights, checkpoint, measurements."""
    from keras_sr.weights import store

    wrong = []
    for file in ("generator.npz", "state.npz"):
        a, b = (store.read(folder / file)[0] for folder in (one, other))
        differing = sorted(a.keys() ^ b.keys())
        differing += sorted(key for key in a.keys() & b.keys() if not np.array_equal(a[key], b[key]))
        wrong += [f"{file}: {len(differing)} arrays differ, such as {differing[0]}"] if differing else []
    a, b = (rows(folder / "log.csv") for folder in (one, other))
    # Means over an epoch in parts are added in another order.
    same = len(a) == len(b) and all(
        x.keys() == y.keys() and all(abs(x[key] - y[key]) <= 2e-5 * abs(x[key]) for key in x)
        for x, y in zip(a, b, strict=False)
    )
    wrong += [] if same else [f"log.csv differs: {a} and {b}"]
    a, b = (measured(folder / "held_out.json") for folder in (one, other))
    return wrong + ([] if a == b else [f"held_out.json differs: {a} and {b}"])


def rows(file: Path) -> list[dict[str, float]]:
    with file.open(newline="") as opened:
        found = list(csv.DictReader(opened))
    return [{key: float(text) for key, text in row.items() if text and key != "seconds"} for row in found]


def measured(file: Path) -> dict | None:
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.part"))


def train() -> None:
    """Be `keras-sr`, and write down when each step ends."""
    from keras_sr.cli.app import main as command
    from keras_sr.training.callbacks import Keeper

    file = os.open(os.environ["KERAS_SR_STEPS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begin, end = Keeper.on_train_batch_begin, Keeper.on_train_batch_end
    begun: list[int] = []

    def note(step: int) -> None:
        os.write(file, f"{step} {time.monotonic()}\n".encode())

    def on_train_batch_begin(self: Keeper, batch: int, logs: dict | None = None) -> None:
        begin(self, batch, logs)
        if not begun:
            begun.append(self.first)
            note(self.first)

    def on_train_batch_end(self: Keeper, batch: int, logs: dict | None = None) -> None:
        note(self.first + batch + 1)
        end(self, batch, logs)

    Keeper.on_train_batch_begin, Keeper.on_train_batch_end = on_train_batch_begin, on_train_batch_end
    command()


if __name__ == "__main__":
    main()
