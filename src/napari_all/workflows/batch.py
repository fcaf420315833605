"""Segment many images into a folder: the `segment` command, and the window's folder button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_all.errors import FileExistsRefused
from napari_all.files import inside, sha256_file
from napari_all.io.images import MAX_PIXELS, read_image
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.masks import (
    CLASSES_ENDING,
    LABELS_ENDING,
    Sidecar,
    portable,
    read_sidecar,
    sidecar_for,
    sidecar_path,
    write_labels,
)
from napari_all.io.tables import CELL_COLUMNS, cell_row, write_table
from napari_all.monitor import Monitor, NullMonitor
from napari_all.networks.zoo import weights_sha256
from napari_all.segmentation.measure import measure_cells
from napari_all.workflows.per_image import SAVE_EVERY_S, is_complete, work_through
from napari_all.workflows.run_record import Clock, InputRecord, RunRecord
from napari_all.workflows.segment import SegmentConfig, segment_image

CELLS_ENDING = "_cells.csv"
RUN_FILE = "run.json"


def segment_batch(
    inputs: Sequence[str | Path],
    output: Path,
    config: SegmentConfig,
    *,
    overwrite: bool = False,
    resume: bool = False,
    max_pixels: int = MAX_PIXELS,
    monitor: Monitor | None = None,
) -> RunRecord:
    """Segment images into `<stem>_labels.tif`, `_classes.tif`, `_cells.csv` and a sidecar each, and `run.json`.

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

    Returns
    -------
    The record that was also written; `complete` is False when the monitor stopped the run, and what was
    finished by then is on disk.

    Raises
    ------
    UsageError
        For inputs that do not exist or clash, and settings out of range.
    FileExistsRefused
        Results are there and neither `overwrite` nor `resume` covers them. Nothing was done.
    CheckpointError, DependencyError
        The network cannot be had.
    """
    watch = monitor or NullMonitor()
    config.method_settings()
    images = find_images(inputs)
    kept = {i.name: k for i in images if resume and (k := _kept(i, output, config)) is not None}
    if not overwrite:
        _refuse_existing([i for i in images if i.name not in kept], output, resume)
    clock = Clock()
    settings = config.model_dump(mode="json") | {"settings": portable(config.settings)}
    record = RunRecord(command="segment", settings=settings, started=clock.started)
    facts: dict[str, str | None] = {}

    def work(image: InputImage, steps: Monitor) -> InputRecord:
        sidecar = kept.get(image.name)
        if sidecar is not None:
            facts.update(_run_facts(sidecar))
            return _kept_record(image, output, sidecar)
        entry, sidecar = _segment_file(image, output, config, max_pixels, steps)
        facts.update(_run_facts(sidecar))
        return entry

    entries: list[InputRecord] = []
    saved = float("-inf")
    for entry in work_through(images, work, watch):
        entries.append(entry)
        if clock.seconds - saved > SAVE_EVERY_S:  # a killed run has its record, too
            saved = clock.seconds
            record.updated(inputs=entries, **facts).write(output / RUN_FILE)
    record = record.updated(inputs=entries, complete=is_complete(entries), seconds=clock.seconds, **facts)
    record.write(output / RUN_FILE)
    return record


@dataclass(frozen=True)
class _Outputs:
    labels: Path
    classes: Path
    cells: Path
    sidecar: Path

    @property
    def all(self) -> tuple[Path, ...]:
        return (self.labels, self.classes, self.cells, self.sidecar)

    @property
    def existing(self) -> list[Path]:
        return [p for p in self.all if p.exists()]

    def names(self, output: Path) -> list[str]:
        return [p.relative_to(output.resolve()).as_posix() for p in self.all]


def _outputs(image: InputImage, output: Path) -> _Outputs:
    stem = image.stem
    labels = inside(output, f"{stem}{LABELS_ENDING}")
    return _Outputs(
        labels,
        inside(output, f"{stem}{CLASSES_ENDING}"),
        inside(output, f"{stem}{CELLS_ENDING}"),
        sidecar_path(labels),
    )


def _segment_file(
    image: InputImage, output: Path, config: SegmentConfig, max_pixels: int, monitor: Monitor
) -> tuple[InputRecord, Sidecar]:
    record, rgb = read_image(image.path, max_pixels=max_pixels)
    result = segment_image(rgb, config, monitor)
    cells = measure_cells(result.labels, result.classes, result.parts)
    files = _outputs(image, output)
    sidecar = sidecar_for(result, record)
    # The sidecar comes last: where it stands, the other three are whole.
    write_table(files.cells, CELL_COLUMNS, (cell_row(c, record.pixel_size_um) for c in cells))
    write_labels(files.labels, result.labels, sidecar, result.classes)
    entry = InputRecord.of(
        image.name,
        record,
        outputs=files.names(output),
        cells=len(cells),
        diameter_px=result.diameter_px,
        uncertainty=result.uncertainty,
    )
    return entry, sidecar


def _run_facts(sidecar: Sidecar) -> dict[str, str | None]:
    return {name: getattr(sidecar, name) for name in ("parts", "model", "model_sha256", "device")}


def _kept(image: InputImage, output: Path, config: SegmentConfig) -> Sidecar | None:
    """Return the sidecar of an earlier result that still holds, or None."""
    files = _outputs(image, output)
    sidecar = read_sidecar(files.labels) if len(files.existing) == 4 else None
    if sidecar is None or sidecar.image_sha256 != sha256_file(image.path):
        return None
    settings = config.method_settings().model_dump(mode="json")
    same = (sidecar.method, sidecar.settings, sidecar.postprocess) == (
        config.method,
        portable(settings),
        config.postprocess.model_dump(mode="json"),
    )
    if model := settings.get("model"):
        same = same and weights_sha256(model) == sidecar.model_sha256
    return sidecar if same or sidecar.status == "corrected" else None


def _kept_record(image: InputImage, output: Path, sidecar: Sidecar) -> InputRecord:
    return InputRecord(
        image=image.name,
        status="skipped",
        sha256=sidecar.image_sha256,
        shape=sidecar.shape,
        pixel_size_um=sidecar.pixel_size_um,
        outputs=_outputs(image, output).names(output),
        diameter_px=sidecar.diameter_px,
        uncertainty=sidecar.uncertainty,
    )


def _refuse_existing(images: list[InputImage], output: Path, resume: bool) -> None:
    """Refuse to replace results; an unfinished one (no sidecar) is no result when resuming."""
    outputs = [_outputs(i, output) for i in images]
    found = [p for files in outputs for p in files.existing if not resume or files.sidecar.exists()]
    if not resume and (output / RUN_FILE).exists():
        found.append(output / RUN_FILE)
    if found:
        names = ", ".join(p.name for p in found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        why = " with another input or other settings" if resume else ""
        remedy = "give --overwrite to replace" if resume else "give --overwrite to replace or --resume to go on"
        raise FileExistsRefused(f"{output.name} already holds {names}{why}; {remedy}, or choose another folder")
