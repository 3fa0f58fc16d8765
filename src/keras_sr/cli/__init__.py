"""The command `keras-sr`. Nothing heavy is imported before a command needs it: help is instant."""

from keras_sr.cli.app import main

__all__ = ["main"]
