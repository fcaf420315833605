"""What runs on the workers of a cluster: first whether this one is fit for the job, then the job's tasks."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from napari_all.errors import CheckpointError, UsageError
from napari_all.files import WRITING
from napari_all.monitor import Monitor
from napari_all.networks.device import let_threads_sleep
from napari_all.networks.zoo import weights_sha256
from napari_all.workflows.run_record import Clock, RunRecord

Result = TypeVar("Result", covariant=True)

_SHARED = "client and workers must see it under one path (a file system they share)"


class Task(Protocol[Result]):
    """Work that can be pickled and gives a small result; pixels go by way of files."""

    def run(self, monitor: Monitor) -> Result:
        """Do it."""


@dataclass(frozen=True)
class Terms:
    """What a worker must be and see, so that it gives what the client would.

    Attributes
    ----------
    version
        Of napari-all.
    libraries
        Name and version of what else decides about results.
    weights
        Name or path of each network, and the SHA-256 of its weights.
    inputs
        Some of the files that will be read, and their sizes in bytes; of a folder 0.
    marker, token
        A file in a folder of the run's own in the output folder, and what stands in it.
    """

    version: str
    libraries: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[Path, int], ...]
    marker: Path
    token: str


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """What a worker sends back.

    Attributes
    ----------
    result
        Of the task.
    messages
        What the task had to say.
    remarks
        What there is to say about the worker; see `check`.
    seconds
        Time taken.
    """

    result: Result
    messages: tuple[str, ...]
    remarks: tuple[str, ...]
    seconds: float


@lru_cache(maxsize=8)
def check(terms: Terms) -> tuple[str, ...]:
    """Return remarks on such workers: libraries of other versions than the client's.

    Raises
    ------
    UsageError
        It is not fit: another napari-all, other weights, or files that it does not see or cannot write.
    """
    here = RunRecord(command="segment")  # its defaults tell the versions
    if here.software != terms.version:
        raise UsageError(f"it runs {here.software}, the client {terms.version}; install the same version on both")
    for path, size in terms.inputs:
        _check_input(path, size)
    _check_output(terms)
    for model, sha256 in terms.weights:
        _check_weights(model, sha256)
    libraries = {"python": here.python, **here.libraries}
    found = ((name, libraries.get(name, "missing"), wanted) for name, wanted in terms.libraries)
    others = [f"{name} {there} (client: {wanted})" for name, there, wanted in found if there != wanted]
    return (f"workers run {', '.join(others)}; results may differ a little",) if others else ()


def _check_input(path: Path, size: int) -> None:
    try:
        seen = path.is_dir() or path.stat().st_size == size
    except OSError:
        seen = False
    if not seen:
        raise UsageError(f"it does not see {path}, or not the same; {_SHARED}")


def _check_output(terms: Terms) -> None:
    folder = terms.marker.parents[1]
    try:
        seen = terms.marker.read_text(encoding="utf-8") == terms.token
    except OSError:
        seen = False
    if not seen:
        raise UsageError(f"it does not see the output folder {folder}; {_SHARED}")
    try:
        with tempfile.TemporaryFile(dir=terms.marker.parent, prefix=WRITING):
            pass
    except OSError as error:
        raise UsageError(f"it cannot write into the output folder {folder}: {error.strerror}") from error


def _check_weights(model: str, sha256: str) -> None:
    try:
        found = weights_sha256(model)
    except CheckpointError as error:
        raise UsageError(f"{error} (on this worker; copy the model there, or give a path that all see)") from error
    if found != sha256:
        raise UsageError(
            f"its weights of {Path(model).name!r} are others (SHA-256 {found[:12]}…, the client's {sha256[:12]}…); "
            "copy the model again"
        )


def run_task(task: Task[Result], terms: Terms) -> Answer[Result]:
    """Run a task if this worker is fit for it.

    Raises
    ------
    UsageError
        The worker is not fit; the message names it.
    Exception
        Whatever the task raises.
    """
    from distributed import get_worker

    let_threads_sleep()
    name = worker_name(get_worker().address)
    try:
        remarks = check(terms)
    except UsageError as error:
        raise UsageError(f"{name} cannot be used: {error}") from error
    clock, heard = Clock(), _Heard()
    result = task.run(heard)
    return Answer(result, tuple(heard.lines), remarks, clock.seconds)


def worker_name(address: str) -> str:
    """Return what a worker is called in messages."""
    return f"worker {address}"


class _Heard:
    """Keeps messages to be sent back; nobody asks a worker to stop."""

    def __init__(self) -> None:
        self.lines: dict[str, None] = {}

    def report(self, stage: str, done: int, total: int) -> None:
        """Ignore the progress: the client counts tasks."""

    def message(self, text: str) -> None:
        """Keep a line, once."""
        self.lines[text] = None

    def raise_if_cancelled(self) -> None:
        """Never cancel."""
