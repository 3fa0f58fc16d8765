"""The experiments: functions that return a Recipe. A variant is the base and its differences."""

from collections.abc import Callable, Sequence

from keras_sr.errors import RecipeError, unknown
from keras_sr.recipes.compact import compact, lite
from keras_sr.recipes.photo import photo, photo_psnr
from keras_sr.recipes.quick import quick as hasten
from keras_sr.recipes.srgan import srgan_mse, srgan_vgg22, srgan_vgg54
from keras_sr.recipes.srresnet import srresnet_mse, srresnet_vgg22, srresnet_vgg54
from keras_sr.training.recipe import Recipe, override
from keras_sr.training.recipe import smoke as shrink

#: Every recipe, by name.
RECIPES: dict[str, Callable[[], Recipe]] = {
    "srresnet_mse": srresnet_mse,
    "srresnet_vgg22": srresnet_vgg22,
    "srresnet_vgg54": srresnet_vgg54,
    "srgan_mse": srgan_mse,
    "srgan_vgg22": srgan_vgg22,
    "srgan_vgg54": srgan_vgg54,
    "compact": compact,
    "lite": lite,
    "photo_psnr": photo_psnr,
    "photo": photo,
}


def get(
    name: str | Recipe, *, quick: bool = False, smoke: bool = False, overrides: Sequence[str] = ()
) -> Recipe:
    """Return a recipe by name.

    Args:
        name: One of `RECIPES`, or a Recipe of your own.
        quick: Change what a processor needs: hours instead of days (`keras_sr.recipes.quick`).
        smoke: Shrink it to seconds.
        overrides: `"field=value"` items that have the last word.

    Raises:
        RecipeError: Unknown name or field, or a value that does not fit.

    Examples:
        >>> get("srgan_vgg54", overrides=["batch_size=8"]).content_layers
        ('block5_conv4',)
    """
    if isinstance(name, str) and name not in RECIPES:
        raise RecipeError(unknown("recipe", name, list(RECIPES)))
    recipe = RECIPES[name]() if isinstance(name, str) else name
    recipe = hasten(recipe) if quick else recipe
    return override(shrink(recipe) if smoke else recipe, list(overrides))
