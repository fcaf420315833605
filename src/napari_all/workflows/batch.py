"""Segment many images into a folder: the `segment` command, and the window's folder button."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from napari_all.errors import FileExistsRefused
from napari_all.io.images import MAX_PIXELS
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.masks import portable
from napari_all.io.tables import IMAGE_COLUMNS, IMAGES_VERSION, write_table
from napari_all.monitor import Monitor, NullMonitor
from napari_all.workflows.per_image import SAVE_EVERY_S, is_complete, work_through
from napari_all.workflows.run_record import Clock, InputRecord, RunRecord
from napari_all.workflows.segment import SegmentConfig
from napari_all.workflows.segment_files import Extras, ImageFiles, holding
from napari_all.workflows.segment_task import RunFacts, SegmentTask

RUN_FILE = "run.json"
IMAGES_FILE = "images.csv"
Order: TypeAlias = Literal["input", "uncertainty"]
"""How the table of images is sorted: as the inputs, or least certain first."""


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
    """
    watch = monitor or NullMonitor()
    config.method_settings()
    images = find_images(inputs, slides=True)
    more = extras or Extras()
    held = {i.name: k for i in images if resume and (k := holding(ImageFiles.of(i, output), i, config)) is not None}
    if not overwrite:
        _refuse_existing([i for i in images if i.name not in held], output, resume)
    clock = Clock()
    settings = config.model_dump(mode="json") | {"settings": portable(config.settings), "extras": more.model_dump()}
    record = RunRecord(command="segment", settings=settings, started=clock.started)
    facts: RunFacts = {}
    tasks = {i.name: SegmentTask(i, output, config, more, max_pixels, resume, held.get(i.name)) for i in images}

    def work(image: InputImage, steps: Monitor) -> InputRecord:
        entry, told = tasks[image.name].run(steps)
        facts.update(told)
        return entry

    entries: list[InputRecord] = []
    saved = float("-inf")
    for entry in work_through(images, work, watch):
        entries.append(entry)
        if clock.seconds - saved > SAVE_EVERY_S:  # a killed run has its record, too
            saved = clock.seconds
            _write(record.updated(inputs=entries, **facts), output, sort)
    record = record.updated(inputs=entries, complete=is_complete(entries), seconds=clock.seconds, **facts)
    _write(record, output, sort)
    return record


def least_certain_first(entries: Sequence[InputRecord]) -> list[InputRecord]:
    """Sort images by falling uncertainty; those without one come last, in their order."""
    return sorted(entries, key=lambda entry: -1.0 if entry.uncertainty is None else entry.uncertainty, reverse=True)


def _write(record: RunRecord, output: Path, sort: Order) -> None:
    entries = least_certain_first(record.inputs) if sort == "uncertainty" else record.inputs
    rows = ({**entry.model_dump(mode="json"), "schema_version": IMAGES_VERSION} for entry in entries)
    write_table(output / IMAGES_FILE, IMAGE_COLUMNS, rows)
    record.write(output / RUN_FILE)


def _refuse_existing(images: list[InputImage], output: Path, resume: bool) -> None:
    """Refuse to replace results; an unfinished one (no sidecar) is no result when resuming."""
    outputs = [ImageFiles.of(i, output) for i in images]
    found = [p for files in outputs for p in files.existing if not resume or files.sidecar.exists()]
    if not resume:
        found += [path for name in (IMAGES_FILE, RUN_FILE) if (path := output / name).exists()]
    if found:
        names = ", ".join(p.name for p in found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        why = " with another input or other settings" if resume else ""
        remedy = "give --overwrite to replace" if resume else "give --overwrite to replace or --resume to go on"
        raise FileExistsRefused(f"{output.name} already holds {names}{why}; {remedy}, or choose another folder")
