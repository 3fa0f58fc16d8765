"""Weights from elsewhere: files of PyTorch, safetensors, ncnn and ONNX, read without running anything.

    file > reader (arrays by the names of their author) > unwrap (which of them are the network)
         > detect (architecture, scale, features; arrays by the names of our layers)

No framework is imported: numpy and the standard library read every format.
"""

from keras_sr.weights.foreign.network import SUFFIXES, ForeignNetwork, is_foreign, read_network

__all__ = ["SUFFIXES", "ForeignNetwork", "is_foreign", "read_network"]
