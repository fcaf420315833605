"""Label images as TIFF, napari-all's own with their sidecar, classes map and classes of cells beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_all.io.cell_class_table import read_cell_classes
from napari_all.io.importers._importer import Imported, Importer, ImportRequest
from napari_all.io.importers._tiff_files import kind_of
from napari_all.io.masks import LABELS_ENDING, read_labels
from napari_all.io.sidecar import Sidecar


def recognises(path: Path) -> bool:
    """Tell whether a file is a TIFF without OME metadata and without colours."""
    return kind_of(path) == "tiff"


def read(path: Path, request: ImportRequest) -> Iterator[Imported]:
    """Read one number per cell."""
    found = read_labels(path, max_pixels=request.max_pixels)
    sidecar = found.sidecar or Sidecar(pixel_size_um=found.pixel_size_um)
    yield Imported(sidecar.image, found.labels, sidecar, found.classes, read_cell_classes(path))


ENTRY = Importer(
    name="tiff",
    title="Label image (TIFF)",
    summary="One number per cell; napari-all's own come with everything that is known of them.",
    endings=(LABELS_ENDING, ".tif", ".tiff"),
    recognises=recognises,
    read=read,
)
