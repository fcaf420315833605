"""Tables as CSV: UTF-8, comma, decimal point, one header row; the columns are fixed here."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from napari_all.classes import SUBTYPES
from napari_all.files import write_bytes
from napari_all.types import Cell, Prediction

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = Mapping[str, Value]

CELLS_VERSION = 1
CELL_COLUMNS = (
    "label", "y", "x", "area_px", "equivalent_diameter_px", "circularity", "eccentricity", "solidity",
    "nucleus_area_px", "nucleus_cell_ratio", "touches_border", "area_um2", "equivalent_diameter_um",
    "schema_version",
)  # fmt: skip
"""Columns of `<stem>_cells.csv`; the two in micrometres are empty where the image is not calibrated."""

PREDICTIONS_VERSION = 1
PREDICTION_COLUMNS = (
    "image", "predicted", "status", "confidence", *(f"p_{key}" for key in SUBTYPES.keys), "model",
    "unfamiliarity", "model_sha256", "schema_version",
)  # fmt: skip
"""Columns of the table of predicted subtypes."""

CELL_PREDICTION_COLUMNS = ("image", "label", "y", "x", *PREDICTION_COLUMNS[1:-1], "note", "schema_version")
"""Columns of the table of subtypes predicted at single cells."""


def cell_row(cell: Cell, pixel_size_um: tuple[float, float] | None = None) -> dict[str, Value]:
    """Return a cell's row by `CELL_COLUMNS`."""
    area_um2 = None if pixel_size_um is None else cell.area_px * pixel_size_um[0] * pixel_size_um[1]
    diameter_um = (
        None if pixel_size_um is None else cell.equivalent_diameter_px * (pixel_size_um[0] * pixel_size_um[1]) ** 0.5
    )
    row: dict[str, Value] = {name: getattr(cell, name) for name in CELL_COLUMNS[:11]}
    return row | {
        "area_um2": area_um2,
        "equivalent_diameter_um": diameter_um,
        "schema_version": CELLS_VERSION,
    }


def prediction_row(image: str, prediction: Prediction) -> dict[str, Value]:
    """Return the row of one image's predicted subtype by `PREDICTION_COLUMNS`."""
    probabilities = {f"p_{key}": p for key, p in zip(SUBTYPES.keys, prediction.probabilities, strict=True)}
    return {
        "image": image,
        "predicted": prediction.predicted,
        "status": prediction.status,
        "confidence": prediction.confidence,
        **probabilities,
        "model": prediction.model,
        "unfamiliarity": prediction.unfamiliarity,
        "model_sha256": prediction.model_sha256,
        "schema_version": PREDICTIONS_VERSION,
    }


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows as CSV, whole or not at all; None is an empty field, numbers have six significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_text(row[column]) for column in columns])
    write_bytes(path, text.getvalue().encode())


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a table's rows as texts by column, as they stand in the file."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
