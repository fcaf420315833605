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
CELL_FIELDS = {
    "label": "number of the cell in the label image",
    "y": "row of the centroid, in pixels from the top",
    "x": "column of the centroid, in pixels from the left",
    "area_px": "area in square pixels",
    "equivalent_diameter_px": "diameter of the disc of the same area, in pixels",
    "circularity": "4 pi area / perimeter squared, 1 for a disc",
    "eccentricity": "of the ellipse of the same second moments, 0 for a disc",
    "solidity": "area / area of the convex hull",
    "nucleus_area_px": "area of the nucleus in square pixels; empty where nucleus and cytoplasm are not parted",
    "nucleus_cell_ratio": "nucleus area / cell area; empty where they are not parted",
    "touches_border": "true when the cell touches the image's border",
    "area_um2": "area in square micrometres; empty where the image is not calibrated",
    "equivalent_diameter_um": "diameter of the disc of the same area in micrometres; empty where not calibrated",
    "schema_version": "version of this table's layout",
}
CELL_COLUMNS = tuple(CELL_FIELDS)
"""Columns of `<stem>_cells.csv`."""
_MEASURED = CELL_COLUMNS[: CELL_COLUMNS.index("touches_border") + 1]

IMAGES_VERSION = 1
IMAGE_FIELDS = {
    "image": "POSIX path relative to the folder that was given, or the file's name",
    "status": "done, skipped (an earlier result was kept), failed or not started",
    "cells": "number of cells",
    "smudges": "number of smudge cells left out; empty where they cannot be told",
    "diameter_px": "cell diameter used, in pixels",
    "uncertainty": "1 minus the Dice to be expected by the network's own probabilities, 0..1; empty without a network",
    "error": "what went wrong, and the remedy",
    "schema_version": "version of this table's layout",
}
IMAGE_COLUMNS = tuple(IMAGE_FIELDS)
"""Columns of `images.csv`, one row per image of a run."""

PREDICTIONS_VERSION = 1
PREDICTION_FIELDS = {
    "image": "POSIX path relative to the folder that was given, or the file's name",
    "predicted": f"predicted subtype: {', '.join(SUBTYPES.names)}",
    "status": "confident, review (the model is not sure) or unfamiliar (unlike the images it learnt from)",
    "confidence": "probability of the predicted subtype, calibrated",
    **{f"p_{key}": f"probability of {name}" for key, name in zip(SUBTYPES.keys, SUBTYPES.names, strict=True)},
    "model": "name of the model",
    "unfamiliarity": "distance from the training images; above 1 is called unfamiliar; empty where it cannot be told",
    "model_sha256": "SHA-256 of the model's weights",
    "schema_version": "version of this table's layout",
}
PREDICTION_COLUMNS = tuple(PREDICTION_FIELDS)
"""Columns of the table of predicted subtypes."""
EXPLAINED_FIELDS = {
    **PREDICTION_FIELDS,
    "cam_in_cells": "share of the Grad-CAM heat map's mass inside white cells, 0..1; empty where it is all zero",
}
EXPLAINED_COLUMNS = tuple(EXPLAINED_FIELDS)
"""Columns of the table of predicted subtypes where Grad-CAM was asked for."""

CELL_PREDICTION_FIELDS = {
    "image": PREDICTION_FIELDS["image"],
    **{name: CELL_FIELDS[name] for name in ("label", "y", "x")},
    **{name: text for name, text in PREDICTION_FIELDS.items() if name not in ("image", "schema_version")},
    "note": "what to keep in mind",
    "schema_version": "version of this table's layout",
}
CELL_PREDICTION_COLUMNS = tuple(CELL_PREDICTION_FIELDS)
"""Columns of the table of subtypes predicted at single cells."""


def cell_row(cell: Cell, pixel_size_um: tuple[float, float] | None = None) -> dict[str, Value]:
    """Return a cell's row by `CELL_COLUMNS`."""
    area_um2 = None if pixel_size_um is None else cell.area_px * pixel_size_um[0] * pixel_size_um[1]
    diameter_um = (
        None if pixel_size_um is None else cell.equivalent_diameter_px * (pixel_size_um[0] * pixel_size_um[1]) ** 0.5
    )
    row: dict[str, Value] = {name: getattr(cell, name) for name in _MEASURED}
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
