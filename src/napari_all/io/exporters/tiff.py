"""Label image as TIFF with its sidecar and classes map: what napari-all itself reads back without loss."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_all.io.cell_class_table import write_cell_classes
from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.masks import LABELS_ENDING, write_labels


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write each item's labels (uint16 or uint32), classes map, classes of cells and sidecar."""
    written = []
    for item in items:
        written += write_cell_classes(path, item.cell_classes)
        written += write_labels(path, item.labels, item.sidecar, item.classes)
    return written


ENTRY = Exporter(
    name="tiff",
    title="Label image (TIFF)",
    summary="One number per cell, with sidecar and classes map; pixel size kept; reads back without loss.",
    ending=LABELS_ENDING,
    write=write,
)
