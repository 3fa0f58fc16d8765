"""`keras-sr weights`: the networks that come with the package, and those that were imported."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from keras_sr.errors import KerasSRError

if TYPE_CHECKING:
    from pathlib import Path

    from keras_sr.weights.registry import Passport

#: Sets in the table.
_SETS = ("Set5", "Set14", "BSD100")


def weights(
    name: Annotated[str | None, typer.Argument(help="Show everything known about this network.")] = None,
) -> None:
    """List the networks that come with the package, and those that you have imported.

    One line each: scale, cost in thousand multiplications per LR pixel, speed in seconds per million SR
    pixels (all measured on one machine, two cores: compare them with each other), PSNR in dB (Y channel;
    higher is nearer to the truth) and LPIPS (lower looks more real) on the benchmark sets, licence.

    \b
    Use one by its name:
        keras-sr upscale cat.jpg -o cat_large.png -n compact_x4
    See how it was trained, on what, and all that was measured:
        keras-sr weights compact_x4
    For more networks, from other programs too, see keras-sr import, and KERAS_SR_NETWORKS for a folder.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.weights import imported, registry

    others = imported.networks()
    if name in others:
        from keras_sr.tasks.convert import describe

        typer.echo(json.dumps({"file": str(others[name]), **asdict(describe(others[name]))}, indent=1))
        return
    if name is not None:
        typer.echo(json.dumps(asdict(registry.passport(name)), indent=1))
        return
    rows = [["", "scale", "kMAC", "s/MP", *_SETS, "licence"]]
    for_damaged = registry.FOR_DAMAGED.get(registry.DEFAULT)
    for one in registry.names():
        marked = {registry.DEFAULT: f"{one} (default)", for_damaged: f"{one} (default for JPEGs)"}.get(
            one, one
        )
        rows.append([marked, *_cells(registry.passport(one))])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        # The first and the last column hold words, the others numbers.
        padded = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:-1], widths[1:-1], strict=True)),
        ]
        typer.echo("  ".join([*padded, row[-1]]))
    typer.echo(f"\n{_LEGEND}")
    if others:
        _echo_imported(others)


def _echo_imported(networks: "dict[str, Path]") -> None:
    """Print a line for every network that was imported: kind, scale, cost, hash, licence."""
    from keras_sr.tasks.convert import describe

    for name, file in networks.items():
        try:
            one = describe(file)
        except KerasSRError as error:
            typer.echo(f"{name}  cannot be used: {error}")
        else:
            cost = "cost not known" if one.kmac is None else f"{one.kmac:.0f} kMAC"
            digest = one.sha256[:12]
            typer.echo("  ".join([name, f"x{one.scale}", cost, one.kind, digest, one.licence]))


#: What the columns mean.
_LEGEND = """\
kMAC: thousand multiplications per LR pixel. s/MP: seconds per million pixels of result, in the precision
behind it, on two cores of a server processor with AVX-512 and bf16: for comparing networks; on another
processor it may be several times as much (`keras-sr doctor --speed` measures here). Set5, Set14, BSD100:
PSNR in dB (Y, higher is nearer to the truth) / LPIPS (lower looks more real)."""


def _fastest(speed: dict[str, float]) -> str:
    """Return the least seconds, and the precision that they were measured in."""
    precision = min(speed, key=speed.__getitem__, default="")
    return f"{speed[precision]:.2f} {precision}" if precision else ""


def _cells(passport: "Passport") -> list[str]:
    """Return the line of a network, without its name."""
    speed = passport.seconds_per_megapixel
    scores = [passport.scores.get(one, {}) for one in _SETS]
    return [
        f"x{passport.scale}",
        f"{passport.kmac:.0f}",
        _fastest(speed),
        *(f"{s['psnr']:.2f} / {s['lpips']:.3f}" if "lpips" in s else "" for s in scores),
        passport.licence,
    ]
