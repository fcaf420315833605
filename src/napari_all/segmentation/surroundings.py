"""Objects of a field and what lies round each, told apart by how strongly they are stained."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.segmentation.stain import WHITE
from napari_all.types import BoolMask, LabelImage


class Surroundings:
    """Numbered objects and the pixels nearest to each."""

    def __init__(self, labels: LabelImage, radius_px: float) -> None:
        self.labels = labels
        self.count = int(labels.max(initial=0))
        inside = labels > 0
        self.distance, zones = cv2.distanceTransformWithLabels(
            (~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP
        )
        numbers = np.zeros(int(zones.max()) + 1, np.int32)
        numbers[zones[inside]] = labels[inside]
        self.nearest = numbers[zones]
        gap = max(1.0, 0.05 * radius_px)
        self._rim = (self.distance > gap) & (self.distance <= gap + max(2.0, 0.3 * radius_px))

    def median_inside(self, values: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the median of each object, index 0 unused."""
        inside = self.labels > 0
        return _quantiles(self.labels[inside], values[inside], self.count, 0.5)

    def rim(self, values: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the stain round each object: cytoplasm if there is any, so more than the rim's median."""
        return _quantiles(self.nearest[self._rim], values[self._rim], self.count, 0.75)

    def limits(self, values: NDArray[np.uint8], inside: NDArray[np.float64], edge: float) -> NDArray[np.float64]:
        """Return the stain at the edge of each object.

        A rim nearly as strong as the object is more of the same nucleus, and then the limit goes down.
        """
        rim = np.minimum(self.rim(values), WHITE + 0.75 * (inside - WHITE))
        return rim + edge * (inside - rim)


def numbered(mask: BoolMask) -> tuple[LabelImage, NDArray[np.int64]]:
    """Return numbered 8-connected objects and their areas, 0 for the background."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    areas[0] = 0
    return np.asarray(labels, np.int32), areas


def areas_of(labels: LabelImage) -> NDArray[np.int64]:
    """Return the area of each object; 0 for the background."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return np.asarray(areas, np.int64)


def typical_area(areas: NDArray[np.int64]) -> float:
    """Return the area of the object in which the median foreground pixel lies; many specks do not lower it."""
    ordered = np.sort(areas)
    return float(ordered[np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)])


def typical_radius(areas: NDArray[np.int64]) -> float:
    """Return the radius of a disc of the typical area."""
    return float(np.sqrt(typical_area(areas) / np.pi))


def _quantiles(owner: NDArray[np.int32], values: NDArray[np.uint8], count: int, share: float) -> NDArray[np.float64]:
    """Return a quantile of the values of each owner 0..count; that of the background for an owner of none."""
    keys = owner.astype(np.int64) * 256 + values
    reached = np.cumsum(np.bincount(keys, minlength=(count + 1) * 256).reshape(count + 1, 256), axis=1)
    total = reached[:, -1:]
    found = np.asarray((reached < share * np.maximum(total, 1)).sum(axis=1), np.float64)
    return np.where(total[:, 0] > 0, found, WHITE)
