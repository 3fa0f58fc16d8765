"""The paper's variants in an hour or a few on a processor: what `--quick` changes, and why.

The paper's settings are for days on a GPU; on a processor they end far from where they lead. What ships of
the six variants was trained with these, srgan_vgg54 in four runs, each from the one before
(docs/lab-log.md); its 2,400 steps here have not been run in one piece. compact and lite are quick already.
"""

from dataclasses import replace
from typing import Any

from keras_sr.training.recipe import Recipe

#: Of every variant. Without batch norm a step takes 0.83 of the time, and training and test see one network.
_SHARED: dict[str, Any] = {"normalization": "none", "beta_2": 0.99, "schedule": "cooldown"}

#: Of those that start from srresnet_mse: small batches, for more steps in the same time.
_STARTED: dict[str, Any] = {**_SHARED, "batch_size": 8, "learning_rate": 2e-4, "steps_per_epoch": 100}

#: Of those with a discriminator. By Adam it knows nothing for its first thousand steps, by Muon it does after
#: two hundred (docs/decisions/0012-muon.md).
_JUDGED: dict[str, Any] = {
    **_STARTED,
    "discriminator_normalization": "none",
    "discriminator_features": 32,
    "discriminator_optimizer": "muon",
    "discriminator_learning_rate": 0.01,
}

#: recipe: the fields that differ from the paper's. `consistency` holds the colours, which neither VGG19 nor a
#: discriminator minds much (docs/decisions/0013-consistency.md); its weight follows the size of the content
#: loss, four orders of magnitude larger for VGG22 than for VGG54.
QUICK: dict[str, dict[str, Any]] = {
    "srresnet_mse": {**_SHARED, "learning_rate": 4e-4, "warmup_steps": 500, "steps": 16_000},
    "srresnet_vgg22": {**_STARTED, "consistency": 1e4, "steps": 600},
    "srresnet_vgg54": {**_STARTED, "consistency": 10.0, "steps": 600},
    "srgan_mse": {**_JUDGED, "steps": 600},
    "srgan_vgg22": {**_JUDGED, "consistency": 1e4, "adversarial": 10.0, "steps": 2000},
    "srgan_vgg54": {**_JUDGED, "consistency": 30.0, "adversarial": 5e-3, "steps": 2400},
}


def quick(recipe: Recipe) -> Recipe:
    """Return the recipe with settings for a processor; one that is for processors anyway as it is."""
    return replace(recipe, **QUICK.get(recipe.name, {}))
