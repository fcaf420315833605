"""What a quick classifier is given of an image when a data set is searched for shortcuts: a few numbers each.

A descriptor that sees no white cell but tells the subtype is a shortcut: colour of the background, the corner with the
scale bar. All are measured at a longer side of at most 224 pixels, the size of the Taleqani fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data.scalebar import background_colour
from napari_all.data.transforms import CORNER
from napari_all.evaluation.field_size import SIDE_PX, fitted
from napari_all.types import BoolMask, RGBImage

Values = NDArray[np.float32]
"""(D,) float32, one image as a descriptor tells it."""

_RIM_PX = 3
"""White cells are widened by this much before they are left out: their blurred edge still holds their colour."""
_CORNER_PX = (24, 48)
"""(y, x) size of the corner that is looked at alone, in fields of 224 px: the whole of a small bar, most of a large."""
_PERCENTILES = (5, 25, 50, 75, 95)
_LEAST_CELL_PX = 30
"""Smaller specks (platelets, precipitate) are no white cells; those of the Taleqani fields have 150 px and more."""


@dataclass(frozen=True)
class Descriptor:
    """One way to tell an image in a few numbers.

    Attributes
    ----------
    title
        As tables and figures name it.
    sees_cells
        Whether white cells are part of it; where they are not, a subtype should not be told by it.
    make
        From a (Y, X, 3) uint8 image and the (Y, X) bool mask of its white cells to the numbers.
    """

    title: str
    sees_cells: bool
    make: Callable[[RGBImage, BoolMask], Values]


def describe(rgb: RGBImage, cells: BoolMask | None, names: tuple[str, ...]) -> dict[str, Values]:
    """Return the descriptors of one image by name.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8 of any size.
    cells
        (Y, X) bool, its white cells; None where the descriptors asked for need none (`CHEAP`).
    names
        Keys of `DESCRIPTORS`.
    """
    small, (mask,) = fitted(rgb, np.zeros(rgb.shape[:2], np.bool_) if cells is None else cells)
    return {name: DESCRIPTORS[name].make(small, mask) for name in names}


def corner_box(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of the lower right corner, which holds the scale bar of the Taleqani fields."""
    return slice(int(shape[0] * CORNER[0]), shape[0]), slice(int(shape[1] * CORNER[1]), shape[1])


def _mean_colour(rgb: RGBImage, cells: BoolMask) -> Values:
    return np.asarray(rgb.reshape(-1, 3).mean(axis=0), np.float32)


def _background(rgb: RGBImage, cells: BoolMask) -> Values:
    """Return the median colour of the empty background outside the corner."""
    seen = np.ones(rgb.shape[:2], np.bool_)
    seen[corner_box(rgb.shape)] = False
    return np.asarray(background_colour(rgb, seen if seen.any() else None), np.float32)


def _surroundings(rgb: RGBImage, cells: BoolMask) -> Values:
    """Colours of background and red cells."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RIM_PX + 1, 2 * _RIM_PX + 1))
    seen = cv2.dilate(cells.astype(np.uint8), kernel) == 0
    seen[corner_box(rgb.shape)] = False
    return _colours(rgb[seen])


def _white_cells(rgb: RGBImage, cells: BoolMask) -> Values:
    seen = cells.copy()
    seen[corner_box(rgb.shape)] = False
    return _colours(rgb[seen])


def _colours(pixels: NDArray[np.uint8]) -> Values:
    """Return mean, spread and percentiles of each channel of (N, 3) pixels; zeros where there is none."""
    if not len(pixels):
        return np.zeros(3 * (2 + len(_PERCENTILES)), np.float32)
    parts = (pixels.mean(axis=0), pixels.std(axis=0), np.percentile(pixels, _PERCENTILES, axis=0).ravel())
    return np.concatenate(parts).astype(np.float32)


def _corner(rgb: RGBImage, cells: BoolMask) -> Values:
    height, width = rgb.shape[:2]
    rows, columns = (max(1, round(side * px / SIDE_PX)) for side, px in zip((height, width), _CORNER_PX, strict=True))
    grey = cv2.cvtColor(np.ascontiguousarray(rgb[-rows:, -columns:]), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, _CORNER_PX[::-1], interpolation=cv2.INTER_AREA).ravel(), np.float32)


def _histogram(rgb: RGBImage, cells: BoolMask) -> Values:
    return _hsv(rgb, None)


def _histogram_without_corners(rgb: RGBImage, cells: BoolMask) -> Values:
    """Histogram without the four corners: a bar in another corner is out of sight too."""
    rows, columns = corner_box(rgb.shape)
    seen = np.ones(rgb.shape[:2], np.uint8)
    for y in (rows, slice(0, rows.stop - rows.start)):
        for x in (columns, slice(0, columns.stop - columns.start)):
            seen[y, x] = 0
    return _hsv(rgb, seen)


def _hsv(rgb: RGBImage, seen: NDArray[np.uint8] | None) -> Values:
    """Return shares of pixels per bin: 30 of hue, 16 of saturation, 16 of value."""
    hsv = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2HSV)
    bins = ((0, 30, 180), (1, 16, 256), (2, 16, 256))
    counts = [cv2.calcHist([hsv], [channel], seen, [n], [0, top]).ravel() for channel, n, top in bins]
    return np.asarray(np.concatenate(counts) / max(1.0, float(counts[0].sum())), np.float32)


def _shapes(rgb: RGBImage, cells: BoolMask) -> Values:
    """Number, coverage and sizes of the patches of white cells, without any colour."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8))
    found = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= _LEAST_CELL_PX]
    areas = found[:, cv2.CC_STAT_AREA].astype(np.float64)
    boxes = (found[:, cv2.CC_STAT_WIDTH] * found[:, cv2.CC_STAT_HEIGHT]).astype(np.float64)
    if not len(areas):
        return np.zeros(9, np.float32)
    sizes = np.percentile(areas, _PERCENTILES)
    return np.array([len(areas), cells.mean(), areas.std(), (areas / boxes).mean(), *sizes], np.float32)


DESCRIPTORS = {
    "mean_colour": Descriptor("mean colour of the image (3 numbers)", True, _mean_colour),
    "background_colour": Descriptor("background colour alone (3 numbers)", False, _background),
    "background_and_red_cells": Descriptor("background and red cells", False, _surroundings),
    "scale_bar_corner": Descriptor("scale-bar corner alone, grey", False, _corner),
    "hsv_histogram": Descriptor("colour histogram (HSV)", True, _histogram),
    "hsv_histogram_no_corners": Descriptor("colour histogram, corners painted out", True, _histogram_without_corners),
    "white_cells": Descriptor("colour of the white cells only", True, _white_cells),
    "white_cell_shapes": Descriptor("number and sizes of white cells, no colour", True, _shapes),
}
"""Descriptors by name, in the order of tables."""

CHEAP = ("background_colour", "scale_bar_corner")
"""Descriptors that need no mask of white cells."""
