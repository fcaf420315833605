"""Cleaning shared by all methods: fill, smooth, drop specks, cut touching cells, number."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_all.classes import BACKGROUND, CYTOPLASM, NUCLEUS
from napari_all.segmentation.instances import components, relabel, split_around_gaps, split_touching
from napari_all.segmentation.method import PostprocessSettings
from napari_all.types import BoolMask, ClassesMap, LabelImage, Parts

_SPECK_SHARE = 0.2
BORDER_SHARE = 0.5
"""A cell cut off by the image border may be this much smaller than the limit."""
_LEAST_AREA_PX = 25.0


@dataclass(frozen=True)
class Cleaned:
    """Numbered cells and what belongs to them.

    Attributes
    ----------
    labels
        (Y, X) int32 cells, 1..N in raster order.
    classes
        (Y, X) uint8, zero exactly where `labels` is zero.
    smudges
        (Y, X) int32 smudge cells, numbered likewise, nowhere where there is a cell; None where they cannot be told.
    """

    labels: LabelImage
    classes: ClassesMap
    smudges: LabelImage | None


def clean(
    classes: ClassesMap,
    parts: Parts,
    settings: PostprocessSettings,
    diameter_px: float | None = None,
    smudge: BoolMask | None = None,
) -> Cleaned:
    """Turn a raw classes map into numbered cells and a classes map that agrees with them.

    Parameters
    ----------
    classes
        (Y, X) uint8 classes map of a method.
    parts
        What it parts; decides the class of filled pixels.
    settings
        Which steps to take.
    diameter_px
        Cell diameter in pixels, if known; sets the automatic smallest area.
    smudge
        (Y, X) bool, where the foreground looks like a smudge cell, if that can be told. What is mostly so, once cut
        and cleaned, is a smudge cell as a whole; all else keeps its pixels.
    """
    found = classes != BACKGROUND
    mask = np.asarray(ndimage.binary_fill_holes(found), dtype=bool) if settings.fill_holes else found
    holes = mask & ~found
    if settings.smooth_px:
        mask = _smooth(mask, settings.smooth_px)
    labels = components(mask)
    typical = typical_area(labels, diameter_px)
    limit = smallest_area(typical, settings)
    labels = _drop_specks(labels, limit)
    if settings.split_touching:
        labels = split_touching(labels, settings.split_depth, limit)
        if typical is not None and holes.any():
            labels = split_around_gaps(labels, holes, settings.split_depth, typical, limit)
    if settings.clear_border:
        labels[np.isin(labels, _on_border(labels))] = 0
    smudges = None
    if smudge is not None:
        smeared = _mostly(labels, smudge)
        smudges = relabel(np.where(smeared[labels], labels, 0))
        labels[smeared[labels]] = 0
    labels = relabel(labels)
    filled = np.uint8(CYTOPLASM if parts == "nucleus+cytoplasm" else NUCLEUS)
    inside = np.where(classes > 0, classes, filled)
    return Cleaned(labels, np.where(labels > 0, inside, np.uint8(BACKGROUND)).astype(np.uint8), smudges)


def typical_area(labels: LabelImage, diameter_px: float | None = None) -> float | None:
    """Return the area of a typical cell in square pixels; None without any foreground.

    A disc of the known diameter, or the component in which the median foreground pixel lies (many specks do not
    lower that).
    """
    if diameter_px is not None:
        return float(np.pi / 4 * diameter_px**2)
    areas = np.sort(np.bincount(labels.ravel())[1:])
    return float(areas[np.searchsorted(np.cumsum(areas), areas.sum() / 2)]) if areas.size else None


def smallest_area(typical: float | None, settings: PostprocessSettings) -> float:
    """Return the smallest area kept, in square pixels: the setting if given, else a fifth of a typical cell."""
    if settings.min_area_px is not None:
        return float(settings.min_area_px)
    return max(_LEAST_AREA_PX, _SPECK_SHARE * (typical or 0.0))


def _smooth(mask: BoolMask, radius: int) -> BoolMask:
    # A blur and a cut at one half rounds corners without moving straight edges, unlike opening.
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), radius, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred > 0.5)


def _mostly(labels: LabelImage, mask: BoolMask) -> BoolMask:
    """Tell of each label whether more than half of its pixels lie in the mask; (N + 1,) bool, never for 0."""
    areas = np.bincount(labels.ravel())
    within = np.bincount(labels[mask], minlength=areas.size)
    more = 2 * within > areas
    more[0] = False
    return np.asarray(more)


def _on_border(labels: LabelImage) -> NDArray[np.int32]:
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    found = np.unique(edges)
    return found[found > 0]


def _drop_specks(labels: LabelImage, limit: float) -> LabelImage:
    areas = np.bincount(labels.ravel()).astype(float)
    limits = np.full(areas.size, limit)
    limits[_on_border(labels)] *= BORDER_SHARE
    keep = areas >= limits
    keep[0] = False
    return np.where(keep[labels], labels, 0).astype(np.int32)
