"""`keras-sr weights`: the networks that come with the package."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from keras_sr.weights.registry import Passport

#: Sets in the table.
_SETS = ("Set5", "Set14", "BSD100")


def weights(
    name: Annotated[str | None, typer.Argument(help="Show everything that is known of this one.")] = None,
) -> None:
    """List the networks that come with the package.

    One line each: scale, cost in thousand multiplications per LR pixel, speed in seconds per million SR
    pixels (all measured on one machine, two cores: compare them with each other), PSNR in dB (Y channel;
    higher is nearer to the truth) and LPIPS (lower looks more real) on the benchmark sets, licence.

    \b
    Use one by its name:
        keras-sr upscale cat.jpg -o cat_large.png -n compact_x4
    How it was trained, on what, and all that was measured:
        keras-sr weights compact_x4
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.weights import registry

    if name is not None:
        typer.echo(json.dumps(asdict(registry.passport(name)), indent=1))
        return
    rows = [["", "scale", "kMAC", "s/MP", *_SETS, "licence"]]
    for one in registry.names():
        marked = f"{one} (default)" if one == registry.DEFAULT else one
        rows.append([marked, *_cells(registry.passport(one))])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        # The first and the last column hold words, the others numbers.
        padded = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:-1], widths[1:-1], strict=True)),
        ]
        typer.echo("  ".join([*padded, row[-1]]))


def _cells(passport: "Passport") -> list[str]:
    """Return the line of a network, without its name."""
    speed = passport.seconds_per_megapixel
    scores = [passport.scores.get(one, {}) for one in _SETS]
    return [
        f"x{passport.scale}",
        f"{passport.kmac:.0f}",
        f"{min(speed.values()):.2f}" if speed else "",
        *(f"{s['psnr']:.2f} / {s['lpips']:.3f}" if "lpips" in s else "" for s in scores),
        passport.licence,
    ]
