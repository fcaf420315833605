"""Predicted subtypes leave the window: a table as the command line writes it, and what the engine's page is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.gui.subtype_entries import Entry
from napari_all.io.tables import EXPLAINED_COLUMNS, PREDICTION_COLUMNS, prediction_row, write_table


def write_csv(path: Path, entries: Sequence[Entry]) -> int:
    """Write the predictions of entries and return how many; where Grad-CAM was asked for, its share stands too.

    Raises
    ------
    SaveError
        The disk refuses.
    """
    columns = PREDICTION_COLUMNS if all(entry.cam_in_cells is None for entry in entries) else EXPLAINED_COLUMNS
    rows = [
        prediction_row(entry.name, entry.prediction) | {"cam_in_cells": entry.cam_in_cells}
        for entry in entries
        if entry.prediction is not None
    ]
    write_table(path, columns, rows)
    return len(rows)


def report_request(
    path: Path, entries: Sequence[Entry], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, NDArray[np.uint8]]]:
    """Return configuration and arrays of the job `classify_report`; thumbnails that are known are not made again."""
    pictures = [entry.thumbnail for entry in entries if entry.thumbnail is not None]
    rows, used = [], 0
    for entry in entries:
        known = entry.thumbnail is not None
        rows.append(
            {
                "image": entry.name,
                "prediction": None if entry.prediction is None else dataclasses.asdict(entry.prediction),
                "error": entry.error,
                "path": None if entry.path is None else str(entry.path),
                "picture": used if known else None,
                "cam_in_cells": entry.cam_in_cells,
            }
        )
        used += known
    shown = {key: value for key, value in settings.items() if key != "model"}  # each row names its own
    return {"report": str(path), "rows": rows, "settings": shown}, {"pictures": np.stack(pictures)} if pictures else {}
