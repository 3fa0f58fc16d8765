"""Measuring networks: benchmark folders, the protocol of the field, and a callback that uses both.

What needs keras is not imported here: `evaluation.callback`, `evaluation.keras_upscaler` and
`evaluation.superresgan`.
"""

from keras_sr.evaluation.protocol import PROTOCOLS, Protocol
from keras_sr.evaluation.score import Judged, Scores, bicubic, score
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.images.pair import Pair

__all__ = ["PROTOCOLS", "Judged", "Pair", "Protocol", "Scores", "bicubic", "find_pairs", "score"]
