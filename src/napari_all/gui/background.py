"""Work that reads and writes files, off the window's thread; what comes of it is told in the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from qtpy.compat import isalive
from qtpy.QtCore import QObject, Qt, Signal

from napari_all.errors import NapariAllError

T = TypeVar("T")


class Background(QObject):
    """One thread that works through what it is given, in order.

    Only for light work on files: networks run in the engine (`napari_all.gui.jobs`).
    """

    _heard = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._heard.connect(lambda call: call(), Qt.ConnectionType.QueuedConnection)

    def run(self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[str], None]) -> None:
        """Do `work` in the thread, then call `done` with what it returned, or `failed` with what went wrong."""

        def finished(future: Future[T]) -> None:
            if future.cancelled() or not isalive(self):
                return
            error = future.exception()
            if error is None:
                self._heard.emit(lambda: done(future.result()))
            elif isinstance(error, NapariAllError):
                self._heard.emit(lambda: failed(str(error)))
            else:
                self._heard.emit(lambda: failed(f"{type(error).__name__}: {error}"))

        self._pool.submit(work).add_done_callback(finished)

    def close(self) -> None:
        """Drop what waits, and let what is under way end."""
        self._pool.shutdown(wait=True, cancel_futures=True)
