"""The classes that a person gave to cells, as a table beside the label image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_all.errors import SaveError
from napari_all.io.masks import LABELS_ENDING
from napari_all.io.tables import Row, read_table, write_table

CELL_CLASSES_ENDING = "_cell_classes.csv"
CELL_CLASS_VERSION = 1
CELL_CLASS_FIELDS = {
    "label": "number of the cell in the label image",
    "cell_class": "class that a person gave it",
    "schema_version": "version of this table's layout",
}


def cell_classes_path(labels_path: Path) -> Path:
    """Return where the classes of the cells of a label image lie."""
    return labels_path.with_name(labels_path.name.removesuffix(LABELS_ENDING) + CELL_CLASSES_ENDING)


def read_cell_classes(labels_path: Path) -> dict[int, str]:
    """Return the classes given to the cells of `<image>_labels.tif`, by label; none without their table.

    Raises `OSError`, `ValueError` or `KeyError` when the table is damaged.
    """
    table = cell_classes_path(labels_path)
    if not table.exists():
        return {}
    return {int(row["label"]): row["cell_class"] for row in read_table(table)}


def write_cell_classes(labels_path: Path, classes: Mapping[int, str]) -> list[Path]:
    """Write the table and return it in a list; without any class, none is left. `SaveError` when the disk refuses."""
    table = cell_classes_path(labels_path)
    if classes:
        rows: list[Row] = [
            {"label": label, "cell_class": name, "schema_version": CELL_CLASS_VERSION}
            for label, name in sorted(classes.items())
        ]
        write_table(table, tuple(CELL_CLASS_FIELDS), rows)
        return [table]
    try:
        if table.exists():
            table.unlink()
    except OSError as error:
        raise SaveError(f"cannot remove {table.name}: {error.strerror}; check the rights on its folder") from error
    return []
