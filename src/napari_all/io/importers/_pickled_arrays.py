"""The arrays that a pickle describes, put together out of plain numbers and bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import MaskError

PLAIN = str | bytes | int | float | None
_KINDS = "biuf"
_DEEPEST = 50


@dataclass(frozen=True)
class PickledName:
    """A name that stands in a pickle of arrays."""

    what: str


@dataclass
class PickledArray:
    """An array, or the type of one, as it is put together."""

    what: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] = field(default=())


class Resolver:
    """Makes numpy arrays of the arrays inside a value, each once however often it is spoken of."""

    def __init__(self) -> None:
        self._done: dict[int, Any] = {}

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """Return the plain value; what holds itself ends with an error."""
        if depth > _DEEPEST:
            raise MaskError("its pickle holds lists in lists without end; save it again")
        if isinstance(value, PLAIN | bytearray):
            return value
        if id(value) not in self._done:
            self._done[id(value)] = self._made(value, depth + 1)
        return self._done[id(value)]

    def _made(self, value: Any, depth: int) -> Any:
        if isinstance(value, PickledArray):
            return self._array(value, depth)
        if isinstance(value, list | tuple):
            return type(value)(self.resolve(one, depth) for one in value)
        if isinstance(value, dict):
            return {key: self.resolve(one, depth) for key, one in value.items()}
        raise MaskError("its pickle holds a name where a value belongs; save it again")

    def _array(self, told: PickledArray, depth: int) -> Any:
        match told.what:
            case "scalar":
                kind, content = told.arguments
                return _numbers(content, kind, (), "C").item()
            case "buffer":
                content, kind, shape, order = told.arguments
                return _numbers(content, kind, shape, order)
            case "array":
                _, shape, kind, fortran, content = told.state
                if isinstance(content, list):  # an array of objects
                    flat = [self.resolve(one, depth) for one in content]
                    return flat[0] if shape == () and len(flat) == 1 else flat
                return _numbers(content, kind, shape, "F" if fortran else "C")
        raise MaskError("its pickle holds a type where a value belongs; save it again")


def _numbers(content: Any, kind: Any, shape: Any, order: Any) -> NDArray[Any]:
    """Return an array over bytes, whose number must be right for its shape."""
    if not isinstance(kind, PickledArray) or kind.what != "dtype" or not isinstance(content, bytes | bytearray):
        raise MaskError("its pickle holds an array without type or bytes; save it again")
    code = str(kind.arguments[0])
    dtype = np.dtype(code) if len(code) == 2 and code[0] in _KINDS and code[1] in "1248" else None
    if dtype is None or order not in ("C", "F") or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise MaskError(f"its pickle holds an array of type {code!r}, shape {shape!r}; only plain numbers are read")
    if len(kind.state) > 1 and kind.state[1] == ">":
        dtype = dtype.newbyteorder(">")
    return np.frombuffer(content, dtype).reshape(shape, order=order)
