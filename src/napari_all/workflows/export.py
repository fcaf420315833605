"""Convert label images to other formats: the `export` command, the Export widget, napari's Save dialog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from napari_all.errors import FileExistsRefused, MaskError, UsageError
from napari_all.files import inside, sha256_file
from napari_all.io.cell_class_table import cell_classes_path, read_cell_classes
from napari_all.io.exporters import EXPORTERS, Exporter, ExportItem
from napari_all.io.images import MAX_PIXELS, read_image
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.masks import read_labels
from napari_all.io.pairing import pair_images
from napari_all.io.sidecar import Sidecar
from napari_all.monitor import Monitor, NullMonitor
from napari_all.segmentation.measure import measure_cells, with_classes
from napari_all.types import ClassesMap, LabelImage
from napari_all.workflows.per_image import for_each_image, is_complete, work_through
from napari_all.workflows.run_record import Clock, InputRecord, RunRecord, record_beside

RECORD_FILE = "export_run.json"


def make_item(
    image: str,
    labels: LabelImage,
    sidecar: Sidecar | None = None,
    classes: ClassesMap | None = None,
    cell_classes: Mapping[int, str] | None = None,
) -> ExportItem:
    """Measure the cells of a label image and return what exporters take.

    Parameters
    ----------
    image
        Name to write into the export; a path is cut down to the file's name by the caller.
    labels
        (Y, X) int32.
    sidecar
        Provenance; without one nothing is known but the labels.
    classes
        (Y, X) uint8 classes map, if there is one.
    cell_classes
        Classes that a person gave to cells, by label.
    """
    facts = sidecar or Sidecar(image=image)
    cells = with_classes(measure_cells(labels, classes, facts.parts or "cell"), cell_classes or {})
    return ExportItem(image, labels, facts, classes, cells)


def export_labels(path: Path, format_name: str, item: ExportItem) -> list[Path]:
    """Write one label image in one format; return the files written.

    Raises
    ------
    UsageError
        For an unknown format.
    SaveError
        When the disk refuses; what stood there is untouched.
    """
    return EXPORTERS[format_name].write(path, [item])


def export_batch(
    inputs: Sequence[str | Path],
    labels: Path,
    format_name: str,
    output: Path,
    *,
    overwrite: bool = False,
    max_pixels: int = MAX_PIXELS,
    monitor: Monitor | None = None,
) -> RunRecord:
    """Convert the label images of many images, and write the record of the run.

    Parameters
    ----------
    inputs
        The images: files, folders and globs.
    labels
        Folder with the label image of each, same stem and sub-folder.
    output
        A folder, or a file with the format's suffix: then one image, or a format that holds many in one file.

    Returns
    -------
    The record, `export_run.json` in a folder and `<stem>_run.json` beside a file; an image without labels, or with
    labels that are damaged or of another image, is a failure in it.

    Raises
    ------
    UsageError
        For inputs that do not exist or clash, two label images for one image, or many images for one file.
    FileExistsRefused
        Outputs are there and `overwrite` is False. Nothing was done.
    """
    watch = monitor or NullMonitor()
    exporter = EXPORTERS[format_name]
    images = find_images(inputs)
    pairs, _ = pair_images(images, labels)
    masks = {pair.image.name: pair.mask for pair in pairs}
    single = output.name.lower().endswith(exporter.suffix) and not output.is_dir()
    if single and len(images) > 1 and not exporter.combines:
        raise UsageError(f"{len(images)} images do not fit into one {exporter.title} file; give a folder as output")
    targets = [output] if single else [_target(i, output, exporter) for i in images if i.name in masks]
    record_file = record_beside(output) if single else output / RECORD_FILE
    existing = [t.name for t in (*targets, record_file) if t.exists()]
    if existing and not overwrite:
        raise FileExistsRefused(f"{output.name} already holds {existing[0]}; give --overwrite to replace it")
    clock = Clock()

    def read(image: InputImage) -> ExportItem:
        return _read_item(image, masks.get(image.name), max_pixels)

    if single:
        entries = _into_one(images, read, exporter, output, watch)
    else:
        entries = for_each_image(images, lambda i, _: _into_folder(read(i), i, exporter, output), watch)
    record = RunRecord(
        command="export",
        complete=is_complete(entries),
        settings={"format": format_name},
        started=clock.started,
        seconds=clock.seconds,
        inputs=entries,
    )
    record.write(record_file)
    return record


def _into_folder(item: ExportItem, image: InputImage, exporter: Exporter, output: Path) -> InputRecord:
    written = exporter.write(_target(image, output, exporter), [item])
    return _record_of(item, sorted(p.relative_to(output.resolve()).as_posix() for p in written))


def _into_one(
    images: Sequence[InputImage],
    read: Callable[[InputImage], ExportItem],
    exporter: Exporter,
    output: Path,
    monitor: Monitor,
) -> list[InputRecord]:
    """Write one file of all images; each is read when its turn comes, so memory holds one."""
    entries: list[InputRecord] = []
    waiting: list[ExportItem] = []

    def work(image: InputImage, _: Monitor) -> InputRecord:
        waiting.append(read(image))
        return _record_of(waiting[0], [output.name])

    def items() -> Iterator[ExportItem]:
        for entry in work_through(images, work, monitor):
            entries.append(entry)
            if waiting:
                yield waiting.pop()

    exporter.write(output, items())
    return entries


def _record_of(item: ExportItem, outputs: list[str]) -> InputRecord:
    return InputRecord(
        image=item.image,
        status="done",
        sha256=item.sidecar.image_sha256,
        shape=item.sidecar.shape,
        pixel_size_um=item.sidecar.pixel_size_um,
        outputs=outputs,
        cells=len(item.cells),
    )


def _target(image: InputImage, output: Path, exporter: Exporter) -> Path:
    return inside(output, image.stem + exporter.ending)


def _read_item(image: InputImage, mask: Path | None, max_pixels: int) -> ExportItem:
    if mask is None:
        raise MaskError("no label image of this name in the folder of --labels; segment it first")
    file = read_labels(mask)
    sidecar = file.sidecar or _sidecar_from_image(image, max_pixels)
    if sidecar.image_sha256 and sidecar.image_sha256 != sha256_file(image.path):
        raise MaskError(f"{mask.name} was made from another file than this one; segment this one")
    if sidecar.shape and sidecar.shape != file.labels.shape:
        raise MaskError(f"{mask.name} is {file.labels.shape}, the image is {sidecar.shape}")
    try:
        cell_classes = read_cell_classes(mask)
    except (OSError, ValueError, KeyError) as error:
        raise MaskError(f"{cell_classes_path(mask).name} is damaged ({error}); restore or delete it") from error
    return make_item(image.name, file.labels, sidecar, file.classes, cell_classes)


def _sidecar_from_image(image: InputImage, max_pixels: int) -> Sidecar:
    """Tell what the image itself tells, for labels of another program."""
    record, _ = read_image(image.path, max_pixels=max_pixels)
    return Sidecar(
        image=image.path.name,
        image_sha256=record.sha256,
        shape=record.shape,
        pixel_size_um=record.pixel_size_um,
    )
