import re
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("keras")

from keras_sr.errors import RecipeError
from keras_sr.recipes import RECIPES, get
from keras_sr.recipes.quick import QUICK
from keras_sr.tasks.recipe_fields import as_markdown, fields_as_lines
from keras_sr.training.recipe import RULES, SMOKE, Recipe, as_json, from_json, override, smoke
from keras_sr.weights import registry

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_carries_its_own_name_and_a_page_of_its_own(name):
    assert get(name).name == name
    assert f"keras-sr train {name}" in RECIPES[name].__doc__


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe_survives_json(name):
    recipe = get(name)
    assert from_json(as_json(recipe)) == recipe


#: Those of the paper.
VARIANTS = [f"{net}_{content}" for net in ("srresnet", "srgan") for content in ("mse", "vgg22", "vgg54")]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_six_variants_use_what_their_name_says(name):
    """The first Keras implementation's notebook called VGG54 trained on block2_conv2."""
    recipe = get(name)
    network, content = name.split("_")
    assert recipe.is_gan == (network == "srgan")
    assert (recipe.mse > 0) == (content == "mse")
    if content != "mse":
        assert recipe.content_layers == ({"vgg22": "block2_conv2", "vgg54": "block5_conv4"}[content],)
        assert not recipe.content_before_activation
    if name != "srresnet_mse":
        assert recipe.start_from == "srresnet_mse"
    if recipe.is_gan:
        assert recipe.adversarial == 1e-3


def test_the_papers_settings_are_the_defaults():
    recipe = get("srresnet_mse")
    assert (recipe.crop, recipe.batch_size, recipe.scale) == (96, 16, 4)
    assert (recipe.steps, recipe.learning_rate, recipe.beta_1) == (1_000_000, 1e-4, 0.9)
    assert (recipe.blocks, recipe.features, recipe.normalization) == (16, 64, "batch")


def test_overrides_take_the_type_of_the_field():
    recipe = override(
        get("srgan_vgg54"),
        ["batch_size=8", "learning_rate=1e-3", "steps=2e5", "content_layers=block1_conv1, block2_conv2",
         "content_before_activation=true", "start_from="],
    )  # fmt: skip
    assert recipe.batch_size == 8
    assert recipe.learning_rate == 1e-3
    assert recipe.steps == 200_000
    assert recipe.content_layers == ("block1_conv1", "block2_conv2")
    assert recipe.content_before_activation is True
    assert recipe.start_from == ""


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("batchsize=8", "batch_size"),
        ("batch_size", "field=value"),
        ("batch_size=many", "type int"),
        ("batch_size=2.5", "type int"),
        ("batch_size=0", "at least 1"),
        ("crop=90", "multiple of the scale"),
        ("schedule=linear", "constant, cosine, step, cooldown"),
        ("precision=half", "mixed_bfloat16"),
        ("ema=1", "ema"),
        ("weight_decay=-1", "weight_decay"),
        ("learning_rate=-1", "learning_rate"),
        ("warmup_steps=-5", "warmup_steps must be 0 or more"),
        ("seed=-1", "seed must be 0 or more"),
        ("scale=0", "scale must be at least 1"),
        ("discriminator_features=0", "discriminator_features must be at least 1"),
        ("beta_1=1.5", r"beta_1 must lie in \[0, 1\)"),
        ("mse=0", "needs a loss"),
        ("discriminator=patch", "srgan, unet"),
        ("content_distance=l2", "mse, l1"),
        ("name=x", "unknown recipe field"),
    ],
)
def test_bad_settings_say_what_is_expected(setting, words):
    with pytest.raises(RecipeError, match=words):
        override(get("srresnet_mse"), [setting])


def test_the_defaults_are_valid_and_every_field_says_what_it_means():
    recipe = Recipe(name="x", mse=1.0)
    assert list(RULES) == [one.name for one in fields(Recipe)]
    for name, rule in RULES.items():
        assert re.fullmatch(r"[A-Z].*\.", rule.meaning), name
        rule.check(name, getattr(recipe, name))


@pytest.mark.parametrize(("name", "rule"), [(k, v) for k, v in RULES.items() if v.range])
def test_every_range_that_is_listed_is_refused_beyond_its_ends(name, rule):
    beyond = [f"{name}=nonsense"] if rule.choices else [f"{name}={rule.least - 1}"]
    beyond += [f"{name}={rule.below}"] if rule.below is not None else []
    for setting in beyond:
        with pytest.raises(RecipeError, match=name):
            override(get("srresnet_mse"), [setting])


@pytest.mark.parametrize("name", ["learning_rate", "ema"])
def test_what_is_no_number_is_refused(name):
    with pytest.raises(RecipeError, match=f"{name} must .*, not nan"):
        override(get("srresnet_mse"), [f"{name}=nan"])


def test_every_listed_value_can_be_set_again():
    """What `--fields` prints is what `--set` takes."""
    for recipe in map(get, RECIPES):
        listed = [
            line.strip().partition("   (")[0] for line in fields_as_lines(recipe) if re.match("  [a-z]", line)
        ]
        assert {line.partition("=")[0] for line in listed} == RULES.keys() - {"name"}
        assert override(Recipe(name=recipe.name, mse=1.0), listed) == recipe


def test_a_choice_that_may_be_left_open_names_the_others():
    assert override(get("lite"), ["activation="]).activation == ""
    with pytest.raises(
        RecipeError, match="unknown activation 'gelu': the known ones are silu, prelu, relu, l"
    ):
        override(get("lite"), ["activation=gelu"])


def test_the_page_of_fields_is_the_recipe():
    page = (ROOT / "docs" / "recipe-fields.md").read_text("utf-8")
    assert page.endswith(as_markdown()), "run python scripts/recipe_fields.py"


def test_a_content_loss_needs_layers():
    with pytest.raises(RecipeError, match="content_layers must name one"):
        override(get("srresnet_vgg22"), ["content_layers="])


def test_weights_of_content_layers_are_numbers_and_one_a_layer():
    recipe = override(get("photo"), ["content_layers=block1_conv1,block2_conv2", "content_weights=0.5, 2"])
    assert recipe.content_weights == (0.5, 2.0)
    with pytest.raises(RecipeError, match="content_weights has 1 values for the 2 content_layers"):
        override(recipe, ["content_weights=1"])
    with pytest.raises(RecipeError, match="content_weights takes a value of type float, not 'much'"):
        override(recipe, ["content_weights=1,much"])


def test_photo_continues_photo_psnr():
    first, second = get("photo_psnr"), get("photo")
    assert second.start_from == first.name
    for field in ("generator", "features", "blocks", "scale", "degradation"):
        assert getattr(first, field) == getattr(second, field)


def test_the_gradient_penalty_is_not_taken_in_bfloat16():
    for precision in ("float32", "mixed_float16"):
        override(get("srgan_mse"), ["r1=1", f"precision={precision}"])
    with pytest.raises(RecipeError, match="take precision=float32 or mixed_float16"):
        override(get("srgan_mse"), ["r1=1", "precision=mixed_bfloat16"])


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(RecipeError, match="srgan_vgg54"):
        get("srgan")


def test_smoke_changes_sizes_and_nothing_else():
    kept = {f.name for f in fields(Recipe)} - SMOKE.keys()
    for name in RECIPES:
        recipe, small = get(name), smoke(get(name))
        assert all(getattr(recipe, field) == getattr(small, field) for field in kept)
        assert small.steps == 4


def test_quick_is_for_all_variants_of_the_paper_and_changes_no_loss_of_theirs():
    assert set(VARIANTS) <= QUICK.keys() <= RECIPES.keys()
    for name in RECIPES:
        paper, here = get(name), get(name, quick=True)
        assert here.steps <= paper.steps
        losses = ("mse", "l1", "content", "style", "content_layers", "is_gan")
        assert all(getattr(here, field) == getattr(paper, field) for field in losses)
        assert (here == paper) == (name not in QUICK)


def test_quick_variants_start_from_what_ships():
    shipped = registry.passport("srresnet_mse").recipe
    for name in VARIANTS:
        recipe = get(name, quick=True)
        for field in ("generator", "scale", "features", "blocks", "normalization", "upsampler"):
            assert getattr(recipe, field) == shipped[field], (name, field)


def test_quick_and_smoke_together_are_small():
    recipe = get("srgan_vgg54", quick=True, smoke=True)
    assert (recipe.steps, recipe.normalization, recipe.start_from) == (4, "none", "")
