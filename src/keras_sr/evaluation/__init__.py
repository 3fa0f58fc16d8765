"""Measuring networks: benchmark folders, the protocol of the field, and a callback that uses both.

What needs keras is not imported here: `evaluation.callback`, `evaluation.network` and `evaluation.seed`.
"""

from keras_sr.evaluation.folders import Pair, find_pairs
from keras_sr.evaluation.score import PROTOCOLS, Judged, Protocol, Scores, bicubic, score

__all__ = ["PROTOCOLS", "Judged", "Pair", "Protocol", "Scores", "bicubic", "find_pairs", "score"]
