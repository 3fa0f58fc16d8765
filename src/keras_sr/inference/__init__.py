"""Enlarging pictures with exported networks; needs no training framework."""

from keras_sr.inference.engines import Engine, KerasEngine, open_engine
from keras_sr.inference.enlarge import enlarge

__all__ = ["Engine", "KerasEngine", "enlarge", "open_engine"]
