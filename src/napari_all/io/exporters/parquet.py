"""Measurements of cells as Parquet: the columns of the CSV with their types, for pandas, polars, R and DuckDB."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_all.errors import missing_pyarrow
from napari_all.files import atomic_path
from napari_all.io.exporters._exporter import Exporter, ExportItem
from napari_all.io.exporters._table import table_of

_TEXTS = ("image", "cell_class")
_WHOLE = ("label", "area_px", "nucleus_area_px", "nucleus_lobes", "schema_version")


def write(path: Path, items: Iterable[ExportItem]) -> list[Path]:
    """Write the cells of all items, one row each; needs pyarrow, which comes with the extra `parquet`."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise missing_pyarrow() from error
    columns, rows = table_of(items)
    kinds = {"touches_border": pa.bool_(), **dict.fromkeys(_TEXTS, pa.string()), **dict.fromkeys(_WHOLE, pa.int64())}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in columns])
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    with atomic_path(path) as temporary:
        parquet.write_table(table, temporary)
    return [path]


ENTRY = Exporter(
    name="parquet",
    title="Cells (Parquet)",
    summary="The table of cells with typed columns, small and quick to read; needs pyarrow.",
    ending="_cells.parquet",
    write=write,
    combines=True,
)
