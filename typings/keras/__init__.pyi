"""What is used of Keras, which has no types of its own: tensors are those of whichever backend runs."""

from typing import Any

from . import callbacks as callbacks
from . import config as config
from . import layers as layers
from . import ops as ops
from . import optimizers as optimizers
from . import saving as saving
from . import utils as utils

class Model(layers.Layer):
    inputs: list[Any]
    outputs: list[Any]
    layers: list[Any]
    optimizer: Any
    input_shape: tuple[Any, ...]
    output_shape: tuple[Any, ...]
    def fit(self, *arguments: Any, **options: Any) -> Any: ...

def __getattr__(name: str) -> Any: ...
