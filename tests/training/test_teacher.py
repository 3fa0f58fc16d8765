"""A teacher: what it makes of LR is one more target, and nothing of it is trained."""

from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import ops

from keras_sr.errors import RecipeError, WeightsError
from keras_sr.training.build import build_model
from keras_sr.training.recipe import Recipe
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


def test_the_term_is_the_distance_to_what_the_teacher_makes_of_the_same_lr(batches):
    recipe = replace(TAUGHT, l1=1.0)
    model = build_model(recipe)
    lr, hr = batches(recipe)(0, 1)[0]
    values = logged(model, (lr, hr))
    shown = np.clip(ops.convert_to_numpy(load("compact_x4")(lr)), 0, 1)
    sr = ops.convert_to_numpy(model.generator(lr))
    np.testing.assert_allclose(values["teacher_l1"], 2 * np.abs(sr - shown).mean(), rtol=1e-4)
    np.testing.assert_allclose(values["l1"], 2 * np.abs(sr - hr).mean(), rtol=1e-4)


def test_a_student_with_the_teachers_weights_has_nothing_to_learn_from_it(batches):
    model = build_model(TAUGHT)
    model.generator.set_weights(load("compact_x4").get_weights())
    lr, hr = batches(TAUGHT)(0, 1)[0]
    # What is left is what the teacher gives beyond black and white, which its picture does not hold.
    sr = ops.convert_to_numpy(model.generator(lr))
    beyond = 2 * np.abs(sr - np.clip(sr, 0, 1)).mean()
    np.testing.assert_allclose(logged(model, (lr, hr))["teacher_l1"], beyond, atol=1e-5)


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


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"teacher": ""}, "those need a teacher"),
        ({"teacher_l1": 0.0, "l1": 1.0}, "a teacher needs a weight"),
        ({"scale": 2}, "enlarges x4: x2 is expected"),
        ({"teacher_l1": 0.0, "teacher_content": 1.0, "content_layers": ()}, "content_layers must name"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused_in_a_line(fields, text):
    with pytest.raises(RecipeError, match=text):
        build_model(replace(TAUGHT, **fields))


def test_a_teacher_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nobody\.pth"):
        build_model(replace(TAUGHT, teacher=str(tmp_path / "nobody.pth")))
