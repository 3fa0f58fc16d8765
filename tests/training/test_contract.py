"""Keras' callbacks over a run, interrupts at any moment, and the best weights: nothing paid for is lost."""

import csv
import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.errors import TrainingError
from keras_sr.recipes import get
from keras_sr.training import checkpoints
from keras_sr.training.best import Monitor
from keras_sr.training.fit import fit
from keras_sr.training.interrupts import Interrupts
from keras_sr.training.recipe import as_json
from keras_sr.weights import store


class At(keras.callbacks.Callback):
    """Does something after a step of the run."""

    def __init__(self, step, act):
        super().__init__()
        self.left, self.act = step, act

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self.act(self)


class Figure(keras.callbacks.Callback):
    """Logs given figures, one an epoch; the first before the first step if asked to."""

    def __init__(self, values, at_start=False):
        super().__init__()
        self.values, self.at_start = list(values), at_start

    def on_train_begin(self, logs=None):
        if self.at_start:
            logs["figure"] = self.values.pop(0)

    def on_epoch_end(self, epoch, logs=None):
        logs["figure"] = self.values.pop(0)


class Killed(Exception):
    """Stands for SIGKILL: what comes after it is not done."""


def killed(*args, **kwargs):
    raise Killed


def stop(callback):
    callback.model.stop_training = True


def arrays(network):
    return store.network_arrays(network)


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


@pytest.fixture
def small():
    return get("compact", smoke=True, overrides=["steps=8", "steps_per_epoch=4", "schedule=constant"])


@pytest.fixture
def train(batches, tmp_path):
    def run(recipe, *callbacks, **kwargs):
        out = kwargs.pop("out", tmp_path / "run")
        return fit(recipe, batches(recipe), out, callbacks=callbacks, progress=False, **kwargs)

    return run


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.once)])
def test_an_interrupt_in_the_first_epoch_loses_no_step(small, train, tmp_path, number):
    whole = train(small, out=tmp_path / "whole")
    code, lines = interrupted(small, tmp_path / "run", 3, number)
    # Python ends by SIGINT itself after a KeyboardInterrupt that nobody caught.
    assert code == (-signal.SIGINT if number == signal.SIGINT else 128 + signal.SIGTERM)
    assert "stopped at step 3 of 8, which is saved" in lines[-2]
    assert lines[-1] == "handlers are back: True"
    assert store.read(tmp_path / "run" / checkpoints.STATE)[1]["step"] == 3
    said = []
    result = train(small, say=said.append)
    assert "going on from step 3 of 8" in said[0]
    assert same(arrays(whole.generator), arrays(result.generator))
    assert [row["step"] for row in result.rows] == [4, 8]
    for ours, theirs in zip(result.rows, whole.rows, strict=True):
        assert ours["l1"] == pytest.approx(theirs["l1"], rel=1e-5)


def interrupted(recipe, out, step, number):
    """Train in a process of its own and send it a signal inside a step: its exit code and lines."""
    command = [sys.executable, str(Path(__file__).with_name("stoppable_run.py"))]
    command += [str(out), str(step), json.dumps(as_json(recipe))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as run:
        try:
            assert "waiting\n" in iter(run.stdout.readline, "")
            run.send_signal(number)
            rest, _ = run.communicate("\n", timeout=120)
        finally:
            run.kill()
    return run.returncode, rest.splitlines()


def test_an_interrupt_while_an_epoch_is_saved_waits_for_it(small, train, tmp_path, monkeypatch):
    save = checkpoints.save

    def pressed(*arguments):
        save(*arguments)
        interrupts[0].handle(signal.SIGINT, None)

    interrupts = []
    monkeypatch.setattr(Interrupts, "__enter__", lambda self: interrupts.append(self) or self)
    monkeypatch.setattr("keras_sr.training.checkpoints.save", pressed)
    lines = []
    with pytest.raises(KeyboardInterrupt):
        train(small, say=lines.append)
    assert "stopping after this step" in lines[-2]
    assert "stopped at step 4" in lines[-1]
    monkeypatch.undo()
    assert store.read(tmp_path / "run" / checkpoints.STATE)[1]["step"] == 4
    assert [row["step"] for row in train(small).rows] == [4, 8]


def test_a_kill_loses_no_more_than_the_interval(small, train, tmp_path):
    with pytest.raises(Killed):
        train(small, At(4, killed), checkpoint_minutes=0)
    saved = store.read(tmp_path / "run" / checkpoints.STATE)[1]
    assert saved["step"] == 3
    result = train(small)
    assert same(arrays(train(small, out=tmp_path / "whole").generator), arrays(result.generator))
    assert [row["step"] for row in result.rows] == [4, 8]


def files(folder):
    """Everything in a run folder that is a function of the run, by name; a log without its times."""
    kept = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in table(folder / "log.csv")]
    names = {name for name in kept if name.parts[0] != "tensorboard"}
    return rows, names, {name: arrays_in(path) for name, path in kept.items() if name.suffix == ".npz"}


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def arrays_in(path):
    return {key: value.tobytes() for key, value in store.read(path)[0].items()}


@pytest.mark.parametrize(
    ("moment", "epoch"),
    [("save_snapshot", 1), ("checkpoints.save", 2), ("Log.write", 1), ("Log.write", 2), ("finish", 2)],
)
def test_a_kill_at_the_end_of_an_epoch_costs_no_file(small, train, tmp_path, monkeypatch, moment, epoch):
    """Each file of an epoch is there in the end, whichever of them a kill came before."""
    monitor = Monitor("figure")
    often = replace(small, snapshot_every=4)
    train(often, Figure([5.0, 6.0]), monitor=monitor, out=tmp_path / "whole")
    run = importlib.import_module("keras_sr.training.fit")
    owner, _, name = moment.rpartition(".")
    owner = getattr(run, owner) if owner else run
    real, calls = getattr(owner, name), []

    def until_then(*args, **kwargs):
        calls.append(None)
        (killed if moment == "finish" or len(calls) == epoch else real)(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, until_then)
        with pytest.raises(Killed):
            train(often, Figure([5.0, 6.0]), monitor=monitor)
    saved = tmp_path / "run" / checkpoints.STATE
    done = store.read(saved)[1]["step"] // 4 if saved.exists() else 0
    train(often, Figure([5.0, 6.0][done:]), monitor=monitor)
    assert files(tmp_path / "run") == files(tmp_path / "whole")


@pytest.mark.skipif(os.name != "posix", reason="elsewhere left-over files stay")
def test_what_a_kill_left_half_written_goes_when_the_run_goes_on(small, train, tmp_path):
    kill = (
        "import os, sys; from keras_sr.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as file: os.kill(os.getpid(), 9)"
    )
    for name in ("state.npz", "snapshots/step_0000004.npz"):
        subprocess.run([sys.executable, "-c", kill, str(tmp_path / "run" / name)])
    assert len(list((tmp_path / "run").rglob(".*.part"))) == 2
    train(small)
    assert not list((tmp_path / "run").rglob(".*.part"))


def test_stop_training_ends_the_run_where_it_is_said(small, train, tmp_path):
    lines = []
    result = train(small, At(3, stop), say=lines.append)
    assert [row["step"] for row in result.rows] == [3]
    assert "a callback ended it, at step 3 of 8" in lines[-1]
    assert store.read(tmp_path / "run" / checkpoints.STATE)[1]["step"] == 3
    assert store.read(tmp_path / "run" / "generator.npz")[1]["step"] == 3
    again = train(small)
    assert [row["step"] for row in again.rows] == [3, 4, 8]
    assert same(arrays(train(small, out=tmp_path / "whole").generator), arrays(again.generator))


def test_early_stopping_waits_over_epochs_and_restores_the_best_weights(small, train):
    kept = {}

    class Keep(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kept[epoch] = arrays(self.model.generator)

    early = keras.callbacks.EarlyStopping(monitor="figure", mode="max", patience=2, restore_best_weights=True)
    many = replace(small, steps=40, ema=0.0)
    result = train(many, Figure([5, 4, 4, 9]), Keep(), early)
    assert [row["step"] for row in result.rows if row["step"]] == [4, 8, 12]
    assert same(kept[0], arrays(result.generator))


def test_csv_logger_keeps_every_epoch(small, train, tmp_path):
    train(small, keras.callbacks.CSVLogger(str(tmp_path / "keras.csv")))
    with (tmp_path / "keras.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]


def test_reduce_lr_on_plateau_halves_the_rate_of_a_schedule(small, train):
    falling = replace(small, steps=12, schedule="cosine", learning_rate=0.01, warmup_steps=0)
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="figure", mode="max", factor=0.5, patience=1)
    rates = []

    class Rate(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))

    train(falling, Figure([5, 4, 6]), plateau, Rate())
    # A cosine at steps 4, 8 and 12; halved after the second epoch and not again.
    assert rates == pytest.approx([0.0075, 0.5 * 0.0025, 0.0], abs=1e-6)


def test_a_rate_that_was_set_is_kept_by_the_checkpoint(small, train, tmp_path):
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="figure", mode="max", factor=0.5, patience=1)
    train(replace(small, steps=8), Figure([5, 4]), plateau)
    arrays_, _ = store.read(tmp_path / "run" / checkpoints.STATE)
    assert float(arrays_["rate_factor/0"]) == 0.5


def test_model_checkpoint_saves_the_network_to_use(small, train, tmp_path):
    whole, only = tmp_path / "best.keras", tmp_path / "best.weights.h5"
    monitor = {"monitor": "figure", "mode": "max", "save_best_only": True}
    result = train(
        small,
        Figure([1, 2]),
        keras.callbacks.ModelCheckpoint(str(whole), **monitor),
        keras.callbacks.ModelCheckpoint(str(only), save_weights_only=True, **monitor),
    )
    loaded = keras.saving.load_model(whole)
    x = np.random.default_rng(0).random((1, 8, 8, 3), "float32")
    expected = result.generator.predict_on_batch(x)
    np.testing.assert_allclose(loaded.predict_on_batch(x), expected, atol=1e-6)
    loaded.set_weights([0 * w for w in loaded.get_weights()])
    loaded.load_weights(only)
    np.testing.assert_allclose(loaded.predict_on_batch(x), expected, atol=1e-6)


def test_terminate_on_nan_ends_the_run_and_keeps_the_last_good_state(small, batches, tmp_path):
    def poisoned(start, steps):
        data = batches(small)(start, steps)
        if start >= 4:
            data.__class__ = type("Poisoned", (type(data),), {"__getitem__": lambda self, i: nan(data, i)})
        return data

    def nan(data, i):
        lr, hr = super(type(data), data).__getitem__(i)
        return lr, hr * np.nan

    with pytest.raises(TrainingError, match="diverged after step 4"):
        fit(small, poisoned, tmp_path / "run", callbacks=[keras.callbacks.TerminateOnNaN()], progress=False)
    assert store.read(tmp_path / "run" / checkpoints.STATE)[1]["step"] == 4


def test_the_best_weights_are_kept_and_the_run_ends_when_it_gets_no_better(small, train, tmp_path):
    many = replace(small, steps=40)
    lines = []
    result = train(
        many,
        Figure([20.0, 21.0, 23.0, 22.0, 22.5, 30.0], at_start=True),
        monitor=Monitor("figure", patience=2),
        say=lines.append,
    )
    assert [(row["step"], row["figure"]) for row in result.rows] == [
        (0, 20.0), (4, 21.0), (8, 23.0), (12, 22.0), (16, 22.5)
    ]  # fmt: skip
    assert result.best["step"] == 8
    assert "no better figure in 2 measurements, at step 16 of 40" in lines[-1]
    meta = store.read(tmp_path / "run" / "generator.npz")[1]
    assert (meta["step"], meta["best_step"]) == (16, 8)
    eight = train(replace(many, steps=8), out=tmp_path / "eight")
    assert same(arrays(result.generator), arrays(eight.generator))
    # The same command has nothing to do; with more patience it goes on.
    assert len(train(many, Figure([]), monitor=Monitor("figure", patience=2)).rows) == 5


def test_without_a_figure_the_last_weights_are_kept(small, train):
    assert train(small).best is None


@pytest.mark.parametrize(("theirs", "scale"), [(2, 4), (4, 2), (4, 1), (1, 2)])
def test_weights_of_another_scale_begin_as_its_pixels_repeated_or_averaged(
    theirs, scale, small, train, tmp_path
):
    other = train(replace(small, scale=theirs, steps=1), out=tmp_path / "other")
    lines = []
    still = replace(small, scale=scale, learning_rate=1e-12, steps=1)
    result = train(still, start_from=tmp_path / "other", say=lines.append)
    assert f"enlarges x{theirs}, not x{scale}: it begins with its pixels averaged or repeated" in lines[0]
    lr = np.random.default_rng(0).random((1, 7, 9, 3), np.float32)
    then, now = (keras.ops.convert_to_numpy(of.generator(lr)) for of in (other, result))
    box = max(theirs // scale, 1)
    shrunk = then.reshape(1, 7 * theirs // box, box, 9 * theirs // box, box, 3).mean((2, 4))
    same_size = shrunk.repeat(max(scale // theirs, 1), 1).repeat(max(scale // theirs, 1), 2)
    np.testing.assert_allclose(now, same_size, atol=2e-6)


def test_weights_of_a_scale_that_divides_neither_way_start_a_run_with_a_new_tail(small, train, tmp_path):
    twice = train(replace(small, scale=2, steps=1), out=tmp_path / "x2")
    lines = []
    still = replace(small, scale=3, crop=24, learning_rate=1e-12, steps=1)
    result = train(still, start_from=tmp_path / "x2", say=lines.append)
    assert "enlarges x2, not x3: tail_conv begin anew" in lines[0]
    old, new = arrays(twice.generator), arrays(result.generator)
    np.testing.assert_allclose(new["block01_conv/kernel"], old["block01_conv/kernel"], atol=1e-6)
    assert new["tail_conv/kernel"].shape[-1] == 27
