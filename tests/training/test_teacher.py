"""A teacher: what it makes of LR is one more target, and nothing of it is trained."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

keras = pytest.importorskip("keras")

from keras import ops

import keras_sr
from keras_sr.errors import RecipeError, WeightsError
from keras_sr.images.resize import imresize
from keras_sr.losses import with_colours_of
from keras_sr.training.build import build_model
from keras_sr.training.recipe import Recipe
from keras_sr.training.shrink import bicubic_shrinker
from keras_sr.weights.load import load

TAUGHT = Recipe(
    name="taught",
    generator="compact",
    features=24,
    blocks=8,
    teacher="compact_x4",
    teacher_l1=1.0,
    crop=32,
    batch_size=2,
    steps=2,
    steps_per_epoch=2,
)


def logged(model, batch):
    model.reset_metrics()
    model.test_on_batch(*batch)
    return {name: float(ops.convert_to_numpy(one.result())) for name, one in model.trackers.items()}


def shown_by(lr):
    return np.clip(ops.convert_to_numpy(load("compact_x4")(lr)), 0, 1)


def test_the_term_is_the_distance_to_what_the_teacher_makes_of_the_same_lr(batches):
    recipe = replace(TAUGHT, l1=1.0)
    model = build_model(recipe)
    lr, hr = batches(recipe)(0, 1)[0]
    values = logged(model, (lr, hr))
    shown = ops.convert_to_numpy(with_colours_of(ops.convert_to_tensor(shown_by(lr)), hr))
    sr = ops.convert_to_numpy(model.generator(lr))
    np.testing.assert_allclose(values["teacher_l1"], 2 * np.abs(sr - shown).mean(), rtol=1e-4)
    np.testing.assert_allclose(values["l1"], 2 * np.abs(sr - hr).mean(), rtol=1e-4)


def test_a_teacher_that_sees_clean_lr_shows_hr_without_its_damage(batches):
    # HR of noise and hard edges: what stands between MATLAB's shrinking and another shows.
    rng = np.random.default_rng(0)
    hr = rng.random((2, 32, 32, 3)).astype("float32")
    hr[:, :, 16:] = hr[:, :, 16:] > 0.5
    damaged = np.full((2, 8, 8, 3), 0.5, "float32")
    model = build_model(replace(TAUGHT, teacher_sees="clean"))
    value = logged(model, (damaged, hr))["teacher_l1"]
    clean = np.stack([imresize(picture, 0.25) for picture in hr.astype("float64")]).clip(0, 1)
    shown = ops.convert_to_tensor(shown_by(clean.astype("float32")))
    shown = ops.convert_to_numpy(with_colours_of(shown, hr))
    sr = ops.convert_to_numpy(model.generator(damaged))
    np.testing.assert_allclose(value, 2 * np.abs(sr - shown).mean(), rtol=1e-4)


def test_a_teacher_that_sees_sharp_lr_shows_what_it_makes_of_that(batches):
    recipe = replace(TAUGHT, teacher_sees="sharp", degradation="web")
    model = build_model(recipe)
    lr, hr = batches(recipe)(0, 1)[0]
    sharp = np.random.default_rng(2).random(lr.shape, "float32")
    value = logged(model, ((lr, sharp), hr))["teacher_l1"]
    shown = ops.convert_to_numpy(with_colours_of(ops.convert_to_tensor(shown_by(sharp)), hr))
    sr = ops.convert_to_numpy(model.generator(lr))
    np.testing.assert_allclose(value, 2 * np.abs(sr - shown).mean(), rtol=1e-4)


def test_a_whole_run_takes_two_lr(tmp_path, monkeypatch):
    # So short a run would end before its networks are looked at.
    monkeypatch.setattr("keras_sr.training.diagnosis.PATIENCE", 1)
    rng = np.random.default_rng(0)
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        small = Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8))
        small.resize((200, 150), Image.Resampling.BICUBIC).save(photos / f"{i}.png")
    options = {"teacher_sees": "sharp", "teacher": "compact_x4", "teacher_l1": 1.0, "degradation": "web"}
    keras_sr.train("compact", photos, tmp_path / "run", smoke=True, settings=options)
    assert "teacher_l1" in (tmp_path / "run" / "log.csv").read_text()


def test_there_is_no_blur_to_leave_out_of_bicubic_lr():
    with pytest.raises(RecipeError, match="degradation=bicubic has none"):
        replace(TAUGHT, teacher_sees="sharp")


@pytest.mark.parametrize(("side", "scale"), [(32, 4), (36, 3), (30, 2), (16, 1)])
def test_hr_is_shrunk_as_the_benchmarks_shrink_it(side, scale):
    hr = np.random.default_rng(1).random((2, side, side, 3)).astype("float32")
    expected = np.stack([imresize(picture, 1 / scale) for picture in hr.astype("float64")]).clip(0, 1)
    last = bicubic_shrinker(side, scale, "channels_last")(ops.convert_to_tensor(hr))
    np.testing.assert_allclose(ops.convert_to_numpy(last), expected, atol=2e-6)
    first = bicubic_shrinker(side, scale, "channels_first")(ops.convert_to_tensor(hr.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(ops.convert_to_numpy(first), expected.transpose(0, 3, 1, 2), atol=2e-6)


def test_a_student_with_the_teachers_weights_has_nothing_to_learn_from_it(batches):
    model = build_model(TAUGHT)
    model.generator.set_weights(load("compact_x4").get_weights())
    lr, _ = batches(TAUGHT)(0, 1)[0]
    # What is left is what the teacher gives beyond black and white, which its picture does not hold.
    sr = ops.convert_to_numpy(model.generator(lr))
    beyond = 2 * np.abs(sr - np.clip(sr, 0, 1)).mean()
    np.testing.assert_allclose(logged(model, (lr, shown_by(lr)))["teacher_l1"], beyond, atol=1e-5)


def test_a_teachers_colours_are_put_right_and_its_detail_is_kept():
    rng = np.random.default_rng(0)
    hr = np.broadcast_to(np.float32([0.2, 0.6, 0.4]), (1, 48, 48, 3))
    checks = np.where(np.add.outer(np.arange(48), np.arange(48)) % 2, 0.1, -0.1)[None, ..., None]
    wrong = (0.9 * hr + 0.05 + checks).astype("float32")
    for data_format in ("channels_last", "channels_first"):
        turn = (0, 1, 2, 3) if data_format == "channels_last" else (0, 3, 1, 2)
        back = (0, 1, 2, 3) if data_format == "channels_last" else (0, 2, 3, 1)
        right = with_colours_of(
            ops.convert_to_tensor(wrong.transpose(turn)),
            ops.convert_to_tensor(np.ascontiguousarray(hr.transpose(turn))),
            data_format,
        )
        right = ops.convert_to_numpy(right).transpose(back)
        np.testing.assert_allclose(right, hr + checks, atol=1e-6)
    same = rng.random((1, 50, 40, 3)).astype("float32")
    np.testing.assert_allclose(ops.convert_to_numpy(with_colours_of(same, same)), same, atol=1e-6)


def test_training_brings_the_student_nearer_and_leaves_the_teacher_as_it_was(batches):
    model = build_model(replace(TAUGHT, learning_rate=1e-3))
    batch = batches(TAUGHT)(0, 1)[0]
    before = logged(model, batch)["teacher_l1"]
    for _ in range(15):
        model.train_on_batch(*batch)
    assert logged(model, batch)["teacher_l1"] < 0.95 * before
    for a, b in zip(model.teacher.get_weights(), load("compact_x4").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_gan_takes_a_teacher_too(batches):
    recipe = replace(TAUGHT, adversarial=1e-2, discriminator_features=8)
    model = build_model(recipe)
    history = model.fit(batches(recipe)(0, 2), verbose=0).history
    assert {"teacher_l1", "adversarial", "d_hr"} <= set(history)
    assert np.isfinite(history["teacher_l1"]).all()


def test_brightness_alone_may_be_learned_from_a_teacher(batches):
    model = build_model(replace(TAUGHT, teacher_l1=0.0, teacher_luma=1.0))
    history = model.fit(batches(TAUGHT)(0, 2), verbose=0).history
    assert 0 < history["teacher_luma"][0] == pytest.approx(history["loss"][0])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"teacher": ""}, "those need a teacher"),
        ({"teacher_l1": 0.0, "l1": 1.0}, "a teacher needs a weight"),
        ({"teacher": "", "teacher_l1": 0.0, "l1": 1.0, "teacher_sees": "clean"}, "there is no teacher"),
        ({"scale": 2}, "enlarges x4: expected x2; take another, or scale=4"),
        ({"teacher_l1": 0.0, "teacher_content": 1.0, "content_layers": ()}, "content_layers must name"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused_in_a_line(fields, text):
    with pytest.raises(RecipeError, match=text):
        build_model(replace(TAUGHT, **fields))


def test_a_teacher_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nobody\.pth"):
        build_model(replace(TAUGHT, teacher=str(tmp_path / "nobody.pth")))
