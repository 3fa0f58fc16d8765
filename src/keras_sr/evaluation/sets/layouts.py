"""Benchmark folders: which picture is the truth (HR), and which small one (LR) belongs to it.

The layouts that the sets are handed round in are recognised (`s` stands for the scale):

    HR/img.png              LR_bicubic/Xs/imgxs.png, LR_bicubic_Xs/imgxs.png or LR/...
    DIV2K_valid_HR/0801.png DIV2K_valid_LR_bicubic/Xs/0801xs.png, in folders side by side
    image_SRF_s/img_SRF_s_HR.png, img_SRF_s_LR.png beside it (SelfExSR)
    img_HR.png              img_LR.png beside it, or none
    test_HR/img_xs.png      test_LR/img_x1.png (DRealSR; also img_HR.png and img_LRs.png, RealSR)
    img.png                 any folder of photographs: each is an HR

Folders may be nested, suffixes may be of any case. Files starting with a dot are not looked at.
"""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from keras_sr.errors import DataError
from keras_sr.images.plain import SUFFIXES


@dataclass(frozen=True)
class Pair:
    """A picture to be measured on.

    Attributes:
        name: What it is called in tables: its path below the HR folder, without the suffix.
        hr: The truth.
        lr: What a network is given, or None: then it is made from `hr` by bicubic `imresize`.
    """

    name: str
    hr: Path
    lr: Path | None


def find_pairs(folder: str | Path, scale: int) -> list[Pair]:
    """Find the pictures of a benchmark set, sorted by name.

    LR pictures of another scale are passed over: a set that comes with x2 only has `lr=None` at x4.

    Args:
        folder: The folder of the set, its HR folder, or any folder of photographs.
        scale: HR size over LR size.

    Raises:
        DataError: There is no such folder or no picture in it, it holds several sets, or a picture
            lacks its partner although LR pictures of this scale are there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"there is no folder {str(folder)!r}: give the folder of a benchmark set")
    if scale < 1 or scale != int(scale):
        raise DataError(f"the scale of a set is a whole number, 1 or more, not {scale}")
    scale = int(scale)
    hr_folder, lr_folder = locate(folder, scale)
    pictures = [path for path in list_pictures(hr_folder) if not below_lr_folder(path, hr_folder)]
    if not pictures:
        kinds = ", ".join(sorted(SUFFIXES))
        raise DataError(f"there is no picture in {str(hr_folder)!r}: expected files ending in {kinds}")
    tagged = tagged_hr(pictures, scale)
    truths = tagged or pictures
    if lr_folder:
        partners = below(lr_folder, truths, hr_folder, scale)
    else:
        partners = beside(tagged, scale) if tagged else dict.fromkeys(pictures)
    names = short_names(truths, hr_folder)
    return sorted((Pair(names[hr], hr, partners[hr]) for hr in truths), key=lambda pair: pair.name)


def set_name(folder: str | Path) -> str:
    """Return what a set is called: its folder's name, or that of the folder above `HR` or `image_SRF_4`."""
    # Not resolved: whoever links Set5 to a store means Set5.
    folder = Path(os.path.abspath(folder))
    return folder.parent.name if folder.name == "HR" or folder.name.startswith("image_SRF_") else folder.name


def locate(folder: Path, scale: int) -> tuple[Path, Path | None]:
    """Return the folder of the HR pictures and that of the LR pictures, if there is one."""
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and is_hr_name(path.name))
    if len(inside) > 1:
        found = ", ".join(path.name for path in inside)
        raise DataError(f"{str(folder)!r} holds several sets: give one of the folders {found}")
    if inside:
        hr_folder = inside[0]
    else:
        hr_folder = folder / f"image_SRF_{scale}" if (folder / f"image_SRF_{scale}").is_dir() else folder
    parent, prefix = (
        (hr_folder.parent, hr_folder.name[:-2]) if is_hr_name(hr_folder.name) else (hr_folder, "")
    )
    for name in (f"LR_bicubic/X{scale}", f"LR_bicubic_X{scale}", "LR"):
        if (parent / f"{prefix}{name}").is_dir():
            return hr_folder, parent / f"{prefix}{name}"
    return hr_folder, None


def is_hr_name(name: str) -> bool:
    """Tell whether a folder's name is that of HR pictures: `HR`, `DIV2K_valid_HR`."""
    return name == "HR" or name.endswith("_HR")


def list_pictures(folder: Path) -> list[Path]:
    """Return the picture files below a folder, however deep, sorted; nothing hidden."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def below_lr_folder(path: Path, root: Path) -> bool:
    """Tell whether a file lies in an LR folder somewhere below `root`."""
    return any(part == "LR" or part.startswith("LR_") for part in path.relative_to(root).parts[:-1])


def tagged_hr(pictures: list[Path], scale: int) -> list[Path]:
    """Return the pictures called `..._HR`; of those made for one scale, `..._SRF_s_HR`, only ours.

    Beside them may lie `..._LR` and results of methods (`..._bicubic`), but nothing unrelated.
    """
    tagged = [path for path in pictures if path.stem.endswith("_HR")]
    ours = [path for path in tagged if "_SRF_" not in path.stem or path.stem.endswith(f"_SRF_{scale}_HR")]
    if tagged and not ours:
        raise DataError(f"{str(tagged[0])!r} and its neighbours are for another scale than x{scale}")
    bases = {(path.parent, path.stem.removesuffix("_HR")) for path in tagged}
    strays = [path for path in pictures if (path.parent, path.stem.rpartition("_")[0]) not in bases]
    if tagged and strays:
        raise DataError(
            f"{str(strays[0])!r} belongs to no picture called ..._HR, although there are such: "
            "call all the truths ..._HR, or none"
        )
    return ours


def beside(truths: list[Path], scale: int) -> dict[Path, Path | None]:
    """Return the `..._LR` (or `..._LR4`) in the same folder of each `..._HR`: all have one, or none."""
    siblings = {
        folder: {path.name: path for path in folder.iterdir()} for folder in {t.parent for t in truths}
    }
    partners: dict[Path, Path | None] = {}
    for hr in truths:
        stem = hr.stem.removesuffix("HR") + "LR"
        stems = (stem, f"{stem}{scale}")
        found = (p for p in siblings[hr.parent].values() if p.stem in stems and p.suffix.lower() in SUFFIXES)
        partners[hr] = next(found, None)
    if any(partners.values()):
        refuse_missing(partners, "called ..._LR beside it")
    return partners


def below(lr_folder: Path, truths: list[Path], hr_folder: Path, scale: int) -> dict[Path, Path | None]:
    """Return the partner below `lr_folder` of each picture: the same path, `x4` after the name or not."""
    smalls = {path.relative_to(lr_folder).with_suffix(""): path for path in list_pictures(lr_folder)}
    partners: dict[Path, Path | None] = {}
    for hr in truths:
        stem = hr.relative_to(hr_folder).with_suffix("")
        endings = (f"x{scale}", f"_x{scale}", f"X{scale}", "")
        spellings = [stem.with_name(stem.name + ending) for ending in endings]
        bare = stem.name.removesuffix("_HR")
        spellings += [stem.with_name(f"{bare}_LR"), stem.with_name(f"{bare}_LR{scale}")]
        # DRealSR counts from the LR side: x1 is LR, x4 is HR.
        if stem.name.endswith(f"_x{scale}"):
            spellings.append(stem.with_name(stem.name.removesuffix(f"_x{scale}") + "_x1"))
        partners[hr] = next((smalls[spelling] for spelling in spellings if spelling in smalls), None)
    refuse_missing(partners, f"in {str(lr_folder)!r}")
    strays = sorted(set(smalls.values()) - set(partners.values()))
    if strays:
        raise DataError(f"{str(strays[0])!r} has no HR picture in {str(hr_folder)!r} ({len(strays)} such)")
    return partners


def refuse_missing(partners: dict[Path, Path | None], where: str) -> None:
    """Raise a DataError that names the first picture without a partner."""
    alone = [hr for hr, lr in partners.items() if lr is None]
    if alone:
        raise DataError(
            f"{str(alone[0])!r} has no LR picture {where} ({len(alone)} of {len(partners)} have none)"
        )


def short_names(truths: list[Path], root: Path) -> dict[Path, str]:
    """Name each picture by its path below `root` without suffix and `_HR`; keep the suffix of twins."""
    names = {hr: hr.relative_to(root).with_suffix("").as_posix().removesuffix("_HR") for hr in truths}
    count = Counter(names.values())
    return {hr: name if count[name] == 1 else hr.relative_to(root).as_posix() for hr, name in names.items()}
