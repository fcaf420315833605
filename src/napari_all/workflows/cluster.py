"""Tasks on a Dask cluster: who runs them is decided here; what becomes of their results is not."""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from napari_all.errors import ClusterError, UsageError, WorkersEnded, missing_distributed
from napari_all.files import remove_abandoned, write_bytes
from napari_all.monitor import Monitor
from napari_all.networks.zoo import weights_sha256
from napari_all.workflows.cluster_address import CONNECT_S, check_address, check_scheduler
from napari_all.workflows.cluster_worker import Answer, Task, Terms, check, run_task, worker_name
from napari_all.workflows.run_record import RunRecord

Result = TypeVar("Result")

_POLL_S = 0.02
_LOOK_S = 2.0
"""How often the number of workers is asked for."""
_AHEAD = 4
"""Tasks sent per thread of a worker, so that the next is there when one is done."""
_LEAST_AHEAD = 256
"""Tasks sent however few workers there are: a cluster that grows with its work goes by what it is sent."""
_LOOKED_AT = 100
"""How many input folders every worker is asked to look at before work begins."""


@contextmanager
def cluster_at(
    address: str, inputs: Sequence[Path], models: Sequence[str], output: Path, monitor: Monitor
) -> Iterator[Cluster]:
    """Connect to the Dask scheduler at an address, and see that its workers are fit.

    Parameters
    ----------
    address
        Such as `tcp://host:8786`.
    inputs
        Absolute paths of what will be read.
    models
        Networks that will be used, by name or absolute path.
    output
        Absolute path of the folder that workers write into; made if need be.

    Raises
    ------
    DependencyError
        Dask's distributed is not installed.
    UsageError
        The address is none or nobody answers there, or a worker is not fit (see `cluster_worker.check`).
    SaveError, CheckpointError
        The client itself cannot write the output, or has no such model.
    """
    check_address(address)
    try:
        from distributed import Client
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise missing_distributed() from error
    check_scheduler(address)
    scratch, token = output / f".napari-all-{uuid.uuid4().hex}", uuid.uuid4().hex
    here = RunRecord(command="segment")
    terms = Terms(
        version=here.software,
        libraries=(("python", here.python), *here.libraries.items()),
        weights=tuple((model, weights_sha256(model)) for model in models),
        inputs=tuple((p, p.stat().st_size if p.is_file() else 0) for p in _one_of_each_folder(inputs)),
        marker=scratch / "token",
        token=token,
    )
    write_bytes(terms.marker, token.encode())
    try:
        # What Dask logs of workers that end is no news: their tasks are run again, and what fails is an error here.
        with silence_logging_cmgr(logging.CRITICAL), Client(address, timeout=CONNECT_S, set_as_default=False) as client:
            cluster = Cluster(client, terms)
            cluster.check_workers(monitor)
            yield cluster
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        remove_abandoned(output)  # of workers that were killed


class Cluster:
    """A connection to a cluster, for tasks under one set of terms."""

    def __init__(self, client: Any, terms: Terms) -> None:
        self._client = client
        self._terms = terms
        self._said: set[str] = set()
        self._looked, self._threads = float("-inf"), 0

    @property
    def scratch(self) -> Path:
        """Folder for files between workers and client; it goes with the connection."""
        return self._terms.marker.parent

    def check_workers(self, monitor: Monitor) -> None:
        """Raise `UsageError` when a worker is not fit; one that comes later is checked by its first task."""
        self._ask(version, "napari-all")  # nothing of ours is imported to find out whether it could be
        for remarks in self._ask(check, self._terms):
            self._say(remarks, monitor)

    def _ask(self, function: Any, *arguments: Any) -> list[Any]:
        """Call a function on every worker; one that went away meanwhile is left out."""
        answers = self._client.run(function, *arguments, on_error="return")
        for address, answer in answers.items():
            if not isinstance(answer, Exception) or isinstance(answer, OSError):  # the connection to it
                continue
            why = str(answer)
            if isinstance(answer, ImportError):
                why = f"napari-all cannot be imported there ({answer}); install the client's version for the workers"
            elif not isinstance(answer, UsageError):
                why = f"{type(answer).__name__}: {answer}; start it again, on a system like the client's"
            raise UsageError(f"{worker_name(address)} cannot be used: {why}") from answer
        return [answer for answer in answers.values() if not isinstance(answer, Exception)]

    def stream(
        self, tasks: Iterable[Task[Result]], monitor: Monitor
    ) -> Generator[tuple[int, Answer[Result] | Exception], None, None]:
        """Run tasks and yield each one's number and answer, or what it raised, in the order in which they end.

        A few tasks per worker are in flight at any time, however many there are. Tasks of a worker that ends are run by
        others. Where that happened to one so often that the scheduler gave it up, it is tried once more while no other
        task is in flight: it may only have been beside the one that ends workers.

        Raises
        ------
        ClusterError
            The scheduler went away.
        Cancelled
            The monitor asks to stop. Tasks not yet begun are taken back; so they are when the caller stops iterating.
        """
        from distributed import KilledWorker, as_completed

        waiting = iter(enumerate(tasks))
        suspects: deque[tuple[int, Task[Result]]] = deque()
        running: dict[Any, tuple[int, Task[Result]]] = {}
        tried: set[int] = set()
        ended = as_completed(loop=self._client.loop, with_results=True, raise_errors=False)

        def send(number: int, task: Task[Result]) -> None:
            future = self._client.submit(run_task, task, self._terms, pure=False)
            running[future] = number, task
            ended.add(future)

        try:
            while True:
                if suspects and not running:
                    send(*suspects.popleft())
                while not suspects and len(running) < self._room(monitor) and (next_one := next(waiting, None)):
                    send(*next_one)
                if not running:
                    return
                for future, answer in self._ended(ended, monitor):
                    number, task = running.pop(future)
                    outcome = _outcome(future, answer)
                    if isinstance(outcome, KilledWorker):
                        if number not in tried:
                            tried.add(number)
                            suspects.append((number, task))
                            continue
                        outcome = _ended_workers(outcome)
                    if isinstance(outcome, Answer):
                        self._say(outcome.remarks, monitor)
                    yield number, outcome
        finally:
            if running and self._client.status == "running":
                self._client.cancel(list(running))

    def _ended(self, ended: Any, monitor: Monitor) -> list[tuple[Any, Any]]:
        """Wait until a task has ended; return all that have."""
        while not ended.has_ready():
            monitor.raise_if_cancelled()
            self._room(monitor)
            time.sleep(_POLL_S)
        found: list[tuple[Any, Any]] = ended.next_batch(block=False)
        return found

    def _room(self, monitor: Monitor) -> int:
        """Return how many tasks may be in flight."""
        if time.monotonic() - self._looked > _LOOK_S and self._client.status == "running":
            with suppress(OSError):  # the connection is lost; tasks will tell
                self._threads, had = sum(self._client.nthreads().values()), self._threads
                first, self._looked = self._looked < 0, time.monotonic()
                if not self._threads and (had or first):
                    monitor.message("The cluster has no worker; waiting for one")
        return max(_LEAST_AHEAD, _AHEAD * self._threads)

    def _say(self, remarks: Iterable[str], monitor: Monitor) -> None:
        for remark in remarks:
            if remark not in self._said:
                self._said.add(remark)
                monitor.message(remark)


def _outcome(future: Any, answer: Any) -> Any:
    """Return the answer or the exception of a task that has ended."""
    if future.status == "finished":
        return answer
    if future.status == "error":
        _, error, _ = answer
        return error
    raise ClusterError(
        "the connection to the cluster's scheduler was lost; what was finished is kept: start it again, and go on with "
        "--resume"
    )


def _ended_workers(error: Any) -> WorkersEnded:
    return WorkersEnded(
        f"{error.allowed_failures + 1} workers ended while they worked on it, and as many when it was tried once more "
        "by itself; it may need more memory than a worker has: give them more, then go on with --resume"
    )


def _one_of_each_folder(paths: Sequence[Path]) -> list[Path]:
    """Return the first path of each folder, of some folders."""
    first: dict[Path, Path] = {}
    for path in paths:
        first.setdefault(path.parent, path)
    return list(first.values())[:_LOOKED_AT]
