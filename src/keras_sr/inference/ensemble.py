"""The geometric self-ensemble: eight turned and mirrored copies, enlarged and averaged.

Timofte, Rothe, Van Gool: Seven ways to improve example-based single image super resolution, CVPR
2016, section 3.6; Lim et al., CVPRW 2017 (EDSR), section 3.4. Eight times the work for about 0.1 dB.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from keras_sr.inference.engines import Engine, FromFacts, facts_of


def self_ensemble(enlarge: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return an upscaler that averages `enlarge` over the eight symmetries of the square.

    Args:
        enlarge: LR (h, w, 3) to SR float (H, W, 3); floats, because rounding eight times would cost
            what the average gains.

    Returns:
        LR uint8 (h, w, 3) to SR float32 (H, W, 3).

    Examples:
        >>> twice = self_ensemble(lambda lr: lr.repeat(2, 0).repeat(2, 1) / np.float32(255))
        >>> twice(np.full((2, 3, 3), 51, np.uint8)).shape
        (4, 6, 3)
    """

    def run(lr: np.ndarray) -> np.ndarray:
        total: Any = np.float32(0)
        for turns in range(4):
            for mirrored in (False, True):
                copy = np.rot90(lr, turns)
                sr = enlarge(np.ascontiguousarray(copy[:, ::-1] if mirrored else copy))
                total = total + np.rot90(sr[:, ::-1] if mirrored else sr, -turns)
        return total / np.float32(8)

    return run


class EnsembleEngine(FromFacts):
    """An engine whose every run is averaged over the eight symmetries; else what it wraps.

    Args:
        engine: From `inference.engines`.
    """

    def __init__(self, engine: Engine) -> None:
        self.facts = replace(facts_of(engine), name=f"{engine.name}, self-ensemble")
        self._run = self_ensemble(lambda lr: engine.run(lr[None])[0])

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Map LR float32 (N, h, w, 3) in [0, 1] to SR float32 (N, h * scale, w * scale, 3), not clipped."""
        return np.stack([self._run(lr) for lr in batch])
