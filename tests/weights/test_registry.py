import shlex

import numpy as np
import pytest

from keras_sr.errors import WeightsError
from keras_sr.files import sha256
from keras_sr.weights import registry, store


@pytest.mark.parametrize("name", registry.names())
def test_a_passport_belongs_to_its_files(name):
    passport = registry.passport(name)
    assert passport.name == name
    assert passport.sha256 == {"npz": sha256(registry.weights_path(name))}
    assert all((passport.licence, passport.data, passport.command, passport.hardware))
    assert len(passport.commit) == 40
    assert passport.scores["Set5"]["psnr"] > 28.43  # bicubic's


@pytest.mark.parametrize("name", registry.names())
def test_the_command_gives_the_recipe(name):
    pytest.importorskip("keras")
    from keras_sr import recipes
    from keras_sr.training.recipe import as_json, from_json

    passport = registry.passport(name)
    program, verb, recipe, *options = shlex.split(passport.command)
    assert [program, verb, options[0]] == ["keras-sr", "train", "--data"]
    # pairs/: what scripts/taught_pairs.py made of photos/.
    assert options[1] == ("pairs/" if "taught_pairs" in passport.data else "photos/")
    settings = [options[i + 1] for i, option in enumerate(options) if option == "--set"]
    meant = as_json(recipes.get(recipe, quick="--quick" in options, overrides=settings))
    there = as_json(from_json(passport.recipe))
    # What says what to expect, and how often to save, changes no weight.
    for field in ("expect", "steps_per_epoch", "snapshot_every"):
        del meant[field], there[field]
    assert meant == there


def test_nothing_lies_beside_the_registry_that_it_does_not_name():
    files = {path.name for path in registry.FILES.iterdir()}
    assert files == {f"{name}{suffix}" for name in registry.NAMES for suffix in (".npz", ".json")}


@pytest.mark.parametrize("name", registry.names())
def test_weights_that_ship_hold_nothing_of_their_training(name):
    arrays, _ = store.read(registry.weights_path(name))
    assert not {key.partition("/")[0] for key in arrays} & {"optimizer", "generator", "ema_generator"}


def test_the_default_ships():
    assert registry.DEFAULT in registry.NAMES
    for scale, name in registry.BY_SCALE.items():
        assert registry.passport(name).scale == scale


def test_unknown_weights_list_the_known_ones():
    with pytest.raises(WeightsError, match="compact_x4"):
        registry.passport("compact")


@pytest.mark.parametrize("name", registry.names())
def test_the_engine_computes_what_keras_computes(name):
    keras = pytest.importorskip("keras")
    from keras_sr.inference.engines import open_engine
    from keras_sr.weights.load import load

    lr = np.random.default_rng(0).random((1, 17, 23, 3), "float32")
    expected = keras.ops.convert_to_numpy(load(name)(lr))
    got = open_engine(registry.weights_path(name)).run(lr)
    assert expected.std() > 0.1
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.once
@pytest.mark.shared
@pytest.mark.parametrize("name", registry.names())
def test_the_passports_score_is_reached(name, shared_data):
    from keras_sr import upscale
    from keras_sr.evaluation.score import score
    from keras_sr.evaluation.sets.layouts import find_pairs
    from keras_sr.inference.engines import open_engine

    passport, engine = registry.passport(name), open_engine(registry.weights_path(name))
    pairs = find_pairs(shared_data / "benchmark" / "Set5", passport.scale)
    result = score(lambda lr: upscale(lr, engine), pairs, passport.scale)
    assert result.psnr == pytest.approx(passport.scores["Set5"]["psnr"], abs=0.002)
    assert result.ssim == pytest.approx(passport.scores["Set5"]["ssim"], abs=0.0002)
