from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")

def register_keras_serializable(package: str = ..., name: str | None = ...) -> Callable[[_T], _T]: ...
def __getattr__(name: str) -> Any: ...
