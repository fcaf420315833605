"""Measurements of cells as CSV; one table can hold the cells of many images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.exporters._table import table_of
from napari_all.io.tables import write_table


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write the cells of all items, one row each, led by the image's name; the first item tells whether in detail."""
    write_table(path, *table_of(items))
    return [path]


ENTRY = Exporter(
    name="csv",
    title="Cells (CSV)",
    summary="One row of measurements per cell: position, area, shape, nucleus, in pixels and micrometres.",
    ending="_cells.csv",
    write=write,
    combines=True,
)
