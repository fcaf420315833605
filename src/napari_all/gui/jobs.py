"""Work for the engine as Qt objects: every signal comes in the window's thread, so slots may touch layers."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from qtpy.QtCore import QObject, Qt, Signal

from napari_all.gui.engine_process import EngineClient
from napari_all.gui.engine_request import Request

FINISH_S = 600.0
"""Seconds that a training gets to write its best model, figures and pictures after a wish to stop."""


class Job(QObject):
    """One piece of work under way; exactly one of `succeeded`, `failed` and `cancelled` comes, then `ended`."""

    progressed = Signal(str, int, int)
    """Stage, steps done, steps in all."""
    messaged = Signal(str)
    """One line for the user."""
    succeeded = Signal(object, object)
    """Value (dict) and arrays by name."""
    failed = Signal(str)
    """What went wrong, fit for people."""
    cancelled = Signal()
    ended = Signal()

    _heard = Signal(str, object)

    def __init__(self, client: EngineClient) -> None:
        super().__init__()
        self._client = client
        self._request: Request | None = None
        self.done = False
        self._heard.connect(self._tell, Qt.ConnectionType.QueuedConnection)

    def start(
        self, job: str, config: dict[str, Any], arrays: Mapping[str, NDArray[Any]], *, keeps: bool = False
    ) -> None:
        """Queue the work; `keeps`: its result counts even after `cancel`."""
        _UNDER_WAY.add(self)
        self._request = self._client.submit(job, config, arrays, self, keeps=keeps)

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` follows, after the grace period at the latest."""
        if self._request is not None and not self.done:
            self._client.cancel(self._request)

    def end(self) -> None:
        """Stop the work at once, without waiting for what it would still write; `cancelled` follows."""
        if self._request is not None and not self.done:
            self._client.end(self._request)

    def on_progress(self, stage: str, done: int, total: int) -> None:
        """Pass on progress from the client's thread."""
        self._heard.emit("progressed", (stage, done, total))

    def on_message(self, text: str) -> None:
        """Pass on a line from the client's thread."""
        self._heard.emit("messaged", (text,))

    def on_result(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Pass on the result from the client's thread."""
        self._heard.emit("succeeded", (value, arrays))

    def on_error(self, text: str) -> None:
        """Pass on the failure from the client's thread."""
        self._heard.emit("failed", (text,))

    def on_cancelled(self) -> None:
        """Pass on the end from the client's thread."""
        self._heard.emit("cancelled", ())

    def _tell(self, name: str, values: tuple[Any, ...]) -> None:
        last = name not in ("progressed", "messaged")
        if last:
            self.done = True
            _UNDER_WAY.discard(self)
        try:
            getattr(self, name).emit(*values)
        finally:
            if last:
                self.ended.emit()


class Engines:
    """Two engine processes: one for networks and folders, one for what must answer while the first is busy.

    A slider's cleaning and the table after an edit must not wait for a folder of a thousand images; neither must wait
    for a training, which gets a process of its own that ends with it and gives its memory back.
    """

    def __init__(self) -> None:
        self._clients: dict[bool, EngineClient] = {}
        self._alone: set[EngineClient] = set()

    def start(
        self,
        job: str,
        config: dict[str, Any],
        arrays: Mapping[str, NDArray[Any]] | None = None,
        *,
        heavy: bool,
        keeps: bool = False,
    ) -> Job:
        """Start a job of `napari_all.engine.jobs.JOBS`; connect to the `Job` before the event loop runs again."""
        work = Job(self.client(heavy))
        work.start(job, config, arrays or {}, keeps=keeps)
        return work

    def start_alone(self, job: str, config: dict[str, Any], finish_s: float = FINISH_S) -> Job:
        """Start a job in a process of its own, which has `finish_s` seconds to end with a result when cancelled."""
        client = EngineClient(grace_s=finish_s)
        self._alone.add(client)
        work = Job(client)
        work.ended.connect(lambda: self._release(client))
        work.start(job, config, {}, keeps=True)
        return work

    def client(self, heavy: bool) -> EngineClient:
        """Return the client of the heavy or the light engine, made when first asked for."""
        if heavy not in self._clients:
            self._clients[heavy] = EngineClient()
        return self._clients[heavy]

    def close(self) -> None:
        """End all processes; the next job starts fresh ones."""
        clients = [*self._clients.values(), *self._alone]
        self._clients.clear()
        self._alone.clear()
        for client in clients:
            client.close()

    def _release(self, client: EngineClient) -> None:
        self._alone.discard(client)
        client.close()


ENGINES = Engines()
"""The window's engines; nothing starts before the first job."""

_UNDER_WAY: set[Job] = set()
"""Keeps a job's object alive while the client's thread may still speak to it."""

atexit.register(ENGINES.close)
