"""The best weights of a run, by a figure on pictures that it is not trained on."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The best weights so far; a run that is measured ends with them.
_FILE = "best.npz"


@dataclass(frozen=True)
class Monitor:
    """What is watched.

    Attributes:
        name: Of a figure in the logs, such as `BSD100_psnr`.
        higher_is_better: Its direction.
        patience: Measurements without a better one after which the run ends; 0 for never.
    """

    name: str
    higher_is_better: bool = True
    patience: int = 0

    def value(self, row: dict) -> float | None:
        """Return the figure of a row of the log, or None where it was not measured."""
        value = row.get(self.name)
        return float(value) if value is not None and math.isfinite(value) else None

    def better(self, one: float, other: float) -> bool:
        """Tell whether one figure is better than another."""
        return one > other if self.higher_is_better else one < other

    def best(self, rows: list[dict]) -> dict | None:
        """Return the best row after the first step, the earliest of equals; None where none was measured."""
        best: dict[str, Any] | None = None
        for row in rows:
            value = self.value(row)
            if value is None or row["step"] == 0:
                continue
            if best is None or self.better(value, best[self.name]):
                best = row
        return best

    def waited(self, rows: list[dict]) -> int:
        """Return how many measurements there were since the best one; step 0 counts as one to be beaten."""
        measured = [value for row in rows if (value := self.value(row)) is not None]
        if not measured:
            return 0
        pick = max if self.higher_is_better else min
        return len(measured) - 1 - measured.index(pick(measured))

    def is_over(self, rows: list[dict]) -> bool:
        """Tell whether a run has waited long enough."""
        return 0 < self.patience <= self.waited(rows)


def path(folder: Path) -> Path:
    """Return the file of the best weights of a run."""
    return folder / _FILE
