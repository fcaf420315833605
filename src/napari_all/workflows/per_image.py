"""Do one job on many images: a failure is recorded and the rest goes on; a stop keeps what is finished.

While one image is worked on, the next one can be read (`read_ahead`) and the results of those before be written (by the
second half that a `Work` returns), each in a thread of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeAlias, TypeVar

from napari_all.errors import (
    Cancelled,
    CheckpointError,
    ClusterError,
    DependencyError,
    NapariAllError,
    UsageError,
)
from napari_all.io.inputs import InputImage
from napari_all.monitor import Monitor
from napari_all.workflows.run_record import Clock, InputRecord

SAVE_EVERY_S = 10.0
"""How often a long run writes what it has so far."""
_SAVE_SHARE = 0.01
"""Most of the time that it may spend on that: a record of many thousand images takes long to write."""
_OF_ALL_IMAGES = (UsageError, CheckpointError, DependencyError, ClusterError)
"""Errors that any other image would bring, too."""
_UNWRITTEN = 2
"""So many images are worked on before the results of the first of them are written."""

Result = TypeVar("Result")
More = TypeVar("More")
Done: TypeAlias = tuple[InputRecord, More]
"""The record of an image, and what else there is to know of it."""
Rest: TypeAlias = Callable[[], InputRecord]
"""What is left to do of an image when the next one can be begun."""
Work: TypeAlias = Callable[[InputImage, Monitor], InputRecord | Rest]
"""The work on one image: (image, monitor) -> its record, or what is left to do, which gives it."""
_Ended: TypeAlias = tuple[InputRecord | Exception, float]


class ImageMonitor:
    """What the work on one image of many reports to: passes on messages and stops, not its own small steps."""

    def __init__(self, outer: Monitor, image: str, said: set[str]) -> None:
        self._outer = outer
        self._image = image
        self._said = said

    def report(self, stage: str, done: int, total: int) -> None:
        """Keep quiet: the bar counts images."""

    def message(self, text: str) -> None:
        """Pass the line on with the image's name, unless an earlier image said the same (the device in use)."""
        if text not in self._said:
            self._said.add(text)
            self._outer.message(f"{self._image}: {text}")

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` when a stop was asked for."""
        self._outer.raise_if_cancelled()


def work_through(images: Sequence[InputImage], work: Work, monitor: Monitor) -> Generator[InputRecord, None, None]:
    """Run `work` on each image in order and yield its record; progress counts images, or the steps of a single one.

    Parameters
    ----------
    work
        Runs in the caller's thread; what it leaves to do runs, in order too, in another one, which must not use the
        monitor. What either raises becomes the record of a failure.

    Yields
    ------
    One record per image, when nothing is left to do; "not started" for those that a stop left out. Closed early, it
    finishes first what is left to do.

    Raises
    ------
    UsageError, CheckpointError, DependencyError
        What was asked for cannot be done on any image, so these end the run.
    """
    said: set[str] = set()
    many = len(images) > 1
    begun: deque[tuple[InputImage, Future[_Ended]]] = deque()
    with ThreadPoolExecutor(1, "rest") as others:
        for number, image in enumerate(images):
            try:
                if many:
                    monitor.report("images", number, len(images))
                monitor.raise_if_cancelled()
                steps = ImageMonitor(monitor, image.name, said) if many else monitor
                begun.append((image, _begin(image, work, steps, others)))
            except Cancelled:
                yield from (_record(*one, monitor) for one in begun)
                yield from (InputRecord(image=i.name) for i in images[number:])
                return
            while begun and (len(begun) > _UNWRITTEN or begun[0][1].done()):
                yield _record(*begun.popleft(), monitor)
        yield from (_record(*one, monitor) for one in begun)
    if many:
        monitor.report("images", len(images), len(images))


def _begin(image: InputImage, work: Work, monitor: Monitor, others: Executor) -> Future[_Ended]:
    """Do the work and hand on what is left of it; how it ended comes with its seconds."""
    clock = Clock()
    done: InputRecord | Rest | Exception
    try:
        done = work(image, monitor)
    except (Cancelled, *_OF_ALL_IMAGES):
        raise
    except Exception as error:
        done = error

    def rest() -> _Ended:
        if isinstance(done, InputRecord | Exception):
            return done, clock.seconds
        try:
            return done(), clock.seconds
        except Exception as error:
            return error, clock.seconds

    return others.submit(rest)


def _record(image: InputImage, ended: Future[_Ended], monitor: Monitor) -> InputRecord:
    """Wait for an image's end and return its record."""
    found, seconds = ended.result()
    record = failure(image, found, monitor) if isinstance(found, Exception) else found
    return record.updated(seconds=seconds)


def failure(image: InputImage, error: Exception, monitor: Monitor) -> InputRecord:
    """Return the record of a failure and say it, or raise the error if it is not this image's alone."""
    if isinstance(error, _OF_ALL_IMAGES):
        raise error
    record = InputRecord(image=image.name, status="failed", error=explain(error, image))
    monitor.message(f"{image.name}: {record.error}")
    return record


def read_ahead(
    images: Sequence[InputImage], read: Callable[[InputImage], Result], reader: Executor
) -> Callable[[InputImage], Result]:
    """Return what gives an image as `read` reads it, or raises; by then the one after it is being read, no more.

    It must be asked in the order of `images`; those that are passed over are dropped.
    """

    def begin() -> Iterator[tuple[InputImage, Future[Result]]]:
        waiting: deque[tuple[InputImage, Future[Result]]] = deque()
        for image in images:
            waiting.append((image, reader.submit(read, image)))
            if len(waiting) > 1:
                yield waiting.popleft()
        yield from waiting

    readings = begin()
    return lambda image: next(reading for one, reading in readings if one is image).result()


def overlapped(
    images: Sequence[InputImage],
    read: Callable[[InputImage], Result],
    work: Callable[[InputImage, Result, Monitor], Done[More] | Callable[[], Done[More]]],
    nothing: More,
    monitor: Monitor,
) -> Generator[Done[More], None, None]:
    """Yield the record of each image, in order, with what else there is to know; meanwhile the next one is read.

    Parameters
    ----------
    read
        Reads an image, in another thread.
    work
        (image, what `read` gave, monitor) -> what is yielded, or what is left to do, which gives it (`work_through`).
    nothing
        What there is to know of an image that failed or was not begun.
    """
    more: dict[str, More] = {}

    def record_of(done: Done[More]) -> InputRecord:
        record, more[record.image] = done
        return record

    with ThreadPoolExecutor(1, "read-ahead") as reader:
        given = read_ahead(images, read, reader)

        def begin(image: InputImage, steps: Monitor) -> InputRecord | Rest:
            done = work(image, given(image), steps)
            return record_of(done) if isinstance(done, tuple) else lambda: record_of(done())

        with closing(work_through(images, begin, monitor)) as records:
            for record in records:
                yield record, more.pop(record.image, nothing)


class SaveTimer:
    """Tells a long run when to write what it has so far: first at once, then every `SAVE_EVERY_S` or more seldom."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._next = 0.0

    def save(self, write: Callable[[], object]) -> None:
        """Call `write`, if it is time."""
        begin = self._clock.seconds
        if begin >= self._next:
            write()
            end = self._clock.seconds
            self._next = end + max(SAVE_EVERY_S, (end - begin) / _SAVE_SHARE)


def for_each_image(images: Sequence[InputImage], work: Work, monitor: Monitor) -> list[InputRecord]:
    """Run `work` on each image in order and return the records; see `work_through`."""
    return list(work_through(images, work, monitor))


def is_complete(entries: Sequence[InputRecord]) -> bool:
    """Tell whether no input was left out by a stop."""
    return all(entry.status != "not started" for entry in entries)


def explain(error: Exception, image: InputImage) -> str:
    """Return an error's text without this machine's paths; an error not of ours says its type."""
    text = str(error) if isinstance(error, NapariAllError) else f"{type(error).__name__}: {error}"
    return text.replace(str(image.path.resolve()), image.name).replace(str(image.path), image.name)
