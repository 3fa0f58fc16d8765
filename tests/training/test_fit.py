"""A run: its folder, its log, and that stopping it at any epoch changes nothing."""

import csv
import errno
import json
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras_sr.errors import RecipeError, TrainingError, WeightsError
from keras_sr.recipes import RECIPES, get
from keras_sr.training import checkpoints
from keras_sr.training.build import build_model
from keras_sr.training.fit import fit
from keras_sr.training.schedule import Schedule
from keras_sr.weights import store
from keras_sr.weights.find import find
from keras_sr.weights.load import load
from keras_sr.weights.stored import generator_arrays


class Stop(Exception):
    """Ends a run between two epochs, as a kill does."""


def stop_at(step, make):
    def batches(start, steps):
        if start >= step:
            raise Stop
        return make(start, steps)

    return batches


def arrays(network):
    return store.network_arrays(network)


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


@pytest.fixture
def recipe(vgg_file):
    return lambda name, *settings: get(name, smoke=True, overrides=[f"vgg_weights={vgg_file}", *settings])


#: One of every kind: what the others add are other terms of the same loss.
ON_EVERY_BACKEND = {"srresnet_mse", "srgan_vgg54", "compact", "photo"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.once] * (name not in ON_EVERY_BACKEND)) for name in RECIPES],
)
def test_every_recipe_trains_and_a_resumed_run_is_the_uninterrupted_one(name, recipe, batches, tmp_path):
    small = recipe(name)
    whole = fit(small, batches(small), tmp_path / "whole", progress=False)
    assert whole.signs == ()
    with pytest.raises(Stop):
        fit(small, stop_at(2, batches(small)), tmp_path / "parts", progress=False)
    lines = []
    parts = fit(small, batches(small), tmp_path / "parts", progress=False, say=lines.append)
    assert "going on from step 2 of 4" in lines[0]
    assert same(arrays(whole.generator), arrays(parts.generator))
    assert [row["loss"] for row in whole.rows] == [row["loss"] for row in parts.rows]
    untrained = build_model(small).generator
    assert not same(arrays(whole.generator), arrays(untrained))


def test_photo_takes_real_esrgans_discriminator_too(recipe, batches, tmp_path):
    unet = recipe("photo", "discriminator=unet", "discriminator_normalization=spectral")
    run = fit(unet, batches(unet), tmp_path / "run", progress=False)
    assert run.signs == ()
    assert all(0 < row["d_hr"] < 1 and np.isfinite(row["loss"]) for row in run.rows)


def test_the_folder_of_a_run_says_everything(recipe, batches, tmp_path):
    small = recipe("srgan_mse", "snapshot_every=2")
    result = fit(small, batches(small), tmp_path / "run", progress=False)
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 4]
    assert {"loss", "mse", "adversarial", "discriminator", "d_hr", "d_sr", "seconds"} <= set(rows[0])
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["name"] == "srgan_mse"
    assert json.loads((tmp_path / "run" / "versions.json").read_text())["backend"] == keras.config.backend()
    assert sorted(p.name for p in (tmp_path / "run" / "snapshots").iterdir()) == [
        "step_0000002.npz",
        "step_0000004.npz",
    ]
    again = load(tmp_path / "run")
    assert same(arrays(again), arrays(result.generator))
    assert not list((tmp_path / "run").glob("**/*.part"))


def test_tensorboard_reads_the_log(recipe, batches, tmp_path):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    small = recipe("compact")
    result = fit(small, batches(small), tmp_path / "run", progress=False)
    events = event_accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    scalars = events.Scalars("l1")
    assert [e.step for e in scalars] == [2, 4]
    assert scalars[1].value == pytest.approx(result.rows[1]["l1"])


def test_a_finished_run_stays_as_it_is(recipe, batches, tmp_path):
    small = recipe("compact")
    first = fit(small, batches(small), tmp_path / "run", progress=False)
    lines = []
    again = fit(small, stop_at(0, batches(small)), tmp_path / "run", progress=False, say=lines.append)
    assert "is finished" in lines[0]
    assert same(arrays(first.generator), arrays(again.generator))


def test_another_recipe_in_the_same_folder_is_refused(recipe, batches, tmp_path):
    small = recipe("compact")
    fit(small, batches(small), tmp_path / "run", progress=False)
    # More steps alone would do: they are not what is in the way.
    other = replace(small, learning_rate=5e-4, steps=100)
    with pytest.raises(TrainingError, match=r"\(learning_rate is 0.05 there and 0.0005 here\).*resume=False"):
        fit(other, batches(other), tmp_path / "run", progress=False)


def test_a_run_of_an_older_version_goes_on(recipe, batches, tmp_path):
    """Its recipe lacks the fields that came later; their defaults are what it did."""
    small = recipe("compact", "optimizer=adam")
    fit(replace(small, steps=2, schedule="constant"), batches(small), tmp_path, progress=False)
    path = tmp_path / "recipe.json"
    older = json.loads(path.read_text())
    del older["optimizer"]
    path.write_text(json.dumps(older))
    with pytest.raises(TrainingError, match="optimizer is 'adam' there and 'muon' here"):
        fit(replace(small, schedule="constant", optimizer="muon"), batches(small), tmp_path, progress=False)
    result = fit(replace(small, schedule="constant"), batches(small), tmp_path, progress=False)
    assert [row["step"] for row in result.rows] == [2, 4]


def test_an_open_ended_run_is_told_its_end_later(recipe, batches, tmp_path):
    """Let it go on as long as there is time, then cool it down: the run that knew its end from the start."""
    known = recipe("compact", "steps=8", "schedule=cooldown")
    whole = fit(known, batches(known), tmp_path / "whole", progress=False)
    open_ended = recipe("compact", "steps=100", "schedule=constant")
    with pytest.raises(Stop):
        fit(open_ended, stop_at(6, batches(open_ended)), tmp_path / "run", progress=False)
    told = fit(known, batches(known), tmp_path / "run", progress=False)
    assert same(arrays(whole.generator), arrays(told.generator))
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["steps"] == 8
    # Once it has cooled, it has another past.
    with pytest.raises(TrainingError, match="schedule is 'cooldown' there and 'constant' here"):
        fit(open_ended, batches(open_ended), tmp_path / "run", progress=False)
    shorter = recipe("compact", "steps=4", "schedule=cooldown")
    with pytest.raises(TrainingError, match="steps is 8 there and 4 here"):
        fit(shorter, batches(shorter), tmp_path / "run", progress=False)


def test_no_resume_sets_the_older_run_aside(recipe, batches, tmp_path):
    small = recipe("compact")
    fit(small, batches(small), tmp_path / "run", progress=False)
    other = replace(small, learning_rate=5e-4)
    fit(other, batches(other), tmp_path / "run", progress=False, resume=False)
    there = json.loads((tmp_path / "run" / "recipe.json").read_text())
    aside = json.loads((tmp_path / "run.old1" / "recipe.json").read_text())
    assert (there["learning_rate"], aside["learning_rate"]) == (5e-4, 0.05)


def test_the_weights_of_a_run_set_aside_are_found_where_it_is_now(recipe, batches, tmp_path):
    small = recipe("compact")
    run = tmp_path / "run"
    first = fit(small, batches(small), run, progress=False)
    still = replace(small, learning_rate=1e-12)
    for start in (run, run / "generator.npz"):
        again = fit(still, batches(still), run, start_from=start, progress=False, resume=False)
        for old, new in zip(arrays(first.generator).values(), arrays(again.generator).values(), strict=True):
            np.testing.assert_allclose(new, old, atol=1e-6)
    assert store.read(run / "generator.npz")[1]["start"] == str(tmp_path / "run.old2" / "generator.npz")


def test_the_current_folder_is_not_set_aside(recipe, batches, tmp_path, monkeypatch):
    small = recipe("compact")
    fit(small, batches(small), tmp_path / "run", progress=False)
    (tmp_path / "run" / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "run" / "deep")
    for out in ("..", tmp_path / "run"):
        with pytest.raises(TrainingError, match="is the current folder, which cannot be renamed"):
            fit(small, batches(small), out, progress=False, resume=False)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_does_not_go_on_from_another_start(recipe, batches, tmp_path, monkeypatch):
    small = recipe("compact")
    for name in ("one", "two"):
        fit(small, batches(small), tmp_path / name, progress=False)
    longer = replace(small, steps=6, schedule="constant")
    shorter = replace(longer, steps=2)
    fit(shorter, batches(shorter), tmp_path / "run", start_from=tmp_path / "one", progress=False)
    with pytest.raises(TrainingError, match=r"began with .*one, not with .*two: leave `start_from` out"):
        fit(longer, batches(longer), tmp_path / "run", start_from=tmp_path / "two", progress=False)
    with pytest.raises(TrainingError, match="began with random weights, not with"):
        fit(small, batches(small), tmp_path / "two", start_from=tmp_path / "one", progress=False)
    monkeypatch.chdir(tmp_path)
    result = fit(longer, batches(longer), "run", start_from="one", progress=False)
    assert result.rows[-1]["step"] == 6


def test_a_run_made_longer_and_stopped_gives_its_latest_weights(recipe, batches, tmp_path):
    small = recipe("compact", "schedule=constant")
    fit(small, batches(small), tmp_path, progress=False)
    assert find(tmp_path) == tmp_path / "generator.npz"
    longer = replace(small, steps=8)
    with pytest.raises(Stop):
        fit(longer, stop_at(6, batches(longer)), tmp_path, progress=False)
    assert generator_arrays(tmp_path)[1]["step"] == 6
    fit(longer, batches(longer), tmp_path, progress=False)
    assert find(tmp_path) == tmp_path / "generator.npz"


def test_several_steps_in_a_call_are_the_steps_one_by_one(recipe, batches, tmp_path, capsys):
    """Also where neither an epoch nor the run is a multiple of them, and in what is shown."""
    several = recipe("compact", "steps=5", "steps_per_epoch=3", "steps_per_call=2", "schedule=constant")
    if keras.config.backend() == "torch":
        with pytest.raises(RecipeError, match="steps_per_call must be 1 on torch, not 2"):
            fit(several, batches(several), tmp_path / "run", progress=False)
        return
    one = replace(several, steps_per_call=1)
    expected = fit(one, batches(one), tmp_path / "one", progress=False)
    result = fit(several, batches(several), tmp_path / "run")
    for a, b in zip(arrays(expected.generator).values(), arrays(result.generator).values(), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-5)
    shown = [line.split(":")[0] for line in capsys.readouterr().err.splitlines() if "a step" in line]
    assert shown == ["step 3", "step 5"]


def test_a_run_moves_to_a_machine_that_takes_more_steps_a_call_in_another_precision(
    recipe, batches, tmp_path
):
    """As to a GPU and back: the optimizer and the batches go on, and what has changed is said."""
    here = recipe("compact", "steps=6", "schedule=constant")
    fast = ["steps_per_call=2"] * (keras.config.backend() != "torch")
    there = recipe("compact", "steps=6", "schedule=constant", "precision=mixed_bfloat16", *fast)
    whole = fit(here, batches(here), tmp_path / "whole", progress=False)
    said: list[str] = []
    for step, one in ((2, here), (4, there)):
        with pytest.raises(Stop):
            fit(one, stop_at(step, batches(one)), tmp_path / "run", progress=False, say=said.append)
    moved = fit(here, batches(here), tmp_path / "run", progress=False, say=said.append)
    told = [line.split(": ")[1] for line in said if " up to step " in line]
    assert told == [
        "float32 up to step 2, mixed_bfloat16 from there on",
        "mixed_bfloat16 up to step 4, float32 from there on",
    ]
    begun = np.concatenate([a.ravel() for a in arrays(build_model(here).generator).values()])
    ends = [np.concatenate([a.ravel() for a in arrays(run.generator).values()]) for run in (whole, moved)]
    assert np.linalg.norm(ends[1] - ends[0]) < 0.1 * np.linalg.norm(ends[0] - begun)
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["precision"] == "float32"


def test_a_run_does_not_move_to_float16_whose_optimizer_is_another(recipe, batches, tmp_path):
    small = recipe("compact", "steps=4", "schedule=constant")
    with pytest.raises(Stop):
        fit(small, stop_at(2, batches(small)), tmp_path / "run", progress=False)
    other = replace(small, precision="mixed_float16")
    with pytest.raises(TrainingError, match="precision is 'float32' there and 'mixed_float16' here"):
        fit(other, batches(other), tmp_path / "run", progress=False)


@pytest.mark.once
def test_float16_follows_vgg19(recipe, batches, tmp_path):
    """Where the scaled loss is too large for float16 a step is left out and the scale halved."""
    moves = []
    for precision in ("float32", "mixed_float16"):
        one = recipe("srresnet_vgg54", f"precision={precision}", "steps=8", "ema=0", "normalization=none")
        start = arrays(build_model(one).generator)
        end = arrays(fit(one, batches(one), tmp_path / precision, progress=False).generator)
        moves.append(np.concatenate([(end[key] - start[key]).ravel() for key in start]))
    a, b = moves
    assert a @ b > 0.7 * np.linalg.norm(a) * np.linalg.norm(b) > 0


@pytest.mark.parametrize("name", ["compact", "srgan_mse"])
def test_float16_learns_from_gradients_that_it_cannot_hold(name, recipe, batches, tmp_path):
    """The mean squared error of so small a weight has gradients below float16's smallest number."""
    tiny = recipe(
        name, "precision=mixed_float16", "mse=1e-7", "l1=0", "luma=0", "ema=0", "optimizer=adam",
        "weight_decay=0", "learning_rate=0.01", "warmup_steps=0", "schedule=constant",
    )  # fmt: skip
    tiny = replace(tiny, adversarial=1e-7 if tiny.is_gan else 0.0)
    start = arrays(build_model(tiny).generator)
    whole = fit(tiny, batches(tiny), tmp_path / "whole", progress=False)
    moved = [not np.array_equal(start[key], a) for key, a in arrays(whole.generator).items()]
    assert np.mean(moved) > 0.9
    with pytest.raises(Stop):
        fit(tiny, stop_at(2, batches(tiny)), tmp_path / "run", progress=False)
    again = fit(tiny, batches(tiny), tmp_path / "run", progress=False)
    assert same(arrays(whole.generator), arrays(again.generator))


def test_a_run_that_diverges_stops_and_keeps_the_last_good_state(recipe, batches, tmp_path):
    small = recipe("srresnet_mse")

    def poisoned(start, steps):
        data = batches(small)(start, steps)
        if start >= 2:
            good = data[0]
            type(data).__getitem__, original = (
                (lambda self, i: (good[0], good[1] * np.nan)),
                type(data).__getitem__,
            )
            poisoned.restore = lambda: setattr(type(data), "__getitem__", original)
        return data

    try:
        with pytest.raises(TrainingError, match=r"diverged after step 2 .*learning_rate"):
            fit(small, poisoned, tmp_path / "run", progress=False)
    finally:
        poisoned.restore()
    saved, meta = store.read(tmp_path / "run" / checkpoints.STATE)
    assert meta["step"] == 2
    assert all(np.isfinite(a).all() for a in saved.values())
    assert fit(small, batches(small), tmp_path / "run", progress=False).rows[-1]["step"] == 4


def test_a_full_disk_keeps_the_checkpoint_before(recipe, batches, tmp_path, monkeypatch):
    small = recipe("compact")
    with pytest.raises(Stop):
        fit(small, stop_at(2, batches(small)), tmp_path / "run", progress=False)
    before = (tmp_path / "run" / checkpoints.STATE).read_bytes()

    def full(file, **kwargs):
        file.write(b"half a checkpoint")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store.np, "savez", full)
    with pytest.raises(TrainingError, match="the disk is full"):
        fit(small, batches(small), tmp_path / "run", progress=False)
    assert (tmp_path / "run" / checkpoints.STATE).read_bytes() == before
    assert not list((tmp_path / "run").glob("*.part"))


def test_a_gan_starts_from_the_weights_of_another_run(recipe, batches, tmp_path):
    first = recipe("srresnet_mse")
    start = fit(first, batches(first), tmp_path / "srresnet", progress=False)
    gan = replace(recipe("srgan_mse"), learning_rate=1e-12, discriminator_learning_rate=1e-12)
    result = fit(gan, batches(gan), tmp_path / "gan", start_from=tmp_path / "srresnet", progress=False)
    kernel = "block01_conv1/kernel"
    np.testing.assert_allclose(arrays(result.generator)[kernel], arrays(start.generator)[kernel], atol=1e-6)


def test_weights_of_another_network_are_refused_and_named(recipe, batches, tmp_path):
    small = recipe("compact")
    fit(small, batches(small), tmp_path / "run", progress=False)
    gan = recipe("srgan_mse")
    with pytest.raises(WeightsError, match="another network than srresnet"):
        fit(gan, batches(gan), tmp_path / "gan", start_from=tmp_path / "run", progress=False)
    wider = recipe("compact", "features=12")
    with pytest.raises(WeightsError, match=r"head_conv/kernel is \(3, 3, 3, 8\), expected \(3, 3, 3, 12\)"):
        fit(wider, batches(wider), tmp_path / "wide", start_from=tmp_path / "run", progress=False)


def test_weights_of_another_activation_are_refused_though_every_shape_is_theirs(recipe, batches, tmp_path):
    leaky = recipe("lite")
    fit(leaky, batches(leaky), tmp_path / "run", progress=False)
    curved = recipe("lite", "activation=")
    with pytest.raises(
        WeightsError, match=r"activation=leakyrelu, the recipe has activation=silu: add `acti"
    ):
        fit(curved, batches(curved), tmp_path / "silu", start_from=tmp_path / "run", progress=False)
    said = recipe("compact", "activation=prelu")
    fit(said, batches(said), tmp_path / "said", progress=False)
    meant = recipe("compact")
    fit(meant, batches(meant), tmp_path / "meant", start_from=tmp_path / "said", progress=False)


def test_a_damaged_checkpoint_is_refused(recipe, batches, tmp_path):
    small = recipe("compact")
    with pytest.raises(Stop):
        fit(small, stop_at(2, batches(small)), tmp_path / "run", progress=False)
    state = tmp_path / "run" / checkpoints.STATE
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="damaged"):
        fit(small, batches(small), tmp_path / "run", progress=False)


def test_what_a_callback_adds_is_logged(recipe, batches, tmp_path):
    class Score(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["Set5_psnr"] = 30.0 + epoch

    small = recipe("compact")
    result = fit(small, batches(small), tmp_path / "run", callbacks=[Score()], progress=False)
    assert [row["Set5_psnr"] for row in result.rows] == [30.0, 31.0]


class TestSchedule:
    def rates(self, schedule, steps):
        return [float(keras.ops.convert_to_numpy(schedule(s))) for s in steps]

    def test_the_papers_schedule_falls_to_a_tenth_at_half_time(self):
        rates = self.rates(Schedule(1e-4, "step", 200_000), [0, 99_999, 100_000, 199_999])
        assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5])

    def test_cosine_ends_at_zero_and_passes_half_at_half_time(self):
        rates = self.rates(Schedule(1.0, "cosine", 100), [0, 50, 100])
        assert rates == pytest.approx([1.0, 0.5, 0.0], abs=1e-6)

    def test_cooldown_is_constant_and_then_falls_along_a_line(self):
        rates = self.rates(Schedule(1.0, "cooldown", 100), [0, 75, 80, 99, 100])
        assert rates == pytest.approx([1.0, 1.0, 0.8, 0.04, 0.0])

    def test_warmup_rises_linearly_to_the_peak(self):
        rates = self.rates(Schedule(1.0, "constant", 100, warmup=4), [0, 1, 3, 50])
        assert rates == pytest.approx([0.25, 0.5, 1.0, 1.0])
