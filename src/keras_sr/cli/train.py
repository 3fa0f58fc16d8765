"""`keras-sr train`: a recipe and a folder of photographs in, a network out."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from keras_sr.cli.say import log_to_stderr, progress_bar, say
from keras_sr.tasks.progress import Progress


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

    Recipes: compact, lite, srresnet_mse, srresnet_vgg22, srresnet_vgg54, srgan_mse, srgan_vgg22, srgan_vgg54,
    photo_psnr, photo.

    Stop it at any time: the same command goes on where the last checkpoint left off, and ends with
    the same weights as a run that was never stopped. The path of the weights is printed.
    KERAS_BACKEND=tensorflow, torch or jax chooses what Keras runs on.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.tasks import train as task

    log_to_stderr()
    how: dict[str, Any] = {"quick": quick, "smoke": smoke, "settings": settings or []}
    folder = out or task.run_folder(task.chosen_recipe(recipe, **how), task.run_kind(quick, smoke))
    with ExitStack() as stack:
        show = stack.enter_context(progress_bar())

        def listen(part: Progress) -> None:
            # Training shows a bar of its own.
            stack.close() if part.what == "training" else show(part)

        try:
            run = task.train(
                recipe,
                data,
                folder,
                resume=resume,
                start_from=start_from,
                evaluate=evaluate or (),
                bar=True,
                progress=listen,
                **how,
            )
        except KeyboardInterrupt:
            say(f"keras-sr: interrupted: the same command goes on from the last checkpoint in {folder}")
            raise
    say(f"{run.recipe.name} is trained ({run.backend}); use it: keras-sr upscale IN -o OUT -n {run.folder}")
    typer.echo(str(run.weights))
