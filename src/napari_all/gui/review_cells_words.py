"""Words and order of measurements of cells, for the table and the gallery. Knows no Qt."""

from __future__ import annotations

from collections.abc import Iterable

from napari_all.io.tables import DETAILED_CELL_FIELDS, Row, Value
from napari_all.segmentation.cell_classes import UNCLASSIFIED

HEADS: dict[str, str] = {
    "label": "Cell",
    "cell_class": "Class",
    "certainty": "Certainty",
    "area_px": "Area, px²",
    "area_um2": "Area, µm²",
    "equivalent_diameter_px": "Diameter, px",
    "equivalent_diameter_um": "Diameter, µm",
    "diameter_red_cells": "Diameter, red cells",
    "perimeter_px": "Perimeter, px",
    "perimeter_um": "Perimeter, µm",
    "circularity": "Circularity",
    "eccentricity": "Eccentricity",
    "solidity": "Solidity",
    "nucleus_area_px": "Nucleus, px²",
    "nucleus_area_um2": "Nucleus, µm²",
    "nucleus_cell_ratio": "Nucleus / cell",
    "nucleus_lobes": "Lobes",
    "mean_red": "Red",
    "mean_green": "Green",
    "mean_blue": "Blue",
    "mean_l": "L*",
    "mean_a": "a*",
    "mean_b": "b*",
    "texture_contrast": "Contrast",
    "texture_homogeneity": "Homogeneity",
    "texture_energy": "Energy",
    "texture_correlation": "Correlation",
    "touches_border": "At border",
    "y": "Row",
    "x": "Column",
}
"""Columns in the order of the menu, and their names in the window."""
TIPS: dict[str, str] = {name: DETAILED_CELL_FIELDS[name] for name in HEADS}
FIRST = ("label", "cell_class", "area_px", "equivalent_diameter_px", "nucleus_cell_ratio", "circularity", "certainty")
"""Columns that a new user sees."""


def text_of(name: str, value: Value) -> str:
    """Return a value as people read it."""
    if name == "cell_class":
        return str(value or UNCLASSIFIED)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def counted(cells: int, selected: int) -> str:
    """Return how many cells there are, and how many of them are selected."""
    words = f"{cells} cell{'' if cells == 1 else 's'}"
    return f"{words}, {selected} selected" if selected else words


def in_order(rows: Iterable[Row], by: str, descending: bool) -> list[Row]:
    """Return rows sorted by a column, those without a value last either way; the label decides ties."""
    numbered = sorted(rows, key=lambda row: (str(row.get("image", "")), row["label"]))
    known = [row for row in numbered if row[by] is not None]
    known.sort(key=lambda row: row[by], reverse=descending)  # type: ignore[return-value, arg-type]
    return known + [row for row in numbered if row[by] is None]
