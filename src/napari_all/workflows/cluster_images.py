"""Images on a Dask cluster, one task each: their records come in order, failures and stops mean what they mean here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from napari_all.errors import Cancelled, ClusterError
from napari_all.io.inputs import InputImage
from napari_all.monitor import Monitor
from napari_all.networks.zoo import find_weights, source_of
from napari_all.workflows.cluster import Cluster
from napari_all.workflows.cluster_worker import Answer, Task
from napari_all.workflows.per_image import Done, ImageMonitor, More, failure
from napari_all.workflows.run_record import InputRecord

Result = TypeVar("Result")


class ImagesOnCluster(Generic[More]):
    """One run over many images.

    Parameters
    ----------
    images
        The images, in the order of their records.
    nothing
        What there is to know of an image that failed or was not begun.
    """

    def __init__(self, cluster: Cluster, images: Sequence[InputImage], nothing: More, monitor: Monitor) -> None:
        self._cluster = cluster
        self._images = images
        self._nothing = nothing
        self._monitor = monitor
        self._said: set[str] = set()
        self._found: dict[int, Done[More]] = {}
        self._count, self._next = 0, 0

    def records(
        self,
        tasks: Iterable[Task[Done[More] | None]],
        afterwards: Callable[[int, Monitor], Done[More]] | None = None,
    ) -> Iterator[Done[More]]:
        """Run one task per image and yield what becomes of them, in order; progress counts finished images.

        Parameters
        ----------
        tasks
            Their results; None where an image is left for `afterwards`.
        afterwards
            (number of the image, monitor) -> its result; runs here, after the tasks.

        Raises
        ------
        UsageError, CheckpointError, DependencyError
            What was asked for cannot be done on any image, or not on this cluster.
        ClusterError
            The scheduler went away; by then every image was yielded.
        """
        left: list[int] = []
        try:
            self._progress()
            with closing(self._cluster.stream(tasks, self._monitor)) as answers:
                for number, answer in answers:
                    done = self._attempt(number, partial(self._take, number, answer))
                    if done is None:
                        left.append(number)
                    else:
                        yield from self._in_order(number, done)
            for number in sorted(left):
                assert afterwards is not None  # a task said so
                done = self._attempt(number, partial(afterwards, number, self._steps(number)))
                yield from self._in_order(number, done)
        except (Cancelled, ClusterError) as stop:
            for number in range(self._next, len(self._images)):
                yield self._found.get(number) or (InputRecord(image=self._images[number].name), self._nothing)
            if isinstance(stop, ClusterError):
                raise

    def _take(self, number: int, answer: Answer[Done[More] | None] | Exception) -> Done[More] | None:
        """Return what a task returned, or raise what it raised."""
        if isinstance(answer, Exception):
            raise answer
        steps = self._steps(number)
        for text in answer.messages:
            steps.message(text)
        if answer.result is None:
            return None
        record, more = answer.result
        return record.updated(seconds=answer.seconds), more

    def _attempt(self, number: int, do: Callable[[], Result]) -> Result | Done[More]:
        try:
            return do()
        except Cancelled:
            raise
        except Exception as error:  # whatever one image does, the others are still worth having
            return failure(self._images[number], error, self._monitor), self._nothing

    def _in_order(self, number: int, done: Done[More]) -> Iterator[Done[More]]:
        """Keep what became of an image, and yield what is next."""
        self._found[number] = done
        self._count += 1
        self._progress()
        while self._next in self._found:
            self._next += 1
            yield self._found.pop(self._next - 1)

    def _progress(self) -> None:
        if len(self._images) > 1:
            self._monitor.report("images", self._count, len(self._images))

    def _steps(self, number: int) -> Monitor:
        """Return what the work on one image reports to."""
        if len(self._images) == 1:
            return self._monitor
        return ImageMonitor(self._monitor, self._images[number].name, self._said)


def absolute(image: InputImage) -> InputImage:
    """Return an image that is found from any working folder."""
    return replace(image, path=image.path.absolute())


def absolute_model(model: str) -> str:
    """Return the name of a network, or its path as it is found from any working folder.

    Raises
    ------
    CheckpointError
        There is no such model.
    """
    weights = find_weights(model)
    return str(weights.absolute()) if source_of(weights) == "file" else model
