"""Tasks for a cluster's tests; the workers import this module, too."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from napari_all.errors import ImageError


@dataclass(frozen=True)
class Square:
    number: int

    def run(self, monitor) -> int:
        monitor.message("squaring")
        return self.number**2


@dataclass(frozen=True)
class Refuse:
    def run(self, monitor) -> int:
        raise ImageError("no image")


@dataclass(frozen=True)
class EndWorker:
    def run(self, monitor) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still here")
