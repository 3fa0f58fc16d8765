"""Generators as plain numpy: what they compute, without Keras and without an engine."""
