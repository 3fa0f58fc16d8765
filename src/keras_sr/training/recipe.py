"""What an experiment is: one frozen dataclass, every field typed, no field without a meaning."""

import types
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from keras_sr.errors import RecipeError, unknown
from keras_sr.types import Json

#: Fields that are weights of terms which compare SR with HR.
TERMS = ("mse", "l1", "charbonnier", "luma", "consistency", "content", "style")

#: Those of them that may compare SR with a teacher's SR too.
TAUGHT = ("l1", "content")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights a run ends with, apart from the photographs.

    Losses are weights of named terms, 0 leaves a term out. The defaults are the settings of Ledig et al.
    2017 (arXiv 1609.04802, section 3.2) that all six variants share.

    Attributes:
        name: Of the recipe.
        expect: What the run reaches, with protocol, for whoever compares; changes nothing.
        generator: A name in `models.GENERATORS`.
        scale: SR size over LR size.
        features: Channels of the generator.
        blocks: Residual blocks of SRResNet, convolutions of a compact network.
        normalization: In SRResNet's blocks: `"batch"` or `"none"`.
        upsampler: SRResNet's: `"pixel_shuffle"` or `"upsampling2d"`.
        discriminator: `"srgan"` (the paper's, one verdict a crop) or `"unet"` (Real-ESRGAN's, one a pixel).
        discriminator_features: Channels of the discriminator's first convolution.
        discriminator_normalization: `"batch"`, `"spectral"` or `"none"`.
        mse: Weight of the mean squared error of RGB.
        l1: Weight of the mean absolute error of RGB.
        charbonnier: Weight of the smooth absolute error of RGB.
        luma: Weight of the mean absolute error of brightness.
        consistency: Weight of the mean squared error after averaging over LR pixels: it holds colours.
        content: Weight of the distance of VGG19's features.
        style: Weight of the mean squared error of their correlations.
        own: Weight of a loss of one's own.
        own_loss: Its name, as `register_loss` was told; "" for none.
        adversarial: Weight of the discriminator's verdict; anything but 0 makes the recipe a GAN.
        teacher: A network whose SR of the same LR is one more target: whatever `-n` takes; "" for none.
        teacher_l1: Weight of `l1` against the teacher's SR.
        teacher_content: Weight of `content` against the teacher's SR.
        content_layers: Layers of VGG19 that `content` compares.
        content_weights: Of each of these layers; empty for 1 each.
        content_distance: `"mse"` (the paper) or `"l1"` (ESRGAN) of the features.
        content_before_activation: Whether before their ReLU.
        style_layers: Layers of VGG19 that `style` compares.
        vgg_weights: `"imagenet"`, or a file.
        adversarial_loss: `"bce"` (the paper), `"relativistic"` or `"hinge"`.
        label_smoothing: How far below 1 the discriminator's target for HR lies.
        r1: Weight of the penalty on the discriminator's gradient at HR; 0 leaves it out.
        crop: Side of an HR crop in pixels, a multiple of the scale.
        batch_size: Crops a step.
        degradation: How LR is made: `"bicubic"` (MATLAB's), `"bilinear"`, or at random for every crop:
            `"web"` (what photographs suffer today) or `"realesrgan"` (Real-ESRGAN's model).
        optimizer: Of the generator: `"adam"` or `"muon"`.
        discriminator_optimizer: The same for the discriminator.
        steps: All steps of the run.
        learning_rate: The highest rate of the generator.
        discriminator_learning_rate: The same for the discriminator.
        schedule: `"constant"`, `"step"` (a tenth after half of the steps), `"cosine"` (to zero at the last
            step) or `"cooldown"` (constant, to zero in the last quarter).
        warmup_steps: Steps in which the rate rises from zero.
        beta_1: Adam's; the kernels that Muon trains have a momentum of 0.95.
        beta_2: Adam's.
        weight_decay: A share of the rate that a step takes away: of the kernels that Muon trains, or by Adam
            of everything.
        clip_norm: The largest norm of all gradients together; 0 clips nothing.
        ema: How much of the average of the weights stays in each step; 0 keeps none. The average is what is
            measured and saved.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.
        seed: Of weights, crops and noise.
        start_from: The recipe whose generator this one starts from; "" starts from noise.
        steps_per_epoch: Steps between checkpoints, and between measurements.
        steps_per_call: Steps that the backend runs in one call: more on a GPU.
        snapshot_every: Steps between generators that are kept in `snapshots/`, each written when its epoch
            ends; 0 keeps none.
    """

    name: str
    expect: str = ""

    # Networks
    generator: str = "srresnet"
    scale: int = 4
    features: int = 64
    blocks: int = 16
    normalization: str = "batch"
    upsampler: str = "pixel_shuffle"
    discriminator: str = "srgan"
    discriminator_features: int = 64
    discriminator_normalization: str = "batch"

    # Loss of the generator: weight of each term
    mse: float = 0.0
    l1: float = 0.0
    charbonnier: float = 0.0
    luma: float = 0.0
    consistency: float = 0.0
    content: float = 0.0
    style: float = 0.0
    own: float = 0.0
    own_loss: str = ""
    adversarial: float = 0.0

    # A network to learn from, and the weights of its SR as a target
    teacher: str = ""
    teacher_l1: float = 0.0
    teacher_content: float = 0.0

    # What those terms are made of
    content_layers: tuple[str, ...] = ("block5_conv4",)
    content_weights: tuple[float, ...] = ()
    content_distance: str = "mse"
    content_before_activation: bool = False
    style_layers: tuple[str, ...] = ("block1_conv2", "block2_conv2", "block3_conv4")
    vgg_weights: str = "imagenet"
    adversarial_loss: str = "bce"
    label_smoothing: float = 0.0
    r1: float = 0.0

    # Data
    crop: int = 96
    batch_size: int = 16
    degradation: str = "bicubic"

    # Optimisation
    optimizer: str = "adam"
    discriminator_optimizer: str = "adam"
    steps: int = 1_000_000
    learning_rate: float = 1e-4
    discriminator_learning_rate: float = 1e-4
    schedule: str = "constant"
    warmup_steps: int = 0
    beta_1: float = 0.9
    beta_2: float = 0.999
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    ema: float = 0.999
    precision: str = "float32"
    seed: int = 0

    # Where it starts, and how often it stops to save
    start_from: str = ""
    steps_per_epoch: int = 500
    steps_per_call: int = 1
    snapshot_every: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot train.

        Raises:
            RecipeError: Says which field, what it may be and what it is.
        """
        choices = {
            "discriminator": ("srgan", "unet"),
            "content_distance": ("mse", "l1"),
            "optimizer": ("adam", "muon"),
            "discriminator_optimizer": ("adam", "muon"),
            "schedule": ("constant", "cosine", "step", "cooldown"),
            "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
        }
        for field, known in choices.items():
            if getattr(self, field) not in known:
                raise RecipeError(unknown(field, getattr(self, field), known))
        for field in (
            "steps",
            "batch_size",
            "crop",
            "steps_per_epoch",
            "steps_per_call",
            "blocks",
            "features",
            "discriminator_features",
            "scale",
        ):
            if getattr(self, field) < 1:
                raise RecipeError(f"{field} must be at least 1, not {getattr(self, field)}")
        if self.crop % self.scale:
            raise RecipeError(f"crop must be a multiple of the scale {self.scale}, not {self.crop}")
        for field in ("ema", "beta_1", "beta_2", "label_smoothing"):
            if not 0 <= getattr(self, field) < 1:
                raise RecipeError(
                    f"{field} must lie in [0, 1), not {getattr(self, field)}; 0 switches it off"
                )
        for field in (
            "learning_rate",
            "discriminator_learning_rate",
            "weight_decay",
            "warmup_steps",
            "clip_norm",
            "r1",
            "snapshot_every",
            "seed",
        ):
            if getattr(self, field) < 0:
                raise RecipeError(f"{field} must be 0 or more, not {getattr(self, field)}")
        for field in ("content", "style"):
            used = getattr(self, field) or (field == "content" and self.teacher_content)
            if used and not getattr(self, f"{field}_layers"):
                raise RecipeError(f"{field} compares layers of VGG19: {field}_layers must name one or more")
        if bool(self.teacher) != bool(self.taught()):
            raise RecipeError(
                "a teacher needs a weight in teacher_l1 or teacher_content, and those need a teacher: "
                f"teacher is {self.teacher!r}, the weights are {self.teacher_l1} and {self.teacher_content}"
            )
        if self.content_weights and len(self.content_weights) != len(self.content_layers):
            raise RecipeError(
                f"content_weights has {len(self.content_weights)} values for the {len(self.content_layers)} "
                "content_layers: give one a layer, or none"
            )
        if self.precision == "mixed_bfloat16" and self.r1:
            raise RecipeError(
                "r1 is taken from differences that bfloat16 rounds away: "
                "take precision=float32 or mixed_float16"
            )
        if not self.terms() and not self.taught():
            raise RecipeError(f"a recipe needs a loss: give one of {', '.join(TERMS)} a weight")

    def terms(self) -> dict[str, float]:
        """Return the weights of the terms that compare SR with HR: those that are not 0."""
        known = {name: getattr(self, name) for name in TERMS if getattr(self, name)}
        return known | ({self.own_loss: self.own} if self.own and self.own_loss else {})

    def taught(self) -> dict[str, float]:
        """Return the weights of the terms that compare SR with the teacher's SR: those that are not 0."""
        return {name: weight for name in TAUGHT if (weight := getattr(self, f"teacher_{name}"))}

    @property
    def is_gan(self) -> bool:
        """Whether a discriminator is trained too."""
        return self.adversarial != 0


def as_json(recipe: Recipe) -> Json:
    """Return a recipe as a dict that JSON holds without loss."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(recipe).items()}


def from_json(values: Json) -> Recipe:
    """Undo `as_json`; fields that this version does not know are an error.

    Raises:
        RecipeError: A field is unknown.
    """
    known = [field.name for field in fields(Recipe)]
    for key in values:
        if key not in known:
            raise RecipeError(unknown("recipe field", key, known))
    typed: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Recipe(**typed)


def override(recipe: Recipe, settings: list[str]) -> Recipe:
    """Return the recipe with fields set from text.

    Args:
        recipe: The recipe to start from.
        settings: Items `"field=value"`; a tuple takes values separated by commas.

    Raises:
        RecipeError: An item has no `=`, no such field exists, or the value has another type.

    Examples:
        >>> override(Recipe(name="x", mse=1.0), ["batch_size=8", "learning_rate=1e-3"]).batch_size
        8
    """
    kinds = {field.name: field.type for field in fields(Recipe) if field.name != "name"}
    changes: dict[str, Any] = {}
    for item in settings:
        key, separator, text = item.partition("=")
        key = key.strip()
        if not separator:
            raise RecipeError(f"`settings` takes field=value, not {item!r}")
        if key not in kinds:
            raise RecipeError(unknown("recipe field", key, list(kinds)))
        changes[key] = parse(key, text.strip(), kinds[key])
    return replace(recipe, **changes)


def parse(key: str, text: str, kind: Any) -> object:
    """Return the text as a value of the field's type."""
    if isinstance(kind, types.GenericAlias):
        return tuple(parse(key, part.strip(), kind.__args__[0]) for part in text.split(",") if part.strip())
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        # int("1e5") fails, yet 1e5 steps is how people say it.
        return int(float(text)) if kind is int and float(text).is_integer() else kind(text)
    except (ValueError, KeyError):
        raise RecipeError(f"{key} takes a value of type {kind.__name__}, not {text!r}") from None


#: What `smoke` replaces: seconds on a processor, every part still in place.
SMOKE = {
    "features": 8,
    "blocks": 2,
    "discriminator_features": 8,
    "crop": 32,
    "batch_size": 2,
    "steps": 4,
    "steps_per_epoch": 2,
    "warmup_steps": 0,
    "snapshot_every": 0,
    # Weights of the full network do not fit the tiny one.
    "start_from": "",
}


def smoke(recipe: Recipe) -> Recipe:
    """Return the recipe shrunk to seconds: the same losses, schedule and precision on tiny networks."""
    return replace(recipe, **SMOKE)
