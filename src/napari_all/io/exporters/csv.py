"""Measurements of cells as CSV; one table can hold the cells of many images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.tables import CELL_COLUMNS, cell_row, write_table


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write the cells of all items, one row each, led by the image's name."""
    rows = (
        {"image": item.image, **cell_row(cell, item.sidecar.pixel_size_um)} for item in items for cell in item.cells
    )
    write_table(path, ("image", *CELL_COLUMNS), rows)
    return [path]


ENTRY = Exporter(
    name="csv",
    title="Cells (CSV)",
    summary="One row of measurements per cell: position, area, shape, nucleus, in pixels and micrometres.",
    ending="_cells.csv",
    write=write,
    combines=True,
)
