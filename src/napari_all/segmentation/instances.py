"""Cell masks to numbered cells: components, cutting of touching cells, numbering in raster order."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from napari_all.types import BoolMask, LabelImage

_LEAST_RADIUS_PX = 3.0
_LEAST_RADIUS_SHARE = 0.45
"""A piece thinner than this share of its neighbour is a bump on it, not a cell."""
_GAP_SHARE = 0.02
_CLUMP_SHARE = 1.5
"""A hole larger than the first share of a typical cell, in a component larger than the second, lies between cells."""


def components(mask: BoolMask) -> LabelImage:
    """Number the 8-connected components of a (Y, X) bool mask; (Y, X) int32, 0 = background."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels, dtype=np.int32)


def relabel(labels: NDArray[np.integer]) -> LabelImage:
    """Number cells 1..N in raster order (row by row) of each cell's first pixel.

    Parameters
    ----------
    labels
        (Y, X) integers, 0 = background; gaps and any order are allowed.
    """
    flat = labels.ravel()
    values, first = np.unique(flat, return_index=True)
    order = values[np.argsort(first)]
    order = order[order != 0]
    table = np.zeros(int(values.max(initial=0)) + 1, np.int32)
    table[order] = np.arange(1, order.size + 1, dtype=np.int32)
    return np.asarray(table[labels], dtype=np.int32)


def split_touching(labels: LabelImage, depth: float, min_area_px: float = 0.0) -> LabelImage:
    """Cut each component where its outline has a waist.

    A watershed on the distance to the background, started from the maxima that stay apart when everything within a
    share `depth` below a maximum is filled. Working on the logarithm of the distance makes the depth relative to the
    cell's radius, so cells of 14 px and of 150 px are treated alike. Nuclei do not matter here: a cell with a lobed
    nucleus has a round outline and stays one.

    Parameters
    ----------
    labels
        (Y, X) int32 components.
    depth
        Waist depth as a share of the smaller piece's radius, 0..1; smaller cuts more.
    min_area_px
        No piece is cut off that would be smaller.
    """
    result = labels.copy()
    following = int(labels.max(initial=0)) + 1
    for label, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is None:
            continue
        # One pixel more on each side, so that the background around the piece is seen; beyond the image is unknown,
        # and the distance transform takes the crop's own edge as neutral.
        window = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in window)
        piece = labels[window] == label
        cut = _cut(piece, depth, min_area_px)
        for k in range(2, int(cut.max(initial=0)) + 1):
            result[window][cut == k] = following
            following += 1
    return result


def split_around_gaps(
    labels: LabelImage, holes: BoolMask, depth: float, typical_area_px: float, min_area_px: float = 0.0
) -> LabelImage:
    """Cut again, with their holes open, the pieces that are too large for one cell.

    Cells that stand in a ring enclose background; filled, it takes the waists away by which they are cut apart. A hole
    that then lies inside one cell is filled again, one between cells stays open.

    Parameters
    ----------
    labels
        (Y, X) int32 pieces as `split_touching` left them.
    holes
        (Y, X) bool, what was filled before.
    depth, min_area_px
        As in `split_touching`.
    typical_area_px
        Area of one cell in square pixels.
    """
    clumps = np.bincount(labels.ravel()) > _CLUMP_SHARE * typical_area_px
    clumps[0] = False
    inside = components(holes & clumps[labels])
    large = np.bincount(inside.ravel()) > _GAP_SHARE * typical_area_px
    large[0] = False
    gaps = large[inside]
    torn = np.isin(labels, np.unique(labels[gaps]))
    pieces = split_touching(relabel(np.where(torn & ~gaps, labels, 0)), depth, min_area_px)
    _fill_within(pieces, gaps)
    return np.where(torn, np.where(pieces > 0, pieces + labels.max(initial=0), 0), labels).astype(np.int32)


def _fill_within(labels: LabelImage, holes: BoolMask) -> None:
    """Give each hole that only one cell touches to that cell, in place."""
    inside = components(holes)
    for number, window in enumerate(ndimage.find_objects(inside), start=1):
        window = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in window)
        hole = inside[window] == number
        around = np.unique(labels[window][ndimage.binary_dilation(hole, np.ones((3, 3))) & ~hole])
        touched = around[around > 0]
        if touched.size == 1:
            labels[window][hole] = touched[0]


def _cut(mask: BoolMask, depth: float, min_area_px: float) -> LabelImage:
    if mask.all():  # a crop without background has no waist, and OpenCV no distance for it
        return mask.astype(np.int32)
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's square roots differ in the last bit from run to run, and ties below would fall differently; the squares
    # are whole numbers, so this makes them exact.
    distance = np.sqrt(np.rint(distance.astype(np.float64) ** 2)).astype(np.float32)
    radius = float(distance.max(initial=0.0))
    if radius < _LEAST_RADIUS_PX:
        return mask.astype(np.int32)
    distance = cv2.GaussianBlur(distance, (0, 0), max(0.7, 0.05 * radius))
    height = np.log(np.maximum(distance, 0.5))
    height[~mask] = np.log(0.5)
    around = np.ones((3, 3), np.uint8)
    summits = (height == cv2.dilate(height, around)) & mask
    if cv2.connectedComponents(summits.astype(np.uint8))[0] <= 2:  # background and one: most pieces, told quickly
        return mask.astype(np.int32)
    peaks = h_maxima(height, -np.log1p(-min(depth, 0.99))).astype(bool) & mask
    markers, count = ndimage.label(peaks, structure=np.ones((3, 3)))
    if count < 2:
        return mask.astype(np.int32)
    heights = ndimage.maximum(distance, markers, np.arange(1, count + 1))
    keep = np.flatnonzero(heights >= _LEAST_RADIUS_SHARE * radius) + 1
    markers[~np.isin(markers, keep)] = 0
    parts = watershed(-distance, markers, mask=mask).astype(np.int32)
    return _merge_small(relabel(parts), min_area_px)


def _merge_small(parts: LabelImage, min_area_px: float) -> LabelImage:
    """Give each piece below the limit to the piece it shares the longest border with."""
    while True:
        areas = np.bincount(parts.ravel())
        areas[0] = 0
        present = np.flatnonzero(areas)
        smallest = present[np.argmin(areas[present])] if present.size else 0
        if present.size < 2 or areas[smallest] >= min_area_px:
            return relabel(parts)
        rim = ndimage.binary_dilation(parts == smallest, np.ones((3, 3))) & (parts != smallest) & (parts > 0)
        neighbours = np.bincount(parts[rim], minlength=1)
        parts[parts == smallest] = int(np.argmax(neighbours)) if neighbours.size > 1 else 0
