"""Outlines that give back exactly the pixels they were drawn around, with few points."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi
from skimage.measure import approximate_polygon, find_contours

from napari_all.segmentation.editing import polygon_mask
from napari_all.types import BoolMask
from napari_all.workflows.recipe import Point

Outline = tuple[Point, ...]

_TOLERANCES = (0.7, 0.5, 0.35, 0.2, 0.0)
"""How far an outline may leave the one halfway between pixels, tried in turn; 0 always gives the pixels back."""


def exact_outlines(mask: BoolMask) -> list[Outline]:
    """Return polygons whose insides, as `polygon_mask` fills them, are together exactly the pixels of a mask.

    Parameters
    ----------
    mask
        (Y, X) bool.

    Returns
    -------
    list of tuple
        (y, x) points in tenths of a pixel; one polygon for each connected part, several that lie side by side for a
        part with holes, none for an empty mask.
    """
    parts, count = ndi.label(mask)
    return [outline for part in range(1, count + 1) for outline in _outlines_of_part(parts == part)]


def _outlines_of_part(part: BoolMask) -> list[Outline]:
    if (whole := _outline(part)) is not None:
        return [whole]
    y, x = np.nonzero(part)
    first = np.zeros_like(part)
    if np.ptp(y) >= np.ptp(x):
        first[: (y.min() + y.max() + 1) // 2] = True
    else:
        first[:, : (x.min() + x.max() + 1) // 2] = True
    return exact_outlines(part & first) + exact_outlines(part & ~first)


def _outline(part: BoolMask) -> Outline | None:
    """Return the outline of a connected part with the fewest points; None where it has holes."""
    contours = find_contours(np.pad(part, 1).astype(np.float64), 0.5)
    if len(contours) > 1:
        return None
    for tolerance in _TOLERANCES:
        points = np.round(approximate_polygon(contours[0], tolerance) - 1, 1)[:-1]
        if len(points) >= 3 and np.array_equal(polygon_mask(part.shape, points.tolist()), part):
            return tuple((y, x) for y, x in points.tolist())
    return None
