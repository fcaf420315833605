"""The engine's loop: one job at a time, as the window asks; ends when the window does."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_all.errors import Cancelled, EngineError, NapariAllError
from napari_all.monitor import Monitor
from napari_all.wire import Channel, Message, SharedArray

WATCHDOG_S = 1.0
"""Seconds between two looks at whether the window still lives."""
PROGRESS_S = 0.05
"""Shortest time between two progress messages of one stage."""


@dataclass(frozen=True)
class Reply:
    """What a job gives back: a JSON-ready value and arrays by name."""

    value: dict[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


Job = Callable[[dict[str, Any], Mapping[str, NDArray[Any]], Monitor], Reply]
"""(config, arrays, monitor) -> Reply."""


class EngineMonitor:
    """Monitor of one job: progress and lines go to the window, its wish to stop comes back."""

    def __init__(self, channel: Channel, job_id: int, cancelled: threading.Event) -> None:
        self._channel = channel
        self._id = job_id
        self._cancelled = cancelled
        self._last: tuple[str, float] = ("", 0.0)

    def report(self, stage: str, done: int, total: int) -> None:
        """Send the progress, not more often than a person can see."""
        now = time.monotonic()
        if stage == self._last[0] and done < total and now - self._last[1] < PROGRESS_S:
            return
        self._last = (stage, now)
        self._channel.send({"type": "progress", "id": self._id, "stage": stage, "done": int(done), "total": int(total)})

    def message(self, text: str) -> None:
        """Send one line for the user."""
        self._channel.send({"type": "message", "id": self._id, "text": text})

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` once the window has asked for it."""
        if self._cancelled.is_set():
            raise Cancelled("stopped at the user's wish")


class Server:
    """Reads requests in a thread and runs their jobs, one by one, in the main thread."""

    def __init__(self, channel: Channel, jobs: Mapping[str, Job]) -> None:
        self._channel = channel
        self._jobs = jobs
        self._requests: queue.Queue[Message] = queue.Queue()
        self._allocated: queue.Queue[Message] = queue.Queue()
        self._cancelled = threading.Event()
        self._current = -1

    def run(self) -> None:
        """Serve until the process is ended by `_read` or `_watch`."""
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()
        self._channel.send({"type": "ready", "pid": os.getpid()})
        while True:
            self._serve_one(self._requests.get())

    def _read(self) -> None:
        while (message := self._channel.receive()) is not None:
            match message["type"]:
                case "run":
                    self._current = message["id"]
                    self._cancelled.clear()
                    self._requests.put(message)
                case "allocated":
                    self._allocated.put(message)
                case "cancel" if message["id"] == self._current:
                    self._cancelled.set()
        _end_now()

    def _watch(self) -> None:
        parent = psutil.Process(os.getppid())
        while parent.is_running() and os.getppid() == parent.pid:
            time.sleep(WATCHDOG_S)
        _end_now()

    def _serve_one(self, request: Message) -> None:
        job_id = request["id"]
        try:
            job = self._jobs[request["job"]]
            arrays = {name: _read_array(reference) for name, reference in request["arrays"].items()}
            reply = job(request["config"], arrays, EngineMonitor(self._channel, job_id, self._cancelled))
            self._hand_over(job_id, reply)
        except Cancelled:
            self._channel.send({"type": "cancelled", "id": job_id})
        except NapariAllError as error:
            self._channel.send({"type": "error", "id": job_id, "text": str(error)})
        except Exception as error:
            self._channel.send(
                {
                    "type": "error",
                    "id": job_id,
                    "text": f"{request['job'].replace('_', ' ')} failed unexpectedly: {type(error).__name__}: "
                    f"{error}. The log has the details",
                    "traceback": traceback.format_exc(),
                }
            )

    def _hand_over(self, job_id: int, reply: Reply) -> None:
        if reply.arrays:
            wanted = {name: {"dtype": a.dtype.str, "shape": list(a.shape)} for name, a in reply.arrays.items()}
            self._channel.send({"type": "allocate", "id": job_id, "arrays": wanted})
            answer = self._allocated.get()
            if "error" in answer:
                raise EngineError(answer["error"])
            for name, array in reply.arrays.items():
                shared = SharedArray.attach(answer["arrays"][name])
                shared.write(array)
                shared.close()
        self._channel.send({"type": "result", "id": job_id, "value": reply.value})


def serve(jobs: Mapping[str, Job]) -> int:
    """Run the engine on standard input and output; whatever else prints goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the window's to answer
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        Server(Channel(reader, writer), jobs).run()
    except EngineError:  # the window is gone
        return 0
    return 0


def _read_array(reference: Mapping[str, Any]) -> NDArray[np.generic]:
    shared = SharedArray.attach(reference)
    try:
        return shared.read()
    finally:
        shared.close()


def _end_now() -> None:
    """End at once: nobody listens, and a job in the main thread may take minutes."""
    sys.stderr.flush()
    os._exit(0)
