"""How the window and the engine talk: JSON lines over a pipe, arrays through shared memory.

The window creates every segment and unlinks it, so a killed engine leaves nothing behind; a killed window's segments
are unlinked by the resource tracker that Python runs beside it (Windows frees them with the last handle).
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import EngineError

Message = dict[str, Any]
"""One JSON object; `type` says what it is."""

_LINUX_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, never written as a path


class Channel:
    """Sends and receives messages; sending is safe from several threads, receiving belongs to one."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one message; raise `EngineError` when the other side is gone."""
        line = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        try:
            with self._lock:
                self._writer.write(line)
                self._writer.flush()
        except (OSError, ValueError) as error:
            raise EngineError("the engine's pipe is closed; run the job again") from error

    def receive(self) -> Message | None:
        """Return the next message, or None when the other side is gone."""
        try:
            line = self._reader.readline()
        except (OSError, ValueError):
            return None
        if not line.endswith(b"\n"):
            return None
        message: Message = json.loads(line)
        return message

    def close(self) -> None:
        """Close the sending side; the other side then reads the end of the pipe."""
        with suppress(OSError, ValueError):
            self._writer.close()


class SharedArray:
    """One array in one shared memory segment."""

    def __init__(self, memory: SharedMemory, dtype: str, shape: tuple[int, ...]) -> None:
        self._memory = memory
        self._dtype = np.dtype(dtype)
        self._shape = shape

    @classmethod
    def create(cls, dtype: str, shape: tuple[int, ...]) -> SharedArray:
        """Make a segment that holds an array; raise `EngineError` when the system has no room for it."""
        size = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
        # Without this a full /dev/shm (64 MB in many containers) kills the process with SIGBUS on the first write.
        if sys.platform == "linux" and (free := shutil.disk_usage(_LINUX_SHARED_MEMORY).free) < size:
            raise EngineError(
                f"an array of {size / 1e6:.0f} MB does not fit into shared memory ({free / 1e6:.0f} MB free in "
                f"{_LINUX_SHARED_MEMORY}); enlarge it (in a container: --shm-size=2g) or crop the image"
            )
        return cls(SharedMemory(create=True, size=size), dtype, shape)

    @classmethod
    def of(cls, array: NDArray[Any]) -> SharedArray:
        """Copy `array` into a new segment."""
        shared = cls.create(array.dtype.str, array.shape)
        shared.write(array)
        return shared

    @classmethod
    def attach(cls, reference: Mapping[str, Any]) -> SharedArray:
        """Open the segment that `reference` of the other side names."""
        return cls(_attach(reference["name"]), reference["dtype"], tuple(reference["shape"]))

    @property
    def reference(self) -> Message:
        """What the other side needs to attach, JSON-ready."""
        return {"name": self._memory.name, "dtype": self._dtype.str, "shape": list(self._shape)}

    def write(self, array: NDArray[Any]) -> None:
        """Copy `array` into the segment."""
        np.copyto(self._view(), array)

    def read(self) -> NDArray[Any]:
        """Return a copy of the array."""
        return np.array(self._view())

    def close(self, unlink: bool = False) -> None:
        """Let go of the segment; the side that made it also unlinks it."""
        self._memory.close()
        if unlink:
            with suppress(FileNotFoundError):
                self._memory.unlink()

    def _view(self) -> NDArray[Any]:
        return np.ndarray(self._shape, self._dtype, buffer=self._memory.buf)


def _attach(name: str) -> SharedMemory:
    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    memory = SharedMemory(name)
    if sys.platform != "win32":
        # Before 3.13 attaching registers too, and the tracker of this side would unlink what it does not own.
        resource_tracker.unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]
    return memory
