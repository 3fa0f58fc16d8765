"""Which backend Keras runs on: decided here, before Keras is imported anywhere."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from keras_sr.errors import KerasSRError, install_hint

#: Backends, the fastest on a processor first (docs/decisions/ has the measurement).
BACKENDS = ("tensorflow", "torch", "jax")


def prepare_keras() -> str:
    """Choose the backend, keep it quiet, and return its name: KERAS_BACKEND, or the first one installed.

    Raises:
        KerasSRError: Keras, or every backend, or the one that KERAS_BACKEND names is not installed.
    """
    if not find_spec("keras"):
        raise KerasSRError(f"this needs Keras and a backend: {install_hint('train')}")
    wanted = os.environ.get("KERAS_BACKEND")
    installed = [name for name in BACKENDS if find_spec(name)]
    if not wanted and not installed:
        raise KerasSRError(f"Keras needs one of {', '.join(BACKENDS)}: {install_hint('train')}")
    if wanted and not find_spec(wanted):
        raise KerasSRError(f"KERAS_BACKEND={wanted} is not installed: install it, or unset KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = wanted or installed[0]
    # TensorFlow's own log lines (which CPU instructions it uses, that there is no GPU).
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Without being told, TensorFlow leaves these convolutions to newer processors (docs/decisions/0005).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with _hidden_stderr():
        importlib.import_module("keras")
    return os.environ["KERAS_BACKEND"]


@contextmanager
def _hidden_stderr() -> Iterator[None]:
    """Hide what C++ code writes to stderr inside the block.

    TensorFlow greets with a few lines about oneDNN before it reads any setting of its log level. Python's
    exceptions come through as ever.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
