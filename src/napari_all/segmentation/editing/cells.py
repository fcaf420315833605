"""Edits of whole cells: delete, merge, number anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.morphology import disk

from napari_all.errors import UsageError
from napari_all.segmentation.editing.edit import Edit, edit_of
from napari_all.segmentation.editing.index import CellIndex, index_of
from napari_all.segmentation.editing.windows import rows_and_columns, spanning

_BRIDGE_PX = 3
"""Cells further apart than about twice this are not merged: the result would be two blobs with one number."""


def delete_cell(labels: NDArray[Any], label: int, cells: CellIndex | None = None) -> Edit:
    """Make the pixels of cell `label` background."""
    window = index_of(labels, cells).window(label)
    return edit_of(labels, labels[window] == label, np.int32(0), window)


def merge_cells(labels: NDArray[Any], merged: Sequence[int], cells: CellIndex | None = None) -> Edit:
    """Give two or more cells the number of the first one; a gap of a few background pixels is closed.

    Raises
    ------
    UsageError
        When fewer than two different cells are given, or they lie too far apart to be one.
    """
    wanted = list(dict.fromkeys(int(c) for c in merged))
    if len(wanted) < 2:
        raise UsageError(f"merging needs two different cells, got {wanted}; pick another one")
    index = index_of(labels, cells)
    window = index.window(wanted[0])
    for label in wanted[1:]:
        window = spanning(window, index.window(label))
    union = np.isin(labels[window], wanted)
    if ndi.label(union, np.ones((3, 3)))[1] > 1:
        padded = np.pad(union, _BRIDGE_PX)
        closed = ndi.binary_closing(padded, disk(_BRIDGE_PX))[_BRIDGE_PX:-_BRIDGE_PX, _BRIDGE_PX:-_BRIDGE_PX]
        union |= closed & (labels[window] == 0)
        if ndi.label(union, np.ones((3, 3)))[1] > 1:
            raise UsageError(f"cells {wanted} do not touch; merge neighbours only, or draw the cell anew as a polygon")
    return edit_of(labels, union, np.int32(wanted[0]), window)


def raster_numbers(labels: NDArray[Any], cells: CellIndex | None = None) -> dict[int, int]:
    """Return each cell's number when they are counted 1..N row by row by their first pixels."""
    index = index_of(labels, cells)

    def first_pixel(label: int) -> tuple[int, int]:
        rows, columns = index.window(label)
        return rows.start, columns.start + int(np.argmax(labels[rows.start, columns] == label))

    return {label: number for number, label in enumerate(sorted(index, key=first_pixel), start=1)}


def relabel_cells(labels: NDArray[Any], cells: CellIndex | None = None) -> Edit:
    """Number the cells 1..N in raster order, as `instances.relabel` does; `raster_numbers` tells which became which."""
    index = index_of(labels, cells)
    table = np.arange(index.unused, dtype=np.int32)
    for label, number in raster_numbers(labels, index).items():
        table[label] = number
    flat = np.flatnonzero(labels != 0)  # row by row: what takes the edit in need not sort its pixels
    old = labels.reshape(-1)[flat]
    new = table[old]
    changed = new != old
    return Edit(rows_and_columns(flat[changed], labels.shape), new[changed])
