"""A thread that saves: it works when poked, tries again after a failure, and keeps the failure until it is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from napari_all.errors import NapariAllError, SaveError

T = TypeVar("T")
RETRY_S = 5.0
"""How long after a failure the work is tried again by itself."""


class Worker:
    """Runs `work` in a thread of its own.

    Parameters
    ----------
    name
        For debuggers.
    work
        Does what is due, or with True everything; returns in how many seconds something is due next, or None.
    """

    def __init__(self, name: str, work: Callable[[bool], float | None]) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._asked = self._finished = 0
        self._everything = self._closing = False
        self._failure: NapariAllError | None = None
        self._since: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def failure(self) -> NapariAllError | None:
        """What went wrong in the last try; None when all is well."""
        return self._failure

    @property
    def busy_s(self) -> float:
        """How long the round of work under way has lasted; 0 without one."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def poke(self) -> None:
        """Say that there may be something to do."""
        with self._changed:
            self._asked += 1
            self._changed.notify_all()

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> bool:
        """Wait until `ready` after a round of work, or a failure, or the time is over; return `ready`."""
        with self._changed:
            self._changed.wait_for(lambda: ready() or self._failure is not None, timeout)
        return ready()

    def flush(self) -> None:
        """Do everything now and wait for it; raise what went wrong."""
        with self._changed:
            self._everything = True
            self._asked += 1
            mine = self._asked
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._finished >= mine or not self._thread.is_alive())
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the thread after the round it is in."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        due: float | None = None
        while True:
            with self._changed:
                until = None if due is None else due - time.monotonic()
                self._changed.wait_for(lambda: self._closing or self._asked > self._finished, until)
                if self._closing:
                    return
                mine, everything, self._everything = self._asked, self._everything, False
            self._since = time.monotonic()
            try:
                wait, failure = self._work(everything), None
            except NapariAllError as error:
                wait, failure = RETRY_S, error
            except Exception as error:  # whatever it was, the person must hear of it, and the thread go on
                text = f"saving failed ({type(error).__name__}: {error}); save the project in another folder"
                wait, failure = RETRY_S, SaveError(text)
            self._since = None
            due = None if wait is None else time.monotonic() + wait
            with self._changed:
                self._failure, self._finished = failure, mine
                self._changed.notify_all()


def for_each(things: Iterable[T], write: Callable[[T], None]) -> None:
    """Write several things; one that fails does not keep the others from being written."""
    failures = []
    for thing in things:
        try:
            write(thing)
        except NapariAllError as error:
            failures.append(error)
    if failures:
        raise failures[0]
