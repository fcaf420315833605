"""Edits of what is no cell: smudge cells, artefacts, and what cannot be decided."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.errors import UsageError
from napari_all.segmentation.editing.edit import Edit
from napari_all.segmentation.editing.index import CellIndex, index_of
from napari_all.segmentation.editing.points import Point, outline_pixels, pixel_at
from napari_all.types import BoolMask


class Mark(IntEnum):
    """Values of the plane of marks."""

    NONE = 0
    SMUDGE = 1
    """Remains of a broken white cell."""
    ARTEFACT = 2
    """Stain precipitate, dirt, text: nothing of a cell."""


MarkName: TypeAlias = Literal["smudge", "artefact", "ignore"]
"""What can be said of a place that is no cell; "ignore" = cannot be decided, left out of training and scores."""
_RIM_PX = 2
"""What cannot be decided is ignored with its soft rim."""


def mark_cell(labels: NDArray[Any], label: int, mark: MarkName, cells: CellIndex | None = None) -> Edit:
    """Say that a cell is none: its pixels become background that carries a mark, or is ignored.

    What is ignored is so with a rim of 2 px of background, since its edge is as doubtful.
    """
    window = index_of(labels, cells).window(label, _RIM_PX if mark == "ignore" else 0)
    cell = np.asarray(labels[window] == label)
    free = np.asarray(labels[window] == 0)
    where = cell
    if mark == "ignore":
        rim = cv2.distanceTransform((~cell).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= _RIM_PX
        where = cell | (free & rim)
    y, x = np.nonzero(where)
    return _marking((y + window[0].start, x + window[1].start), mark)


def mark_polygon(labels: NDArray[Any], points: Sequence[Point], mark: MarkName) -> Edit:
    """Mark the background inside a polygon of (y, x) points; cells keep their pixels.

    Raises `UsageError` when the polygon has fewer than three points or holds no background pixel.
    """
    y, x = outline_pixels(labels.shape, points)
    free = labels[y, x] == 0
    if not free.any():
        raise UsageError("the outline holds no background pixel; mark the cells under it one by one")
    return _marking((y[free], x[free]), mark)


def unmark_at(labels: NDArray[Any], ignore: BoolMask, marks: NDArray[np.uint8], point: Point) -> Edit:
    """Take back the mark, or the ignoring, of the connected place under a point.

    Raises `UsageError` where nothing is marked or ignored.
    """
    seed = pixel_at(labels.shape, point)
    if marks[seed] == Mark.NONE and not ignore[seed]:
        raise UsageError(f"nothing is marked or ignored at (y={seed[0]}, x={seed[1]}); click a marked place")
    plane = np.asarray(marks == marks[seed] if marks[seed] != Mark.NONE else ignore, np.uint8)
    _, _, _, (left, top, width, height) = cv2.floodFill(plane, None, (seed[1], seed[0]), (2,), flags=8)
    y, x = np.nonzero(plane[top : top + height, left : left + width] == 2)
    indices = y + top, x + left
    nothing = np.zeros(len(y), np.bool_)
    return Edit(indices, np.asarray(labels[indices], np.int32), None, nothing, nothing.astype(np.uint8))


def _marking(indices: tuple[NDArray[np.intp], NDArray[np.intp]], mark: MarkName) -> Edit:
    count = len(indices[0])
    value = {"smudge": Mark.SMUDGE, "artefact": Mark.ARTEFACT, "ignore": Mark.NONE}[mark]
    return Edit(
        indices,
        np.zeros(count, np.int32),
        ignore=np.full(count, mark == "ignore"),
        marks=np.full(count, value, np.uint8),
    )
