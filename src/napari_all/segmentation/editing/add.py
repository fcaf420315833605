"""Edits that add a cell: from an outline, or from one click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import UsageError
from napari_all.segmentation.editing.edit import Edit, edit_of
from napari_all.segmentation.editing.index import CellIndex, index_of
from napari_all.segmentation.editing.points import Point, outline_pixels, pixel_at
from napari_all.segmentation.region import grow_region
from napari_all.types import RGBImage


def add_polygon(labels: NDArray[Any], points: Sequence[Point], cells: CellIndex | None = None) -> Edit:
    """Add a cell: the background pixels inside a polygon of (y, x) points; neighbours keep their pixels.

    Raises `UsageError` when the polygon has fewer than three points or holds no background pixel.
    """
    y, x = outline_pixels(labels.shape, points)
    free = labels[y, x] == 0
    if not free.any():
        raise UsageError("the outline holds no background pixel; delete the cell under it first, or draw beside it")
    number = index_of(labels, cells).unused
    return Edit((y[free], x[free]), np.full(np.count_nonzero(free), number, np.int32))


def add_by_click(
    labels: NDArray[Any],
    rgb: RGBImage,
    point: Point,
    radius_px: int = 40,
    probability: NDArray[np.uint8] | None = None,
    cells: CellIndex | None = None,
) -> Edit:
    """Add a cell grown from the colour at `point`, at most `radius_px` away from it; see `grow_region`.

    Parameters
    ----------
    labels, rgb
        (Y, X) label image and its (Y, X, 3) uint8 image.
    point
        (y, x) inside the cell.
    probability
        (Y, X) uint8, a network's probability of a cell, 255 = certain; None = by colour alone.

    Raises
    ------
    UsageError
        When the point lies on a cell, or no edge is found around it.
    """
    y, x = pixel_at(labels.shape, point)
    if labels[y, x]:
        raise UsageError(f"(y={y}, x={x}) lies on cell {int(labels[y, x])}; click a cell that has no label yet")
    top, left = max(0, y - radius_px), max(0, x - radius_px)
    window = (slice(top, y + radius_px + 1), slice(left, x + radius_px + 1))
    likely = None if probability is None else probability[window]
    cell = grow_region(rgb[window], labels[window] == 0, (y - top, x - left), radius_px, likely)
    if cell is None:
        raise UsageError(f"no edge found within {radius_px} px of (y={y}, x={x}); draw the cell as a polygon")
    return edit_of(labels, cell, np.int32(index_of(labels, cells).unused), window)
