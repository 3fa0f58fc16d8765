"""Weights from elsewhere: files of PyTorch, safetensors, ncnn and ONNX, read without running anything.

    file > reader (arrays by the names of their author) > unwrap (which of them are the network)
         > kinds (architecture, scale, features; arrays by the names of our layers)

No framework is imported: numpy and the standard library read every format. The readers are imported when a
file is read, so that networks of ours, which ask for `is_foreign` alone, start as fast as without them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_sr.weights.foreign.network import ForeignNetwork

__all__ = ["FOREIGN_SUFFIXES", "is_foreign", "read_network"]

#: Endings of files that other programs wrote.
FOREIGN_SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors", ".param", ".bin", ".onnx")


def is_foreign(name: str | Path) -> bool:
    """Return whether a name is that of a file which another program wrote, or may have written."""
    return Path(name).suffix.lower() in FOREIGN_SUFFIXES


def read_network(path: str | Path) -> "ForeignNetwork":
    """Read a network of another program; as `weights.foreign.network.read_network`."""
    from keras_sr.weights.foreign.network import read_network as read

    return read(path)
