"""Names that clients give: for people to read, never parts of a path on this machine."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from urllib.parse import quote

#: Bytes of a name: with an ending and a mark it still is a file name everywhere.
_LONGEST = 200

#: What Windows takes in no name, and marks that make text run backwards (`gpj.exe` shown as `exe.jpg`).
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')


def clean_name(given: str | None) -> str:
    r"""Return the last part of a client's file name, as something that is a file name everywhere.

    Examples:
        >>> clean_name("../../etc/pass\nwd"), clean_name(r"C:\photos\cat.jpg"), clean_name("..")
        ('pass_wd', 'cat.jpg', 'picture')
    """
    return _clean_part(re.split(r"[/\\]", given or "")[-1]) or "picture"


def clean_folder(given: str | None) -> str:
    """Return a client's folder, such as `holiday/day 1`, with nothing in it that leads elsewhere.

    Examples:
        >>> clean_folder("/holiday/../day 1/"), clean_folder(None)
        ('holiday/day 1', '')
    """
    parts = (_clean_part(part) for part in re.split(r"[/\\]", given or "")[:16])
    return "/".join(part for part in parts if part)


def _clean_part(part: str) -> str:
    text = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", part)).strip(" .")
    ending = PurePosixPath(text).suffix
    if len(ending) > 10:
        ending = ""
    stem = text[: len(text) - len(ending)]
    while len((stem + ending).encode()) > _LONGEST:
        stem = stem[:-1]
    return (stem + ending).strip(" .")


def content_disposition(name: str) -> str:
    r"""Return the header that names a download, by RFC 6266: in ASCII, and in full.

    Examples:
        >>> print(content_disposition("Käse.png"))
        attachment; filename="K_se.png"; filename*=UTF-8''K%C3%A4se.png
    """
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def distinct(names: Iterable[str]) -> Iterator[str]:
    """Yield names with a number behind those that came before, upper and lower case alike.

    Examples:
        >>> list(distinct(["a.png", "A.png", "a (2).png", "b/a.png"]))
        ['a.png', 'A (2).png', 'a (2) (2).png', 'b/a.png']
    """
    taken: set[str] = set()
    for name in names:
        path, number, one = PurePosixPath(name), 1, name
        while one.casefold() in taken:
            number += 1
            one = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        taken.add(one.casefold())
        yield one
