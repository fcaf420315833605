"""Tables of cells as Parquet: as CSV, with typed columns."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from napari_all.errors import MaskError, missing_pyarrow
from napari_all.io.importers._importer import Importer
from napari_all.io.importers._table import NEEDED, images_of, read_classed_cells

_MAGIC = b"PAR1"
_COLUMNS = (*NEEDED, "cell_class")
_MOST_ROWS = 10_000_000


def recognises(path: Path) -> bool:
    """Tell whether a file begins like Parquet."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise missing_pyarrow() from error
    try:
        with parquet.ParquetFile(path) as file:
            columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
            if missing := sorted(set(NEEDED) - set(columns)):
                raise MaskError(f"{path.name} has no column {missing[0]!r}; a table of cells has {', '.join(NEEDED)}")
            if file.metadata.num_rows > _MOST_ROWS:
                raise MaskError(f"{path.name} has {file.metadata.num_rows:,} rows, over the limit of {_MOST_ROWS:,}")
            rows: list[dict[str, Any]] = file.read(columns, use_threads=False).to_pylist()
            return rows
    except pa.ArrowException as error:
        raise MaskError(f"{path.name} is damaged ({error}); write it again") from error


ENTRY = Importer(
    name="parquet",
    title="Classes of cells (Parquet)",
    summary="A table of cells that napari-all exported, with classes filled in; needs pyarrow and the label images.",
    endings=("_cells.parquet", ".parquet"),
    recognises=recognises,
    read=partial(read_classed_cells, _rows),
    images=partial(images_of, _rows),
)
