"""`keras-sr weights`: the networks that come with the package."""

import typer


def weights() -> None:
    """List the networks that come with the package.

    One line each: name, scale, PSNR and SSIM (Y channel) on the benchmark sets, licence.

    \b
    Use one by its name:
        keras-sr upscale cat.jpg -o cat_large.png -n compact_x4
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.weights import registry

    for name in registry.names():
        passport = registry.passport(name)
        scores = ", ".join(
            f"{benchmark} {values['psnr']:.2f} dB / {values['ssim']:.4f}"
            for benchmark, values in passport.scores.items()
        )
        marked = " (default)" if name == registry.DEFAULT else ""
        typer.echo(f"{name}{marked}  x{passport.scale}  {scores}  {passport.licence}")
