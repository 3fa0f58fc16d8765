"""`keras-sr train`: a recipe and a folder of photographs in, a network out."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from keras_sr.cli.say import log_to_stderr, progress_bar, say
from keras_sr.tasks.progress import Progress


class TrainCommand(TyperCommand):
    """A command whose help names all recipes, which are imported for it alone."""

    def format_help(self, ctx, formatter):  # noqa: ANN001, ANN201  (as the base class has it)
        """Write the help."""
        from keras_sr.recipes import RECIPES

        self.help = (self.help or "").replace("{recipes}", ", ".join(RECIPES))
        super().format_help(ctx, formatter)


def train(
    recipe: Annotated[
        str | None, typer.Argument(help="Recipe, such as compact or srgan_vgg54.", show_default=False)
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of photographs, subfolders included; may be repeated. Pairs of LR and HR are found "
            "in the usual layouts."
        ),
    ] = None,
    lr: Annotated[Path | None, typer.Option(help="Folder of the LR pictures for DATA.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder (default: runs/RECIPE).")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; see --fields."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Settings for a processor: hours instead of days.")
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Shrink everything so that it runs in seconds.")
    ] = False,
    resume: Annotated[
        bool, typer.Option(help="Continue the run in the folder, or set it aside and start over.")
    ] = True,
    start_from: Annotated[
        str | None,
        typer.Option(metavar="RUN_OR_WEIGHTS", help="Start the generator from these weights."),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a sheet of forty crops, LR beside HR, and train nothing."),
    ] = None,
    evaluate: Annotated[
        str | None,
        typer.Option(
            metavar="SET",
            help="Measure on Set5, Set14, BSD100, Urban100 or a folder after each epoch, and keep the best "
            "weights: by PSNR and SSIM, and by LPIPS unless all losses compare pixels.",
        ),
    ] = None,
    patience: Annotated[
        int, typer.Option(min=0, help="Stop after this many measurements without improvement (0: never).")
    ] = 0,
    devices: Annotated[
        int, typer.Option(min=1, help="Number of devices that share each step (JAX only).")
    ] = 1,
    checkpoint_minutes: Annotated[
        float,
        typer.Option(min=0, help="Minutes that a kill may cost: save this often, and at each epoch."),
    ] = 5.0,
    fields: Annotated[
        bool,
        typer.Option("--fields", help="List the fields for --set, with their values, and train nothing."),
    ] = False,
    status: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Write the report.html of a run, even while it trains.")
    ] = None,
) -> None:
    """Train a network on your own photographs.

    \b
    The small network, made for processors:
        keras-sr train compact --data photos/
    The networks of the paper, the second starting from the first:
        keras-sr train srresnet_mse --data photos/ --evaluate BSD100
        keras-sr train srgan_vgg54 --data photos/ --evaluate BSD100
    The same in hours on a processor instead of days on a GPU, from the included weights:
        keras-sr train srgan_vgg54 --data photos/ --quick
    Change what you like, or try everything out in seconds first:
        keras-sr train compact --data photos/ --set steps=5000 --set batch_size=8
        keras-sr train srgan_mse --data photos/ --smoke
    For real-world photographs, and to see what it would be trained on:
        keras-sr train photo_psnr --data photos/
        keras-sr train photo_psnr --data photos/ --preview crops/

    Recipes: {recipes}.

    \b
    LR is made with MATLAB's bicubic kernel, or at random for every crop with --set degradation=NAME,
    or NAME:FIELD=VALUE,... with other numbers, as in web:blur=0.8,quality=30-95:
        web: clean=0.333, blur=0.5, blur_sigma=(0.2, 2.8), anisotropic=0.4, detour=0.4,
            detour_scale=(0.6, 2), noise=0.4, noise_sigma=(0.5, 8), poisson=0.4,
            poisson_scale=(0.05, 0.6), grey_noise=0.4, compressed=0.9, quality=(40, 95),
            webp=0.12, webp_quality=(45, 95), before=0.3, before_quality=(55, 95),
            full_chroma=0.3
        realesrgan: first=Order(blur=1.0, sigma=(0.2, 3.0), resize=(0.2, 0.7, 0.1),
            resize_scale=(0.15, 1.5), noise_sigma=(1, 30), poisson_scale=(0.05, 3.0),
            quality=(30, 95)), second=Order(blur=0.8, sigma=(0.2, 1.5), resize=(0.3, 0.4, 0.3),
            resize_scale=(0.3, 1.2), noise_sigma=(1, 25), poisson_scale=(0.05, 2.5),
            quality=(30, 95)), kernel_sizes=(7, 21), sinc=0.1, kernels=(0.45, 0.25, 0.12, 0.03,
            0.12, 0.03), beta_generalised=(0.5, 4), beta_plateau=(1, 2), gaussian=0.5,
            grey_noise=0.4, final_sinc=0.8

    Stop it at any time: the same command continues from the last checkpoint, and ends with
    the same weights as a run that was never stopped. The path of the weights is printed.
    KERAS_BACKEND=tensorflow, torch or jax chooses what Keras runs on.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.tasks import train as task

    log_to_stderr()
    if status is not None:
        from keras_sr.tasks.run_page import write_page

        typer.echo(str(write_page(status)))
        return
    how: dict[str, Any] = {"quick": quick, "smoke": smoke, "settings": settings or []}
    if fields:
        from keras_sr.tasks.recipe_fields import fields_as_lines

        typer.echo("\n".join(fields_as_lines(task.chosen_recipe(recipe, **how) if recipe else None)))
        return
    if recipe is None or not data:
        missing = "RECIPE, such as compact" if recipe is None else "--data FOLDER, the photographs"
        raise typer.BadParameter(f"give {missing}")
    if preview is not None:
        crops = task.preview(recipe, data, preview, **how)
        typer.echo(str(crops))
        return
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
                lr=lr,
                patience=patience,
                devices=devices,
                checkpoint_minutes=checkpoint_minutes,
                bar=True,
                progress=listen,
                **how,
            )
        except KeyboardInterrupt:
            say(f"keras-sr: interrupted: the same command continues with what is in {folder}")
            raise
    old = run.start if run.verdict and run.verdict.state in ("same", "worse") else ""
    use = f"it is no better than {old}, so use that one" if old else "use it"
    command = f"keras-sr upscale IN -o OUT -n {old or run.folder}"
    say(f"{run.recipe.name} is trained ({run.backend}); {use}: {command}")
    say(f"report: {run.report}")
    typer.echo(str(run.weights))
