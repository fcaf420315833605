"""How large the stained bodies of a smear are: red cells mostly, by which platelets and dirt are told from cells."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu

from napari_all.types import RGBImage

_SIDE_PX = 1024
_LEAST_BODIES = 8
_LEAST_RADIUS_PX, _APART_PX = 3, 5


def body_diameter(rgb: RGBImage) -> float | None:
    """Return the median diameter in pixels of discs inscribed in what is stained at all.

    Bodies that touch or overlap are measured one by one, at the maxima of the distance to the background; where they
    overlap a lot, discs between them make the median smaller, hardly ever larger.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.

    Returns
    -------
    None where fewer than eight bodies are seen.
    """
    height, width = rgb.shape[:2]
    shrink = max(1.0, max(height, width) / _SIDE_PX)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    green = np.asarray(cv2.resize(np.ascontiguousarray(rgb[..., 1]), size, interpolation=cv2.INTER_AREA), np.uint8)
    flat = _without_shading(green)
    if flat.min() == flat.max():
        return None
    stained = cv2.morphologyEx((flat < threshold_otsu(flat)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    bodies = np.pad(np.asarray(ndimage.binary_fill_holes(stained), np.uint8), 1)
    distance = cv2.distanceTransform(bodies, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    distance = cv2.GaussianBlur(distance, (0, 0), 1.5)  # one maximum a body
    peaks = peak_local_max(distance, min_distance=_APART_PX, threshold_abs=_LEAST_RADIUS_PX, exclude_border=False)
    if len(peaks) < _LEAST_BODIES:
        return None
    return float(2.0 * shrink * np.median(distance[tuple(peaks.T)]))


def _without_shading(green: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Divide by the brightest of the surroundings, so that a dark side of the field does not count as stained."""
    height, width = green.shape
    small = cv2.resize(green, (min(64, width), min(64, height)), interpolation=cv2.INTER_AREA)
    bright = cv2.GaussianBlur(cv2.dilate(small, np.ones((9, 9))), (0, 0), 4)
    ground = cv2.resize(bright, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(green / np.maximum(ground, 1).astype(np.float32), np.float32)
