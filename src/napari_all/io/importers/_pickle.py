"""Values out of a pickle without running it: numbers, texts, lists, dictionaries and numpy arrays, and nothing else.

A pickle is a little program, and Python's own reader calls whatever functions it names. Here its steps are gone
through one by one (with the standard library's `pickletools`, which only takes them apart), and only those are known
that put together plain values. The few names that arrays need are marks without a function behind them.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, Final

from napari_all.errors import MaskError
from napari_all.io.importers._pickled_arrays import PLAIN, PickledArray, PickledName, Resolver

_CORES = ("numpy.core", "numpy._core")
_NAMES: Final = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    **{(f"{core}.multiarray", "_reconstruct"): "array" for core in _CORES},
    **{(f"{core}.multiarray", "scalar"): "scalar" for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): "buffer" for core in _CORES},
}
_MARK: Final = PickledName("mark")
_MOST_STEPS = 5_000_000
_SILENT = frozenset({"PROTO", "FRAME"})
_CONSTANTS: Final[dict[str, Callable[[], Any]]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}
_VALUES = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
))  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def plain_values(pickled: bytes) -> Any:
    """Return the value that a pickle describes.

    Returns
    -------
    None, bool, int, float, str, bytes, list, tuple, dict with plain keys, or numpy array of numbers; arrays of objects
    become lists.

    Raises
    ------
    MaskError
        The pickle names anything else, or is damaged.
    """
    try:
        return Resolver().resolve(_Machine().run(pickled))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, MaskError):
            raise
        raise MaskError(f"its pickle is damaged ({error}); save it again") from error


class _Machine:
    """A stack and a memory, as a pickle's steps need them."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memory: dict[int, Any] = {}

    def run(self, pickled: bytes) -> Any:
        """Go through the steps and return what they end with."""
        for number, (step, argument, _) in enumerate(pickletools.genops(pickled)):
            if number > _MOST_STEPS:
                raise MaskError("its pickle has more steps than any label image needs; save it again")
            if step.name == "STOP":
                return self._stack[-1]
            self._do(step.name, argument)
        raise MaskError("its pickle has no end; copy the file again")

    def _do(self, step: str, argument: Any) -> None:
        stack = self._stack
        if step in _VALUES:
            stack.append(argument)
        elif step in _CONSTANTS:
            stack.append(_CONSTANTS[step]())
        elif step in _TUPLES:
            stack[-_TUPLES[step] :] = [tuple(stack[-_TUPLES[step] :])]
        elif step in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            self._memory[len(self._memory) if argument is None else int(argument)] = stack[-1]
        elif step in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memory[int(argument)])
        elif step not in _SILENT:
            self._build(step, argument)

    def _build(self, step: str, argument: Any) -> None:
        stack = self._stack
        match step:
            case "GLOBAL":
                module, _, name = argument.partition(" ")
                stack.append(_named(module, name))
            case "STACK_GLOBAL":
                stack[-2:] = [_named(stack[-2], stack[-1])]
            case "TUPLE":
                items = self._since_mark()
                stack.append(tuple(items))
            case "LIST":
                items = self._since_mark()
                stack.append(items)
            case "DICT":
                items = self._since_mark()
                stack.append(_filled({}, items))
            case "APPEND":
                value = stack.pop()
                _list(stack[-1]).append(value)
            case "APPENDS":
                items = self._since_mark()
                _list(stack[-1]).extend(items)
            case "SETITEM":
                pair = [stack[-2], stack[-1]]
                del stack[-2:]
                _filled(stack[-1], pair)
            case "SETITEMS":
                items = self._since_mark()
                _filled(stack[-1], items)
            case "REDUCE":
                stack[-2:] = [_made(stack[-2], stack[-1])]
            case "BUILD":
                state = stack.pop()
                _given(stack[-1], state)
            case "POP":
                stack.pop()
            case _:
                raise MaskError(f"its pickle holds the step {step}, which no label image needs; it is not run")

    def _since_mark(self) -> list[Any]:
        at = len(self._stack) - 1 - next(i for i, one in enumerate(reversed(self._stack)) if one is _MARK)
        items = self._stack[at + 1 :]
        del self._stack[at:]
        return items


def _named(module: Any, name: Any) -> PickledName:
    what = _NAMES.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
    if what is None:
        raise MaskError(
            f"its pickle asks for {module}.{name}, which is not run; save the labels as TIFF or PNG instead"
        )
    return PickledName(what)


def _made(name: Any, arguments: Any) -> Any:
    if not isinstance(name, PickledName) or not isinstance(arguments, tuple):
        raise MaskError("its pickle calls something, which is not run; save the labels as TIFF or PNG instead")
    if name.what == "encode":  # how Python 3 puts bytes into pickles of Python 2
        text, coding = arguments
        if coding != "latin1":
            raise MaskError(f"its pickle asks for the coding {coding!r}; save it again")
        return str(text).encode("latin1")
    if name.what not in ("dtype", "array", "scalar", "buffer"):
        raise MaskError(f"its pickle calls {name.what}; save it again")
    return PickledArray(name.what, arguments)


def _given(thing: Any, state: Any) -> None:
    if not isinstance(thing, PickledArray) or not isinstance(state, tuple):
        raise MaskError("its pickle sets up an object that is no array; save the labels as TIFF or PNG instead")
    thing.state = state


def _filled(target: Any, items: list[Any]) -> dict[Any, Any]:
    if not isinstance(target, dict) or len(items) % 2 or not all(isinstance(key, PLAIN) for key in items[::2]):
        raise MaskError("its pickle holds a dictionary whose keys are no texts or numbers; save it again")
    target.update(zip(items[::2], items[1::2], strict=True))
    return target


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MaskError("its pickle is damaged (no list where one is filled); save it again")
    return value
