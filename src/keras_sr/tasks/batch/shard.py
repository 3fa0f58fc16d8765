"""One of several equal parts of a batch: which pictures are its own, the same on every machine."""

import os
import re
from dataclasses import dataclass
from hashlib import sha256

from keras_sr.errors import KerasSRError


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`.

    A picture belongs to a part by the hash of its path below the folder that was given: whoever sees the same
    folder, from wherever, finds the same parts, and a picture that joins moves no other.

    Attributes:
        number: Which, from 1 to `count`.
        count: How many there are.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise KerasSRError(
                f"there is no shard {self}: the first of {max(self.count, 1)} is 1/{max(self.count, 1)}, "
                f"the last {max(self.count, 1)}/{max(self.count, 1)}"
            )

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def file_name(self) -> str:
        """As part of a file's name."""
        return f"{self.number}-of-{self.count}"

    def has(self, name: str) -> bool:
        """Return whether a picture is of this part.

        Args:
            name: Its path below the folder that was given, with / between folders.

        Examples:
            >>> [k for k in (1, 2, 3) if Shard(k, 3).has("2024/cat.jpg")]
            [3]
        """
        digest = sha256(os.fsencode(name)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1


def as_shard(given: "Shard | str | tuple[int, int]") -> Shard:
    """Return a shard as people write it.

    Raises:
        KerasSRError: It is none.

    Examples:
        >>> as_shard("3/16"), as_shard((3, 16)) == as_shard("3/16")
        (Shard(number=3, count=16), True)
    """
    if isinstance(given, Shard):
        return given
    text = given if isinstance(given, str) else "/".join(map(str, given))
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*/\s*[0-9]{1,9}\s*", text):
        raise KerasSRError(f"{text!r} is not a shard: write which of how many, such as 3/16")
    number, count = map(int, text.split("/"))
    return Shard(number, count)
