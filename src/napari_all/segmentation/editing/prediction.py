"""Put back what was predicted, for one cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import UsageError
from napari_all.segmentation.editing.edit import Edit, edit_of
from napari_all.segmentation.editing.index import CellIndex, index_of
from napari_all.segmentation.editing.points import Point, pixel_at
from napari_all.segmentation.editing.windows import spanning
from napari_all.types import ClassesMap, LabelImage


def restore_predicted(
    labels: NDArray[Any],
    predicted: LabelImage,
    point: Point,
    classes: ClassesMap | None = None,
    cells: CellIndex | None = None,
    predicted_cells: CellIndex | None = None,
) -> Edit:
    """Put back the cell that was predicted, in the place of what corrections made of it.

    All that lies mostly on it goes back into it, so pieces that were cut apart join again; a merger falls apart into
    the cells that were predicted, and a deleted cell returns. Cells that lie mostly elsewhere keep their pixels.

    Parameters
    ----------
    labels, predicted
        (Y, X) label images as they are now and as they were predicted.
    point
        (y, x) in a cell, of which it is put back what it mostly was; or on background where a cell was predicted.
    classes
        (Y, X) predicted classes map, to be put back too.
    cells, predicted_cells
        Where the cells of `labels` and of `predicted` lie.

    Raises
    ------
    UsageError
        When nothing was predicted there.
    """
    now, then = index_of(labels, cells), index_of(predicted, predicted_cells)
    pixel = pixel_at(labels.shape, point)
    here = int(labels[pixel])
    wanted = _overlapping(predicted, labels, here, now) if here else int(predicted[pixel])
    if not wanted:
        raise UsageError(f"nothing was predicted at (y={pixel[0]}, x={pixel[1]}); delete or undo instead")
    replaced = {label for label in now.near(then.window(wanted)) if _mostly(labels, predicted, label, {wanted}, now)}
    if here:
        replaced.add(here)
    window = then.window(wanted)
    for label in replaced:
        window = spanning(window, now.window(label))
    returned = {cell for cell in then.near(window) if _mostly(predicted, labels, cell, replaced, then)} | {wanted}
    for cell in returned:
        window = spanning(window, then.window(cell))
    old, was = labels[window], predicted[window]
    mine = np.isin(old, list(replaced))
    new = np.where(mine, 0, old).astype(np.int32)
    for cell, number in _numbers(old, was, sorted(returned), replaced, now.unused).items():
        new[(was == cell) & (new == 0)] = number
    edit = edit_of(labels, new != old, new, window)
    if classes is None:
        return edit
    y, x = np.nonzero((new != old) | (mine & (new > 0)))
    indices = y + window[0].start, x + window[1].start
    return Edit(indices, new[y, x], np.where(new[y, x] > 0, classes[indices], 0).astype(np.uint8))


def _overlapping(of: NDArray[Any], by: NDArray[Any], label: int, where: CellIndex) -> int:
    """Return the cell of `of` that shares most pixels with cell `label` of `by`, 0 for none."""
    window = where.window(label)
    under = of[window][by[window] == label]
    numbers, counts = np.unique(under[under > 0], return_counts=True)
    return int(numbers[counts.argmax()]) if numbers.size else 0


def _mostly(of: NDArray[Any], other: NDArray[Any], label: int, inside: set[int], where: CellIndex) -> bool:
    """Tell whether more than half of cell `label` of `of` lies in the cells `inside` of `other`."""
    window = where.window(label)
    under = other[window][of[window] == label]
    return bool(2 * np.count_nonzero(np.isin(under, list(inside))) > under.size)


def _numbers(
    old: NDArray[Any], was: NDArray[Any], returned: list[int], replaced: set[int], unused: int
) -> dict[int, int]:
    """Return the number of each cell that returns: of what it replaces with most pixels in common, else a new one."""
    pairs = [
        (int(np.count_nonzero((was == cell) & (old == label))), cell, label) for cell in returned for label in replaced
    ]
    numbers: dict[int, int] = {}
    for common, cell, label in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:])):
        if common and cell not in numbers and label not in numbers.values():
            numbers[cell] = label
    for cell in returned:
        if cell not in numbers:
            numbers[cell], unused = unused, unused + 1
    return numbers
