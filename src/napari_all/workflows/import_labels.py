"""Take over cells from files of other programs: the `import` command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from napari_all.errors import FileExistsRefused, MaskError, UsageError
from napari_all.files import inside, sha256_file
from napari_all.io.cell_class_table import write_cell_classes
from napari_all.io.images import MAX_PIXELS, read_image
from napari_all.io.importers import Imported, ImportRequest
from napari_all.io.importing import read_cells
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.masks import LABELS_ENDING, LabelsFile, classes_path, read_labels, write_labels
from napari_all.io.pairing import mask_of
from napari_all.io.tables import CELL_COLUMNS, cell_row, write_table
from napari_all.monitor import Monitor, NullMonitor
from napari_all.segmentation.measure import measure_cells
from napari_all.types import ImageRecord
from napari_all.workflows.import_plan import Planned, plan, target_of, targets_of
from napari_all.workflows.per_image import for_each_image, is_complete
from napari_all.workflows.run_record import Clock, InputRecord, RunRecord
from napari_all.workflows.segment_files import CELLS_ENDING

RECORD_FILE = "import_run.json"


def import_batch(
    inputs: Sequence[str | Path],
    output: Path,
    *,
    format_name: str | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    overwrite: bool = False,
    max_pixels: int = MAX_PIXELS,
    monitor: Monitor | None = None,
) -> RunRecord:
    """Write label images, as `segment` does, from files of cells; and the record of the run.

    Parameters
    ----------
    inputs
        Files, folders and globs; in folders, files that are no cells are left out.
    format_name
        Name of `IMPORTERS`; None tells the format of each file by its content.
    images
        Folder of the images: their size counts for outlines, and their pixel size where the file tells none.
    labels
        Folder of label images, for tables, which hold no outlines.

    Returns
    -------
    The record, `import_run.json`; a file that is damaged or does not fit its image is a failure in it.

    Raises
    ------
    UsageError
        For inputs that do not exist, or when two would have outputs of one name.
    FileExistsRefused
        Outputs are there and `overwrite` is False. Nothing was done.
    """
    watch = monitor or NullMonitor()
    known = _Images(images, max_pixels)
    planned = plan(inputs, format_name)
    targets = targets_of(planned, output)
    existing = [target.name for target in (*targets, output / RECORD_FILE) if target.exists()]
    if existing and not overwrite:
        raise FileExistsRefused(f"{output.name} already holds {existing[0]}; give --overwrite to replace it")
    by_file = {one.file: one for one in planned}
    clock = Clock()

    def work(file: InputImage, told: Monitor) -> InputRecord:
        return _import_file(by_file[file], output, known, labels, max_pixels, told)

    entries = for_each_image([one.file for one in planned], work, watch)
    record = RunRecord(
        command="import",
        complete=is_complete(entries),
        settings={"format": format_name},
        started=clock.started,
        seconds=clock.seconds,
        inputs=entries,
    )
    record.write(output / RECORD_FILE)
    return record


def _import_file(
    planned: Planned, output: Path, known: _Images, labels: Path | None, max_pixels: int, monitor: Monitor
) -> InputRecord:
    if planned.importer is None:
        raise MaskError(planned.error)
    several = planned.importer.images is not None
    record = None if several else known.record(planned.stems[0])
    request = ImportRequest(
        max_pixels=max_pixels,
        shape=None if record is None else record.shape,
        labels_of=None if labels is None else _LabelsOf(labels, max_pixels),
    )
    outputs: list[str] = []
    cells, left_out = 0, []
    stems: Iterator[str] = iter(planned.stems)
    for found in read_cells(planned.file.path, planned.importer, request):
        monitor.raise_if_cancelled()
        stem = next(stems)
        if several and (record := known.record(stem, needed=False)) is None and known.folder is not None:
            left_out.append(found.image)
            continue
        for said in found.notes:
            monitor.message(f"{stem}: {said}")
        written, count = _write(target_of(output, stem), found, record)
        outputs += [path.relative_to(output.resolve()).as_posix() for path in written]
        cells += count
    if left_out and not outputs:
        raise MaskError(f"none of its images is in the folder of --images, {left_out[0]!r} for example")
    if left_out:
        monitor.message(f"{planned.file.name}: {len(left_out)} images that are not in --images are left out")
    return InputRecord(
        image=planned.file.name,
        status="done",
        sha256=sha256_file(planned.file.path),
        source=planned.importer.name,
        outputs=sorted(outputs),
        cells=cells,
    )


def _write(path: Path, found: Imported, record: ImageRecord | None) -> tuple[list[Path], int]:
    """Write labels, parts, classes and table of one image; return the files and the number of cells."""
    sidecar = found.sidecar
    named = record.path.name if record is not None and record.path else sidecar.image or found.image
    if record is not None:
        if record.shape != found.labels.shape:
            raise MaskError(f"{named} is {record.shape}, its cells were drawn on {found.labels.shape}; give its image")
        if sidecar.image_sha256 and sidecar.image_sha256 != record.sha256:
            raise MaskError(f"the cells were found in another file than this {named}; give the image they belong to")
        sidecar = sidecar.updated(
            image_sha256=record.sha256, pixel_size_um=sidecar.pixel_size_um or record.pixel_size_um
        )
    sidecar = sidecar.updated(image=PureWindowsPath(named).name)  # knows both kinds of slash
    cells = measure_cells(found.labels, found.classes, sidecar.parts or "cell")
    table = path.with_name(path.name.removesuffix(LABELS_ENDING) + CELLS_ENDING)
    write_table(table, CELL_COLUMNS, (cell_row(cell, sidecar.pixel_size_um) for cell in cells))
    classes = write_cell_classes(path, found.cell_classes)
    if found.classes is None:
        classes_path(path).unlink(missing_ok=True)
    return [table, *classes, *write_labels(path, found.labels, sidecar, found.classes)], len(cells)


@dataclass(frozen=True)
class _LabelsOf:
    """Gives the label image of an image by its name from a folder of them."""

    folder: Path
    max_pixels: int

    def __call__(self, image: str) -> LabelsFile:
        """Read it; `MaskError` where there is none."""
        try:
            inside(self.folder, image)
        except UsageError as error:
            raise MaskError(str(error)) from error
        mask = mask_of(InputImage(Path(image), image), self.folder)
        if mask is None:
            raise MaskError(f"no label image of {image!r} in the folder of --labels")
        return read_labels(mask, max_pixels=self.max_pixels)


class _Images:
    """The images of a folder, by their stems."""

    def __init__(self, folder: Path | None, max_pixels: int) -> None:
        self.folder = folder
        self._max_pixels = max_pixels
        self._found = {} if folder is None else {image.stem: image for image in find_images([folder])}

    def record(self, stem: str, *, needed: bool = True) -> ImageRecord | None:
        """Return what is known of the image with this stem, in its sub-folder or as the only one of its name.

        Without a folder None; where it has no such image None, or `MaskError` when it is `needed`.
        """
        if self.folder is None:
            return None
        alike = [found for found in self._found if PurePosixPath(found).name == PurePosixPath(stem).name]
        chosen = stem if stem in self._found else alike[0] if len(alike) == 1 else None
        if chosen is None:
            if needed:
                raise MaskError(f"no image named {stem!r} in the folder of --images, or several")
            return None
        return read_image(self._found[chosen].path, max_pixels=self._max_pixels)[0]
