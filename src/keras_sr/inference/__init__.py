"""Enlarging pictures with exported networks; needs no training framework."""

from keras_sr.inference.engines import Engine, KerasEngine, open_engine
from keras_sr.inference.enlarge import upscale

__all__ = ["Engine", "KerasEngine", "open_engine", "upscale"]
