"""Pixels: ranges, colour, resizing, files. numpy and Pillow, never a deep-learning framework."""
