"""Put the weights of a finished run into the package: NAME.npz, NAME.onnx and the passport NAME.json.

    python scripts/publish.py runs/compact compact_x4 --data 'photos/ (CC0, CC-BY)' --licence 'CC BY-SA 4.0' \
        --hardware '2 cores of a server processor' --score Set5 --score BSD100

`--score` takes benchmark folders (HR and LR in a usual layout) and is measured here, through the exported
network, so that what is written down is what the package reaches.
"""

import argparse
import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

from keras_sr.evaluation.folders import find_pairs
from keras_sr.evaluation.score import score
from keras_sr.export import export_onnx, parity
from keras_sr.files import atomic_write, sha256
from keras_sr.inference.engines import open_engine
from keras_sr.inference.upscale import upscale
from keras_sr.training.recipe import from_json
from keras_sr.weights import registry, store
from keras_sr.weights.find import find
from keras_sr.weights.load import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    for text in ("--data", "--licence", "--hardware"):
        parser.add_argument(text, required=True)
    parser.add_argument("--command", help="how it was trained, where that was not one folder photos/")
    parser.add_argument("--commit", help="of the code that trained it, where that is not the present one")
    parser.add_argument("--score", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    registry.FILES.mkdir(exist_ok=True)
    npz, onnx = (registry.FILES / f"{arguments.name}{suffix}" for suffix in (".npz", ".onnx"))
    shutil.copyfile(find(arguments.run), npz)
    network = load(npz)
    export_onnx(network, onnx)
    print(f"exported network against keras: largest difference {parity(network, onnx):.1e}")
    _, meta = store.read(npz)
    recipe = from_json(meta["recipe"])
    engine = open_engine(onnx)
    scores = {}
    for folder in arguments.score:
        result = score(lambda lr: upscale(lr, engine), find_pairs(folder, recipe.scale), recipe.scale)
        scores[folder.name] = {"psnr": round(result.psnr, 3), "ssim": round(result.ssim, 4)}
        print(folder.name, scores[folder.name])
    rows = store.read(arguments.run / "state.npz")[1]["rows"]
    passport = registry.Passport(
        name=arguments.name,
        generator=recipe.generator,
        scale=recipe.scale,
        recipe=meta["recipe"],
        command=arguments.command or command_of(recipe),
        commit=arguments.commit
        or subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip(),
        data=arguments.data,
        licence=arguments.licence,
        steps=meta["step"],
        hours=round(sum(row["seconds"] for row in rows) / 3600, 2),
        hardware=arguments.hardware,
        scores=scores,
        sha256={path.suffix[1:]: sha256(path) for path in (npz, onnx)},
    )
    with atomic_write(registry.FILES / f"{arguments.name}.json", "w") as file:
        json.dump(asdict(passport), file, indent=1)
        file.write("\n")


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
