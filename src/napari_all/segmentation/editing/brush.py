"""Edits drawn with a round brush: paint and erase, on cells and on their nuclei."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import CYTOPLASM, NUCLEUS
from napari_all.errors import UsageError
from napari_all.segmentation.editing.edit import Edit, class_edit, edit_of
from napari_all.segmentation.editing.points import Point, line_pixels
from napari_all.segmentation.editing.windows import Window
from napari_all.types import BoolMask, ClassesMap


def paint(labels: NDArray[Any], stroke: Sequence[Point], radius_px: float, label: int) -> Edit:
    """Give the background under a brush stroke to cell `label`; other cells keep their pixels.

    Parameters
    ----------
    labels
        (Y, X) label image.
    stroke
        One or more (y, x) points.
    radius_px
        Radius of the brush; 0 is one pixel wide.
    label
        A cell's number; one that is not in use yet makes a new cell.
    """
    if label < 1:
        raise UsageError(f"a cell's number is 1 or more, got {label}; erase to remove pixels")
    under, window = _under(labels, stroke, radius_px)
    return edit_of(labels, under & (labels[window] == 0), np.int32(label), window)


def erase(labels: NDArray[Any], stroke: Sequence[Point], radius_px: float, label: int | None = None) -> Edit:
    """Make the pixels of cell `label` under a brush stroke background; those of every cell when it is None."""
    under, window = _under(labels, stroke, radius_px)
    erased = labels[window] > 0 if label is None else labels[window] == label
    return edit_of(labels, under & erased, np.int32(0), window)


def paint_nucleus(
    labels: NDArray[Any],
    classes: ClassesMap,
    stroke: Sequence[Point],
    radius_px: float,
    label: int,
    nucleus: bool = True,
) -> Edit:
    """Make the pixels of cell `label` under a brush stroke nucleus, or cytoplasm; no cell changes its outline.

    Parameters
    ----------
    labels, classes
        (Y, X) label image and its classes map, which parts nucleus and cytoplasm.
    stroke, radius_px
        As in `paint`.
    """
    under, window = _under(labels, stroke, radius_px)
    old = classes[window]
    inside = under & (labels[window] == label)
    return class_edit(labels, old, np.where(inside, np.uint8(NUCLEUS if nucleus else CYTOPLASM), old), window)


def _under(labels: NDArray[Any], stroke: Sequence[Point], radius_px: float) -> tuple[BoolMask, Window]:
    if not len(stroke) or radius_px < 0:
        raise UsageError(f"a stroke needs a point and a radius of 0 or more, got {len(stroke)} and {radius_px}")
    return line_pixels(labels.shape, stroke, radius_px)
