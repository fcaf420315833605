"""Outlines of cells along the edges of their pixels, and pixels inside outlines: exact in both directions.

Coordinates are those of QuPath, ImageJ and COCO: x to the right, y down, (0, 0) the upper left corner of the first
pixel, whose centre lies at (0.5, 0.5). An outline along pixel edges therefore has whole numbers, and filling it by
the rule that a pixel belongs to it when its centre does gives back the same pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_all.errors import MaskError
from napari_all.types import BoolMask, LabelImage

Ring: TypeAlias = NDArray[Any]
"""(N, 2) vertices x, y of a closed line; the first is not repeated at the end."""
Polygon: TypeAlias = list[Ring]
"""An outer ring, then its holes."""
Window: TypeAlias = tuple[slice, slice]
"""Rows and columns of a part of an image."""

_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""x, y of a step right, down, left, up; the one after is a turn to the right."""
_FARTHEST = 1e7
_MOST_CROSSINGS = 100_000_000


def cell_windows(labels: LabelImage) -> Iterator[tuple[int, Window]]:
    """Yield each cell's label, ascending, with its bounding box; gaps between numbers cost nothing."""
    numbers, places = np.unique(labels, return_inverse=True)
    dense = places.reshape(labels.shape) + int(numbers.size > 0 and numbers[0] > 0)
    yield from zip(numbers[numbers > 0].tolist(), ndimage.find_objects(dense), strict=True)


def polygons(mask: BoolMask, y: int = 0, x: int = 0) -> list[Polygon]:
    """Trace a mask along its pixels' edges.

    Parameters
    ----------
    mask
        (Y, X) bool.
    y, x
        Where its first pixel lies in the image.

    Returns
    -------
    One polygon per piece of pixels that share edges; rings are simple, outer ones clockwise on the screen and holes
    the other way round, so that each polygon is valid by OGC Simple Features.
    """
    count, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    windows = ndimage.find_objects(pieces)
    found = []
    for piece, (rows, columns) in zip(range(1, count), windows, strict=True):
        rings = _rings(np.asarray(pieces[rows, columns] == piece))
        offset = np.array([x + columns.start, y + rows.start])
        # The piece's first pixel begins its outer ring.
        found.append([ring + offset for ring in rings])
    return found


def _rings(piece: BoolMask) -> list[Ring]:
    """Return the rings of one piece, the outer one first, as vertices where the line turns."""
    inside = np.pad(piece, 1)
    here, above, left = inside[1:, 1:], inside[:-1, 1:], inside[1:, :-1]  # at the vertex: below right, above right, …
    across = inside[:-1, :-1]
    leaving = np.stack([here & ~above, left & ~here, across & ~left, above & ~across])
    edges = set(zip(*(axis.tolist() for axis in np.nonzero(leaving)), strict=True))
    waiting = sorted((y, x) for direction, y, x in edges if direction == 0)
    rings: list[Ring] = []
    walked: set[tuple[int, int]] = set()
    for y, x in waiting:
        if (y, x) not in walked:
            rings.append(_walk(edges, walked, y, x))
    return rings


def _walk(edges: set[tuple[int, ...]], walked: set[tuple[int, int]], y: int, x: int) -> Ring:
    """Follow the edges from one that goes right, with the piece on the right hand, until it comes again."""
    begin, direction, turned = (0, y, x), 0, True
    vertices = []
    while True:
        if turned:
            vertices.append((x, y))
        if direction == 0:
            walked.add((y, x))
        x, y = x + _STEPS[direction][0], y + _STEPS[direction][1]
        # Where two pixels meet at a corner the line goes over to the other one: rings never touch themselves.
        ways = ((direction + turn) % 4 for turn in (-1, 0, 1))
        following = next(way for way in ways if (way, y, x) in edges)
        turned, direction = following != direction, following
        if (direction, y, x) == begin:
            return np.array(vertices, np.int64)


def one_ring(polygon: Polygon) -> Ring:
    """Join a polygon's holes to its outer ring by lines there and back, for formats that know no holes."""
    whole = polygon[0]
    for hole in polygon[1:]:
        far = ((whole[:, None, :] - hole[None, :, :]) ** 2).sum(axis=-1)
        at, start = np.unravel_index(int(far.argmin()), far.shape)
        bridge = np.concatenate([np.roll(hole, -int(start), axis=0), hole[start : start + 1]])
        whole = np.concatenate([whole[: at + 1], bridge, whole[at:]])
    return whole


def extent(rings: Sequence[Ring]) -> tuple[int, int]:
    """Return the smallest (Y, X) that holds the rings; `MaskError` for coordinates that are no places."""
    height, width = 0, 0
    for ring in rings:
        _check(ring)
        if ring.size:
            width, height = max(width, int(np.ceil(ring[:, 0].max()))), max(height, int(np.ceil(ring[:, 1].max())))
    return height, width


def fill(rings: Sequence[Ring], shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the pixels whose centres lie inside an odd number of rings; holes stay open.

    Parameters
    ----------
    rings
        Vertices as x, y, of any number type; what lies beyond the image is cut off.
    shape
        (Y, X) of the image.

    Raises
    ------
    MaskError
        Coordinates are not finite or farther than ten million pixels, or there are too many of them.
    """
    edges = [_edges(ring, shape) for ring in rings if len(ring) > 2]
    if not edges:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    rows = np.concatenate([row for row, _ in edges])
    columns = np.concatenate([column for _, column in edges])
    if rows.size == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) - top + 1, int(columns.max()) - left + 1
    crossings = np.bincount((rows - top) * width + columns - left, minlength=height * width)
    inside = np.cumsum(crossings.reshape(height, width), axis=1) % 2 == 1
    y, x = np.nonzero(inside)
    return y + top, x + left


def _edges(ring: Ring, shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for each row of pixels that an edge crosses at its middle the first column right of the crossing."""
    _check(ring)
    begin = ring.astype(np.float64)
    end = np.roll(begin, -1, axis=0)
    low, high = np.minimum(begin[:, 1], end[:, 1]), np.maximum(begin[:, 1], end[:, 1])
    first = np.clip(np.ceil(low - 0.5), 0, shape[0]).astype(np.intp)
    counts = np.clip(np.ceil(high - 0.5), 0, shape[0]).astype(np.intp) - first
    if counts.sum() > _MOST_CROSSINGS:
        raise MaskError(f"an outline crosses {counts.sum():,} rows of pixels; simplify it in the program it comes from")
    edge = np.repeat(np.arange(len(counts)), counts)
    rows = first[edge] + np.arange(edge.size) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (rows + 0.5 - begin[edge, 1]) / (end[edge, 1] - begin[edge, 1])
    x = begin[edge, 0] + share * (end[edge, 0] - begin[edge, 0])
    return rows, np.clip(np.ceil(x - 0.5), 0, shape[1]).astype(np.intp)


def _check(ring: Ring) -> None:
    if ring.ndim != 2 or ring.shape[1] != 2 or not np.issubdtype(ring.dtype, np.number):
        raise MaskError(f"an outline has the shape {ring.shape}, type {ring.dtype}; it is a list of x, y")
    if ring.size and not (np.isfinite(ring).all() and np.abs(ring).max() <= _FARTHEST):
        raise MaskError("an outline has coordinates that are no place in an image; export it again")
