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

from napari_all.segmentation.stain import SCALE, WHITE, smoothed
from napari_all.segmentation.surroundings import Surroundings, areas_of, numbered, typical_area, typical_radius
from napari_all.types import BoolMask, LabelImage

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
    labels, areas = numbered(seeds)
    radius = typical_radius(areas)
    values = (smoothed(stain, radius) // SCALE).astype(np.uint8)
    for _ in range(2):
        around = Surroundings(labels, radius)
        inside = around.median_inside(values)
        limits = around.limits(values, inside, choice.edge)
        limits[inside < WHITE + choice.pale * (typical - WHITE)] = 255.0
        limits[0] = 255.0
        within = around.distance <= radius
        labels = _renumbered(*_without_specks(*numbered((values > limits[around.nearest]) & within)))
        if not labels.any():
            return None
        radius = typical_radius(areas_of(labels))
    table = np.minimum(np.rint(limits * SCALE), np.iinfo(np.uint16).max).astype(np.uint16)
    return Limits(np.where(within, table[around.nearest], np.uint16(np.iinfo(np.uint16).max)), radius)


def tidy(mask: BoolMask) -> BoolMask:
    """Drop specks and fill small holes; the larger ones of ring-shaped nuclei stay open."""
    labels, areas = numbered(mask)
    typical = typical_area(areas)
    kept = (areas >= _SPECK_SHARE * typical)[labels] & mask
    holes, areas = numbered(~kept)
    small = areas < _HOLE_SHARE * typical
    small[np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])] = False
    return kept | (small[holes] & ~kept)


def _seeds(values: NDArray[np.uint8], redness: NDArray[np.uint8], choice: Choice) -> tuple[BoolMask, float]:
    """Return pixels of which each nucleus has some and no other object, and the stain of the typical nucleus."""
    first = float(np.clip(_highest_limit(values), _LEAST, _MOST))
    violet = redness > 128 + _LEAST_RED
    labels, areas = numbered((values > first) & violet)
    least = 0.3 * typical_area(areas)
    seeds = (areas >= least)[labels] & (labels > 0)
    if not seeds.any():
        return seeds, first
    typical, red = float(np.median(values[seeds])), float(np.median(redness[seeds])) - 128.0
    deepest = max(_LEAST, WHITE + _DEEPEST * (first - WHITE))
    for limit in np.linspace(first, deepest, _STEPS + 1)[1:]:
        labels, areas = numbered((values > limit) & violet)
        new = areas >= least
        new[labels[seeds]] = False
        new[0] = False
        if not new.any():
            continue
        labels = _renumbered(labels, new)
        around = Surroundings(labels, float(np.sqrt(least / 0.3 / np.pi)))
        stain, colour = around.median_inside(values), around.median_inside(redness) - 128.0
        good = stain >= WHITE + choice.pale * (typical - WHITE)
        good &= colour >= 0.7 * red  # red cells of any colour are less red-violet
        good &= stain - around.rim(values) >= 0.5 * (stain - WHITE)  # cytoplasm stands out less
        good &= _inscribed(labels) >= 0.65 * np.sqrt(areas_of(labels) / np.pi)
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


def _inscribed(labels: LabelImage) -> NDArray[np.float64]:
    """Return the radius of each object's largest inscribed disc, index 0 unused."""
    inside = np.pad(labels > 0, 1).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    radii = np.zeros(int(labels.max(initial=0)) + 1)
    np.maximum.at(radii, labels[labels > 0], depth[labels > 0])
    return radii


def _without_specks(labels: LabelImage, areas: NDArray[np.int64]) -> tuple[LabelImage, BoolMask]:
    """Return the labels and which of them are no specks."""
    keep = areas >= _SPECK_SHARE * typical_area(areas)
    keep[0] = False
    return labels, keep


def _renumbered(labels: LabelImage, keep: BoolMask) -> LabelImage:
    numbers = np.zeros(keep.size, np.int32)
    numbers[keep] = np.arange(1, np.count_nonzero(keep) + 1, dtype=np.int32)
    return np.asarray(numbers[labels], np.int32)
