"""Training on one's own pictures: what is left out, what is measured on, and whether it got better."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras")

from PIL import Image, ImageFilter

from keras_sr.data.audit import audit
from keras_sr.data.sources import ArraySource
from keras_sr.errors import TrainingError
from keras_sr.images.pair import Pair
from keras_sr.images.plain import write_plain
from keras_sr.images.resize import imresize
from keras_sr.recipes import get
from keras_sr.tasks import held_out, photographs
from keras_sr.tasks.held_out import Measured, judge
from keras_sr.tasks.photographs import decide, kept
from keras_sr.tasks.progress import ignore
from keras_sr.tasks.run_page import write_page
from keras_sr.tasks.train import train
from keras_sr.weights import store


def picture(seed, side=96):
    return imresize(np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), np.uint8), 8)


def photo(seed, side=96):
    rough = np.random.default_rng(seed + 1000).integers(-40, 40, (side, side, 3))
    return np.clip(picture(seed, side).astype(int) + rough, 0, 255).astype(np.uint8)


def source(count):
    return ArraySource(
        [photo(k) for k in range(count)], scale=4, names=[f"p/{k:02d}.png" for k in range(count)]
    )


def measured(gain, noise=0.02, start="lite_x4", **more):
    rng = np.random.default_rng(0)
    before = {f"{k}": 28.0 + k for k in range(10)}
    after = {name: value + gain + noise * rng.standard_normal() for name, value in before.items()}
    bicubic = {name: value - 2 for name, value in before.items()}
    return Measured(
        "held_out", "psnr", start=start, bicubic=bicubic, steps=((0, before), (100, after)), **more
    )


@pytest.fixture
def looks_at_few(monkeypatch):
    """The audit looks at a quarter of the pictures, as it does of many thousands."""
    monkeypatch.setattr(
        photographs, "audit", lambda source, progress, paired: audit(source, len(source) // 4)
    )


@pytest.mark.usefixtures("looks_at_few")
def test_of_many_photographs_all_are_compared_with_the_set_that_is_measured(tmp_path):
    for k in (5, 6):
        write_plain(tmp_path / f"{k}.png", photo(k))
    pairs = [Pair(str(k), tmp_path / f"{k}.png") for k in (5, 6)]
    plan = decide(source(24), pairs, True, ignore)
    assert plan.left_out == ("p/05.png", "p/06.png")
    assert "2 of the photographs are pictures that the run is measured on" in plan.lines[-1]


@pytest.mark.usefixtures("looks_at_few")
def test_of_many_photographs_no_double_of_one_held_out_is_trained_on():
    once = source(24)
    twice = ArraySource(once.hr * 2, scale=4, names=[*once.names, *(f"q/{k:02d}.png" for k in range(24))])
    plan = decide(twice, (), True, ignore)
    trained = {name[2:] for name in twice.names if name not in {*plan.held, *plan.left_out}}
    assert len(plan.held) == 10
    assert len(trained) > 10
    held = {name[2:] for name in plan.held}
    assert held.isdisjoint(trained)


def test_better_by_so_much():
    verdict = judge(measured(0.3))
    assert verdict.state == "better"
    assert verdict.line.startswith("better by 0.3")
    assert "dB of PSNR than lite_x4 (32.50 dB before, 32." in verdict.line
    assert "10 pictures of held_out" in verdict.line


@pytest.mark.parametrize(("after", "count"), [({"a": 29.0}, 1), ({"b": 29.0}, 0)])
def test_one_picture_is_no_verdict(after, count):
    verdict = judge(Measured("set", "psnr", start="lite_x4", steps=((0, {"a": 28.0}), (100, after))))
    assert verdict.state == "unknown"
    assert verdict.line == (
        "lite_x4, 28.00 dB before, 29.00 dB at step 100: a verdict needs two pictures or more, and "
        f"{count} was measured"
    )


@pytest.mark.parametrize(("gain", "noise", "state"), [(-0.1, 0.02, "worse"), (0.001, 0.1, "same")])
def test_no_better_leaves_the_old_weights_advised(gain, noise, state):
    verdict = judge(measured(gain, noise))
    assert verdict.state == state
    assert verdict.line.startswith("no better than lite_x4")
    assert verdict.line.endswith("the old weights stay the ones to use: lite_x4")


def test_a_run_from_noise_is_compared_with_bicubic():
    assert judge(measured(0.0, start="")).line.startswith("better by 2.0")
    assert "than bicubic" in judge(measured(0.0, start="")).line


def test_the_best_step_counts_not_the_last():
    one = measured(0.3)
    worse = {name: value - 3 for name, value in one.steps[1][1].items()}
    later = replace(one, steps=(*one.steps, (200, worse)))
    assert "at step 100" in judge(later).line


def test_lower_is_better_for_lpips():
    values = {str(k): 0.3 for k in range(5)}
    lower = {name: value - 0.05 - 0.001 * int(name) for name, value in values.items()}
    one = Measured("x", "lpips", start="old", bicubic=values, steps=((0, values), (10, lower)))
    assert judge(one).state == "better"
    assert judge(replace(one, steps=((0, lower), (10, values)))).state == "worse"


def test_pictures_that_it_learned_from_are_said():
    one = measured(0.3, trained_on=("1", "2"))
    assert "measured on its own training pictures (2 of 10)" in judge(one).line


def test_nothing_measured_is_no_verdict():
    assert judge(Measured("x", "psnr")).state == "unknown"


def test_pictures_are_held_out_by_name_and_not_trained_on(tmp_path):
    plan = decide(source(24), (), True, ignore)
    assert len(plan.held) == 10
    assert plan.seen == ()
    assert plan == decide(source(24), (), True, ignore)
    pairs = photographs.save_held(source(24), plan.held, tmp_path)
    assert len(pairs) == 10
    assert all(pair.hr.is_file() and pair.lr.is_file() for pair in pairs)


@pytest.mark.parametrize("with_lr", [True, False])
def test_a_blurred_truth_is_left_out_unless_it_came_with_its_lr(with_lr, tmp_path):
    for kind in ("HR", "LR"):
        (tmp_path / "pairs" / kind).mkdir(parents=True)
    for k in range(4):
        hr = photo(k)
        if k == 2:
            hr = np.array(Image.fromarray(hr).filter(ImageFilter.GaussianBlur(3)))
        write_plain(tmp_path / "pairs" / "HR" / f"{k}.png", hr)
        if with_lr:
            write_plain(tmp_path / "pairs" / "LR" / f"{k}x2.png", imresize(hr, 1 / 2))
    recipe = get("compact", smoke=True, overrides=["scale=2"])
    folder = tmp_path / "pairs" / ("" if with_lr else "HR")
    (tmp_path / "run").mkdir()
    plan = photographs.prepare([folder], recipe, tmp_path / "run").plan
    assert len(plan.left_out) == (not with_lr)
    assert ("came with their LR" in plan.lines[0]) == with_lr


def test_three_pictures_are_measured_on_themselves_and_said():
    plan = decide(source(3), (), True, ignore)
    assert plan.held == plan.seen == ("p/00.png", "p/01.png", "p/02.png")
    assert "too few to hold any out" in plan.lines[-1]


def test_nothing_is_held_out_where_nothing_is_to_be_measured():
    assert decide(source(24), (), False, ignore).held == ()


def test_at_scale_1_clean_pictures_judge_no_run(tmp_path, caplog):
    """What changes least would be the best: LR without damage is HR."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for k in range(4):
        write_plain(photos / f"{k}.png", photo(k))
    small = ["scale=1", "crop=32", "steps=2", "steps_per_epoch=1", "features=8", "blocks=1", "batch_size=2"]
    with caplog.at_level("INFO"):
        run = train("photo_psnr", [photos], settings=small, out=tmp_path / "run", evaluate=[photos])
    assert "at scale 1 pictures without damage have nothing to measure" in caplog.text
    assert run.verdict is None
    meta = store.read(run.weights)[1]
    assert (meta["step"], meta["best_step"]) == (2, 2)


def test_pictures_of_the_set_to_measure_on_are_left_out(tmp_path):
    own = source(6)
    pairs = [Pair(f"{k}", write_plain(tmp_path / f"{k}.png", own.hr[k]), None) for k in (1, 4)]
    plan = decide(own, pairs, True, ignore)
    assert plan.left_out == ("p/01.png", "p/04.png")
    assert (
        "2 of the photographs are pictures that the run is measured on (p/01.png): left out" in plan.lines[-1]
    )
    every = [Pair(f"{k}", write_plain(tmp_path / f"{k}.png", own.hr[k]), None) for k in range(6)]
    plan = decide(own, every, True, ignore)
    assert plan.left_out == ()
    assert plan.seen == ("0", "1", "2", "3", "4", "5")


def test_a_resumed_run_keeps_to_its_plan(tmp_path):
    plan = decide(source(24), (), True, ignore)
    (tmp_path / "audit.json").write_text(json.dumps(plan.__dict__))
    assert kept(tmp_path, 24) is None  # no checkpoint yet
    (tmp_path / "state.npz").touch()
    assert kept(tmp_path, 24) == plan
    assert kept(tmp_path, 25) is None


def test_what_was_measured_is_read_again(tmp_path):
    one = measured(0.1)
    held_out.write(tmp_path, one)
    assert held_out.read(tmp_path) == one
    assert held_out.read(tmp_path / "absent") is None


@pytest.fixture
def run(tmp_path):
    recipe = {"name": "lite", "scale": 4, "steps": 200, "l1": 1.0}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    (tmp_path / "versions.json").write_text(json.dumps({"backend": "tensorflow"}))
    rows = [{"step": k, "seconds": 60.0, "l1": 0.1 / k, "held_out_psnr": 30.0} for k in (50, 100)]
    signs = [{"key": "won", "step": 90, "line": "step 90: the discriminator has won <b>"}]
    store.save(tmp_path / "state.npz", {}, {"step": 100, "rows": rows, "signs": signs, "start": "lite_x4"})
    held_out.write(tmp_path, measured(0.3))
    for kind in ("bicubic", "step_00000000", "step_00000100", "truth"):
        write_plain(tmp_path / "samples" / f"0.{kind}.png", photo(0, 64))
    return tmp_path


def test_the_page_of_a_run_holds_the_truth_about_it(run):
    text = write_page(run, ["1 picture is blurred (a.png): left out"]).read_text("utf-8")
    for said in (
        "Better by 0.3", "step 0 (lite_x4)", "bicubic", "95 % interval", "Step 100 of 200, 0.03 hours",
        "1 picture is blurred", "has won &lt;b&gt;", "<polyline", "0: before", "0: after", "0: truth",
        "keras-sr train lite --data PHOTOS --out", "keras-sr upscale IN -o OUT -n", "l1 = 1.0",
    ):  # fmt: skip
        assert said in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert text.count("data:image/png;base64,") == 4


def test_a_page_needs_a_run(tmp_path):
    with pytest.raises(TrainingError, match="holds no run"):
        write_page(tmp_path)
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(TrainingError, match="no checkpoint yet"):
        write_page(tmp_path)
