"""What an experiment is: one frozen dataclass, every field typed, no field without a meaning."""

import types
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from keras_sr.errors import RecipeError, unknown
from keras_sr.types import Json

#: Fields that are weights of terms which compare SR with HR.
_TERMS = ("mse", "l1", "charbonnier", "luma", "consistency", "content", "style")

#: Those of them that may compare SR with a teacher's SR too.
_TAUGHT = ("l1", "luma", "content")


@dataclass(frozen=True)
class Rule:
    """What a field of a recipe means, and what it may be.

    Attributes:
        meaning: One sentence.
        choices: The values it may have, "" among them where it may be left open; empty where they are not a
            written list.
        least: The smallest value.
        below: What the value must stay below.
        part: Heading of the part of the recipe that begins with this field, or "".
    """

    meaning: str
    choices: tuple[str, ...] = ()
    least: float | None = None
    below: float | None = None
    part: str = ""

    @property
    def range(self) -> str:
        """What values it may have, in words; "" for any of its type."""
        if self.choices:
            return ", ".join(filter(None, self.choices))
        if self.below is not None:
            return f"[{self.least}, {self.below})"
        return "" if self.least is None else f"{self.least} or more"

    def check(self, name: str, value: Any) -> None:
        """Refuse a value that the field may not have.

        Raises:
            RecipeError: Says which field, what it may be and what it is.
        """
        if self.choices and value not in self.choices:
            raise RecipeError(unknown(name, value, list(filter(None, self.choices))))
        if self.below is not None and not (self.least or 0) <= value < self.below:
            raise RecipeError(f"{name} must lie in {self.range}, not {value}; 0 switches it off")
        if self.least is not None and not value >= self.least:
            said = f"at least {self.least}" if self.least else self.range
            raise RecipeError(f"{name} must be {said}, not {value}")


def _has(default: Any, meaning: str, **rule: Any) -> Any:
    """Return a field with its default and its `Rule`: `**rule` is what else the rule says."""
    return field(default=default, metadata={"rule": Rule(meaning, **rule)})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights a run ends with, apart from the photographs.

    Losses are weights of named terms, 0 leaves a term out. The defaults are the settings of Ledig et al.
    2017 (arXiv 1609.04802, section 3.2) that all six variants share. Each field stands here once, with its
    default, meaning and range: checks, `keras-sr train --fields` and docs/recipe-fields.md are made of them.
    """

    name: str = field(metadata={"rule": Rule("Name of the recipe.")})
    expect: str = _has("", "What the run reaches, with protocol, for whoever compares; changes nothing.")

    generator: str = _has("srresnet", "Name of the network in `models.GENERATORS`.", part="Networks")
    scale: int = _has(4, "SR size over LR size.", least=1)
    features: int = _has(64, "Channels of the generator.", least=1)
    blocks: int = _has(16, "Residual blocks, or convolutions of a compact network.", least=1)
    normalization: str = _has("batch", "Normalization in SRResNet's blocks: `batch` or `none`.")
    activation: str = _has(
        "",
        "Activation of a chain, or of a compact network (not `silu`); empty for the network's own.",
        choices=("", "silu", "prelu", "relu", "leakyrelu"),
    )
    upsampler: str = _has("pixel_shuffle", "SRResNet's upsampler: `pixel_shuffle` or `upsampling2d`.")
    discriminator: str = _has(
        "srgan", "The paper's (one verdict a crop) or Real-ESRGAN's (one a pixel).", choices=("srgan", "unet")
    )
    discriminator_features: int = _has(64, "Channels of the discriminator's first convolution.", least=1)
    discriminator_normalization: str = _has(
        "batch", "Normalization in the discriminator: `batch`, `spectral` or `none`."
    )

    mse: float = _has(0.0, "Weight of the mean squared error of RGB.", part="Loss of the generator")
    l1: float = _has(0.0, "Weight of the mean absolute error of RGB.")
    charbonnier: float = _has(0.0, "Weight of the smooth absolute error of RGB.")
    luma: float = _has(0.0, "Weight of the mean absolute error of brightness.")
    consistency: float = _has(
        0.0, "Weight of the mean squared error after averaging over LR pixels: it holds colours."
    )
    content: float = _has(0.0, "Weight of the distance of VGG19's features.")
    style: float = _has(0.0, "Weight of the mean squared error of their correlations.")
    own: float = _has(0.0, "Weight of a loss of one's own.")
    own_loss: str = _has("", "Its name, as `register_loss` was told; empty for none.")
    adversarial: float = _has(
        0.0, "Weight of the discriminator's verdict; anything but 0 makes the recipe a GAN."
    )

    teacher: str = _has(
        "",
        "Network whose SR of the same LR is one more target: whatever `-n` takes; empty for none.",
        part="Teacher",
    )
    teacher_sees: str = _has(
        "lr",
        "What the teacher enlarges: the `lr` of the crop, damage and all; that without its blur, which is "
        "`sharp`; or HR shrunk, which is `clean`.",
        choices=("lr", "sharp", "clean"),
    )
    teacher_l1: float = _has(0.0, "Weight of `l1` against the teacher's SR.")
    teacher_luma: float = _has(0.0, "Weight of `luma` against the teacher's SR.")
    teacher_content: float = _has(0.0, "Weight of `content` against the teacher's SR.")

    content_layers: tuple[str, ...] = _has(
        ("block5_conv4",), "Layers of VGG19 that `content` compares.", part="What the terms are made of"
    )
    content_weights: tuple[float, ...] = _has((), "Weight of each of these layers; empty for 1 each.")
    content_distance: str = _has(
        "mse", "Distance of the features: the paper's or ESRGAN's.", choices=("mse", "l1")
    )
    content_before_activation: bool = _has(False, "Whether features are taken before their ReLU.")
    style_layers: tuple[str, ...] = _has(
        ("block1_conv2", "block2_conv2", "block3_conv4"), "Layers of VGG19 that `style` compares."
    )
    vgg_weights: str = _has("imagenet", "Weights of VGG19: `imagenet`, or a file.")
    adversarial_loss: str = _has("bce", "The paper's `bce`, `relativistic` or `hinge`.")
    label_smoothing: float = _has(
        0.0, "How far below 1 the discriminator's target for HR lies.", least=0, below=1
    )
    r1: float = _has(
        0.0, "Weight of the penalty on the discriminator's gradient at HR; 0 leaves it out.", least=0
    )

    crop: int = _has(96, "Side of an HR crop in pixels, a multiple of the scale.", least=1, part="Data")
    batch_size: int = _has(16, "Crops a step.", least=1)
    degradation: str = _has(
        "bicubic",
        "How LR is made: `bicubic` (MATLAB's), `bilinear`, or at random for every crop: `web` (what "
        "photographs suffer today) or `realesrgan` (Real-ESRGAN's model), whose numbers may be changed: "
        "`web:blur=0.8,quality=30-95`.",
    )

    optimizer: str = _has(
        "adam", "Optimizer of the generator.", choices=("adam", "muon"), part="Optimization"
    )
    discriminator_optimizer: str = _has("adam", "Optimizer of the discriminator.", choices=("adam", "muon"))
    steps: int = _has(1_000_000, "Steps of the whole run.", least=1)
    learning_rate: float = _has(1e-4, "Highest rate of the generator.", least=0)
    discriminator_learning_rate: float = _has(1e-4, "Highest rate of the discriminator.", least=0)
    schedule: str = _has(
        "constant",
        "Course of the rate: constant, to zero at the last step by a cosine, a tenth after half of the "
        "steps, or to zero in the last quarter.",
        choices=("constant", "cosine", "step", "cooldown"),
    )
    warmup_steps: int = _has(0, "Steps in which the rate rises from zero.", least=0)
    beta_1: float = _has(
        0.9, "Adam's; the kernels that Muon trains have a momentum of 0.95.", least=0, below=1
    )
    beta_2: float = _has(0.999, "Adam's average of squares.", least=0, below=1)
    weight_decay: float = _has(
        0.0,
        "Share of the rate that a step takes away: of the kernels that Muon trains, or by Adam of "
        "everything.",
        least=0,
    )
    clip_norm: float = _has(0.0, "Largest norm of all gradients together; 0 clips nothing.", least=0)
    ema: float = _has(
        0.999,
        "How much of the average of the weights stays in each step; 0 keeps none. The average is what is "
        "measured and saved.",
        least=0,
        below=1,
    )
    precision: str = _has(
        "float32", "What it computes in.", choices=("float32", "mixed_bfloat16", "mixed_float16")
    )
    seed: int = _has(0, "Seed of weights, crops and noise.", least=0)

    start_from: str = _has(
        "",
        "Recipe whose generator this one starts from; empty starts from noise.",
        part="Where it starts, and how often it saves",
    )
    steps_per_epoch: int = _has(500, "Steps between checkpoints, and between measurements.", least=1)
    steps_per_call: int = _has(1, "Steps that the backend runs in one call: more on a GPU.", least=1)
    snapshot_every: int = _has(
        0,
        "Steps between generators that are kept in `snapshots/`, each written when its epoch ends; 0 keeps "
        "none.",
        least=0,
    )

    def __post_init__(self) -> None:
        """Refuse values that cannot train.

        Raises:
            RecipeError: Says which field, what it may be and what it is.
        """
        for name, rule in RULES.items():
            rule.check(name, getattr(self, name))
        if self.crop % self.scale:
            raise RecipeError(f"crop must be a multiple of the scale {self.scale}, not {self.crop}")
        for term in ("content", "style"):
            used = getattr(self, term) or (term == "content" and self.teacher_content)
            if used and not getattr(self, f"{term}_layers"):
                raise RecipeError(f"{term} compares layers of VGG19: {term}_layers must name one or more")
        if bool(self.teacher) != bool(self.taught()):
            raise RecipeError(
                "a teacher needs a weight in teacher_l1, teacher_luma or teacher_content, and those need a "
                f"teacher: teacher is {self.teacher!r}, the weights are {self.teacher_l1}, "
                f"{self.teacher_luma} and {self.teacher_content}"
            )
        if self.teacher_sees != "lr" and not self.teacher:
            raise RecipeError(f"teacher_sees is {self.teacher_sees!r} and there is no teacher: name one")
        if self.teacher_sees == "sharp" and self.degradation in ("bicubic", "bilinear"):
            raise RecipeError(
                f"teacher_sees='sharp' leaves out the blur, and degradation={self.degradation} has none: "
                "take degradation=web, or teacher_sees=lr"
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
            raise RecipeError(f"a recipe needs a loss: give one of {', '.join(_TERMS)} a weight")

    def terms(self) -> dict[str, float]:
        """Return the weights of the terms that compare SR with HR: those that are not 0."""
        known = {name: getattr(self, name) for name in _TERMS if getattr(self, name)}
        return known | ({self.own_loss: self.own} if self.own and self.own_loss else {})

    def taught(self) -> dict[str, float]:
        """Return the weights of the terms that compare SR with the teacher's SR: those that are not 0."""
        return {name: weight for name in _TAUGHT if (weight := getattr(self, f"teacher_{name}"))}

    @property
    def is_gan(self) -> bool:
        """Whether a discriminator is trained too."""
        return self.adversarial != 0


#: The rules of all fields, in the order of the recipe.
RULES: dict[str, Rule] = {one.name: one.metadata["rule"] for one in fields(Recipe)}


def as_json(recipe: Recipe) -> Json:
    """Return a recipe as a dict that JSON holds without loss."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(recipe).items()}


def from_json(values: Json) -> Recipe:
    """Undo `as_json`; fields that this version does not know are an error.

    Raises:
        RecipeError: A field is unknown.
    """
    known = list(RULES)
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
    kinds = {one.name: one.type for one in fields(Recipe) if one.name != "name"}
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
