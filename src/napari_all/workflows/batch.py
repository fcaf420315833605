"""Segment many images into a folder: the `segment` command, and the window's folder button."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from math import prod
from pathlib import Path
from typing import Literal, TypeAlias

from napari_all.errors import ClusterError, FileExistsRefused
from napari_all.files import remove_abandoned
from napari_all.io.images import MAX_PIXELS
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.sidecar import portable
from napari_all.io.tables import IMAGE_COLUMNS, IMAGES_VERSION, write_table
from napari_all.monitor import Monitor, NullMonitor
from napari_all.workflows.per_image import SaveTimer, is_complete, overlapped
from napari_all.workflows.run_record import Clock, InputRecord, RunRecord
from napari_all.workflows.segment import SegmentConfig
from napari_all.workflows.segment_cluster import Segmented, segment_on_cluster
from napari_all.workflows.segment_files import Extras, ImageFiles, holding
from napari_all.workflows.segment_task import Given, Made, RunFacts, SegmentTask

RUN_FILE = "run.json"
IMAGES_FILE = "images.csv"
Order: TypeAlias = Literal["input", "uncertainty"]
"""How the table of images is sorted: as the inputs, or least certain first."""
_LARGE_PIXELS = 16_000_000
"""A larger result is written before the next image is computed: memory is short then, and computing takes long."""


def segment_batch(
    inputs: Sequence[str | Path],
    output: Path,
    config: SegmentConfig,
    *,
    overwrite: bool = False,
    resume: bool = False,
    extras: Extras | None = None,
    sort: Order = "input",
    max_pixels: int = MAX_PIXELS,
    scheduler: str | None = None,
    monitor: Monitor | None = None,
) -> RunRecord:
    """Segment images into label images, classes maps, tables and sidecars, `images.csv` and `run.json`.

    Parameters
    ----------
    inputs
        Files, folders and globs; see `napari_all.io.inputs.find_images`.
    output
        Folder; sub-folders of a given folder are mirrored.
    overwrite
        Replace results that are there, corrected ones too.
    resume
        Keep results that are there and were made from the same file with the same settings, and those that a
        person corrected; make the others.
    extras
        What to write beside; nothing more by default.
    sort
        Order of the rows of `images.csv`.
    scheduler
        Address of a Dask scheduler, whose workers then do the work; see `segment_cluster`.

    Returns
    -------
    The record that was also written; `complete` is False when the monitor stopped the run, and what was
    finished by then is on disk.

    Raises
    ------
    UsageError
        For inputs that do not exist or clash, settings out of range, and extras that the method cannot give.
    FileExistsRefused
        Results are there and neither `overwrite` nor `resume` covers them. Nothing was done.
    CheckpointError, DependencyError
        The network cannot be had.
    ClusterError
        The scheduler went away; what was finished by then is on disk, and in the record.
    Cancelled
        The monitor stopped the search for earlier results. Nothing was done.
    """
    watch = monitor or NullMonitor()
    config.method_settings()
    images = find_images(inputs, slides=True)
    more = extras or Extras()
    held = holding(images, output, config, watch) if resume else {}
    if not overwrite:
        others = [i for i in images if i.name not in held]
        if resume:  # an unfinished result (no sidecar) is none
            others = [i for i in others if ImageFiles.of(i, output).sidecar.exists()]
            # A cluster's worker ends the image in its hand after its run was stopped: maybe just now.
            held |= holding(others, output, config, watch)
        _refuse_existing([i for i in others if i.name not in held], output, resume)
    remove_abandoned(output)  # of an earlier run that was killed
    clock = Clock()
    settings = config.model_dump(mode="json") | {"settings": portable(config.settings), "extras": more.model_dump()}
    record = RunRecord(command="segment", settings=settings, started=clock.started)
    tasks = [SegmentTask(i, output, config, more, max_pixels, resume, held.get(i.name)) for i in images]
    timer, entries, facts = SaveTimer(), list[InputRecord](), RunFacts()
    done = segment_on_cluster(scheduler, tasks, output, watch) if scheduler else _here(tasks, watch)
    try:
        with closing(done) as results:
            for entry, told in results:
                entries.append(entry)
                facts.update(told)
                # A killed run has its record, too.
                timer.save(lambda: _write(record.updated(inputs=entries, **facts), output, sort))
    except ClusterError:
        _write(record.updated(inputs=entries, seconds=clock.seconds, **facts), output, sort)
        raise
    record = record.updated(inputs=entries, complete=is_complete(entries), seconds=clock.seconds, **facts)
    _write(record, output, sort)
    return record


def _here(tasks: Sequence[SegmentTask], monitor: Monitor) -> Generator[Segmented, None, None]:
    """Yield what each task gives, in order; the next image is read and the last ones are written during computing."""
    by_name = {task.image.name: task for task in tasks}

    def work(image: InputImage, given: Given, steps: Monitor) -> Segmented | Callable[[], Segmented]:
        task = by_name[image.name]
        made = task.compute(given, steps)
        return task.write(made) if _is_large(made) else partial(task.write, made)

    return overlapped([task.image for task in tasks], lambda image: by_name[image.name].read(), work, {}, monitor)


def _is_large(made: Made) -> bool:
    return isinstance(made, tuple) and prod(made[0].shape) > _LARGE_PIXELS


def least_certain_first(entries: Sequence[InputRecord]) -> list[InputRecord]:
    """Sort images by falling uncertainty; those without one come last, in their order."""
    return sorted(entries, key=lambda entry: -1.0 if entry.uncertainty is None else entry.uncertainty, reverse=True)


def _write(record: RunRecord, output: Path, sort: Order) -> None:
    entries = least_certain_first(record.inputs) if sort == "uncertainty" else record.inputs
    rows = ({**entry.model_dump(mode="json"), "schema_version": IMAGES_VERSION} for entry in entries)
    write_table(output / IMAGES_FILE, IMAGE_COLUMNS, rows)
    record.write(output / RUN_FILE)


def _refuse_existing(images: list[InputImage], output: Path, resume: bool) -> None:
    """Refuse to replace results of images, and without `resume` the tables of any."""
    found = [path for image in images for path in ImageFiles.of(image, output).existing]
    if not resume:
        found += [path for name in (IMAGES_FILE, RUN_FILE) if (path := output / name).exists()]
    if found:
        names = ", ".join(p.name for p in found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        why = " with another input or other settings" if resume else ""
        remedy = "give --overwrite to replace" if resume else "give --overwrite to replace or --resume to go on"
        raise FileExistsRefused(f"{output.name} already holds {names}{why}; {remedy}, or choose another folder")
