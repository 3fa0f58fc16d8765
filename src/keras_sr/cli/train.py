"""`keras-sr train`: a recipe and a folder of photographs in, a network out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_sr.backend import prepare_keras
from keras_sr.cli.say import log_to_stderr, progress_bar, say
from keras_sr.errors import TrainingError
from keras_sr.tasks.progress import Progress

if TYPE_CHECKING:
    from keras_sr.data.sources import Source
    from keras_sr.training.recipe import Recipe


def train(
    recipe: Annotated[str, typer.Argument(help="Such as compact, srresnet_mse or srgan_vgg54.")],
    data: Annotated[
        list[Path], typer.Option(help="Folder of photographs, with all folders in it; may be repeated.")
    ],
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/RECIPE when not given.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Settings for a processor: hours instead of days.")
    ] = False,
    smoke: Annotated[bool, typer.Option("--smoke", help="Shrink everything to seconds.")] = False,
    resume: Annotated[
        bool, typer.Option(help="Go on with the run in the folder, or put it aside and begin anew.")
    ] = True,
    start_from: Annotated[
        str | None,
        typer.Option(metavar="RUN_OR_WEIGHTS", help="Begin with these weights of the generator."),
    ] = None,
    evaluate: Annotated[
        str | None,
        typer.Option(
            metavar="SET",
            help="Measure after each epoch, with sheets: Set5, Set14, BSD100, Urban100, or a folder. "
            "PSNR and SSIM, and LPIPS where a recipe is not trained on pixels alone.",
        ),
    ] = None,
) -> None:
    """Train a network on your own photographs.

    \b
    The small network, made for processors:
        keras-sr train compact --data photos/
    The networks of the paper, the second starting from the first:
        keras-sr train srresnet_mse --data photos/ --evaluate BSD100
        keras-sr train srgan_vgg54 --data photos/ --evaluate BSD100
    The same in hours on a processor instead of days on a GPU, from the weights that ship:
        keras-sr train srgan_vgg54 --data photos/ --quick
    Change what you like, or try everything out in seconds first:
        keras-sr train compact --data photos/ --set steps=5000 --set batch_size=8
        keras-sr train srgan_mse --data photos/ --smoke

    Recipes: compact, lite, srresnet_mse, srresnet_vgg22, srresnet_vgg54, srgan_mse, srgan_vgg22, srgan_vgg54.

    Stop it at any time: the same command goes on where the last checkpoint left off, and ends with
    the same weights as a run that was never stopped. The path of the weights is printed.
    KERAS_BACKEND=tensorflow, torch or jax chooses what Keras runs on.
    """  # noqa: D301  (typer: keep these line breaks)
    backend = prepare_keras()
    log_to_stderr()
    from keras_sr import recipes

    chosen = recipes.get(recipe, quick=quick, smoke=smoke, overrides=settings or [])
    kind = "_smoke" if smoke else "_quick" if quick else ""
    folder = out or Path("runs") / f"{chosen.name}{kind}"
    begin = start_from or find_start(chosen, folder, kind, resume)
    try:
        result = run(chosen, data, folder, begin, resume, evaluate)
    except KeyboardInterrupt:
        say(f"keras-sr: interrupted: the same command goes on from the last checkpoint in {folder}")
        raise
    say(f"{chosen.name} is trained ({backend}); use it: keras-sr upscale IN -o OUT -n {folder}")
    typer.echo(str(result.folder / "generator.npz"))


def run(
    recipe: "Recipe",
    data: list[Path],
    folder: Path,
    start_from: str | None,
    resume: bool,
    benchmark: str | None,
) -> Any:
    """Put photographs, recipe and callbacks together and train."""
    from keras_sr.data.batches import Batches
    from keras_sr.data.data_format import data_format_for, device
    from keras_sr.data.presets import PRESETS
    from keras_sr.inference.engines import openvino_capabilities
    from keras_sr.training.fit import fit

    layout = data_format_for("auto")
    if recipe.precision == "mixed_bfloat16" and device() == "cpu" and "BF16" not in openvino_capabilities():
        say("this processor computes bfloat16 in software, ten times slower: take precision=float32")
    source = open_photographs(data, recipe)
    small = int((source.sizes < recipe.crop).any(axis=1).sum())
    if 0 < small < len(source):
        say(f"{small} of them are smaller than a crop of {recipe.crop}x{recipe.crop} and are left out")
    callbacks = []
    if benchmark:
        from keras_sr.evaluation.callback import BenchmarkCallback
        from keras_sr.tasks.sets import open_set

        with progress_bar() as show:
            place = open_set(benchmark, recipe.scale, show).folder
        metrics = perceptual(recipe)
        callbacks.append(
            BenchmarkCallback(place, recipe.scale, out_dir=folder / "benchmark", metrics=metrics)
        )

    def batches(first: int, count: int) -> Batches:
        return Batches(
            source,
            batch_size=recipe.batch_size,
            hr_crop=recipe.crop,
            seed=recipe.seed,
            steps=count,
            start_step=first,
            damage=PRESETS.get(recipe.degradation),
            data_format=layout,
            workers=2,
        )

    return fit(
        recipe,
        batches,
        folder,
        start_from=start_from,
        resume=resume,
        callbacks=callbacks,
        say=say,
        data_format=layout,
    )


def perceptual(recipe: "Recipe") -> list[str]:
    """Return what PSNR does not tell of a recipe: LPIPS, where it is not trained on pixels alone."""
    from keras_sr.errors import WeightsError
    from keras_sr.evaluation.columns import choose

    if not (recipe.is_gan or recipe.content or recipe.style):
        return []
    try:
        return list(choose(["lpips"])[0])
    except WeightsError as error:
        say(f"LPIPS is not measured: {error}")
        return []


def open_photographs(folders: list[Path], recipe: "Recipe") -> "Source":
    """Decode the photographs once into the cache and return them."""
    from keras_sr.data.cache import build_cache

    with progress_bar() as show:
        source = build_cache(
            folders,
            recipe.scale,
            degradation=recipe.degradation,
            progress=lambda done, total: show(
                Progress("reading photographs", done, total, f"{done} of {total}")
            ),
        )
    skipped = f", {len(source.skipped)} skipped" if source.skipped else ""
    say(f"{len(source)} photographs{skipped}")
    return source


def find_start(recipe: "Recipe", folder: Path, kind: str = "", resume: bool = True) -> str | None:
    """Return where the weights are that a recipe starts from, or None when it starts from noise or goes on.

    They are in a run of the same kind (`"_quick"`) beside the new one, or come with the package.

    Raises:
        TrainingError: They are nowhere to be found.
    """
    from keras_sr.training.checkpoints import STATE
    from keras_sr.weights import registry

    before = folder.parent / f"{recipe.start_from}{kind}"
    if not recipe.start_from or (resume and (folder / STATE).exists()):
        return None
    if (before / "generator.npz").exists():
        return str(before)
    if recipe.start_from in registry.names():
        shipped = registry.passport(recipe.start_from).recipe
        fields = ("generator", "scale", "features", "blocks", "normalization", "upsampler")
        other = [f"--set {name}={shipped[name]}" for name in fields if shipped[name] != getattr(recipe, name)]
        if other:
            hint = "" if kind == "_quick" else "add --quick, or "
            raise TrainingError(
                f"{recipe.name} starts from a trained {recipe.start_from}, which is not in {before}; the one "
                f"that ships is of another build: {hint}{' '.join(other)}, or train {recipe.start_from} "
                "with the same settings first"
            )
        return recipe.start_from
    raise TrainingError(
        f"{recipe.name} starts from a trained {recipe.start_from}, which is not in {before}: "
        f"train that first, or give --start-from a run folder or weight file"
    )
