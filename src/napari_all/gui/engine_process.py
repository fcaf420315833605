"""Keeps one engine process, hands it jobs one by one, ends and replaces it when it must. Knows no Qt."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from napari_all.errors import EngineError
from napari_all.gui.engine_child import STOP_S, EngineChild
from napari_all.gui.engine_request import Listener, Request
from napari_all.wire import Message

COMMAND = (sys.executable, "-P", "-m", "napari_all.engine")
"""-P: the folder that the user stands in must not shadow modules."""
GRACE_S = 5.0
"""Seconds that a job gets to stop by itself before its process is ended."""

log = logging.getLogger("napari_all.engine")


class EngineClient:
    """Queue of jobs before one engine process that lives as long as it can.

    Parameters
    ----------
    command
        What to start; it must serve `napari_all.engine.server` on its standard input and output.
    grace_s
        Seconds between a wish to stop and the end of a process that did not heed it.
    """

    def __init__(self, command: Sequence[str] = COMMAND, grace_s: float = GRACE_S) -> None:
        self.grace_s = grace_s
        self._command = tuple(command)
        self._waiting: deque[Request] = deque()
        self._changed = threading.Condition()
        self._current: Request | None = None
        self._process: EngineChild | None = None
        self._next_id = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._drive, name="napari-all engine", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """Process id of the engine, or None while none runs."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    def submit(
        self,
        job: str,
        config: dict[str, Any],
        arrays: Mapping[str, NDArray[Any]],
        listener: Listener,
        *,
        keeps: bool = False,
    ) -> Request:
        """Queue a job; what comes of it goes to `listener`. `arrays` must not change until it ends."""
        request = Request(job, config, arrays, listener, keeps)
        with self._changed:
            if self._stopped:
                raise EngineError("the engine was closed with the window; open the window again")
            self._waiting.append(request)
            self._changed.notify()
        return request

    def cancel(self, request: Request) -> None:
        """Ask a job to stop; after `grace_s` seconds its process is ended. A waiting job is just dropped."""
        with self._changed:
            if request.cancelled:
                return
            request.cancelled = True
            process = self._process if request is self._current else None
            job_id = self._next_id
        if process is not None:
            with contextlib.suppress(EngineError):
                process.channel.send({"type": "cancel", "id": job_id})
            timer = threading.Timer(self.grace_s, self._kill_if_running, (request, process))
            timer.daemon = True
            timer.start()

    def end(self, request: Request) -> None:
        """End a job at once, with its process; what it has not written is lost."""
        self.cancel(request)
        if (process := self._process) is not None:
            self._kill_if_running(request, process)

    def close(self) -> None:
        """End the engine; jobs under way are cancelled."""
        with self._changed:
            self._stopped = True
            current = self._current
            process = self._process
            if current is not None:
                current.cancelled = True
            for request in self._waiting:
                request.cancelled = True
            self._changed.notify()
        if process is not None and current is not None:
            process.kill()
        if self._thread is not threading.current_thread():
            self._thread.join(2 * STOP_S)

    def _kill_if_running(self, request: Request, process: EngineChild) -> None:
        with self._changed:
            if self._current is request:
                process.kill()

    def _drive(self) -> None:
        while (request := self._next()) is not None:
            try:
                self._run(request)
            except EngineError as error:
                self._finish_failed(request, str(error))
            except Exception as error:  # the thread must outlive a listener's or a message's fault
                log.exception("the engine's client failed")
                self._finish_failed(request, f"{type(error).__name__}: {error}")
            finally:
                with self._changed:
                    self._current = None
                request.free()
        if self._process is not None:
            self._process.reap(STOP_S)
            self._process = None

    def _next(self) -> Request | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            return self._waiting.popleft() if self._waiting else None

    def _finish_failed(self, request: Request, text: str) -> None:
        if request.cancelled:
            request.listener.on_cancelled()
        else:
            request.listener.on_error(text)

    def _run(self, request: Request) -> None:
        if request.cancelled:
            request.listener.on_cancelled()
            return
        process = self._started()
        references = request.share()
        with self._changed:
            self._next_id += 1
            job_id = self._next_id
            self._current = request
        process.channel.send(
            {"type": "run", "id": job_id, "job": request.job, "config": request.config, "arrays": references}
        )
        if request.cancelled:  # asked for between the two looks
            process.channel.send({"type": "cancel", "id": job_id})
        while (message := process.channel.receive()) is not None:
            if message.get("id") == job_id and self._handle(process, request, message):
                return
        raise EngineError(self._obituary(process, expected=request.cancelled))

    def _started(self) -> EngineChild:
        if self._process is None or not self._process.alive:
            if self._process is not None:
                self._process.reap(0)
            self._process = EngineChild(self._command)
        return self._process

    def _obituary(self, process: EngineChild, expected: bool) -> str:
        code = process.reap(STOP_S)
        self._process = None
        words = "\n".join(process.last_words)
        log.log(logging.INFO if expected else logging.ERROR, "the engine ended with code %s\n%s", code, words)
        last = next((line for line in reversed(process.last_words) if line.strip()), "")
        return (
            f"the engine process ended unexpectedly (code {code}{'; ' + last if last else ''}); "
            "a fresh one starts with the next job, so run it again, with a smaller image if memory is short"
        )

    def _handle(self, process: EngineChild, request: Request, message: Message) -> bool:
        """Pass one message on; True when it ends the job."""
        listener = request.listener
        match message["type"]:
            case "progress":
                listener.on_progress(message["stage"], message["done"], message["total"])
                return False
            case "message":
                listener.on_message(message["text"])
                return False
            case "allocate":
                process.channel.send(self._allocate(request, message))
                return False
            case "result" if request.keeps or not request.cancelled:
                arrays = {name: shared.read() for name, shared in request.results.items()}
                listener.on_result(message["value"], arrays)
            case "result" | "cancelled":
                listener.on_cancelled()
            case "error":
                if "traceback" in message:
                    log.error(message["traceback"])
                self._finish_failed(request, message["text"])
        return True

    def _allocate(self, request: Request, message: Message) -> Message:
        try:
            return {"type": "allocated", "id": message["id"], "arrays": request.allocate(message["arrays"])}
        except (EngineError, OSError) as error:
            return {"type": "allocated", "id": message["id"], "error": str(error)}
