"""Measurements of cells as CSV; one table can hold the cells of many images."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.tables import CELL_COLUMNS, DETAILED_CELL_COLUMNS, cell_row, write_table


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write the cells of all items, one row each, led by the image's name; the first item tells whether in detail."""
    rest = iter(items)
    first = list(islice(rest, 1))
    columns = DETAILED_CELL_COLUMNS if any(item.detailed for item in first) else CELL_COLUMNS
    rows = (
        {"image": item.image, **cell_row(cell, item.sidecar.pixel_size_um, item.red_cell_px)}
        for item in chain(first, rest)
        for cell in item.cells
    )
    write_table(path, ("image", *columns), rows)
    return [path]


ENTRY = Exporter(
    name="csv",
    title="Cells (CSV)",
    summary="One row of measurements per cell: position, area, shape, nucleus, in pixels and micrometres.",
    ending="_cells.csv",
    write=write,
    combines=True,
)
