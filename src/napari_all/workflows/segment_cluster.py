"""Segment the images of a batch on a Dask cluster: images are tasks, and so are the blocks of slides."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from napari_all.errors import SaveError
from napari_all.files import atomic_path
from napari_all.io.slides import Slide, open_slide
from napari_all.monitor import Monitor
from napari_all.segmentation.editing.windows import Window
from napari_all.types import Segmentation
from napari_all.workflows.cluster import Cluster, cluster_at
from napari_all.workflows.cluster_images import ImagesOnCluster, absolute, absolute_model
from napari_all.workflows.cluster_worker import Answer
from napari_all.workflows.run_record import Clock, InputRecord
from napari_all.workflows.segment import SegmentConfig, segment_image
from napari_all.workflows.segment_files import ImageFiles
from napari_all.workflows.segment_slide import segment_slide
from napari_all.workflows.segment_task import RunFacts, SegmentTask
from napari_all.workflows.slide_plan import Finder, Found

Segmented: TypeAlias = tuple[InputRecord, RunFacts]


@dataclass(frozen=True)
class FieldTask:
    """All of a `SegmentTask`, unless its image turns out to be a slide."""

    task: SegmentTask

    def run(self, monitor: Monitor) -> Segmented | None:
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
) -> Generator[Segmented, None, None]:
    """Segment images on the workers of a cluster; see `ImagesOnCluster.records`.

    Parameters
    ----------
    address
        Of the scheduler.
    tasks
        The images, with one configuration.
    output
        Folder of the results.
    """
    config, models = placed_config(tasks[0].config)
    placed = [replace(t, image=absolute(t.image), output=t.output.absolute(), config=config) for t in tasks]
    images = [task.image for task in placed]
    with cluster_at(address, [image.path for image in images], models, output.absolute(), monitor) as cluster:
        find = partial(find_on, cluster)
        run = ImagesOnCluster[RunFacts](cluster, images, {}, monitor)
        yield from run.records(map(FieldTask, placed), lambda number, steps: _slide(placed[number], steps, find))


def placed_config(config: SegmentConfig) -> tuple[SegmentConfig, list[str]]:
    """Return a configuration that holds in any working folder, and the networks that it uses."""
    model = config.method_settings().model_dump().get("model")
    if not model:
        return config, []
    named = absolute_model(model)
    return config if named == model else config.updated(settings=config.settings | {"model": named}), [named]


def _slide(task: SegmentTask, monitor: Monitor, find: Finder) -> Segmented:
    """Segment a slide: its blocks on the cluster; whose each cell is, is decided here."""
    clock, files = Clock(), ImageFiles.of(task.image, task.output)
    made = segment_slide(task.image.path, files, task.config, task.extras, monitor, resume=task.resume, find=find)
    entry, facts = task.write(made)
    return entry.updated(seconds=clock.seconds), facts


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
