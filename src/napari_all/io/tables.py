"""Tables as CSV: UTF-8, comma, decimal point, one header row; the columns are fixed here."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
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
    "perimeter_px": "length of the outline, by Crofton's formula, in pixels",
    "nucleus_lobes": "pieces of the nucleus, parted at its waists; empty where nucleus and cytoplasm are not parted",
    "perimeter_um": "length of the outline in micrometres; empty where not calibrated",
    "nucleus_area_um2": "area of the nucleus in square micrometres; empty where not calibrated or not parted",
}
CELL_COLUMNS = tuple(CELL_FIELDS)
"""Columns of `<stem>_cells.csv`; new ones come last, so that the earlier keep their places."""

EXPORTED_CELL_FIELDS = {
    **CELL_FIELDS,
    "cell_class": "class that a person gave; empty where nobody did; a predicted subtype never stands here",
}
EXPORTED_CELL_COLUMNS = tuple(EXPORTED_CELL_FIELDS)
"""Columns of an exported table of cells, behind the image's name."""

DETAILED_CELL_FIELDS = {
    **CELL_FIELDS,
    **{f"mean_{name}": f"mean {name} of the cell, sRGB 0..255" for name in ("red", "green", "blue")},
    "mean_l": "mean lightness L* of the cell, CIE L*a*b* (D65), 0..100",
    "mean_a": "mean a* of the cell, green to red",
    "mean_b": "mean b* of the cell, blue to yellow",
    "texture_contrast": "Haralick's contrast of green, 16 steps of grey, pixels one apart, mean of four directions",
    "texture_homogeneity": "Haralick's homogeneity, likewise",
    "texture_energy": "root of Haralick's angular second moment, likewise",
    "texture_correlation": "Haralick's correlation, likewise",
    "certainty": "1 minus the network's mean doubt (entropy of its probabilities) in the cell; empty without a network",
    "diameter_red_cells": "equivalent diameter as a multiple of the median stained body's, mostly red cells",
    "cell_class": EXPORTED_CELL_FIELDS["cell_class"],
}
DETAILED_CELL_COLUMNS = tuple(DETAILED_CELL_FIELDS)
"""Columns of a table of cells that were measured on the image too."""
_MEASURED = tuple(field.name for field in fields(Cell))

DIFFERENTIAL_VERSION = 1
DIFFERENTIAL_FIELDS = {
    "image": "POSIX path of the image relative to its folder; empty in the rows of all images together",
    "cell_class": "class that a person gave",
    "cells": "number of cells of this class",
    "counted": "number of cells that the percentage is of: those of the classes that count",
    "percent": "share of the counted cells in per cent; empty for a class that does not count, or without cells",
    "low_95": "lower end of the exact 95 % interval (Clopper-Pearson) in per cent; empty likewise",
    "high_95": "upper end; empty likewise",
    "schema_version": "version of this table's layout",
}
DIFFERENTIAL_COLUMNS = tuple(DIFFERENTIAL_FIELDS)
"""Columns of the table of a differential count."""

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


def cell_row(
    cell: Cell, pixel_size_um: tuple[float, float] | None = None, red_cell_px: float | None = None
) -> dict[str, Value]:
    """Return a cell's row by `DETAILED_CELL_COLUMNS`, which has those of `CELL_COLUMNS`.

    Parameters
    ----------
    pixel_size_um
        (y, x) size of a pixel in micrometres, or None where it is not known.
    red_cell_px
        Median diameter of the image's red cells in pixels, see `napari_all.segmentation.ruler`.
    """
    side = None if pixel_size_um is None else (pixel_size_um[0] * pixel_size_um[1]) ** 0.5
    row: dict[str, Value] = {name: getattr(cell, name) for name in _MEASURED}
    return row | {
        "area_um2": _times(cell.area_px, None if side is None else side**2),
        "equivalent_diameter_um": _times(cell.equivalent_diameter_px, side),
        "perimeter_um": _times(cell.perimeter_px, side),
        "nucleus_area_um2": _times(cell.nucleus_area_px, None if side is None else side**2),
        "diameter_red_cells": _times(cell.equivalent_diameter_px, None if not red_cell_px else 1 / red_cell_px),
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


def _times(value: float | None, factor: float | None) -> float | None:
    return None if value is None or factor is None else value * factor


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
