"""Find nuclei by how strongly they are stained, each against its own surroundings.

With the background brought to white, one number orders what a Romanowsky stain colours: background, red cells,
cytoplasm, nuclei, since nuclei are at once darker, redder and bluer. Where one nucleus ends is told by the contrast
with what lies round it, so a pale nucleus and a dark one in a field get different limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_multiotsu

from napari_all.segmentation.normalise import white_balance
from napari_all.types import BoolMask, LabelImage, RGBImage

SCALE = 64
"""Stain is smoothed in 64ths of a unit: whole numbers, so that every machine finds the same edge."""
_LIGHTNESS = 0.8
"""Weight of L* and b* against a*; all between 0.6 and 1 give the same within 0.001 Dice on wbc-zheng, folds 1-4."""
_BLACK = 100.0
WHITE = _BLACK - 100.0 * _LIGHTNESS
"""Stain of the white background; neutral black has 100, the nuclei of all smears seen 75 to 190."""
_LEAST, _MOST = 65.0, 130.0
"""The limit above which nuclei are looked for first lies here."""
_LEAST_RED = 10
"""Least a* of a seed: black text and grey dirt have about 0, nuclei 25 to 60."""
_STEPS = 4
_DEEPEST = 0.5
"""Paler nuclei are looked for down to half the first limit (counted from the background), in this many steps."""
_BINS = 48
_SPECK_SHARE = 0.15
_HOLE_SHARE = 0.04
"""Share of the typical object (that of the median foreground pixel) below which one is a speck or a small hole."""


@dataclass(frozen=True)
class Choice:
    """What counts as a nucleus.

    Attributes
    ----------
    edge
        Where the edge of a nucleus lies between the stain of its surroundings (0) and its own (1).
    pale
        Least stain of a nucleus above the background, as a share of that of the field's typical nucleus.
    """

    edge: float
    pale: float


@dataclass(frozen=True)
class Limits:
    """Least stain of a nucleus, pixel by pixel.

    Attributes
    ----------
    stain
        (Y, X) uint16, in 64ths; the largest number where no nucleus is near.
    radius_px
        Radius of the typical nucleus.
    """

    stain: NDArray[np.uint16]
    radius_px: float


def stain_planes(rgb: RGBImage) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return nuclear stain, 100 + a* - 0.8 (L* + b*), and a* + 128 of a (Y, X, 3) image on white; (Y, X) uint8."""
    lab = cv2.cvtColor(white_balance(rgb), cv2.COLOR_RGB2LAB)
    # OpenCV stores L* times 2.55 and a*, b* plus 128.
    weights = [[-_LIGHTNESS / 2.55, 1.0, -_LIGHTNESS, _BLACK - 128.0 + 128.0 * _LIGHTNESS]]
    stain = cv2.transform(lab, np.array(weights)).reshape(rgb.shape[:2])
    return np.asarray(stain, np.uint8), np.ascontiguousarray(lab[..., 1], np.uint8)


def smoothed(stain: NDArray[np.uint8], radius_px: float) -> NDArray[np.uint16]:
    """Return the stain in 64ths, smoothed against JPEG blocks and the grain of chromatin of a nucleus of a radius."""
    sigma = float(np.clip(0.04 * radius_px, 0.7, 6.0))
    return np.asarray(cv2.GaussianBlur(stain.astype(np.uint16) * SCALE, (0, 0), sigma), np.uint16)


def find_limits(stain: NDArray[np.uint8], redness: NDArray[np.uint8], choice: Choice) -> Limits | None:
    """Return the least stain of a nucleus for each pixel, or None in an image without nuclei.

    Seeds come from the highest of four classes of Otsu's method (doi 10.1109/TSMC.1979.4310076), and from lower
    limits where a compact object of nuclear colour holds no seed yet. Each seed's limit is then put between its
    median and that of its rim.
    """
    values = (smoothed(stain, 25.0) // SCALE).astype(np.uint8)
    seeds, typical = _seeds(values, np.asarray(cv2.GaussianBlur(redness, (3, 3), 0), np.uint8), choice)
    if not seeds.any():
        return None
    labels, areas = _numbered(seeds)
    radius = _typical_radius(areas)
    values = (smoothed(stain, radius) // SCALE).astype(np.uint8)
    for _ in range(2):
        around = _Around(labels, radius)
        inside = around.median_inside(values)
        limits = around.limits(values, inside, choice.edge)
        limits[inside < WHITE + choice.pale * (typical - WHITE)] = 255.0
        limits[0] = 255.0
        within = around.distance <= radius
        labels = _renumbered(*_without_specks(*_numbered((values > limits[around.nearest]) & within)))
        if not labels.any():
            return None
        radius = _typical_radius(_areas(labels))
    table = np.minimum(np.rint(limits * SCALE), np.iinfo(np.uint16).max).astype(np.uint16)
    return Limits(np.where(within, table[around.nearest], np.uint16(np.iinfo(np.uint16).max)), radius)


def tidy(mask: BoolMask) -> BoolMask:
    """Drop specks and fill small holes; the larger ones of ring-shaped nuclei stay open."""
    labels, areas = _numbered(mask)
    typical = _typical_area(areas)
    kept = (areas >= _SPECK_SHARE * typical)[labels] & mask
    holes, areas = _numbered(~kept)
    small = areas < _HOLE_SHARE * typical
    small[np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])] = False
    return kept | (small[holes] & ~kept)


class _Around:
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


def _seeds(values: NDArray[np.uint8], redness: NDArray[np.uint8], choice: Choice) -> tuple[BoolMask, float]:
    """Return pixels of which each nucleus has some and no other object, and the stain of the typical nucleus."""
    first = float(np.clip(_highest_limit(values), _LEAST, _MOST))
    violet = redness > 128 + _LEAST_RED
    labels, areas = _numbered((values > first) & violet)
    least = 0.3 * _typical_area(areas)
    seeds = (areas >= least)[labels] & (labels > 0)
    if not seeds.any():
        return seeds, first
    typical, red = float(np.median(values[seeds])), float(np.median(redness[seeds])) - 128.0
    deepest = max(_LEAST, WHITE + _DEEPEST * (first - WHITE))
    for limit in np.linspace(first, deepest, _STEPS + 1)[1:]:
        labels, areas = _numbered((values > limit) & violet)
        new = areas >= least
        new[labels[seeds]] = False
        new[0] = False
        if not new.any():
            continue
        labels = _renumbered(labels, new)
        around = _Around(labels, float(np.sqrt(least / 0.3 / np.pi)))
        stain, colour = around.median_inside(values), around.median_inside(redness) - 128.0
        good = stain >= WHITE + choice.pale * (typical - WHITE)
        good &= colour >= 0.7 * red  # red cells of any colour are less red-violet
        good &= stain - around.rim(values) >= 0.5 * (stain - WHITE)  # cytoplasm stands out less
        good &= _inscribed(labels) >= 0.65 * np.sqrt(_areas(labels) / np.pi)
        good[0] = False
        seeds |= good[labels]
    return seeds, typical


def _highest_limit(values: NDArray[np.uint8]) -> float:
    """Return the limit above which the highest of four classes lies; the highest value where there are fewer."""
    counts = np.bincount(values.ravel(), minlength=256)
    levels = np.flatnonzero(counts)
    edges = np.unique(np.linspace(levels[0], levels[-1] + 1, _BINS + 1).astype(int))
    binned = np.add.reduceat(counts, edges[:-1])
    if np.count_nonzero(binned) <= 4:
        return float(levels[-1])
    threshold = threshold_multiotsu(classes=4, hist=(binned, edges[1:] - 1))[-1]
    return float(threshold)


def _quantiles(owner: NDArray[np.int32], values: NDArray[np.uint8], count: int, share: float) -> NDArray[np.float64]:
    """Return a quantile of the values of each owner 0..count; that of the background for an owner of none."""
    keys = owner.astype(np.int64) * 256 + values
    reached = np.cumsum(np.bincount(keys, minlength=(count + 1) * 256).reshape(count + 1, 256), axis=1)
    total = reached[:, -1:]
    found = np.asarray((reached < share * np.maximum(total, 1)).sum(axis=1), np.float64)
    return np.where(total[:, 0] > 0, found, WHITE)


def _inscribed(labels: LabelImage) -> NDArray[np.float64]:
    """Return the radius of each object's largest inscribed disc, index 0 unused."""
    inside = np.pad(labels > 0, 1).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    radii = np.zeros(int(labels.max(initial=0)) + 1)
    np.maximum.at(radii, labels[labels > 0], depth[labels > 0])
    return radii


def _numbered(mask: BoolMask) -> tuple[LabelImage, NDArray[np.int64]]:
    """Return numbered 8-connected objects and their areas, 0 for the background."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    areas[0] = 0
    return np.asarray(labels, np.int32), areas


def _without_specks(labels: LabelImage, areas: NDArray[np.int64]) -> tuple[LabelImage, BoolMask]:
    """Return the labels and which of them are no specks."""
    keep = areas >= _SPECK_SHARE * _typical_area(areas)
    keep[0] = False
    return labels, keep


def _renumbered(labels: LabelImage, keep: BoolMask) -> LabelImage:
    numbers = np.zeros(keep.size, np.int32)
    numbers[keep] = np.arange(1, np.count_nonzero(keep) + 1, dtype=np.int32)
    return np.asarray(numbers[labels], np.int32)


def _areas(labels: LabelImage) -> NDArray[np.int64]:
    """Return the area of each object; 0 for the background."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return np.asarray(areas, np.int64)


def _typical_area(areas: NDArray[np.int64]) -> float:
    """Return the area of the object in which the median foreground pixel lies; many specks do not lower it."""
    ordered = np.sort(areas)
    return float(ordered[np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)])


def _typical_radius(areas: NDArray[np.int64]) -> float:
    return float(np.sqrt(_typical_area(areas) / np.pi))
