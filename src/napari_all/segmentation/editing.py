"""Corrections of a label image as small pure edits, so that a window can apply each as one undo step.

Every function takes the (Y, X) label image and returns an `Edit`: the pixels that change and their new values. No
edit takes a pixel from a cell it was not asked to change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.draw import polygon as polygon_pixels
from skimage.morphology import disk

from napari_all.errors import UsageError
from napari_all.segmentation.region import grow_region
from napari_all.types import BoolMask, LabelImage, RGBImage

Point = Sequence[float]
"""(y, x) in pixels of the label image; pixel centres are at whole numbers."""

_BRIDGE_PX = 3
"""Cells further apart than about twice this are not merged: the result would be two blobs with one number."""
_SLIVER_PX = 4
"""Pieces smaller than this beside a cut are crumbs of the drawn line, not cells."""


@dataclass(frozen=True)
class Edit:
    """Pixels to change.

    Attributes
    ----------
    indices
        (y, x) index arrays of the changed pixels, as `Labels.data_setitem` of napari takes them.
    values
        int32, new label of each pixel.
    """

    indices: tuple[NDArray[np.intp], NDArray[np.intp]]
    values: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.values)


def apply_edit(labels: NDArray[Any], edit: Edit) -> LabelImage:
    """Return a copy of `labels` (int32) with `edit` applied."""
    changed = labels.astype(np.int32, copy=True)
    changed[edit.indices] = edit.values
    return changed


def cell_at(labels: NDArray[Any], point: Point) -> int:
    """Return the label of the cell at `point`; raise `UsageError` on background or outside the image."""
    y, x = _pixel(labels, point)
    label = int(labels[y, x])
    if label == 0:
        raise UsageError(f"there is no cell at (y={y}, x={x}); click inside a cell")
    return label


def delete_cell(labels: NDArray[Any], label: int) -> Edit:
    """Make the pixels of cell `label` background."""
    cell = _cell(labels, label)
    return _edit(labels, cell, np.int32(0))


def merge_cells(labels: NDArray[Any], cells: Sequence[int]) -> Edit:
    """Give two or more cells the number of the first one; a gap of a few background pixels is closed.

    Raises
    ------
    UsageError
        When fewer than two different cells are given, or they lie too far apart to be one.
    """
    wanted = list(dict.fromkeys(int(c) for c in cells))
    if len(wanted) < 2:
        raise UsageError(f"merging needs two different cells, got {wanted}; pick another one")
    union = np.zeros(labels.shape, np.bool_)
    for label in wanted:
        union |= _cell(labels, label)
    window = _around(union, 0)
    if ndi.label(union[window], np.ones((3, 3)))[1] > 1:
        padded = np.pad(union[window], _BRIDGE_PX)
        closed = ndi.binary_closing(padded, disk(_BRIDGE_PX))[_BRIDGE_PX:-_BRIDGE_PX, _BRIDGE_PX:-_BRIDGE_PX]
        union[window] |= closed & (labels[window] == 0)
        if ndi.label(union[window], np.ones((3, 3)))[1] > 1:
            raise UsageError(f"cells {wanted} do not touch; merge neighbours only, or draw the cell anew as a polygon")
    return _edit(labels, union, np.int32(wanted[0]))


def split_cell(labels: NDArray[Any], line: Sequence[Point]) -> Edit:
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
    drawn = _rasterise(labels.shape, line)
    under = labels[drawn & (labels > 0)]
    if under.size == 0:
        raise UsageError("the line does not meet a cell; draw it across the cell from background to background")
    label = int(np.bincount(under).argmax())
    window = _around(labels == label, 0)
    cell = labels[window] == label
    pieces, count = ndi.label(cell & ~drawn[window])
    areas = np.bincount(pieces.ravel(), minlength=count + 1)
    real = [p for p in range(1, count + 1) if areas[p] >= _SLIVER_PX]
    if len(real) <= ndi.label(cell)[1]:
        raise UsageError("the line does not cross the cell; draw it from background to background")
    real.sort(key=lambda p: -areas[p])
    numbers = np.zeros(count + 1, np.int32)
    numbers[real[0]] = label
    numbers[real[1:]] = int(labels.max()) + 1 + np.arange(len(real) - 1)
    new = numbers[pieces]
    nearest = ndi.distance_transform_edt(new == 0, return_distances=False, return_indices=True)
    return _edit(labels, cell, new[tuple(nearest)], window)


def fill_holes(labels: NDArray[Any], label: int | None = None) -> Edit:
    """Fill background holes inside cell `label`, or inside every cell when it is None."""
    new = labels.astype(np.int32, copy=True)
    for number, cell, window in _cells(labels, label, margin=0):
        holes = ndi.binary_fill_holes(cell) & (labels[window] == 0)
        new[window][holes] = number
    return _edit(labels, new != labels, new)


def smooth_cells(labels: NDArray[Any], label: int | None = None, radius_px: int = 1) -> Edit:
    """Round off teeth and notches up to `radius_px` of cell `label`, or of every cell when it is None.

    Opening, then closing with a disc; a cell that this would make vanish stays as it is. Pieces that fall off are
    dropped.
    """
    if radius_px < 1:
        raise UsageError(f"radius_px = {radius_px} smooths nothing; use 1 or more")
    new = labels.astype(np.int32, copy=True)
    for number, cell, window in _cells(labels, label, margin=2 * radius_px + 1):
        rounded = _largest(_rounded(cell, radius_px))
        if not rounded.any():
            continue
        new[window][cell & ~rounded] = 0
        # only ground that was free before: not what a neighbour has just given up
        new[window][rounded & (labels[window] == 0) & (new[window] == 0)] = number
    return _edit(labels, new != labels, new)


def grow_cell(labels: NDArray[Any], label: int, pixels: int = 1) -> Edit:
    """Move the edge of a cell outwards into background by `pixels`; negative values move it inwards.

    Raises `UsageError` when shrinking would leave nothing.
    """
    window = _around(_cell(labels, label), abs(pixels) + 1)
    cell = labels[window] == label
    if pixels >= 0:
        grown = ndi.distance_transform_edt(~cell) <= pixels
        return _edit(labels, grown & (labels[window] == 0), np.int32(label), window)
    padded = np.pad(cell, 1, mode="edge")  # the cell goes on behind the image border
    gone = cell & (ndi.distance_transform_edt(padded)[1:-1, 1:-1] <= -pixels)
    if gone.sum() == cell.sum():
        raise UsageError(f"shrinking cell {label} by {-pixels} px leaves nothing; delete it instead")
    return _edit(labels, gone, np.int32(0), window)


def add_polygon(labels: NDArray[Any], points: Sequence[Point]) -> Edit:
    """Add a cell: the background pixels inside a polygon of (y, x) points; neighbours keep their pixels.

    Raises `UsageError` when the polygon has fewer than three points or holds no background pixel.
    """
    inside = polygon_mask(labels.shape, points) & (labels == 0)
    if not inside.any():
        raise UsageError("the outline holds no background pixel; delete the cell under it first, or draw beside it")
    return _edit(labels, inside, np.int32(int(labels.max()) + 1))


def add_by_click(labels: NDArray[Any], rgb: RGBImage, point: Point, radius_px: int = 40) -> Edit:
    """Add a cell grown from the colour at `point`, at most `radius_px` away from it; see `grow_region`.

    Raises
    ------
    UsageError
        When the point lies on a cell, or no edge is found around it.
    """
    y, x = _pixel(labels, point)
    if labels[y, x]:
        raise UsageError(f"(y={y}, x={x}) lies on cell {int(labels[y, x])}; click a cell that has no label yet")
    top, left = max(0, y - radius_px), max(0, x - radius_px)
    window = (slice(top, y + radius_px + 1), slice(left, x + radius_px + 1))
    cell = grow_region(rgb[window], labels[window] == 0, (y - top, x - left), radius_px)
    if cell is None:
        raise UsageError(f"no edge found within {radius_px} px of (y={y}, x={x}); draw the cell as a polygon")
    return _edit(labels, cell, np.int32(int(labels.max()) + 1), window)


def polygon_mask(shape: tuple[int, ...], points: Sequence[Point]) -> BoolMask:
    """Return the pixels whose centres lie in a polygon of (y, x) points, (Y, X) bool."""
    if len(points) < 3:
        raise UsageError(f"an outline needs at least three points, got {len(points)}; go on drawing")
    corners = np.asarray(points, np.float64)
    mask = np.zeros(shape, np.bool_)
    mask[polygon_pixels(corners[:, 0], corners[:, 1], shape)] = True
    return mask


def _edit(
    labels: NDArray[Any],
    where: BoolMask,
    values: NDArray[np.int32] | np.int32,
    window: tuple[slice, slice] = (slice(None), slice(None)),
) -> Edit:
    """Edit of the pixels of `where`, a mask of `window`, whose value really changes."""
    old = labels[window]
    new = np.broadcast_to(values, old.shape)
    y, x = np.nonzero(where & (new != old))
    found = np.ascontiguousarray(new[y, x], np.int32)
    return Edit((y + (window[0].start or 0), x + (window[1].start or 0)), found)


def _around(mask: BoolMask, margin: int) -> tuple[slice, slice]:
    """Bounding box of a mask that is not empty, widened by `margin` inside the image."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def _cell(labels: NDArray[Any], label: int) -> BoolMask:
    cell = np.asarray(labels == label)
    if label <= 0 or not cell.any():
        raise UsageError(f"there is no cell {label}; labels go up to {int(labels.max(initial=0))}")
    return cell


def _cells(labels: NDArray[Any], label: int | None, margin: int) -> list[tuple[int, BoolMask, tuple[slice, slice]]]:
    """One cell or all: (label, mask in its window, window of its bounding box and `margin`)."""
    if label is not None:
        _cell(labels, label)
    found = []
    for index, box in enumerate(ndi.find_objects(labels.astype(np.int32, copy=False)), start=1):
        if box is None or label not in (None, index):
            continue
        window = tuple(slice(max(0, s.start - margin), s.stop + margin) for s in box)
        found.append((index, np.asarray(labels[window] == index), (window[0], window[1])))
    return found


def _rounded(cell: BoolMask, radius: int) -> BoolMask:
    """Opening then closing with a disc; the image border is treated as if the cell went on behind it."""
    padded = np.pad(cell, radius * 2 + 1, mode="edge")
    footprint = disk(radius)
    rounded = ndi.binary_closing(ndi.binary_opening(padded, footprint), footprint)
    inner = slice(radius * 2 + 1, -(radius * 2 + 1))
    return np.asarray(rounded[inner, inner], np.bool_)


def _largest(mask: BoolMask) -> BoolMask:
    parts, count = ndi.label(mask)
    if count < 2:
        return mask
    return np.asarray(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])), np.bool_)


def _rasterise(shape: tuple[int, ...], line: Sequence[Point]) -> BoolMask:
    """Pixels under a polyline of (y, x) points, one pixel wide; four-connected neighbours cannot pass it."""
    canvas = np.zeros(shape, np.uint8)
    xy = np.rint(np.asarray(line, np.float64)[:, ::-1]).astype(np.int32)
    cv2.polylines(canvas, [xy.reshape(-1, 1, 2)], False, 1, 1, cv2.LINE_8)
    return canvas.astype(np.bool_)


def _pixel(labels: NDArray[Any], point: Point) -> tuple[int, int]:
    y, x = (round(float(v)) for v in point)
    if not (0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]):
        raise UsageError(f"(y={y}, x={x}) lies outside the image of {labels.shape[0]} x {labels.shape[1]} pixels")
    return y, x
