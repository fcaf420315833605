"""Predict the subtype of many images into one table: the `classify` command, the Subtype widget's folder button."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from napari_all.errors import ClusterError, FileExistsRefused, UsageError
from napari_all.files import sha256_file
from napari_all.io.images import MAX_PIXELS
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.sidecar import portable
from napari_all.io.tables import (
    CELL_PREDICTION_COLUMNS,
    EXPLAINED_COLUMNS,
    PREDICTION_COLUMNS,
    Row,
    prediction_row,
    read_table,
    write_table,
)
from napari_all.monitor import Monitor, NullMonitor
from napari_all.workflows.classify import ClassifyConfig, model_sha256
from napari_all.workflows.classify_cells import CellSource
from napari_all.workflows.classify_cluster import classify_on_cluster
from napari_all.workflows.classify_report import check_report, write_report
from napari_all.workflows.classify_task import Classified, ClassifyTask, Shown
from napari_all.workflows.explain import explanation_files
from napari_all.workflows.per_image import SaveTimer, is_complete, overlapped
from napari_all.workflows.run_record import Clock, InputRecord, RunRecord, read_record, record_beside
from napari_all.workflows.segment import SegmentConfig


def classify_images(
    inputs: Sequence[str | Path],
    config: ClassifyConfig,
    *,
    max_pixels: int = MAX_PIXELS,
    monitor: Monitor | None = None,
) -> list[InputRecord]:
    """Predict the subtype of many images without writing anything; each record holds prediction or error."""
    job = _Job(find_images(inputs), config, max_pixels=max_pixels)
    return list(job.records(job.here(monitor or NullMonitor())))


def classify_batch(
    inputs: Sequence[str | Path],
    table: Path,
    config: ClassifyConfig,
    *,
    cells: CellSource | None = None,
    explain: Path | None = None,
    report: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    max_pixels: int = MAX_PIXELS,
    scheduler: str | None = None,
    monitor: Monitor | None = None,
) -> RunRecord:
    """Predict the subtype of many images into a table and `<stem>_run.json` beside it.

    Parameters
    ----------
    inputs
        Files, folders and globs; see `napari_all.io.inputs.find_images`.
    table
        The CSV file; columns as `napari_all.io.tables.PREDICTION_COLUMNS`. Images that failed are in the record.
    cells
        Also predict at each cell, into `<stem>_cells.csv`: the folder of the label images, or how to segment.
    explain
        Folder for the Grad-CAM of each image; the table then has the column `cam_in_cells`, by the cells of `cells`
        or, without, by where the network is shown white cells.
    report
        HTML page with thumbnails, written at the end; see `napari_all.workflows.classify_report`.
    overwrite
        Replace a table that is there.
    resume
        Keep the rows of images whose file and settings are those of the record beside the table.
    scheduler
        Address of a Dask scheduler, whose workers then do the work; see `classify_cluster`.

    Returns
    -------
    The record; `complete` is False when the monitor stopped the run, and the table holds what was finished.

    Raises
    ------
    UsageError
        For inputs that do not exist or clash.
    FileExistsRefused
        A table, page or heat map is there and neither `overwrite` nor `resume` was given. Nothing was done.
    CheckpointError
        The model is missing or damaged.
    ClusterError
        The scheduler went away; the table holds what was finished.
    """
    if table.suffix.lower() != ".csv":
        raise UsageError(f"the table {table.name!r} must end with .csv")
    if report is not None:
        check_report(report)
    job = _Job(find_images(inputs), config, cells=cells, explain=explain, report=report, max_pixels=max_pixels)
    existing = [p.name for p in job.files(table) if p.exists()]
    if existing and not (overwrite or resume):
        raise FileExistsRefused(f"{existing[0]} is there; give --overwrite to replace it or --resume to go on")
    if resume:
        job.keep_earlier(table)
    clock, watch = Clock(), monitor or NullMonitor()
    record = RunRecord(command="classify", settings=job.settings, started=clock.started)
    done = classify_on_cluster(scheduler, job.tasks, explain or table.parent, watch) if scheduler else job.here(watch)
    entries: list[InputRecord] = []
    timer = SaveTimer()
    try:
        with closing(done) as results:
            for entry in job.records(results):
                entries.append(entry)
                # A killed run loses seconds, not hours.
                timer.save(lambda: job.save(record.updated(inputs=entries), table))
    except ClusterError:
        job.save(record.updated(inputs=entries, seconds=clock.seconds), table)
        raise
    final = job.save(record.updated(inputs=entries, complete=is_complete(entries), seconds=clock.seconds), table)
    if report is not None:
        write_report(report, final, job.thumbnails)
    return final


def cells_table(table: Path) -> Path:
    """Return where the cells' table lies beside the images' table."""
    return table.with_name(f"{table.stem}_cells.csv")


class _Job:
    """What one run over many images knows."""

    def __init__(
        self,
        images: Sequence[InputImage],
        config: ClassifyConfig,
        *,
        cells: CellSource | None = None,
        explain: Path | None = None,
        report: Path | None = None,
        max_pixels: int,
    ) -> None:
        if isinstance(cells, Path) and not cells.is_dir():
            raise UsageError(f"label folder {cells.name!r} does not exist; give the folder that 'segment' wrote")
        self._images = images
        self._config = config
        self._cells = cells
        self._explain = explain
        self._report = report
        self._max_pixels = max_pixels
        self._kept: dict[str, InputRecord] = {}
        self._cell_rows: dict[str, list[Row]] = {}
        self.thumbnails: dict[str, bytes] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """What decides about the result, for the record."""
        cells: Any = None
        if isinstance(self._cells, SegmentConfig):
            dump = self._cells.model_dump(mode="json")
            cells = dump | {"settings": portable(dump["settings"])}
        elif self._cells is not None:
            cells = "label images"
        return portable(self._config.model_dump(mode="json")) | {"cells": cells, "explain": self._explain is not None}

    def files(self, table: Path) -> list[Path]:
        """Return every file that will be written."""
        heat_maps = [f for i in self._images if self._explain for f in explanation_files(i.stem, self._explain)]
        others = [*([cells_table(table)] if self._cells else []), *([self._report] if self._report else [])]
        return [table, record_beside(table), *others, *heat_maps]

    @property
    def tasks(self) -> list[ClassifyTask]:
        """The work on each image."""
        page = self._report is not None
        rules = (self._config, self._cells, self._explain, page, self._max_pixels)
        return [ClassifyTask(image, *rules, self._kept.get(image.name)) for image in self._images]

    def here(self, monitor: Monitor) -> Generator[Classified, None, None]:
        """Yield what becomes of each image in order; meanwhile the next one is read."""
        tasks = {task.image.name: task for task in self.tasks}
        return overlapped(
            self._images,
            lambda image: tasks[image.name].read(),
            lambda image, given, steps: tasks[image.name].predict(given, steps),
            Shown(),
            monitor,
        )

    def records(self, results: Iterable[Classified]) -> Iterator[InputRecord]:
        """Yield the record of each image; what belongs to it is kept for the tables and the page."""
        for record, shown in results:
            if shown.cells is not None:
                self._cell_rows[record.image] = shown.cells
            if shown.thumbnail is not None:
                self.thumbnails[record.image] = shown.thumbnail
            yield record

    def keep_earlier(self, table: Path) -> None:
        """Take over what an earlier run into the same table found for the same files with the same settings."""
        earlier = read_record(record_beside(table))
        if earlier is None or earlier.settings != self.settings:
            return
        known = {entry.image: entry for entry in earlier.inputs}
        images = {i.name: i for i in self._images if i.name in known}
        self._kept = {name: known[name] for name, image in images.items() if self._holds(known[name], image)}
        if self._cells is not None and cells_table(table).exists():
            for row in read_table(cells_table(table)):
                if str(row["image"]) in self._kept:
                    self._cell_rows.setdefault(str(row["image"]), []).append(row)

    def _holds(self, entry: InputRecord, image: InputImage) -> bool:
        if entry.prediction is None or entry.sha256 != sha256_file(image.path):
            return False
        if self._explain and not all(file.exists() for file in explanation_files(image.stem, self._explain)):
            return False
        return entry.prediction.model_sha256 == model_sha256(self._config)

    def save(self, record: RunRecord, table: Path) -> RunRecord:
        """Write the tables and the record of what is finished so far."""
        found = [(e, e.prediction) for e in record.inputs if e.prediction is not None]
        if found:
            used = found[0][1]
            record = record.updated(model=used.model, model_sha256=used.model_sha256, device=used.device)
        columns = EXPLAINED_COLUMNS if self._explain else PREDICTION_COLUMNS
        write_table(table, columns, [prediction_row(e.image, p) | {"cam_in_cells": e.cam_in_cells} for e, p in found])
        if self._cells is not None:
            rows = (row for entry, _ in found for row in self._cell_rows.get(entry.image, []))
            write_table(cells_table(table), CELL_PREDICTION_COLUMNS, rows)
        record.write(record_beside(table))
        return record
