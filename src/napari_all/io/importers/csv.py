"""Tables of cells as CSV: classes given elsewhere, in a spreadsheet say, come back to their cells."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from napari_all.errors import MaskError
from napari_all.io.importers._importer import Importer
from napari_all.io.importers._table import NEEDED, images_of, read_classed_cells

_HEAD = 65_536
_MOST_BYTES = 1_000_000_000


def recognises(path: Path) -> bool:
    """Tell whether a file begins with a line of column names that a table of cells has."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD).decode("utf-8-sig", errors="replace")
    return set(NEEDED) <= {name.strip() for name in head.splitlines()[0].split(",")} if head.strip() else False


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.stat().st_size > _MOST_BYTES:
        raise MaskError(f"{path.name} is larger than {_MOST_BYTES:,} bytes; split it")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            yield from csv.DictReader(stream)
    except csv.Error as error:
        raise MaskError(f"{path.name} is damaged ({error}); save it again as CSV with commas") from error


ENTRY = Importer(
    name="csv",
    title="Classes of cells (CSV)",
    summary="A table of cells that napari-all exported, with classes filled in; needs the label images.",
    endings=("_cells.csv", ".csv"),
    recognises=recognises,
    read=partial(read_classed_cells, _rows),
    images=partial(images_of, _rows),
)
