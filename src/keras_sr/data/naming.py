"""What the path of a picture says: HR or LR, of which scale, and which picture it is.

The field writes one fact in many ways: `DIV2K_train_HR/0801.png` and `DIV2K_train_LR_bicubic/X4/0801x4.png`,
`GTmod12/baby.png` and `LRbicx4/baby.png`, `gt/a.png` and `lq/a.png`, `a_HR.png` and `a_LR4.png`. A path is
read part by part; what tells HR from LR is taken out, and what is left is the picture's key: equal keys are
one picture.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

#: Words that say how LR was made; they are no part of a picture's key.
_KINDS = frozenset(
    [
        *("bicubic", "bic", "bi", "bilinear", "lanczos", "nearest", "nn", "area"),
        *("unknown", "mild", "difficult", "wild", "bd", "dn", "real", "realesrgan", "blur", "noise", "jpeg"),
    ]
)
#: Words beside HR and LR that say nothing.
_FILLERS = frozenset(["images", "image", "imgs", "img", "pictures", "frames", "patches", "crops"])
#: Words that may follow HR and LR and are part of the key.
_PARTS = frozenset(["train", "training", "valid", "validation", "val", "test", "testing", "sub", "mini"])

_SPELLED_OUT = (
    (re.compile(r"(?i)high[_\- ]?res(olution)?(?![a-z])"), "HR"),
    (re.compile(r"(?i)low[_\- ]?res(olution)?(?![a-z])"), "LR"),
    (re.compile(r"(?i)ground[_\- ]?truth"), "GT"),
    (re.compile(r"(?i)low[_\- ]?quality"), "LQ"),
)
# trainHR is train_HR.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=(?:HR|LR|GT|LQ)(?![a-z]))")
_HR_WORD = re.compile(r"(?:hr|gt)(?:mod\d+)?(?:x([2-8]))?")
_LR_WORD = re.compile(r"(?:lr|lq)([a-z]*?)(?:x?([2-8]))?")
_SCALE_WORD = re.compile(r"x([1-8])|([1-8])x")


@dataclass(frozen=True)
class FolderName:
    """What a folder's name says.

    Attributes:
        role: `"hr"`, `"lr"`, or "" for a folder that says neither.
        scale: The scale it names, or None.
        rest: The words of its name that are part of a picture's key.
        kind: How LR was made, or "".
    """

    role: str
    scale: int | None
    rest: tuple[str, ...]
    kind: str = ""

    @property
    def is_scale(self) -> bool:
        """Whether it says a scale and nothing else: `X4`, or `X4_sub`."""
        return not self.role and self.scale is not None and self.rest in ((), ("sub",))


def read_folder(name: str) -> FolderName:
    """Return what a folder's name says.

    Examples:
        >>> read_folder("DIV2K_train_LR_bicubic")
        FolderName(role='lr', scale=None, rest=('div2k', 'train'), kind='bicubic')
        >>> read_folder("GTmod12").role, read_folder("LRbicx4").scale, read_folder("X4").is_scale
        ('hr', 4, True)
        >>> read_folder("holidays")
        FolderName(role='', scale=None, rest=('holidays',), kind='')
    """
    plain = name
    for pattern, short in _SPELLED_OUT:
        plain = pattern.sub(short, plain)
    words = [word for word in re.split(r"[_\-. ]+", _CAMEL.sub("_", plain).lower()) if word]
    role, scale, kind = "", None, ""
    rest: list[str] = []
    for i, word in enumerate(words):
        hr, lr, times = (pattern.fullmatch(word) for pattern in (_HR_WORD, _LR_WORD, _SCALE_WORD))
        says = not role and (i == 0 or all(map(_may_follow, words[i + 1 :])))
        if hr and says:
            role, scale = "hr", number(hr[1]) or scale
        elif lr and says and (not lr[1] or lr[1] in _KINDS):
            role, kind, scale = "lr", lr[1], number(lr[2]) or scale
        elif times:
            scale = number(times[1] or times[2])
        else:
            rest.append(word)
    if len(words) == 3 and words[1] == "srf" and words[2].isdigit():  # image_SRF_4
        return FolderName("", int(words[2]), ())
    if not role:
        # A folder that says neither keeps its whole name: `2024_x4` is no scale.
        only = scale is not None and rest in ([], ["sub"])
        return FolderName("", scale, tuple(rest)) if only else FolderName("", None, (name.casefold(),))
    if role == "lr":
        found = [word for word in rest if word.rstrip("0123456789") in _KINDS]
        kind = kind or "_".join(found)
        rest = [word for word in rest if word not in found]
    kind = "bicubic" if kind in ("bic", "bi") else kind
    return FolderName(role, scale, tuple(word for word in rest if word not in _FILLERS), kind)


def _may_follow(word: str) -> bool:
    """Tell whether a word behind HR or LR leaves it what it says: `lr_scan_of_1970` may hold anything."""
    return word.rstrip("0123456789") in _KINDS | _FILLERS | _PARTS or bool(_SCALE_WORD.fullmatch(word))


def shrunk(name: str, beside: frozenset[str]) -> FolderName | None:
    """Return what `sharp_bicubic` says beside `sharp` (REDS), or None."""
    plain, _, kind = name.rpartition("_")
    return (
        FolderName("lr", None, read_folder(plain).rest, kind)
        if kind == "bicubic" and plain in beside
        else None
    )


def number(text: str | None) -> int | None:
    """Return digits as a number, and nothing as nothing."""
    return int(text) if text else None


@dataclass(frozen=True)
class PictureName:
    """What the path of a picture says.

    Attributes:
        path: Relative to the folder that was searched, POSIX.
        role: `"hr"`, `"lr"`, or "".
        folder_role: The same, as its folders alone say.
        scale: As folders or file say, or None.
        kind: How LR was made, or "".
        place: The part of the key that its folders give.
        stem: The file's name, in lower case and without suffix.
        base: The same without what tells HR from LR.
        tagged: Whether the file's name ends with a scale, such as `x4`, and says no role.
    """

    path: str
    role: str
    folder_role: str
    scale: int | None
    kind: str
    place: tuple[str, ...]
    stem: str
    base: str
    tagged: bool

    @property
    def key(self) -> tuple[str, ...]:
        """Which picture it is, endings taken off."""
        return (*self.place, self.base)

    @property
    def exact(self) -> tuple[str, ...]:
        """Which picture it is, by its whole name."""
        return (*self.place, self.stem)


#: Endings of a file's name: (pattern, role). The group is a scale.
_ENDINGS = (
    (re.compile(r"(?<=.)[_-](?:hr|gt)$"), "hr"),
    (re.compile(r"(?<=.)[_-](?:lr|lq)(?:x?(\d))?$"), "lr"),
    (re.compile(r"(?<=.)[_-]srf[_-](\d)$"), ""),
    (re.compile(r"(?<=.)[_-]?x(\d)$"), ""),
    (re.compile(r"(?<=.)[_-](\d)x$"), ""),
    (re.compile(r"(?<=.)[_-](?:bicubic|bic)$"), ""),
)


def _read_stem(stem: str, only: int | None = None) -> tuple[str, int | None, str]:
    """Return (role, scale, rest) of a file's name without its suffix.

    Args:
        stem: The name.
        only: Scales other than this are part of the name.

    Examples:
        >>> _read_stem("img_001_SRF_4_HR"), _read_stem("0801x4"), _read_stem("Canon_001_LR4")
        (('hr', 4, 'img_001'), ('', 4, '0801'), ('lr', 4, 'canon_001'))
        >>> _read_stem("photo_x2", only=4)
        ('', None, 'photo_x2')
    """
    stem, role, scale = stem.casefold(), "", None
    while True:
        for pattern, says in _ENDINGS:
            found = pattern.search(stem)
            if found is None or (says and role):
                continue
            told = number(found[1]) if pattern.groups else None
            if told is not None and only is not None and told not in (1, only):
                continue
            role, scale = role or says, scale if told in (None, 1) else told
            stem = stem[: found.start()]
            break
        else:
            return role, scale, stem


def read_path(path: str, beside: frozenset[str] = frozenset()) -> PictureName:
    """Return what a relative path says.

    Args:
        path: POSIX.
        beside: Names of all folders around: `sharp_bicubic` holds LR where there is a `sharp`.

    Examples:
        >>> lr = read_path("DIV2K_train_LR_bicubic/X4/0801x4.png")
        >>> lr.role, lr.scale, lr.key == read_path("DIV2K_train_HR/0801.png").key
        ('lr', 4, True)
    """
    *folders, name = PurePosixPath(path).parts
    role, scale, kind = "", None, ""
    place: list[str] = []
    for folder in (shrunk(name, beside) or read_folder(name) for name in folders):
        role, kind = role or folder.role, kind or folder.kind
        scale = folder.scale if folder.scale is not None else scale
        place += folder.rest
    stem = PurePosixPath(name).stem.casefold()
    says, tag, base = _read_stem(stem, scale)
    return PictureName(
        path,
        role or says,
        role,
        scale if scale is not None else tag,
        kind,
        tuple(place),
        stem,
        base,
        tag is not None and not (role or says),
    )
