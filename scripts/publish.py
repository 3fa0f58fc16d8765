"""Put the weights of a finished run into the package: NAME.npz, passport NAME.json, and its curve.

    python scripts/publish.py compact_x4 --run runs/compact --data 'photos/ (CC0, CC-BY)' \
        --licence 'CC BY-SA 4.0' --hardware '2 cores of a server processor' \\
        --score Set5 --score Set14 --score BSD100

`--score` takes benchmark folders (HR and LR in a usual layout) and is measured here, through the exported
network, so that what is written down is what the package reaches. Precisions other than float32 that this
machine has in hardware are measured, too. Without `--run`, weights that ship already are exported and
measured anew.
`--half` stores the weights as float16 and says what that costs; `python scripts/speed.py` adds the speed.
"""

import argparse
import json
import statistics
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from keras_sr import upscale
from keras_sr.evaluation.columns import MEASURES, Sample, choose
from keras_sr.evaluation.protocol import PROTOCOLS
from keras_sr.evaluation.score import Judged, score
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.export import multiplications, parity
from keras_sr.files import atomic_write, sha256
from keras_sr.graphs.layers import as_meta
from keras_sr.inference.engines import open_engine, precisions
from keras_sr.recipes import get
from keras_sr.training.recipe import Recipe, as_json, from_json
from keras_sr.weights import registry, store
from keras_sr.weights.find import find
from keras_sr.weights.load import load
from keras_sr.weights.stored import generator_arrays

#: Where the curves of all runs that ship are kept.
CURVES = Path(__file__).parents[1] / "docs" / "curves"
#: Fields of a recipe that say what to expect and how often to save, and change no weight.
BESIDE = ("expect", "steps_per_epoch", "snapshot_every")
#: What is measured besides PSNR and SSIM.
PERCEPTUAL = ("lpips", "niqe", "lr_psnr", "drift_y", "drift_cb", "drift_cr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--run", type=Path)
    for text in ("--data", "--licence", "--hardware"):
        parser.add_argument(text)
    parser.add_argument("--command", help="how it was trained, where that was not one folder photos/")
    parser.add_argument("--commit", help="of the code that trained it, where that is not the present one")
    parser.add_argument("--sister", default="", help="the same network, taught to keep noise and compression")
    parser.add_argument("--partner", default="", help="weights of the same network it was trained from")
    parser.add_argument("--teacher", default="", help="the recipe's teacher: name, author and licence")
    parser.add_argument("--hours", type=float, help="of training, where the run's own log is not all of it")
    parser.add_argument("--half", action="store_true", help="store float16, half the size")
    parser.add_argument("--score", type=Path, action="append", required=True)
    arguments = parser.parse_args()
    if arguments.run is None:
        passport = registry.passport(arguments.name)
        passport = replace(passport, sha256=completed(passport.name, passport.licence))
    elif not (arguments.data and arguments.licence and arguments.hardware):
        parser.error("a passport says --data, --licence and --hardware")
    else:
        passport = copied(arguments)
    scores, losses = measure(registry.FILES / f"{passport.name}.npz", arguments.score, passport.scale)
    network = load(registry.FILES / f"{passport.name}.npz")
    kmac = round(multiplications(network) / 1e3, 1)
    # What this machine cannot compute in is kept as another has measured it, of the same weights.
    losses = {**passport.precision_loss, **losses}
    passport = replace(passport, scores=scores, precision_loss=losses, kmac=kmac)
    before = registry.FILES / f"{passport.name}.json"
    if before.exists() and (old := json.loads(before.read_text("utf-8")))["kmac"] == kmac:
        # The same network with other weights is as fast.
        passport = replace(passport, seconds_per_megapixel=old["seconds_per_megapixel"])
    with atomic_write(registry.FILES / f"{passport.name}.json", "w") as file:
        json.dump(asdict(passport), file, indent=1)
        file.write("\n")


def copied(arguments: argparse.Namespace) -> registry.Passport:
    """Copy and export the weights of a run, and return their passport, still without scores."""
    npz = registry.FILES / f"{arguments.name}.npz"
    # Of a run's state, which also holds optimizer and discriminator, the network alone.
    arrays, meta = generator_arrays(find(arguments.run))
    recipe = from_json(meta["recipe"])
    if meta["step"] != recipe.steps:
        raise SystemExit(f"{arguments.run} has done {meta['step']} of {recipe.steps} steps: let it end first")
    meta.pop("start", None)  # a path of this machine; the passport names the partner
    if recipe.teacher:
        if not arguments.teacher:
            raise SystemExit("these weights were trained with a teacher: say by --teacher which")
        meta["recipe"]["teacher"] = Path(recipe.teacher).name
    kind = np.float16 if arguments.half else np.float32
    store.save(npz, {name: array.astype(kind) for name, array in arrays.items()}, meta)
    with atomic_write(CURVES / f"{arguments.name}.csv") as file:
        file.write((arguments.run / "log.csv").read_bytes())
    rows = store.read(arguments.run / "state.npz")[1]["rows"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return registry.Passport(
        name=arguments.name,
        generator=recipe.generator,
        scale=recipe.scale,
        recipe=meta["recipe"],
        command=arguments.command or command_of(recipe),
        commit=arguments.commit or head.stdout.strip(),
        data=arguments.data,
        licence=arguments.licence,
        steps=meta["step"],
        hours=arguments.hours or round(sum(row["seconds"] for row in rows) / 3600, 2),
        hardware=arguments.hardware,
        scores={},
        sha256=completed(arguments.name, arguments.licence),
        partner=arguments.partner,
        sister=arguments.sister,
        teacher=arguments.teacher,
    )


def completed(name: str, licence: str) -> dict[str, str]:
    """Write into weights of the package what engines ask for: plan, name, licence; return their sum."""
    npz = registry.FILES / f"{name}.npz"
    arrays, meta = store.read(npz)
    network = load(npz)
    store.save(npz, arrays, {**meta, **as_meta(network), "name": name, "licence": licence})
    print(f"engine against keras: largest difference {parity(network, npz):.1e}")
    return {"npz": sha256(npz)}


def measure(weights: Path, folders: list[Path], scale: int) -> tuple[dict, dict]:
    """Return set: {metric: mean} in float32, and precision: {set: dB that it costs}."""
    scores, losses = {}, {}
    for folder in folders:
        pairs = find_pairs(folder, scale)
        for precision in precisions("openvino"):
            engine = open_engine(weights, engine="openvino", precision=precision)
            further = Further(scale) if precision == "f32" else None
            result = score(lambda lr, engine=engine: upscale(lr, engine), pairs, scale, on_picture=further)
            print(folder.name, precision, f"{result.psnr:.4f} dB, {result.ssim:.5f}")
            if further:
                means = {"psnr": result.psnr, "ssim": result.ssim, **further.means()}
                scores[folder.name] = {key: round(value, 4) for key, value in means.items()}
                exact = result.psnr
            else:
                losses.setdefault(precision, {})[folder.name] = round(exact - result.psnr, 4)
    return scores, losses


class Further:
    """Collects what a passport says besides PSNR and SSIM, from the pictures while they are there."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        choose(list(PERCEPTUAL))  # says which file is missing
        self.rows: list[dict[str, float]] = []

    def __call__(self, judged: Judged) -> None:
        """Measure one picture."""
        samples = {
            name: Sample(judged.sr, judged.hr, judged.lr, self.scale, PROTOCOLS[name])
            for name in ("paper", "matlab")
        }
        row = {f"matlab_{key}": MEASURES[key].of(samples["matlab"]) for key in ("psnr", "ssim")}
        row |= {key: MEASURES[key].of(samples["paper"]) for key in PERCEPTUAL}
        self.rows.append(row)

    def means(self) -> dict[str, float]:
        """Return the means over the pictures."""
        return {key: statistics.fmean(row[key] for row in self.rows) for key in self.rows[0]}


def command_of(recipe: Recipe) -> str:
    """Return the command line that trains the recipe: its name and what differs from the committed one."""

    def settings(quick: bool) -> list[str]:
        base, mine = as_json(get(recipe.name, quick=quick)), as_json(recipe)
        changed = [
            f"--set {k}={','.join(v) if isinstance(v, list) else v}"
            for k, v in mine.items()
            if base[k] != v and k not in BESIDE
        ]
        return ["--quick", *changed] if quick else changed

    command = f"keras-sr train {recipe.name} --data photos/"
    return " ".join([command, *min(settings(quick=False), settings(quick=True), key=len)])


if __name__ == "__main__":
    main()
