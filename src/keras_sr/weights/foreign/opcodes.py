"""The pickles inside of PyTorch's files, read by the few opcodes that weights need. Nothing is called.

A restricted `pickle.Unpickler` is not enough: its BUILD rewrites the attributes of whatever it was allowed to
find, and its memo grows to whatever index a file asks for. Here a global is a token, only functions of this
package are ever called, and what a file can allocate is bounded by the file's own length.
"""

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras_sr.errors import WeightsError

#: More opcodes than a checkpoint of a hundred thousand tensors has; each makes at most one small object.
MOST_OPCODES = 2_000_000

_SAVE_AGAIN = "its owner can save the weights alone: torch.save(model.state_dict(), 'weights.pth')"


@dataclass(frozen=True)
class Global:
    """A name that a pickle refers to: never looked up, never imported."""

    name: str


class _Mark:
    """What MARK leaves on the stack."""


_MARK = _Mark()
#: Opcodes that push their argument, or a value of their own.
_ARGUMENT = {
    "BININT",
    "BININT1",
    "BININT2",
    "BINUNICODE",
    "SHORT_BINSTRING",
    "BINFLOAT",
    "LONG1",
    "INT",
    "LONG",
}
_VALUE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_PUT, _GET = {"BINPUT", "LONG_BINPUT"}, {"BINGET", "LONG_BINGET"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read_pickle(
    file: io.BytesIO,
    calls: dict[str, Callable[..., Any]],
    names: Callable[[str], bool],
    persistent: Callable[[Any], Any],
) -> Any:
    """Read one pickle and leave the file behind its last opcode.

    Args:
        file: Where it begins.
        calls: What stands for the functions and classes that the pickle may call, by `module.name`.
        names: Whether a pickle may refer to a name that is not called.
        persistent: From a persistent id to the object.

    Raises:
        WeightsError: It refers to another global, has another opcode, or is damaged.
    """
    machine = _Machine(calls, names, persistent)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > MOST_OPCODES:
                raise WeightsError(f"holds more than {MOST_OPCODES} opcodes: no weights need as many")
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except WeightsError:
        raise
    # pickletools raises ValueError and more on damaged bytes; the machine IndexError, KeyError, TypeError.
    except Exception as error:
        raise WeightsError(f"holds a damaged pickle ({type(error).__name__})") from None
    raise WeightsError("holds a pickle without an end: the file is cut off")


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, calls: dict[str, Callable[..., Any]], names: Callable, persistent: Callable):
        self.calls, self.names, self.persistent = calls, names, persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        """Take the top of the stack, which no MARK may be."""
        top = self.stack.pop()
        if top is _MARK:
            raise ValueError("a mark where a value should be")
        return top

    def since_mark(self) -> list[Any]:
        """Take everything down to the last MARK, and the mark."""
        found = []
        while (top := self.stack.pop()) is not _MARK:
            found.append(top)
        return found[::-1]

    def step(self, name: str, argument: Any) -> None:
        """Do what one opcode says."""
        if name in _ARGUMENT:
            self.stack.append(argument)
        elif name in _VALUE:
            self.stack.append(_VALUE[name]())
        elif name in _PUT:
            self.memo[argument] = self.stack[-1]
        elif name in _GET:
            self.stack.append(self.memo[argument])
        elif name in _TUPLES:
            values = [self.pop() for _ in range(_TUPLES[name])]
            self.stack.append(tuple(values[::-1]))
        elif handler := getattr(self, f"on_{name.lower()}", None):
            handler(argument)
        else:
            raise WeightsError(f"holds the opcode {name}, which weights do not need: {_SAVE_AGAIN}")

    def on_proto(self, _: Any) -> None:
        """Nothing depends on the protocol."""

    def on_mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def on_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self.since_mark()))

    def on_append(self, _: Any) -> None:
        value = self.pop()
        self._top(list).append(value)

    def on_appends(self, _: Any) -> None:
        values = self.since_mark()
        self._top(list).extend(values)

    def on_setitem(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def on_setitems(self, _: Any) -> None:
        self._set(self.since_mark())

    def _set(self, flat: list[Any]) -> None:
        """Put keys and values into the dict on top."""
        target = self._top(dict)
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            # The hash of nested tuples takes exponential time, and of deep ones the whole stack.
            if type(key) not in (str, int):
                raise ValueError("a key that is neither text nor a number")
            target[key] = value

    def _top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise ValueError("another object than the opcode needs")
        return self.stack[-1]

    def on_global(self, argument: str) -> None:
        name = argument.replace(" ", ".")
        if name not in self.calls and not self.names(name):
            raise WeightsError(f"refers to {_shown(name)}, which weights do not need: {_SAVE_AGAIN}")
        self.stack.append(Global(name))

    def on_reduce(self, _: Any) -> None:
        arguments, function = self.pop(), self.pop()
        if type(function) is not Global or type(arguments) is not tuple:
            raise ValueError("a call of something that is not a function")
        if function.name not in self.calls:
            raise WeightsError(f"calls {_shown(function.name)}, which weights do not need: {_SAVE_AGAIN}")
        self.stack.append(self.calls[function.name](*arguments))

    def on_build(self, _: Any) -> None:
        """Take the state of an OrderedDict (PyTorch's `_metadata`), and drop it."""
        state = self.pop()
        if type(self.stack[-1]) is not dict or type(state) is not dict:
            raise WeightsError(f"changes the state of an object, which weights do not need: {_SAVE_AGAIN}")

    def on_binpersid(self, _: Any) -> None:
        self.stack.append(self.persistent(self.pop()))


def _shown(name: str) -> str:
    """Return a name from a file as it may be printed: no control characters, not endless."""
    return repr(name[:80])
