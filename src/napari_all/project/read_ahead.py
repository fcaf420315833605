"""Have the next things ready before they are asked for: a small cache, filled by one thread."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Keeps what `load` gave for the last few names that were asked for.

    Parameters
    ----------
    load
        Makes the thing of a name; called in another thread, or in the caller's where nobody asked ahead.
    keep
        How many are kept.
    """

    def __init__(self, load: Callable[[str], T], keep: int = 4) -> None:
        self._load = load
        self._keep = keep
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Future[T]] = OrderedDict()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")

    def ask(self, names: Sequence[str]) -> None:
        """Begin to load what will be wanted next."""
        with self._lock:
            for name in names:
                if name not in self._found:
                    self._keep_new(name, self._pool.submit(self._load, name))

    def get(self, name: str) -> T:
        """Return the thing of a name, at once where it is ready; raises what `load` raises."""
        with self._lock:
            known = self._found.get(name)
            if known is not None and known.done() and known.exception() is not None:
                known = None  # what was wrong then may be mended now
            if known is not None and not known.done() and known.cancel():
                known = None  # it waits behind others: the caller is faster
            if known is None:
                mine: Future[T] = Future()
                self._keep_new(name, mine)
            else:
                self._found.move_to_end(name)
        if known is not None:
            return known.result()
        try:
            mine.set_result(self._load(name))
        except BaseException as error:
            mine.set_exception(error)
        return mine.result()

    def forget(self, name: str) -> None:
        """Drop what is kept of a name."""
        with self._lock:
            self._found.pop(name, None)

    def close(self) -> None:
        """End the thread; what is being loaded is waited for."""
        self._pool.shutdown(cancel_futures=True)

    def _keep_new(self, name: str, future: Future[T]) -> None:
        self._found[name] = future
        self._found.move_to_end(name)
        while len(self._found) > self._keep:
            self._found.popitem(last=False)
