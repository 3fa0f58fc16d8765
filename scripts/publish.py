"""Put the weights of a finished run into the package: NAME.npz, NAME.onnx and the passport NAME.json.

    python scripts/publish.py compact_x4 --run runs/compact --data 'photos/ (CC0, CC-BY)' \
        --licence 'CC BY-SA 4.0' --hardware '2 cores of a server processor' \\
        --score Set5 --score Set14 --score BSD100

`--score` takes benchmark folders (HR and LR in a usual layout) and is measured here, through the exported
network, so that what is written down is what the package reaches. Precisions other than float32 that this
machine has in hardware are measured, too. Without `--run`, weights that ship already are measured anew.
"""

import argparse
import json
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

from keras_sr.evaluation.folders import find_pairs
from keras_sr.evaluation.score import score
from keras_sr.export import export_onnx, parity
from keras_sr.files import atomic_write, sha256
from keras_sr.inference.engines import open_engine, precisions
from keras_sr.inference.upscale import upscale
from keras_sr.training.recipe import from_json
from keras_sr.weights import registry, store
from keras_sr.weights.find import find
from keras_sr.weights.load import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--run", type=Path)
    for text in ("--data", "--licence", "--hardware"):
        parser.add_argument(text)
    parser.add_argument("--command", help="how it was trained, where that was not one folder photos/")
    parser.add_argument("--commit", help="of the code that trained it, where that is not the present one")
    parser.add_argument("--partner", default="", help="weights of the same network it was trained from")
    parser.add_argument("--hours", type=float, help="of training, where the run's own log is not all of it")
    parser.add_argument("--score", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    if arguments.run is None:
        passport = registry.passport(arguments.name)
    elif not (arguments.data and arguments.licence and arguments.hardware):
        parser.error("a passport says --data, --licence and --hardware")
    else:
        passport = copied(arguments)
    scores, losses = measure(registry.FILES / f"{passport.name}.onnx", arguments.score, passport.scale)
    passport = replace(passport, scores=scores, precision_loss=losses)
    with atomic_write(registry.FILES / f"{passport.name}.json", "w") as file:
        json.dump(asdict(passport), file, indent=1)
        file.write("\n")


def copied(arguments: argparse.Namespace) -> registry.Passport:
    """Copy and export the weights of a run, and return their passport, still without scores."""
    npz, onnx = (registry.FILES / f"{arguments.name}{suffix}" for suffix in (".npz", ".onnx"))
    shutil.copyfile(find(arguments.run), npz)
    network = load(npz)
    export_onnx(network, onnx, name=arguments.name)
    print(f"exported network against keras: largest difference {parity(network, onnx):.1e}")
    _, meta = store.read(npz)
    recipe = from_json(meta["recipe"])
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
        sha256={path.suffix[1:]: sha256(path) for path in (npz, onnx)},
        partner=arguments.partner,
    )


def measure(onnx: Path, folders: list[Path], scale: int) -> tuple[dict, dict]:
    """Return set: {psnr, ssim} in float32, and precision: {set: dB that it costs}."""
    scores, losses = {}, {}
    for folder in folders:
        pairs = find_pairs(folder, scale)
        for precision in precisions("openvino"):
            engine = open_engine(onnx, engine="openvino", precision=precision)
            result = score(lambda lr, engine=engine: upscale(lr, engine), pairs, scale)
            print(folder.name, precision, f"{result.psnr:.4f} dB, {result.ssim:.5f}")
            if precision == "f32":
                scores[folder.name] = {"psnr": round(result.psnr, 3), "ssim": round(result.ssim, 4)}
                exact = result.psnr
            else:
                losses.setdefault(precision, {})[folder.name] = round(exact - result.psnr, 4)
    return scores, losses


def command_of(recipe: object) -> str:
    """Return the command line that trains the recipe: its name and what differs from the committed one."""
    from keras_sr.recipes import get
    from keras_sr.training.recipe import as_json

    base, mine = as_json(get(recipe.name)), as_json(recipe)
    settings = [
        f"--set {k}={','.join(v) if isinstance(v, list) else v}" for k, v in mine.items() if base[k] != v
    ]
    return " ".join([f"keras-sr train {recipe.name} --data photos/", *settings])


if __name__ == "__main__":
    main()
