"""The table of the cells of many images, shared by the formats that hold one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from napari_all.io.exporters._exporter import ExportItem
from napari_all.io.tables import DETAILED_CELL_COLUMNS, EXPORTED_CELL_COLUMNS, Row, cell_row


def table_of(items: Iterable[ExportItem]) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Return columns and rows, which are made as they are asked for; the first item tells whether in detail."""
    rest = iter(items)
    first = list(islice(rest, 1))
    columns = DETAILED_CELL_COLUMNS if any(item.detailed for item in first) else EXPORTED_CELL_COLUMNS
    rows: Iterator[Row] = (
        {"image": item.image, **cell_row(cell, item.sidecar.pixel_size_um, item.red_cell_px)}
        for item in chain(first, rest)
        for cell in item.cells
    )
    return ("image", *columns), rows
