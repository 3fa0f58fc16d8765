"""Weights: a plain file format, strict loading, and the registry of what ships."""
