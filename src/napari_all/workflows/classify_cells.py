"""Predict a subtype at each cell (`classify --cells`): exploratory, because the model learnt whole fields.

The model has never seen single cells, so it is shown a window around each cell as wide, in cell diameters, as the
fields it learnt from; in a field not much wider than that, all windows are nearly the same. The status is therefore
never better than 'review', and every row says 'exploratory'.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from napari_all.errors import MaskError
from napari_all.io.inputs import InputImage
from napari_all.io.masks import read_labels
from napari_all.io.pairing import mask_of
from napari_all.io.tables import Row, Value, prediction_row
from napari_all.monitor import Monitor
from napari_all.segmentation.measure import measure_cells
from napari_all.types import Cell, LabelImage, Prediction, RGBImage
from napari_all.workflows.segment import SegmentConfig, segment_image

if TYPE_CHECKING:
    from napari_all.classification.predictor import Predictor

CellSource: TypeAlias = Path | SegmentConfig
"""Where the cells come from: the folder of the label images, or how to segment."""

FIELD_IN_CELLS = 10.0
"""Width of a field of the training images (224 px) in cell diameters (about 22 px)."""
NOTE = "exploratory: a window around the cell, seen by a model of whole fields"
_CROPS_AT_ONCE = 32


def classify_cells(image: str, rgb: RGBImage, labels: LabelImage, predictor: Predictor, monitor: Monitor) -> list[Row]:
    """Return one row per cell of an image, by `napari_all.io.tables.CELL_PREDICTION_COLUMNS`.

    Raises
    ------
    Cancelled
        The monitor asks to stop.
    """
    cells = measure_cells(labels)
    side = window_px(cells)
    rows: list[Row] = []
    for start in range(0, len(cells), _CROPS_AT_ONCE):
        monitor.raise_if_cancelled()
        some = cells[start : start + _CROPS_AT_ONCE]
        predictions = predictor.predict_batch([window(rgb, cell, side) for cell in some])
        rows += [_row(image, *pair) for pair in zip(some, predictions, strict=True)]
    return rows


def window_px(cells: Iterable[Cell]) -> int:
    """Return the side of the window in pixels: ten median cell diameters."""
    diameters = [cell.equivalent_diameter_px for cell in cells]
    return max(1, round(FIELD_IN_CELLS * float(np.median(diameters)))) if diameters else 1


def window(rgb: RGBImage, cell: Cell, side: int) -> RGBImage:
    """Return the window of `side` pixels around a cell, moved inside the image and no larger than it."""
    top, left = (
        int(np.clip(round(centre - side / 2), 0, max(0, size - side)))
        for centre, size in ((cell.y, rgb.shape[0]), (cell.x, rgb.shape[1]))
    )
    return rgb[top : top + side, left : left + side]


def labels_of(image: InputImage, rgb: RGBImage, source: CellSource, monitor: Monitor) -> LabelImage:
    """Return an image's cells, read or segmented.

    Raises
    ------
    MaskError
        The image has no label image, or one of another size.
    Cancelled
        The monitor asks to stop.
    """
    if isinstance(source, SegmentConfig):
        return segment_image(rgb, source, monitor).labels
    mask = mask_of(image, source)
    if mask is None:
        raise MaskError("no label image of this name in the folder of --labels; segment it first")
    labels = read_labels(mask).labels
    if labels.shape != rgb.shape[:2]:
        raise MaskError(f"{mask.name} is {labels.shape}, the image is {rgb.shape[:2]}; segment this image")
    return labels


def _row(image: str, cell: Cell, prediction: Prediction) -> Row:
    capped = replace(prediction, status="review") if prediction.status == "confident" else prediction
    place: dict[str, Value] = {"label": cell.label, "y": cell.y, "x": cell.x, "note": NOTE}
    return {**prediction_row(image, capped), **place}
