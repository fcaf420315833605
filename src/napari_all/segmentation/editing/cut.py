"""Edits that cut one cell into several: along a drawn line, or by themselves at a waist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_all.errors import UsageError
from napari_all.segmentation.editing.edit import Edit, edit_of
from napari_all.segmentation.editing.index import CellIndex, index_of
from napari_all.segmentation.editing.points import Point, line_pixels
from napari_all.segmentation.instances import split_touching

_SLIVER_PX = 4
"""Pieces smaller than this beside a cut are crumbs of the drawn line, not cells."""
_DEPTHS = (0.12, 0.06, 0.03, 0.01)
"""Waists looked for in turn: first as deep as the cleaning cuts unasked, then any that there is."""
_LEAST_SHARE = 0.1
"""A piece smaller than this share of the cell is a bump on it."""


def split_cell(labels: NDArray[Any], line: Sequence[Point], cells: CellIndex | None = None) -> Edit:
    """Cut the cell that a drawn line crosses; the largest piece keeps the number, the others get new ones.

    Parameters
    ----------
    labels
        (Y, X) label image.
    line
        Two or more (y, x) points of the line, which may leave the image.

    Returns
    -------
    Edit. The pixels under the line go to the nearer piece, so no area is lost.

    Raises
    ------
    UsageError
        When the line has fewer than two points, meets no cell, or does not cross the one it meets.
    """
    if len(line) < 2:
        raise UsageError(f"a cutting line needs at least two points, got {len(line)}; draw it across the cell")
    drawn, where = line_pixels(labels.shape, line)
    under = labels[where][drawn]
    under = under[under > 0]
    if under.size == 0:
        raise UsageError("the line does not meet a cell; draw it across the cell from background to background")
    numbers, counts = np.unique(under, return_counts=True)
    label = int(numbers[counts.argmax()])
    index = index_of(labels, cells)
    window = index.window(label)
    cell = np.asarray(labels[window] == label)
    pieces, count = ndi.label(cell & ~_moved(drawn, where, window))
    areas = np.bincount(pieces.ravel(), minlength=count + 1)
    real = [p for p in range(1, count + 1) if areas[p] >= _SLIVER_PX]
    if len(real) <= ndi.label(cell)[1]:
        raise UsageError("the line does not cross the cell; draw it from background to background")
    real.sort(key=lambda p: -areas[p])
    table = np.zeros(count + 1, np.int32)
    table[real[0]] = label
    table[real[1:]] = index.unused + np.arange(len(real) - 1)
    new = table[pieces]
    nearest = ndi.distance_transform_edt(new == 0, return_distances=False, return_indices=True)
    return edit_of(labels, cell, new[tuple(nearest)], window)


def split_at_waists(labels: NDArray[Any], label: int, cells: CellIndex | None = None) -> Edit:
    """Cut a cell where its outline has a waist; the largest piece keeps the number, the others get new ones.

    The deepest waists count: shallower ones are looked for only while none is found.

    Raises
    ------
    UsageError
        When the outline has no waist.
    """
    index = index_of(labels, cells)
    window = index.window(label, 1)
    cell = np.asarray(labels[window] == label)
    for depth in _DEPTHS:
        pieces = split_touching(cell.astype(np.int32), depth, _LEAST_SHARE * np.count_nonzero(cell))
        areas = np.bincount(pieces.ravel())
        if len(areas) > 2:
            break
    else:
        raise UsageError(f"cell {label} has no waist to be cut at; draw a line across it")
    order = 1 + np.argsort(-areas[1:], kind="stable")
    table = np.zeros(len(areas), np.int32)
    table[order[0]] = label
    table[order[1:]] = index.unused + np.arange(len(order) - 1)
    return edit_of(labels, cell, table[pieces], window)


def _moved(mask: NDArray[np.bool_], source: tuple[slice, slice], target: tuple[slice, slice]) -> NDArray[np.bool_]:
    """Return a mask of one window as a mask of another; what lies outside is lost."""
    result = np.zeros(tuple(side.stop - side.start for side in target), np.bool_)
    common = tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(source, target, strict=True))
    if all(side.start < side.stop for side in common):
        to, of = (
            tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(common, window, strict=True))
            for window in (target, source)
        )
        result[to] = mask[of]
    return result
