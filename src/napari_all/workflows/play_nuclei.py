"""Nuclei of a mask recipe: part each final cell into nucleus and cytoplasm, then apply what was corrected by hand."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_all.errors import UsageError
from napari_all.segmentation import editing
from napari_all.types import BoolMask, ClassesMap, LabelImage, RGBImage
from napari_all.workflows.recipe import (
    NucleiRecipe,
    NucleusCorrection,
    NucleusEllipse,
    NucleusLevel,
    NucleusPolygon,
    NucleusUnknown,
    NucleusWhole,
)

_BRIGHT_SHARE = 0.2
"""The brightest fifth outside the cells is free of red cells in every field of the smears this was made for."""
_DARK_SHARE = 1 / 3
"""Darkest part of a cell that is surely nucleus, also in granulocytes, whose nucleus is small."""


class NucleusClass(IntEnum):
    """Values of a class mask."""

    BACKGROUND = 0
    CYTOPLASM = 1
    NUCLEUS = 2
    UNKNOWN = 3
    """Cell whose nucleus cannot be told from its cytoplasm."""


def nucleus_classes(rgb: RGBImage, labels: LabelImage, recipe: NucleiRecipe) -> ClassesMap:
    """Part cells into nucleus and cytoplasm.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8 image.
    labels
        (Y, X) int32 final cells.
    recipe
        Settings and corrections.

    Returns
    -------
    (Y, X) uint8 of `NucleusClass`.

    Raises
    ------
    UsageError
        When a correction does not fit (no cell at its point or under its outline).
    """
    classes = (labels > 0).astype(np.uint8) * np.uint8(NucleusClass.CYTOPLASM)
    channels = _channels(rgb, recipe)
    bright = _bright(channels[..., 0], labels)
    background = np.median(channels[bright], axis=0) if bright.any() else channels.max(axis=(0, 1))
    for label in np.unique(labels[labels > 0]):
        cell = labels == label
        classes[_nucleus(channels, background, cell, recipe, recipe.level)] = NucleusClass.NUCLEUS
    for number, correction in enumerate(recipe.corrections, start=1):
        try:
            if isinstance(correction, NucleusLevel):
                for point in correction.at:
                    cell = labels == editing.cell_at(labels, point)
                    nucleus = _nucleus(channels, background, cell, recipe, correction.level)
                    classes[cell] = np.where(nucleus[cell], NucleusClass.NUCLEUS, NucleusClass.CYTOPLASM)
            else:
                _correct(classes, labels, correction)
        except UsageError as error:
            raise UsageError(f"correction {number} ({correction.op}): {error}") from error
    return classes


def ellipse_outline(centre: tuple[float, float], radii: tuple[float, float], angle: float) -> list[tuple[float, float]]:
    """Return the (y, x) outline of an ellipse with half axes `radii` (y, x), turned by `angle` degrees y towards x."""
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    y, x = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return [(centre[0] + c * a - s * b, centre[1] + s * a + c * b) for a, b in zip(y, x, strict=True)]


def _channels(rgb: RGBImage, recipe: NucleiRecipe) -> NDArray[np.float64]:
    """(Y, X, 2): green, and red minus green, blurred."""
    values = rgb.astype(np.float64)
    pair = np.stack([values[..., 1], values[..., 0] - values[..., 1]], axis=-1)
    blurred: NDArray[np.float64] = ndi.gaussian_filter(pair, (recipe.smooth_px, recipe.smooth_px, 0))
    return blurred


def _bright(green: NDArray[np.float64], labels: LabelImage) -> BoolMask:
    free: BoolMask = labels == 0
    bright: BoolMask = free & (green >= np.quantile(green[free], 1 - _BRIGHT_SHARE)) if free.any() else free
    return bright


def _nucleus(
    channels: NDArray[np.float64],
    background: NDArray[np.float64],
    cell: BoolMask,
    recipe: NucleiRecipe,
    level: float,
) -> BoolMask:
    """(Y, X) bool: pixels of `cell` above `level` on its own scale, without holes and crumbs."""
    inside = channels[cell]
    dark = inside[inside[:, 0] <= np.quantile(inside[:, 0], _DARK_SHARE)]
    span = np.median(dark, axis=0) - background
    # a cell that is no redder than its surroundings (blue, or of no colour) is measured by its darkness alone
    weight = recipe.hue_weight if span[1] > abs(span[0]) / 10 else 0.0
    scale = np.zeros(cell.shape)
    scale[cell] = (1 - weight) * (inside[:, 0] - background[0]) / min(span[0], -1.0)
    if weight:
        scale[cell] += weight * (inside[:, 1] - background[1]) / span[1]
    nucleus = ndi.binary_fill_holes(scale > level) & cell
    pieces, count = ndi.label(nucleus)
    areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    kept = 1 + np.flatnonzero(areas >= recipe.min_share * areas.max(initial=0))
    found: BoolMask = np.isin(pieces, kept)
    return found


def _correct(classes: ClassesMap, labels: LabelImage, correction: NucleusCorrection) -> None:
    match correction:
        case NucleusWhole() | NucleusUnknown():
            value = NucleusClass.NUCLEUS if isinstance(correction, NucleusWhole) else NucleusClass.UNKNOWN
            for point in correction.at:
                classes[labels == editing.cell_at(labels, point)] = value
        case NucleusPolygon() | NucleusEllipse():
            outline: Sequence[tuple[float, float]] = (
                correction.points
                if isinstance(correction, NucleusPolygon)
                else ellipse_outline(correction.centre, correction.radii, correction.angle)
            )
            area = editing.polygon_mask(labels.shape, outline)
            under = labels[area & (labels > 0)]
            if under.size == 0:
                raise UsageError("there is no cell under the outline; draw it inside a cell")
            cell = labels == np.bincount(under).argmax()
            classes[cell] = np.where(area[cell], NucleusClass.NUCLEUS, NucleusClass.CYTOPLASM)
