"""Segment the images of a batch on a Dask cluster: images are tasks, and so are the blocks of slides."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from napari_all.errors import Cancelled, ClusterError, SaveError
from napari_all.files import atomic_path
from napari_all.io.slides import Slide, open_slide
from napari_all.monitor import Monitor
from napari_all.networks.zoo import find_weights, source_of
from napari_all.segmentation.editing.windows import Window
from napari_all.types import Segmentation
from napari_all.workflows.cluster import Cluster, cluster_at
from napari_all.workflows.cluster_worker import Answer
from napari_all.workflows.per_image import ImageMonitor, failure
from napari_all.workflows.run_record import Clock, InputRecord
from napari_all.workflows.segment import SegmentConfig, segment_image
from napari_all.workflows.segment_files import ImageFiles
from napari_all.workflows.segment_slide import Found, segment_slide
from napari_all.workflows.segment_task import RunFacts, SegmentTask

Result = TypeVar("Result")
Done: TypeAlias = tuple[InputRecord, RunFacts]


@dataclass(frozen=True)
class FieldTask:
    """All of a `SegmentTask`, unless its image turns out to be a slide."""

    task: SegmentTask

    def run(self, monitor: Monitor) -> Done | None:
        """Return what the task returns, or None: the blocks of a slide are tasks of their own."""
        given = self.task.read()
        return None if isinstance(given, Path) else self.task.write(self.task.compute(given, monitor))


@dataclass(frozen=True)
class WindowTask:
    """A window of a slide to be segmented.

    Attributes
    ----------
    path, sha256
        The slide.
    window, config
        What of it, and how.
    pixels
        File that labels and classes map are written into.
    """

    path: Path
    sha256: str
    window: Window
    config: SegmentConfig
    pixels: Path

    def run(self, monitor: Monitor) -> Segmentation:
        """Return the segmentation without its pixels; `SaveError` when the run has ended or the disk refuses."""
        with open_slide(self.path, self.sha256) as slide:
            found = segment_image(slide.levels[0][self.window], self.config, monitor)
        if not self.pixels.parent.is_dir():  # its client is gone, and nobody would remove what is written now
            raise SaveError(f"the run of {self.path.name} has ended; start it again with --resume")
        with atomic_path(self.pixels) as path:
            np.savez_compressed(path, labels=found.labels, classes=found.classes)
        nothing = np.zeros((0, 0), np.int32)
        return replace(found, labels=nothing, classes=nothing.astype(np.uint8), smudges=None, uncertainty_map=None)


def segment_on_cluster(
    address: str, tasks: Sequence[SegmentTask], output: Path, monitor: Monitor
) -> Generator[Done, None, None]:
    """Segment images on the workers of a cluster and yield their records in order; progress counts finished images.

    Parameters
    ----------
    address
        Of the scheduler.
    tasks
        The images, with one configuration.
    output
        Folder of the results.

    Yields
    ------
    One record per image, and what it tells about the run; "not started" for those that a stop left out.

    Raises
    ------
    UsageError, CheckpointError, DependencyError
        What was asked for cannot be done on any image, or not on this cluster; see `cluster_at`.
    ClusterError
        The scheduler went away; by then every image was yielded.
    """
    config = _placed(tasks[0].config)
    placed = [_absolute(task, config) for task in tasks]
    model = config.method_settings().model_dump().get("model")
    paths = [task.image.path for task in placed]
    with cluster_at(address, paths, [model] if model else [], output.absolute(), monitor) as cluster:
        yield from _Run(cluster, placed, monitor).records()


class _Run:
    """One run over many images."""

    def __init__(self, cluster: Cluster, tasks: Sequence[SegmentTask], monitor: Monitor) -> None:
        self._cluster = cluster
        self._tasks = tasks
        self._monitor = monitor
        self._said: set[str] = set()
        self._found: dict[int, Done] = {}
        self._count, self._next = 0, 0

    def records(self) -> Iterator[Done]:
        """Yield what becomes of each image, in order."""
        slides: list[int] = []
        try:
            self._progress()
            with closing(self._cluster.stream(map(FieldTask, self._tasks), self._monitor)) as answers:
                for number, answer in answers:
                    done = self._of_field(number, answer)
                    if done is None:
                        slides.append(number)
                    else:
                        yield from self._in_order(number, done)
            for number in sorted(slides):
                yield from self._in_order(number, self._of_slide(number))
        except (Cancelled, ClusterError) as stop:
            for number in range(self._next, len(self._tasks)):
                yield self._found.get(number) or (InputRecord(image=self._tasks[number].image.name), {})
            if isinstance(stop, ClusterError):
                raise

    def _in_order(self, number: int, done: Done) -> Iterator[Done]:
        """Keep what became of an image, and yield what is next."""
        self._found[number] = done
        self._count += 1
        self._progress()
        while self._next in self._found:
            self._next += 1
            yield self._found.pop(self._next - 1)

    def _progress(self) -> None:
        if len(self._tasks) > 1:
            self._monitor.report("images", self._count, len(self._tasks))

    def _of_field(self, number: int, answer: Answer[Done | None] | Exception) -> Done | None:
        """Return what became of an image, or None if it is a slide."""

        def done() -> Done | None:
            if isinstance(answer, Exception):
                raise answer
            steps = self._steps(number)
            for text in answer.messages:
                steps.message(text)
            if answer.result is None:
                return None
            entry, facts = answer.result
            return entry.updated(seconds=answer.seconds), facts

        return self._attempt(number, done)

    def _of_slide(self, number: int) -> Done:
        """Segment a slide: its blocks on the cluster; whose each cell is, is decided here."""
        task, find, clock = self._tasks[number], partial(find_on, self._cluster), Clock()

        def done() -> Done:
            files = ImageFiles.of(task.image, task.output)
            steps, resume = self._steps(number), task.resume
            made = segment_slide(task.image.path, files, task.config, task.extras, steps, resume=resume, find=find)
            entry, facts = task.write(made)
            return entry.updated(seconds=clock.seconds), facts

        return self._attempt(number, done)

    def _attempt(self, number: int, do: Callable[[], Result]) -> Result | Done:
        try:
            return do()
        except Cancelled:
            raise
        except Exception as error:  # whatever one image does, the others are still worth having
            return failure(self._tasks[number].image, error, self._monitor), {}

    def _steps(self, number: int) -> Monitor:
        """Return what the work on one image reports to."""
        if len(self._tasks) == 1:
            return self._monitor
        return ImageMonitor(self._monitor, self._tasks[number].image.name, self._said)


def find_on(
    cluster: Cluster, slide: Slide, windows: Sequence[Window], config: SegmentConfig, monitor: Monitor
) -> Found:
    """Segment windows of a slide on a cluster; their pixels come by way of files. A `segment_slide.Finder`."""
    path, sha256 = slide.record.path, slide.record.sha256
    assert path is not None  # it was opened from there
    tasks = [WindowTask(path, sha256, w, config, cluster.scratch / f"{uuid.uuid4().hex}.npz") for w in windows]
    ended: dict[int, Answer[Segmentation] | Exception] = {}
    following = 0
    with closing(cluster.stream(tasks, monitor)) as answers:
        for number, answer in answers:
            ended[number] = answer
            while following in ended:
                yield _with_pixels(ended.pop(following), tasks[following].pixels)
                following += 1


def _with_pixels(answer: Answer[Segmentation] | Exception, pixels: Path) -> Segmentation:
    if isinstance(answer, Exception):
        raise answer
    with np.load(pixels, allow_pickle=False) as stored:
        found = replace(answer.result, labels=stored["labels"], classes=stored["classes"])
    pixels.unlink()
    return found


def _placed(config: SegmentConfig) -> SegmentConfig:
    """Name a network that is given by its path so that it is found from any working folder."""
    model = config.method_settings().model_dump().get("model")
    if not model or source_of(weights := find_weights(model)) != "file":
        return config
    return config.updated(settings=config.settings | {"model": str(weights.absolute())})


def _absolute(task: SegmentTask, config: SegmentConfig) -> SegmentTask:
    image = replace(task.image, path=task.image.path.absolute())
    return replace(task, image=image, output=task.output.absolute(), config=config)
