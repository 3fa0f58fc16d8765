"""The benchmark sets that papers report on: what bicubic gives on them, and where they come from.

A set in a folder is recognised by the folder's name. What makes it *the* set is the anchor: the
bicubic row of every paper. Anchors were computed here on the copies that SelfExSR (Huang et al., CVPR
2015) hands round, whose LR pictures were made by MATLAB; the literature's values are beside them.
Set14 and Urban100 go round in copies cropped differently, so two values count there.
"""

from dataclasses import dataclass
from pathlib import Path

from keras_sr.errors import DataError
from keras_sr.evaluation.sets.layouts import set_name

#: Two decimals of a published figure, and the last digits of another's arithmetic.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Anchor:
    """What bicubic enlargement gives on a set: mean PSNR in dB, under three protocols.

    Attributes:
        paper: Y as floats, `scale` pixels shaved.
        matlab: The same with Y rounded.
        rgb: RGB, `scale` pixels shaved.
        literature: The row of published tables (Y), of whatever copy of the set they used.
        mod12: The first three on the copy that BasicSR makes, whose sides are cut to multiples of 12; where
            it differs by more than the tolerance.
    """

    paper: float
    matlab: float
    rgb: float
    literature: float
    mod12: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class KnownSet:
    """A benchmark set.

    Attributes:
        name: As papers write it.
        pictures: How many it has.
        anchors: By scale.
        trees: By scale, the git object of the folder `data/NAME/image_SRF_s` in SelfExSR's repository.
    """

    name: str
    pictures: int
    anchors: dict[int, Anchor]
    trees: dict[int, str]


SETS = {
    known.name.lower(): known
    for known in (
        KnownSet(
            "Set5",
            5,
            {
                2: Anchor(33.6741, 33.6404, 31.7873, 33.66, (33.6534, 33.6199, 31.7697)),
                3: Anchor(30.4047, 30.3864, 28.6250, 30.39, (30.3848, 30.3666, 28.6079)),
                4: Anchor(28.4302, 28.4177, 26.6934, 28.42, (28.3964, 28.3838, 26.6632)),
            },
            {
                2: "fbd2b66e501eebd8a2b7ad462e8c6545d16de1a1",
                3: "c5ee11510ab5b0fa854d93d5b959f328d0dbba84",
                4: "56200229c80c325e4664b2c4a05c77e8a2cdafa6",
            },
        ),
        KnownSet(
            "Set14",
            14,
            {
                2: Anchor(30.3263, 30.3138, 28.5198, 30.24),
                3: Anchor(27.6336, 27.6268, 25.9463, 27.55),
                4: Anchor(26.0914, 26.0874, 24.4645, 26.00),
            },
            {
                2: "28baef83c8958b01f6ffde09e2ec6c1c8bdad431",
                3: "d654b4cd2947aeca6809e6e098ac0d1d94a1144a",
                4: "7ec55f689866142acaece6a326c63eb093c79015",
            },
        ),
        KnownSet(
            "BSD100",
            100,
            {
                2: Anchor(29.5605, 29.5480, 28.2310, 29.56),
                3: Anchor(27.2097, 27.2024, 25.8843, 27.21),
                4: Anchor(25.9620, 25.9565, 24.6354, 25.96),
            },
            {
                2: "f84db0ae8c7583b4acd88ede4ca945d83564f4aa",
                3: "446e053ad3a2872a6ade73860a3be1d3c39ba3d0",
                4: "cb1ec7a1a569a545086a2f9e0a3152299d0514bc",
            },
        ),
        KnownSet(
            "Urban100",
            100,
            {
                2: Anchor(26.6612, 26.6553, 25.2194, 26.88),
                4: Anchor(23.1406, 23.1381, 21.7067, 23.14),
            },
            {
                2: "90595c5739da1211b05538e76a9d95b21c90e924",
                4: "87ac5ff4f8a5ea57b76e6718db533a298b08876e",
            },
        ),
    )
}


def known_set(name: str) -> KnownSet | None:
    """Return the set of a name, in any case, or None. `B100` is BSD100, and so is `BSD100/`."""
    name = name.lower().rstrip("/")
    return SETS.get("bsd100" if name == "b100" else name)


def find_set(data: str | Path, scale: int, places: list[Path]) -> tuple[str, Path]:
    """Return a set's name and folder, from a folder or from the name of a known set.

    Args:
        data: A folder, or a name such as `Set5`.
        scale: HR size over LR size.
        places: Folders that may hold known sets under their names; the first that does is taken.

    Raises:
        DataError: Neither a folder nor a known set that is in one of the places.
    """
    if Path(data).is_dir():
        return set_name(data), Path(data)
    known = known_set(str(data))
    if known is None:
        names = ", ".join(known.name for known in SETS.values())
        raise DataError(f"{str(data)!r} is neither a folder nor a known set ({names})")
    for place in places:
        folder = place / known.name
        # A folder that holds some scales only is passed over where ours is not among them.
        others = list(folder.glob("image_SRF_*"))
        if folder.is_dir() and (not others or folder / f"image_SRF_{scale}" in others):
            return known.name, folder
    raise DataError(f"{known.name} at x{scale} is not in {', '.join(map(str, places))}")
